#!/usr/bin/env python3
"""What goes in by SMTP comes out by POP3 octet for octet, behind our fields.

RFC 5321 4.4 (only trace fields are added), 4.5.2 (dots), 4.5.3.1.6 (lines of
1000 octets); RFC 3030 2 (BDAT); RFC 6152 (8 bits); RFC 1939 3 and 5 (RETR,
sizes, the last line has an end).
"""

import base64
import os
import random
import re
import sys
import threading

sys.path.insert(0, os.path.dirname(__file__) + "/lib")
from suite import Failure, Pop, Smtp, arrived, check, main, unique

# Return-Path and Delivered-To of the delivery, Received of the reception.
PREFIX = re.compile(rb"Return-Path: <[^>\r]+>\r\n"
                    rb"Delivered-To: [^\r]+\r\n"
                    rb"Received: [^\r]*(\r\n[ \t][^\r]*)*\r\n")
MB = 1 << 20


def head(*more):
    return b"".join(line + b"\r\n" for line in
                    (b"From: <e2e@example.com>", b"Subject: octets") + more)


def attachments(size):
    """multipart/mixed with parts of 4 MB in base64, `size` octets or so."""
    out = [head(b"MIME-Version: 1.0",
                b"Content-Type: multipart/mixed; boundary=\"b.o.u.n.d\""),
           b"\r\nFor those without MIME.\r\n"]
    generator = random.Random(size)
    left = size
    while left > 0:
        part = min(left, 4 * MB)
        left -= part
        text = base64.encodebytes(generator.randbytes(part * 3 // 4 - part // 80))
        out += [b"--b.o.u.n.d\r\nContent-Type: application/octet-stream\r\n"
                b"Content-Transfer-Encoding: base64\r\nContent-Disposition: "
                b"attachment; filename=\"a\"\r\n\r\n",
                text.replace(b"\n", b"\r\n")]
    return b"".join(out) + b"--b.o.u.n.d--\r\n"


def long_lines():
    lines = [bytes([33 + i % 90]) * 998 for i in range(300)]
    lines += [b"." * 998, b"\xff" * 998]
    return head() + b"\r\n" + b"".join(line + b"\r\n" for line in lines)


def dots():
    """Also where a read or a frame may end: after each octet of CR LF dot."""
    text = b"".join(b"." * n + b"\r\n" for n in range(1, 40))
    text += b"".join(b"x" * n + b"\r\n.\r\n..\r\n" for n in range(600))
    return head() + b"\r\n.\r\n..\r\n" + text + b".\r\n"


MESSAGES = {
    "8 bits": head(b"X-Raw: \xe4\xf6\xfc \xff\xfe\x80",
                   b"X-Folded: \xe9\r\n\t\xe8 more") +
        b"\r\nna\xefve \x80\x81\xff\r\n" + bytes(range(128, 256)) + b"\r\n",
    "UTF-8": "From: Jürgen Müller <e2e@example.com>\r\n"
             "Subject: 📬 почта, 郵便, बरीद\r\nX-Größe: ∞\r\n\r\n"
             "Здравствуй 世界 👋🏽\r\n\u2028\u0085\ufeff end\r\n".encode(),
    "998 octets": long_lines(),
    "dots": dots(),
    "blanks": head(b"X-Blanks:  \t ") + b"\r\n\t \r\n\r\n \r\n\r\n\r\n",
    "NUL": head() + b"\r\na\0b\r\n\0\r\n",
    "controls": head() + b"\r\n\x01\x02\x07\x08\x0b\x0c\x1b\x7f\r\n",
    "empty body": head() + b"\r\n",
    "no empty line": head(),
    "no header": b"\r\nA body only.\r\n",
    "not a header": b"this is no field\r\n\r\nbody\r\n",
    "one empty line": b"\r\n",
    "nothing": b"",
    "one frame": head() + b"\r\n" + (b"f" * 76 + b"\r\n") * 839,
    "65536": (head() + b"\r\n" + (b"g" * 76 + b"\r\n") * 900)[:65534] + b"\r\n",
    "over one frame": head() + b"\r\n" + (b"h" * 76 + b"\r\n") * 1000,
}
UNENDED = {
    "no line end": head() + b"\r\nThe last line goes on",
    "no line end, a dot": head() + b"\r\n.",
    "no line end, header": b"Subject: unended",
    "no line end, long": head() + b"\r\n" + (b"j" * 70 + b"\r\n") * 1500 +
        b"tail",
}


def compare(name, got, sent):
    prefix = PREFIX.match(got)
    check(prefix, "%s: it does not begin with our trace fields: %r", name,
          got[:300])
    rest = got[prefix.end():]
    if sent and not sent.endswith(b"\r\n"):
        sent += b"\r\n"         # RFC 1939 3: a reply is whole lines
    if rest == sent:
        return
    at = next((i for i, (a, b) in enumerate(zip(rest, sent)) if a != b),
              min(len(rest), len(sent)))
    raise Failure("%s: differs at octet %d (%d there, %d sent): %r, not %r" % (
        name, at, len(rest), len(sent), rest[at:at + 40], sent[at:at + 40]))


def complete(env, octets):
    """As a client submits it: nothing is missing, so nothing is added."""
    fields = "From: <%s>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n" \
        "Message-ID: <%s@example.org>\r\n" % (env.USER1, unique("octets"))
    return fields.encode() + octets.split(b"\r\n", 1)[1]


def letters(env):
    """service, command, name, octets."""
    for name, octets in MESSAGES.items():
        for service in "smtp", "lmtp":
            for command in "DATA", "BDAT":
                yield service, command, name, octets
    for name, octets in UNENDED.items():
        yield "smtp", "BDAT", name, octets
    for name, octets in MESSAGES.items():
        if octets.startswith(b"From: "):
            yield "submissions", "DATA", name, complete(env, octets)


def send_all(env, to):
    """token -> (name, octets).  The token is the HELO name, in Received."""
    sent = {}
    for service, command, name, octets in letters(env):
        token = unique("octets")
        with Smtp(env, service, helo=token) as s:
            if service == "submissions":
                s.say("AUTH PLAIN " + base64.b64encode(("\0%s\0%s" % (
                    env.USER1, env.PASS1)).encode()).decode(), "235")
                s.envelope(env.USER1, to)
            else:
                s.envelope("e2e@example.com", to)
            if command == "DATA":
                s.data(octets)
            else:
                s.bdat(octets, piece=(997, 64 * 1024, MB)[len(sent) % 3])
        sent[token] = ("%s by %s with %s" % (name, service, command), octets)
    return sent


def fetch_all(env, user, password, sent):
    with Pop(env, user, password) as pop:
        sizes = {int(n): int(size) for n, size in
                 (line.split() for line in pop.lines("LIST"))}
        for token, (name, octets) in sent.items():
            n = pop.number(token)
            got = pop.retr(n)
            compare(name, got, octets)
            check(sizes[n] in (len(got), len(got) - 2 * (
                not octets.endswith(b"\r\n"))),
                "%s: LIST says %d, RETR gives %d", name, sizes[n], len(got))
            pop.say("DELE %d" % n)
        pop.quit()


def one(env, user, password, octets, buffers, failures):
    """There and back again on connections with these socket buffers."""
    try:
        token = unique("octets")
        with Smtp(env, helo=token, buffers=buffers) as s:
            s.envelope("e2e@example.com", user)
            s.data(octets)
        pop, n = arrived(env, token, user, password, buffers)
        with pop:
            compare("%d octets" % len(octets), pop.retr(n), octets)
            pop.say("DELE %d" % n)
            pop.quit()
    except Exception as e:
        failures.append(repr(e))


def test(env):
    fetch_all(env, env.USER1, env.PASS1, send_all(env, env.USER1))
    failures = []
    one(env, env.USER1, env.PASS1, attachments(30 * MB), 0, failures)
    # Two hangs hid here once: every socket on the way fills up and drains.
    users = [(env.USERS_PATTERN % n, env.USERS_PASS) for n in range(40, 44)]
    threads = [threading.Thread(
        target=one, args=(env, user, password, attachments(10 * MB + i), 4096,
                          failures)) for i, (user, password) in enumerate(users)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    check(not failures, "%s", "; ".join(failures))


main(test)
