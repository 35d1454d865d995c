#!/usr/bin/env python3
"""Reports, as Python's email package reads them: what a sender asks for with
NOTIFY, RET, ENVID and ORCPT is what comes back, and with the words of the
server that refused.

RFC 3461 4.1 to 4.4, 5.2 and 6; RFC 3464 2; RFC 6522 3; RFC 5321 4.5.5.
"""
import base64
import email
import email.policy
import os
import re
import socket
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)) + "/lib")
from suite import Instance, Pop, Smtp, check, free_ports, main, unique, \
    until  # noqa: E402


class Server:
    """Takes what it is sent, but for some local parts."""

    SAYS = {"refuse": b"550-5.1.1 there is\r\n550 5.1.1 nobody of that name",
            "later": b"451 4.7.1 greylisted"}

    def __init__(self, address, port, offers=()):
        self.heard = []
        self.offers = [b"mx.peer.example", *offers]
        self.door = socket.create_server((address, port))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            s, _ = self.door.accept()
            threading.Thread(target=self.session, args=(s,),
                             daemon=True).start()

    def reply(self, line):
        if line.startswith(b"EHLO"):
            return b"\r\n".join(b"250" + (b"-" if i + 1 < len(self.offers)
                                          else b" ") + word
                                for i, word in enumerate(self.offers))
        if line.startswith(b"RCPT"):
            local = line.split(b"<")[1].split(b"@")[0].decode()
            return self.SAYS.get(local, b"250 2.1.5 ok")
        if line.startswith(b"DATA"):
            return b"354 go"
        return b"250 2.0.0 taken"

    def session(self, s):
        with s, s.makefile("rwb") as f:
            f.write(b"220 mx.peer.example\r\n")
            f.flush()
            while line := f.readline():
                self.heard.append(line.decode().strip())
                f.write(self.reply(line) + b"\r\n")
                f.flush()
                if line.startswith(b"DATA"):
                    while f.readline() not in (b".\r\n", b""):
                        pass
                    f.write(b"250 2.0.0 taken\r\n")
                    f.flush()


def submit(env, word, mail, *rcpts):
    with Smtp(env, "submissions") as s:
        plain = "\0%s\0%s" % (env.USER1, env.PASS1)
        s.say("AUTH PLAIN " + base64.b64encode(plain.encode()).decode(), "235")
        s.say("MAIL FROM:<%s> %s" % (env.USER1, mail), "250")
        for rcpt in rcpts:
            s.say("RCPT TO:" + rcpt, "250")
        s.data(b"From: <ann@example.org>\r\nSubject: %s\r\n\r\n"
               b"the text of it\r\n" % word.encode())


class Report:
    """Checks what holds of every report."""

    def __init__(self, octets):
        m = email.message_from_bytes(octets, policy=email.policy.default)
        check(not m.defects, "defects: %s in %r", m.defects, octets)
        check(m["Return-Path"] == "<>", "Return-Path: %s", m["Return-Path"])
        check(m.get_content_type() == "multipart/report" and
              m.get_param("report-type") == "delivery-status", "no report")
        check(m["Auto-Submitted"] == "auto-replied", "Auto-Submitted")
        text, status, original = m.iter_parts()
        for part in m.walk():
            check(not part.defects, "defects: %s", part.defects)
        check(text.get_content_type() == "text/plain", "the first part")
        check(status.get_content_type() == "message/delivery-status",
              "the second part")
        self.text = text.get_content()
        self.subject = m["Subject"]
        self.original = original
        self.message, *rcpts = status.get_payload()
        self.rcpts = {r["Final-Recipient"].split(";")[1].strip(): r
                      for r in rcpts}
        check(self.message["Reporting-MTA"] == "dns; mail.example.org",
              "Reporting-MTA: %s", self.message["Reporting-MTA"])
        for r in rcpts:
            check(re.fullmatch(r"[245]\.\d{1,3}\.\d{1,3}", r["Status"]),
                  "Status: %s", r["Status"])

    def body(self):
        if self.original.get_content_type() == "message/rfc822":
            return self.original.get_payload(0)
        return email.message_from_string(self.original.get_content())


def reports(env, word):
    """Those about the message with this subject, oldest first."""
    found = []
    with Pop(env) as p:
        for n in range(1, int(p.say("STAT").split()[1]) + 1):
            p.say("RETR %d" % n)
            octets = p.octets()
            if word.encode() in octets and b"multipart/report" in octets:
                found.append(Report(octets))
    return found


def report(env, word, n=1):
    got = until("%d reports of %s" % (n, word),
                lambda: len(r := reports(env, word)) >= n and r)
    check(len(got) == n, "%d reports, not %d", len(got), n)
    return got[-1]


def failure(env, plain, dsn):
    word = unique("failure")
    submit(env, word, "RET=FULL ENVID=QQ+2B1",
           "<refuse@plain.example> ORCPT=rfc822;Refuse+2Bx@old.example",
           "<fine@plain.example>")
    r = report(env, word)
    check(list(r.rcpts) == ["refuse@plain.example"], "of: %s", r.rcpts)
    rcpt = r.rcpts["refuse@plain.example"]
    for name, want in (("Action", "failed"), ("Status", "5.1.1"),
                       ("Original-Recipient", "rfc822;Refuse+x@old.example"),
                       ("Remote-MTA", "dns; mx.plain.example")):
        check(rcpt[name] == want, "%s: %s", name, rcpt[name])
    check(rcpt["Diagnostic-Code"].startswith("smtp; 550"), "%s", rcpt)
    for want in ("nobody of that name", "said mx.plain.example"):
        check(want in r.text, "the text lacks %s: %s", want, r.text)
    check(r.message["Original-Envelope-Id"] == "QQ+1", "ENVID")
    check("the text of it" in r.body().as_string(), "RET=FULL")


def headers(env, plain, dsn):
    word = unique("headers")
    submit(env, word, "RET=HDRS", "<refuse@plain.example> NOTIFY=FAILURE")
    body = report(env, word).body()
    check(body["Subject"] == word and "the text of it" not in
          body.as_string(), "RET=HDRS: %s", body)


def success(env, plain, dsn):
    word = unique("success")
    submit(env, word, "RET=FULL ENVID=E+3D1",
           "<one@plain.example> NOTIFY=SUCCESS",
           "<two@dsn.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Two@x.example",
           "<three@plain.example>",
           "<%s> NOTIFY=SUCCESS,FAILURE" % env.USER2)
    until("both are told", lambda: len(reports(env, word)) == 2)
    said = {a: r["Action"] for m in reports(env, word)
            for a, r in m.rcpts.items()}
    check(said == {"one@plain.example": "relayed", env.USER2: "delivered"},
          "told: %s", said)
    check(all("the text of it" not in m.body().as_string()
              for m in reports(env, word)), "success returns the body")
    rcpt = until("the wish at the next host", lambda: [
        l for l in dsn.heard if l.startswith("RCPT TO:<two@")])[0]
    check("NOTIFY=SUCCESS,DELAY" in rcpt and
          "ORCPT=rfc822;Two@x.example" in rcpt, "passed on: %s", rcpt)
    check(any("ENVID=E+3D1" in l and "RET=FULL" in l for l in dsn.heard),
          "ENVID is not passed on: %s", dsn.heard)
    check(not any("NOTIFY" in l or "ENVID" in l for l in plain.heard),
          "asked of a host that does not offer it")


def never(env, plain, dsn):
    word = unique("never")
    submit(env, word, "", "<refuse@plain.example> NOTIFY=NEVER",
           "<refuse@dsn.example> NOTIFY=SUCCESS")
    until("it is gone", lambda: env.postino("--plain", "queue",
                                            "list").stdout == "")
    check(reports(env, word) == [], "somebody was told")


def late(env, plain, dsn):
    word = unique("late")
    submit(env, word, "", "<later@plain.example>")
    r = report(env, word)
    rcpt = r.rcpts["later@plain.example"]
    check((rcpt["Action"], rcpt["Status"], r.subject) ==
          ("delayed", "4.7.1", "Your message is late"), "%s", rcpt)
    check("greylisted" in r.text and rcpt["Will-Retry-Until"], r.text)
    r = report(env, word, 2)
    rcpt = r.rcpts["later@plain.example"]
    check((rcpt["Action"], rcpt["Status"]) == ("failed", "4.4.7"), "%s", rcpt)
    check("451 4.7.1 greylisted" in rcpt["Diagnostic-Code"], "%s", rcpt)


def test(env):
    port = free_ports(1)[0]
    plain = Server("127.0.0.1", port)
    dsn = Server("127.0.0.2", port, (b"DSN", b"PIPELINING"))
    names = "/tmp/e2e-dsn-%d" % os.getpid()
    with open(names, "w") as f:
        f.write("$ORIGIN example.\n"
                "plain.example. 300 IN MX 1 mx.plain.example.\n"
                "mx.plain.example. 300 IN A 127.0.0.1\n"
                "dsn.example. 300 IN A 127.0.0.2\n")
    conf = "resolve names from %s\ncall mail servers on port %d\n" \
        "retry first after 1 second\nretry at least every 2 seconds\n" \
        "warn senders after 3 seconds\ngive up after 10 seconds\n"
    mine = Instance(env, conf=conf % (names, port)).start().people()
    os.unlink(names)
    for step in failure, headers, success, never, late:
        step(mine, plain, dsn)
    mine.stop()


main(test)
