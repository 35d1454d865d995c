"""Messages that are hard to read: what mailers write, what forgers write, and
what RFC 2045 to 2049, 2231, 5322 and 6532 have in their corners.

MESSAGES is a list of (name, octets).  In the texts below a line ends with LF
and is sent with CR LF, unless the name is in AS_IS.
"""

HEAD = """From: Ann <ann@example.org>
To: bob@example.org
Date: Mon, 7 Feb 1994 21:52:25 -0800
Message-ID: <1@example.org>
"""

TEXTS = {
    # ---- no MIME, or hardly any
    "plain": HEAD + "Subject: plain\n\nhello\n",
    "no-body": HEAD + "Subject: no body\n\n",
    "no-empty-line": HEAD + "Subject: nothing behind the header\n",
    "empty-header": "\nonly a body\n",
    "no-colon": "From: a@example.org\nthis is no field\nSubject: behind it\n"
        "\nbody\n",
    "no-final-line": HEAD + "Subject: x\n\nthe end is here",
    "blank-subject": HEAD + "Subject:\n\nx\n",
    "folded-subject": HEAD + "Subject: one\n two\n\tthree\n\nx\n",
    "twice": HEAD + "Subject: first\nSubject: second\nFrom: c@example.org\n\n"
        "x\n",
    "long-line": HEAD + "Subject: " + "word " * 400 + "\n\n" + "y" * 5000
        + "\n",
    "quotes": HEAD + "Subject: a \"quoted\" \\ backslash\n\nx\n",
    "percent": HEAD + "Subject: {5} (paren) %d * ]\n\nx\n",

    # ---- addresses
    "groups": "From: a@example.org\nTo: Friends: b@example.org, "
        "\"C, D\" <c@example.org>;, e@example.org\nCc: Undisclosed:;\n"
        "Subject: groups\n\nx\n",
    "comments": "From: (who) ann (is) @ (at) example.org (here)\n"
        "To: bob@example.org (Bob (the) Builder)\nSubject: comments\n\nx\n",
    "route": "From: Ann <@relay.example,@two.example:ann@example.org>\n"
        "Subject: route\n\nx\n",
    "quoted-local": "From: \"ann b\"@example.org\nTo: \"a\\\"b\"@example.org\n"
        "Subject: quoted local part\n\nx\n",
    "no-domain": "From: ann\nTo: <bob>\nSubject: names alone\n\nx\n",
    "null-sender": "From: <>\nSubject: nobody\n\nx\n",
    "broken-addresses": "From: ann@@example.org, <unclosed@example.org\n"
        "To: ,,, ; : <> @\nCc: a b c d\nSubject: broken\n\nx\n",
    "many-addresses": "From: a@example.org\nTo: " + ",\n ".join(
        "N%d <n%d@example.org>" % (i, i) for i in range(300))
        + "\nSubject: many\n\nx\n",
    "sender": HEAD + "Sender: s@example.org\nReply-To: r@example.org\n"
        "Bcc: hidden@example.org\nIn-Reply-To: <0@example.org>\n"
        "Subject: sender\n\nx\n",
    "literal-domain": "From: ann@[192.0.2.1]\nTo: b@[IPv6:2001:db8::1]\n"
        "Subject: literals\n\nx\n",

    # ---- encoded words and octets
    "encoded-words": "From: =?utf-8?q?J=C3=B6rg?= <j@example.org>\n"
        "Subject: =?iso-8859-1?B?R3L832Uh?= =?utf-8?q?_und?=\n\nx\n",
    "broken-words": "From: =?utf-8?q?J=C3=B6rg <j@example.org>\n"
        "Subject: =?none?x?abc?= =?utf-8?b?!!!?= =?\n\nx\n",
    "utf8-header": "From: Jörg <jörg@example.org>\nSubject: Grüße\n\nx\n",
    "latin1-header": "From: a@example.org\nSubject: Gr\udcfc\udcdfe\n\nx\n",

    # ---- types and parameters
    "upper-case": HEAD + "Subject: x\nCONTENT-TYPE: TEXT/HTML; CHARSET=UTF-8\n"
        "Content-Transfer-Encoding: BASE64\n\neA==\n",
    "parameters": HEAD + "Content-Type: text/plain; a=1; b=\"two words\";\n"
        " c=\"semi;colon\"; d=\"back\\\\slash \\\"\"; e=\n\nx\n",
    "rfc2231": HEAD + "Content-Type: application/x-stuff;\n"
        " title*0*=us-ascii'en'This%20is%20even%20more%20;\n"
        " title*1*=%2A%2A%2Afun%2A%2A%2A%20;\n title*2=\"isn't it!\"\n"
        "Content-Disposition: attachment; filename*=utf-8''%e2%82%ac.txt\n\nx\n",
    "type-comments": HEAD + "Content-Type: text/plain (a comment); "
        "charset=us-ascii (Plain text)\n\nx\n",
    "no-subtype": HEAD + "Content-Type: text\n\nx\n",
    "empty-type": HEAD + "Content-Type:\n\nx\n",
    "broken-type": HEAD + "Content-Type: ;;==/\n\nx\n",
    "two-types": HEAD + "Content-Type: text/html\nContent-Type: text/plain\n\n"
        "x\n",
    "fields": HEAD + "Content-Type: image/png; name=x.png\n"
        "Content-ID: <id@example.org>\nContent-Description: a picture\n"
        "Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\n"
        "Content-Language: de, en\nContent-Location: http://example.org/x\n"
        "Content-Disposition: inline; filename=x.png; size=3\n"
        "Content-Transfer-Encoding: base64\n\neHl6\n",
    "disposition": HEAD + "Content-Disposition: ATTACHMENT\n\nx\n",

    # ---- multiparts
    "mixed": HEAD + "Content-Type: multipart/mixed; boundary=b\n\npreamble\n"
        "--b\n\none\n--b\nContent-Type: text/html\n\n<b>two</b>\n\n--b--\n"
        "epilogue\n",
    "nested": HEAD + "Content-Type: multipart/mixed; boundary=\"a b\"\n\n"
        "--a b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\nx\n"
        "--c\nContent-Type: text/html\n\ny\n--c--\n--a b\n"
        "Content-Type: application/octet-stream\n\nz\n--a b--\n",
    "prefix-boundary": HEAD + "Content-Type: multipart/mixed; boundary=a\n\n"
        "--a\nContent-Type: multipart/mixed; boundary=ab\n\n--ab\n\nx\n"
        "--ab--\n--a\n\ny\n--a--\n",
    "unclosed": HEAD + "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n"
        "one\n--b\n\ntwo\n",
    "inner-unclosed": HEAD + "Content-Type: multipart/mixed; boundary=a\n\n"
        "--a\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--a\n\n"
        "two\n--a--\n",
    "no-boundary": HEAD + "Content-Type: multipart/mixed\n\n--b\n\none\n"
        "--b--\n",
    "empty-boundary": HEAD + "Content-Type: multipart/mixed; boundary=\"\"\n\n"
        "--\n\none\n----\n",
    "never-begun": HEAD + "Content-Type: multipart/mixed; boundary=b\n\n"
        "there is no part here\n",
    "only-close": HEAD + "Content-Type: multipart/mixed; boundary=b\n\n"
        "--b--\n",
    "empty-parts": HEAD + "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
        "--b\n\n--b\n\n\n--b--\n",
    "part-without-header": HEAD + "Content-Type: multipart/mixed; boundary=b\n"
        "\n--b\n\nno header\n--b\nno colon here\n--b--\n",
    "boundary-blanks": HEAD + "Content-Type: multipart/mixed; boundary=b\n\n"
        "--b \t\n\none\n--b-- \t\n",
    "digest": HEAD + "Content-Type: multipart/digest; boundary=b\n\n--b\n\n"
        "Subject: in a digest\n\nx\n--b\nContent-Type: text/plain\n\ny\n"
        "--b--\n",
    "related": HEAD + "Content-Type: multipart/related; boundary=b;\n"
        " type=\"text/html\"; start=\"<a@b>\"\n\n--b\nContent-Type: text/html\n"
        "Content-ID: <a@b>\n\nx\n--b--\n",
    "signed": HEAD + "Content-Type: multipart/signed; boundary=s;\n"
        " micalg=pgp-sha1; protocol=\"application/pgp-signature\"\n\n--s\n\n"
        "signed text\n--s\nContent-Type: application/pgp-signature; "
        "name=\"signature.asc\"\n\n-----BEGIN\n--s--\n",
    "deep": HEAD + "".join("Content-Type: multipart/mixed; boundary=b%d\n\n"
        "--b%d\n" % (i, i) for i in range(20)) + "\nbottom\n",
    "many": HEAD + "Content-Type: multipart/mixed; boundary=b\n\n"
        + "--b\n\nx\n" * 200 + "--b--\n",

    # ---- messages in messages
    "rfc822": HEAD + "Subject: outer\nContent-Type: message/rfc822\n\n"
        "From: c@example.org\nSubject: inner\n\ninner body\n",
    "rfc822-nested": HEAD + "Content-Type: multipart/mixed; boundary=a\n\n"
        "--a\nContent-Type: message/rfc822\n\nSubject: one\n"
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
        "Content-Type: message/rfc822\n\nSubject: two\n"
        "Content-Type: text/html\n\ndeep\n--b--\n--a--\n",
    "rfc822-in-rfc822": HEAD + "Content-Type: message/rfc822\n\n"
        "Content-Type: message/rfc822\n\nSubject: innermost\n\nx\n",
    "rfc822-base64": HEAD + "Content-Type: message/rfc822\n"
        "Content-Transfer-Encoding: base64\n\nU3ViamVjdDogaW5uZXIKCng=\n",
    "rfc822-empty": HEAD + "Content-Type: multipart/mixed; boundary=a\n\n--a\n"
        "Content-Type: message/rfc822\n\n--a--\n",
    "report": HEAD + "Content-Type: multipart/report; boundary=r;\n"
        " report-type=delivery-status\n\n--r\n\nFailed.\n--r\n"
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; a\n\n"
        "Final-Recipient: rfc822; b\n\n--r\n"
        "Content-Type: text/rfc822-headers\n\nSubject: lost\n\n--r--\n",
    "external": HEAD + "Content-Type: message/external-body; "
        "access-type=local-file;\n name=\"/tmp/x\"\n\n"
        "Content-Type: image/png\n\nphantom\n",
    "partial": HEAD + "Content-Type: message/partial; number=1; total=2;\n"
        " id=\"x@example.org\"\n\nSubject: half\n\nx\n",

    # ---- octets
    "bare-lf": "From: a@example.org\nSubject: LF only\n"
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n",
    "mixed-ends": "From: a@example.org\r\nSubject: both\n"
        "Content-Type: text/plain\r\n\nx\r\ny\n",
    "bare-cr": "From: a@example.org\r\nSubject: one\rtwo\r\n\r\nx\ry\r\n",
    "8bit": HEAD + "Content-Type: text/plain; charset=utf-8\n"
        "Content-Transfer-Encoding: 8bit\n\nGrüße\n",
    "space-colon": "From : a@example.org\nSubject : blank before the colon\n\n"
        "x\n",
    "from-line": "From ann Mon Feb  7 21:52:25 1994\nSubject: of an mbox\n\n"
        "x\n",
}

AS_IS = {"bare-lf", "mixed-ends", "bare-cr"}


def octets(name):
    text = TEXTS[name]
    if name not in AS_IS:
        text = text.replace("\n", "\r\n")
    return text.encode("utf-8", "surrogateescape")


MESSAGES = [(name, octets(name)) for name in TEXTS]
