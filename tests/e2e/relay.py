#!/usr/bin/env python3
"""Debian's Postfix takes our mail: over TLS and one connection, octet by octet,
long and short; what it refuses comes back with its words.

RFC 5321 3.3, 4.2.1; RFC 3207 4; RFC 6152 3; RFC 1870 6.1; RFC 3464 2.3.
Needs root and Debian's postfix.
"""
import base64
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)) + "/lib")
import postfix  # noqa: E402
from suite import Failure, Instance, Pop, Smtp, check, main, unique, \
    until  # noqa: E402

SETTINGS = """
myhostname = mx.peer.example
mynetworks =
virtual_mailbox_domains = peer.example
virtual_mailbox_maps = inline:{ { dora@peer.example = dora } }
virtual_mailbox_base = %%(r)s/mail
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_minimum_uid = 100
virtual_mailbox_limit = 0
message_size_limit = 4000000
smtpd_recipient_restrictions = reject_unauth_destination
smtpd_tls_security_level = may
smtpd_tls_chain_files = %(keys)s/ecdsa.key, %(keys)s/ecdsa.pem
smtpd_tls_received_header = yes
"""


def submit(env, rcpts, octets):
    with Smtp(env, "submissions") as s:
        plain = "\0%s\0%s" % (env.USER1, env.PASS1)
        s.say("AUTH PLAIN " + base64.b64encode(plain.encode()).decode(), "235")
        for rcpt in rcpts:
            s.envelope(env.USER1, rcpt)
            s.data(octets)


def letter(mark, body):
    return b"From: <ann@example.org>\r\nTo: <dora@peer.example>\r\n" \
        b"Subject: %s\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; " \
        b"charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" \
        % mark.encode() + body


def arrived(peer, mark):
    text = peer.mbox("dora")
    at = text.find(b"Subject: " + mark.encode())
    if at < 0:
        return None
    begin = text.rfind(b"\nFrom ", 0, at) + 1
    end = text.find(b"\n\nFrom ", at)
    return text[begin:end if end > 0 else len(text)]


def bounce(env, want):
    def look():
        with Pop(env) as p:
            for n in range(1, int(p.say("STAT").split()[1]) + 1):
                p.say("RETR %d" % n)
                text = p.octets()
                if want in text:
                    return text
        return None
    return until("a report with %r" % want, look)


def octets_arrive(env, peer):
    mark = unique("octets")
    body = "Grüße, 東京.\r\n..two dots\r\n.one\r\n\r\n".encode() * 3
    submit(env, ["dora@peer.example"], letter(mark, body))
    got = until("the message at Postfix", lambda: arrived(peer, mark))
    check(body.replace(b"\r\n", b"\n").rstrip() in got, "other octets: %r",
          got)
    check(b"using TLSv1.3" in got, "no TLS: %r", got[:800])


def long_arrives(env, peer):
    mark = unique("long")
    body = b"".join(b"%063d\r\n" % i for i in range(40000))
    submit(env, ["dora@peer.example"], letter(mark, body))
    body = body.replace(b"\r\n", b"\n").rstrip()
    # Postfix writes it in pieces, and the mailbox is read meanwhile.
    until("the long message's octets at Postfix",
          lambda: body in (arrived(peer, mark) or b""))


def one_connection(env, peer):
    before = peer.log().count(": connect from")
    mark = unique("many")
    submit(env, ["dora@peer.example"] * 20, letter(mark, b"hello\r\n"))
    until("20 messages at Postfix",
          lambda: peer.mbox("dora").count(mark.encode()) >= 20)
    used = peer.log().count(": connect from") - before
    check(used <= 10, "%d connections for 20 messages", used)
    check(peer.mbox("dora").count(mark.encode()) == 20, "not 20 copies")


def refusals_come_back(env, peer):
    submit(env, ["nobody@peer.example"], letter(unique("no"), b"hello\r\n"))
    text = bounce(env, b"nobody@peer.example")
    for want in (b"Status: 5.1.1", b"Action: failed",
                 b"User unknown in virtual mailbox table"):
        check(want in text, "the report lacks %r: %r", want, text)
    submit(env, ["dora@peer.example"],
           letter(unique("big"), b"%064d\r\n" % 0 * 70000))
    text = bounce(env, b"5.3.4")
    check(b"dora@peer.example" in text, "the report: %r", text)


def test(env):
    postfix.need()
    peer = postfix.Postfix(SETTINGS % {"keys": env.keys}).start()
    names = peer.root + "/names"
    with open(names, "w") as f:
        f.write("$ORIGIN peer.example.\n"
                "peer.example. 300 IN MX 10 mx.peer.example.\n"
                "mx.peer.example. 300 IN A 127.0.0.1\n")
    mine = Instance(env, conf="resolve names from %s\n"
                    "call mail servers on port %d\n" % (names, peer.port))
    mine.start().people()
    for step in (octets_arrive, long_arrives, one_connection,
                 refusals_come_back):
        try:
            step(mine, peer)
        except Failure as e:
            raise Failure("%s: %s\n%s\n%s" % (step.__name__, e, mine.tail(),
                                              peer.log()[-2000:]))
    mine.stop()


main(test)
