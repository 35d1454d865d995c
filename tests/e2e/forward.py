#!/usr/bin/env python3
"""Two instances, one of them the rest of the world: what we forward leaves with
a return path of ours, a report to that reaches the sender through us, forged
ones are refused, and aliases that lead to each other end at once.

RFC 5321 3.9, 4.5.5 and 6.3; RFC 7208 D.1; RFC 9228 2.
"""
import gzip
import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)) + "/lib")
from suite import Instance, Pop, Smtp, check, free_ports, main, until, \
    unique  # noqa: E402

NAMES = "".join("$ORIGIN %s.\n%s. 300 IN MX 10 mx.%s.\n"
                "mx.%s. 300 IN A 127.0.0.1\n" % (d, d, d, d)
                for d in ("us.example", "peer.example", "far.example"))


class Host(Instance):
    """Listens on a port known before, and sends all mail to another."""

    def __init__(self, env, domain, names, port, peer):
        self.DOMAIN, self.port = domain, port
        super().__init__(env, conf="resolve names from %s\n"
                         "call mail servers on port %d\n" % (names, peer))

    def _names(self, env):
        super()._names(env)
        self.SMTP_PORT = str(self.port)

    def _write(self, conf, data):
        super()._write(conf, data)
        with open(self.root + "/postino.conf") as f:
            text = f.read()
        with open(self.root + "/postino.conf", "w") as f:
            f.write(text.replace("server name " + self.TLS_NAME,
                                 "server name mx." + self.DOMAIN))


def do(env, *words, stdin=None):
    r = env.postino(*words, stdin=stdin)
    check(r.returncode == 0, "%s: %s", " ".join(words), r.stderr)


def send(env, sender, rcpt, mark, code="250"):
    with Smtp(env) as s:
        s.envelope(sender, rcpt)
        s.data(b"From: <eve@far.example>\r\nSubject: %s\r\n\r\nhello\r\n"
               % mark.encode(), code)


def copies(env, user, mark):
    with Pop(env, user, "password") as p:
        return [p.retr(n).decode() for n in p.numbers(mark)]


def arrives(env, user, mark):
    return until("%s arrives at %s" % (mark, user),
                 lambda: copies(env, user, mark))[0]


def return_path(text):
    line = text.splitlines()[0]
    check(line.startswith("Return-Path: <"), "it begins with %r", line)
    return line[len("Return-Path: <"):-1]


def goes_and_comes_back(us, world):
    mark = unique("forward")
    send(us, "eve@far.example", "info@us.example", mark)
    text = arrives(world, "dora@peer.example", mark)
    path = return_path(text)
    check(path.startswith("SRS0=") and
          path.endswith("=far.example=eve@us.example"), "path %s", path)
    check("\r\nDelivered-To: info@us.example\r\n" in text, "no mark: %s", text)
    # Its report, from somebody who folds local parts.
    mark = unique("report")
    send(us, "", path.lower(), mark)
    text = arrives(world, "eve@far.example", mark)
    check(return_path(text) == "", "path %s", return_path(text))
    # Who answers by hand is somebody else: with a path of its own.
    mark = unique("answer")
    send(us, "dora@peer.example", path, mark)
    text = arrives(world, "eve@far.example", mark)
    check("=peer.example=dora@us.example" in return_path(text), "path %s",
          return_path(text))
    with Smtp(us) as s:
        s.say("MAIL FROM:<>", "250")
        for forged in (path.replace("=eve@", "=joe@"),
                       path[:5] + "AAAAAA" + path[11:],
                       "SRS0=AAAAAA=AA=far.example=eve@us.example",
                       "SRS1=AAAAAA=far.example==x@us.example"):
            s.say("RCPT TO:<%s>" % forged, "550")


def others_forward_too(us, world):
    """What another host has rewritten: the first of all is kept in it."""
    mark = unique("chain")
    send(us, "SRS0=abc=de=a.example=x@far.example", "info@us.example", mark)
    path = return_path(arrives(world, "dora@peer.example", mark))
    check(path.startswith("SRS1=") and
          path.endswith("=far.example==abc=de=a.example=x@us.example"),
          "path %s", path)


def ours_stay(us, world):
    """Our own senders and the null path need no other (RFC 5321 4.5.5)."""
    for sender in "", "ann@us.example":
        mark = unique("ours")
        send(us, sender, "info@us.example", mark)
        text = arrives(world, "dora@peer.example", mark)
        check(return_path(text) == sender, "path %s", return_path(text))


def mailbox_and_forward(us, world):
    """One copy here, under the sender's own name, and one there."""
    mark = unique("both")
    send(us, "eve@far.example", "bob@us.example", mark)
    check(return_path(arrives(us, "bob@us.example", mark)) ==
          "eve@far.example", "our own copy has another path")
    arrives(world, "dora@peer.example", mark)


def circles_end(us, world):
    mark = unique("circle")
    send(us, "eve@far.example", "ping@us.example", mark)
    until("the circle ends", lambda: "mail loop" in world.log())
    # A mailbox that is part of one keeps one copy.
    mark = unique("mailbox")
    send(us, "eve@far.example", "cat@us.example", mark)
    until("the second ends", lambda: world.log().count("5.4.6") >= 2)
    check(len(copies(us, "cat@us.example", mark)) == 1, "%d copies",
          len(copies(us, "cat@us.example", mark)))
    for env in us, world:
        check(len([r for r in env.rows("queue", "list")
                   if r["state"] != "kept"]) == 0, "it goes on: %s",
              env.rows("queue", "list"))


def traced(us, world):
    """One id joins the hops: connection, alias, remote answer; and whoever
    asks by any of the addresses is told."""
    mark = unique("traced")
    send(us, "eve@far.example", "info@us.example", mark)
    arrives(world, "dora@peer.example", mark)

    def events(env, what):
        return [(r["process"], r["event"]) for r in env.rows("trace", what)]
    last = [r for r in us.rows("trace", "info@us.example")
            if r["event"] == "sent"][-1]
    there = re.search("accepted: ([0-9a-f]{16})", last["text"])
    check(there, "no id of theirs: %s", last)
    for want in ("smtpd", "smtp_open"), ("queue", "message_accepted"), \
            ("queue", "forwarded"), ("relay", "relay_offered"), \
            ("queue", "sent"), ("smtpd", "smtp_close"):
        check(want in events(us, last["message"]), "%s is not told: %s", want,
              events(us, last["message"]))
    for want in ("smtpd", "smtp_open"), ("store", "copy_stored"), \
            ("queue", "delivered"):
        check(want in events(world, there.group(1)), "%s is not told", want)
    r = us.postino("trace", "SRS0=AAAAAA=AA=far.example=eve@us.example")
    check(r.returncode == 0 and "may not send to" in r.stdout,
          "the refusal: %s", r)
    with open(us.root + "/log", "rb") as log, \
            gzip.open(us.root + "/log.1.gz", "wb") as old:
        old.write(log.read())
    os.truncate(us.root + "/log", 0)
    check(("queue", "sent") in events(us, last["message"]), "rotated away")


def people(us, world):
    for env, domains, users, aliases in (
            (us, ["us.example"], ["ann", "bob", "cat"],
             {"info": "dora@peer.example", "ping": "pong@peer.example",
              "bob": "bob@us.example dora@peer.example",
              "cat": "cat@us.example back@peer.example"}),
            (world, ["peer.example", "far.example"], ["dora"],
             {"pong": "ping@us.example", "back": "cat@us.example"})):
        for d in domains:
            do(env, "domain", "add", d)
        for u in users:
            do(env, "user", "add", "%s@%s" % (u, domains[0]),
               "--password-stdin", stdin="password")
        for a, to in aliases.items():
            do(env, "alias", "add", "%s@%s" % (a, domains[0]), *to.split())
    do(world, "user", "add", "eve@far.example", "--password-stdin",
       stdin="password")


def test(env):
    fd, names = tempfile.mkstemp(dir="/tmp")
    os.write(fd, NAMES.encode())
    os.fchmod(fd, 0o644)
    os.close(fd)
    ports = free_ports(2)
    try:
        us = Host(env, "us.example", names, ports[0], ports[1]).start()
        world = Host(env, "peer.example", names, ports[1], ports[0]).start()
        people(us, world)
        for step in (goes_and_comes_back, others_forward_too, ours_stay,
                     mailbox_and_forward, circles_end,
                     traced):
            step(us, world)
        us.stop()
        world.stop()
    finally:
        os.unlink(names)


main(test)
