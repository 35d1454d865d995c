#!/usr/bin/env python3
"""ENVELOPE, BODYSTRUCTURE and the octets of every part of awkward messages,
held against what Python's email package makes of the same octets.

RFC 9051 7.5.2 (ENVELOPE, BODYSTRUCTURE) and 6.4.5.1 (part numbers),
RFC 2045 5, RFC 2046 5.1 and 5.2, RFC 5322 3.4.

Where the two differ DIFFERENCES says why; one that is not listed there fails
the test, and so does one that is listed and no longer there.
"""

import email
import email.policy
import email.utils
import imaplib
import os
import re
import ssl
import sys

sys.path.insert(0, os.path.dirname(__file__) + "/lib")
from awkward import MESSAGES
from suite import check, main

# message: (what, as a pattern; why)
DIFFERENCES = {
    "no-colon": (r"subject|\[1\] (lines|octets)", "Python's header ends at a "
        "line that is no field, ours passes over it, as most readers do"),
    "space-colon": (r"subject|from|sender|reply-to|\[1\] (lines|octets)",
        "RFC 5322 4.5 has blanks before the colon, Python does not"),
    "bare-cr": (r"subject|\[1\] (lines|octets)", "to Python CR ends a line, "
        "to RFC 5322 2.2 and us only LF does"),
    "groups": (r"cc", "of an empty group Python makes an empty address"),
    "comments": (r"from|sender|reply-to|to", "the last comment is the name; "
        "Python takes all comments, and takes them apart"),
    "route": (r"from|sender|reply-to", "Python does not know RFC 5322 4.4"),
    "quoted-local": (r"from|sender|reply-to|to", "RFC 9051 9, addr-mailbox: "
        "the quotes are removed"),
    "broken-addresses": (r"from|sender|reply-to|to|cc", "what is no address "
        "is anybody's guess"),
    "type-comments": (r"\[1\] (type|params)", "Python leaves the comments of "
        "RFC 2045 5.1 in"),
    "broken-type": (r"\[1\] params", "Python makes a parameter of ;;"),
    "empty-boundary": (r"\[1\] .*", "a boundary has an octet at least "
        "(RFC 2046 5.1.1): without one it is a leaf"),
    "never-begun": (r"\[\] .*", "a multipart without parts is said to have an "
        "empty one, since the grammar wants one; Python has none"),
    "only-close": (r"\[\] .*", "the same"),
    "empty-parts": (r"\[\] children", "two boundaries in a row have a part of "
        "nothing between them; Python drops it"),
    "part-without-header": (r"\[2\] octets", "a part whose first line is no "
        "field: to Python it is the body, to us a bad header"),
    "unclosed": (r"\[2\] (lines|octets)", "the last line end belongs to a "
        "boundary only if there is one (RFC 2046 5.1.1)"),
    "deep": (r"\[1[.1]*\] (lines|octets)", "the same"),
    "rfc822-base64": (r"\[1.1\] there", "RFC 2046 5.2.1 forbids it: what is "
        "encoded is not looked into; Python reads base64 as a message"),
    "report": (r"\[2\] children", "Python takes message/delivery-status apart, "
        "IMAP does not"),
    "external": (r"\[1\] children", "only message/rfc822 and message/global "
        "have a part in them (RFC 9051 7.5.2); to Python all of message/*"),
    "partial": (r"\[1\] children", "the same"),
}
# There or not, as old as Python is.
OLD_DIFFERENCES = {
    "literal-domain": (r"from|sender|reply-to|to", "Python 3.11.2 has no "
        "address literals (RFC 5321 4.1.3)"),
}

BOX = "mime"


# ---- what the server says

class Reader:
    """A response's data items: lists, strings, numbers, NIL."""

    def __init__(self, octets):
        self.b, self.at = octets, 0

    def peek(self):
        return self.b[self.at:self.at + 1]

    def value(self):
        if self.peek() == b"(":
            return self.list()
        if self.peek() == b'"':
            return self.quoted()
        if m := re.compile(rb"\{(\d+)\}\r\n").match(self.b, self.at):
            self.at = m.end() + int(m.group(1))
            return self.b[m.end():self.at]
        m = re.compile(rb"(?:\[[^\]]*\]|[^\s()\[\]])+").match(self.b, self.at)
        check(m, "no value at %r", self.b[self.at:self.at + 50])
        self.at = m.end()
        word = m.group().decode()
        return None if word == "NIL" else int(word) if word.isdigit() else word

    def list(self):
        values = []
        self.at += 1
        while self.peek() != b")":
            values.append(self.value())
            # body-type-mpart: its parts stand without blanks between them.
            if self.peek() == b" ":
                self.at += 1
            else:
                check(self.peek() in (b")", b"("), "no blank at %r",
                      self.b[self.at:self.at + 50])
        self.at += 1
        return values

    def quoted(self):
        m = re.compile(rb'"((?:[^"\\\r\n]|\\["\\])*)"').match(self.b, self.at)
        check(m, "no quoted string at %r", self.b[self.at:self.at + 50])
        self.at = m.end()
        return re.sub(rb"\\(.)", rb"\1", m.group(1))


def fetch(imap, uid, items):
    kind, data = imap.uid("FETCH", str(uid), items)
    check(kind == "OK" and data[0] is not None, "FETCH %s: %r", items, data)
    text = b"".join(b"\r\n".join(d) if isinstance(d, tuple) else d
                    for d in data if d is not None)
    values = Reader(text[text.index(b"("):]).value()
    return {values[i]: values[i + 1] for i in range(0, len(values), 2)}


def pairs(values):
    return {k.decode().lower(): v for k, v in zip(values[::2], values[1::2])} \
        if values else {}


def lower(octets):
    return octets.decode("latin-1").lower() if octets is not None else None


class Part:
    """One part, whoever described it."""

    def __init__(self, number):
        self.number = number        # as in BODY[number]; "" is the message
        self.there = True
        self.children = []
        self.envelope = None        # of the message in a message/rfc822


def theirs(body, number=""):
    """The tree that BODYSTRUCTURE says."""
    p = Part(number if isinstance(body[0], list) else number or "1")
    if isinstance(body[0], list):
        n = 0
        while isinstance(body[n], list):
            p.children.append(theirs(body[n], below(number, n + 1)))
            n += 1
        p.type = "multipart/" + lower(body[n])
        p.params = pairs(body[n + 1])
        p.disposition = body[n + 2]
        p.size = p.lines = p.encoding = p.id = p.description = None
        return p
    p.type = lower(body[0]) + "/" + lower(body[1])
    p.params, p.id, p.description = pairs(body[2]), body[3], body[4]
    p.encoding, p.size, p.lines = lower(body[5]), body[6], None
    at = 7
    if p.type in ("message/rfc822", "message/global"):
        p.envelope = body[7]
        p.children = [theirs(body[8], p.number if isinstance(
            body[8][0], list) else below(p.number, 1))]
        p.lines, at = body[9], 10
    elif p.type.startswith("text/"):
        p.lines, at = body[7], 8
    # What stands for a part that is not there has no extensions.
    check(len(body) in (at, at + 4), "%d extensions in %r", len(body) - at,
          body)
    p.there = len(body) > at
    p.disposition = body[at + 1] if p.there else None
    return p


def below(number, n):
    """A message that is no multipart has its text as part 1."""
    return "%s.%d" % (number, n) if number else str(n)


# ---- what Python says

def raw(message, name):
    """A field as it stands, on one line; None if it is not there."""
    for field, value in message.raw_items():
        if field.lower() == name:
            return re.sub(rb"\r?\n(?=[ \t])", b"", utf8(str(value))).strip(
                b" \t\r\n")
    return None


def utf8(text):
    return text.encode("utf-8", "surrogateescape")


def params(message, field):
    """With the continuations and charsets of RFC 2231 undone, and a "*" where
    there was a charset (RFC 9051 7.5.2)."""
    found = {}
    for name, value in (message.get_params(header=field) or [])[1:]:
        if isinstance(value, tuple):
            name += "*"
            value = email.utils.collapse_rfc2231_value(value)
        found.setdefault(name.lower(), utf8(value))
    return found


def is_multi(message):
    return isinstance(message.get_payload(), list) and \
        message.get_content_maintype() == "multipart"


def ours(message, number=""):
    p = Part(number if is_multi(message) else number or "1")
    p.message = message
    p.type = message.get_content_type()
    p.params = params(message, "content-type")
    p.disposition = message.get_content_disposition()
    p.disposition_params = params(message, "content-disposition")
    p.id = raw(message, "content-id")
    p.description = raw(message, "content-description")
    p.encoding = str(message.get("content-transfer-encoding", "7bit")
                     ).strip().lower()
    p.size = p.lines = p.octets = None
    payload = message.get_payload()
    if p.type == "message/rfc822" and isinstance(payload, list):
        p.children = [ours(payload[0], p.number if is_multi(payload[0])
                           else below(p.number, 1))]
    elif isinstance(payload, list):
        p.children = [ours(m, below(number, i + 1))
                      for i, m in enumerate(payload)]
    else:
        p.octets = utf8(payload or "")
        p.size = len(p.octets)
        if p.type.startswith("text/"):
            p.lines = p.octets.count(b"\n")
    return p


def envelope(message):
    """As RFC 9051 7.5.2 lists it."""
    def addresses(name):
        text = [str(v) for k, v in message.raw_items() if k.lower() == name][:1]
        return [(utf8(n) or None, utf8(a))
                for n, a in email.utils.getaddresses(text)]

    sender = addresses("from")
    return {"date": raw(message, "date"), "subject": raw(message, "subject"),
            "from": sender, "sender": addresses("sender") or sender,
            "reply-to": addresses("reply-to") or sender,
            "to": addresses("to"), "cc": addresses("cc"),
            "bcc": addresses("bcc"),
            "in-reply-to": raw(message, "in-reply-to"),
            "message-id": raw(message, "message-id")}


def their_envelope(values):
    def addresses(items):
        """Groups: their name and their end are no addresses to Python."""
        return [(name, local + (b"@" + host if host else b""))
                for name, route, local, host in items or []
                if host is not None]

    check(len(values) == 10, "an ENVELOPE of %d: %r", len(values), values)
    names = ("date", "subject", "from", "sender", "reply-to", "to", "cc",
             "bcc", "in-reply-to", "message-id")
    return {n: addresses(v) if n in ("from", "sender", "reply-to", "to", "cc",
                                     "bcc") else v
            for n, v in zip(names, values)}


# ---- side by side

class Differences:
    def __init__(self):
        self.found = {}

    def compare(self, name, what, theirs, ours):
        if theirs != ours:
            self.found[name, what] = (theirs, ours)

    def report(self):
        lines, used = [], set()
        for (name, what), got in self.found.items():
            known = DIFFERENCES.get(name) or OLD_DIFFERENCES.get(name)
            if known and re.fullmatch(known[0], what):
                used.add(name)
            else:
                lines.append("%s %s: server %r, Python %r" %
                             (name, what, *got))
        lines += ["%s: listed as a difference, and there is none" % name
                  for name in DIFFERENCES if name not in used]
        check(not lines, "%s", "\n".join(lines))


def compare_envelopes(d, name, where, said, message):
    mine = envelope(message)
    for field, value in their_envelope(said).items():
        d.compare(name, where + field, value, mine[field])


def compare(d, name, imap, uid, a, b):
    where = "[%s] " % a.number
    if not a.there:
        d.compare(name, where + "there", False, True)
        return
    d.compare(name, where + "number", a.number, b.number)
    for what in ("type", "params", "id", "description"):
        d.compare(name, where + what, getattr(a, what), getattr(b, what))
    d.compare(name, where + "disposition",
              lower(a.disposition[0]) if a.disposition else None,
              b.disposition)
    d.compare(name, where + "disposition's params",
              pairs(a.disposition[1]) if a.disposition else {},
              b.disposition_params)
    if b.octets is not None:
        d.compare(name, where + "lines", a.lines, b.lines)
    if a.encoding is not None:
        d.compare(name, where + "encoding", a.encoding, b.encoding)
    if b.octets is not None and a.size is not None:
        compare_octets(d, name, where, imap, uid, a, b)
    if a.envelope is not None and b.children:
        compare_envelopes(d, name, where, a.envelope, b.children[0].message)
    d.compare(name, where + "children", len(a.children), len(b.children))
    for x, y in zip(a.children, b.children):
        compare(d, name, imap, uid, x, y)


def compare_octets(d, name, where, imap, uid, a, b):
    got = list(fetch(imap, uid, "BODY.PEEK[%s]" % a.number).values())
    got = [v for v in got if isinstance(v, bytes)]
    text = got[0] if got else None
    check(text is not None and len(text) == a.size,
          "%s: BODY[%s] is %r, not %d octets", name, a.number, text, a.size)
    d.compare(name, where + "octets", text, b.octets)


def session(env):
    imap = imaplib.IMAP4(env.HOST, int(env.IMAP_PORT), timeout=30)
    context = ssl.create_default_context(cafile=env.CA_FILE)
    context.check_hostname = False
    imap.starttls(context)
    imap.login(env.USER1, env.PASS1)
    return imap


def test(env):
    imap = session(env)
    imap.delete(BOX)
    check(imap.create(BOX)[0] == "OK", "CREATE")
    d = Differences()
    try:
        check(imap.select(BOX)[0] == "OK", "SELECT")
        for uid, (name, octets) in enumerate(MESSAGES, 1):
            imap.literal = octets   # append() would change line ends
            kind, data = imap._simple_command("APPEND", BOX)
            check(kind == "OK", "APPEND %s: %r", name, data)
            message = email.message_from_bytes(octets)
            got = fetch(imap, uid, "(RFC822.SIZE ENVELOPE BODYSTRUCTURE)")
            check(got["RFC822.SIZE"] == len(octets), "%s: RFC822.SIZE", name)
            compare_envelopes(d, name, "", got["ENVELOPE"], message)
            compare(d, name, imap, uid, theirs(got["BODYSTRUCTURE"]),
                    ours(message))
    finally:
        imap.select("INBOX")
        imap.delete(BOX)
        imap.logout()
    d.report()


main(test)
