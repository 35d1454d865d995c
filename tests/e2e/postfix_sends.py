#!/usr/bin/env python3
"""Debian's Postfix sends to us: over TLS that it verifies, small and large and
8-bit, to one and to many; what we refuse it returns with our words.  While we
restart, and while smtpd and queue die in the middle, nothing is lost, and
doubled only where Postfix never saw our answer.

RFC 5321 3.3, 4.5.3.1.8; RFC 3207 4; RFC 6152 3; RFC 1870 6; RFC 5321 4.5.5;
RFC 1047 (the window).  Needs root and Debian's postfix.
"""
import collections
import os
import re
import signal
import sys
import threading
import time
import types

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)) + "/lib")
import postfix  # noqa: E402
from suite import Failure, Instance, Pop, Smtp, check, main, unique, \
    until  # noqa: E402

SETTINGS = """
myhostname = mx.peer.example
mynetworks = 127.0.0.0/8
local_header_rewrite_clients =
smtpd_peername_lookup = no
relayhost = [localhost]:%(to)s
smtp_host_lookup = native
smtp_tls_security_level = verify
smtp_tls_CAfile = %(ca)s
smtp_tls_loglevel = 1
minimal_backoff_time = 1s
maximal_backoff_time = 1s
queue_run_delay = 1s
"""
USERS = 60
STREAM = 50              # messages while processes die


def hand_over(peer, sender, rcpts, octets):
    """A message to Postfix, for it to bring to us."""
    door = types.SimpleNamespace(HOST="127.0.0.1", SMTP_PORT=str(peer.port))
    with Smtp(door) as s:
        s.envelope(sender, *rcpts)
        s.data(octets)
        s.say("QUIT", "221")


def letter(mark, body):
    """A retry is recognised if the message has a Message-ID."""
    return ("From: <eve@peer.example>\r\nTo: <ann@example.org>\r\n"
            "Subject: %s\r\nMessage-ID: <%s@peer.example>\r\n"
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: 8bit\r\n\r\n"
            % (mark, mark)).encode() + body


def arrived(env, mark, user, password):
    """The one message with this mark, when it has come."""
    def look():
        with Pop(env, user, password) as p:
            found = p.numbers(mark)
            check(len(found) < 2, "%s came %d times", mark, len(found))
            return found and p.retr(found[0])
    return until("%s arrives" % mark, look)


# ---- octets, sizes, recipients

def octets_arrive(env, peer):
    bodies = {
        "none": b"",
        "dots": b".\r\n..\r\n...x\r\n\r\n.\r\n",
        "8bit": "Grüße, 東京.\r\n".encode() + bytes(
            b for b in range(1, 256) if b not in b"\r\n") + b"\r\n",
        "lines": b"".join(b"y" * n + b"\r\n" for n in range(960, 990)),
        "big": b"".join(b"%064d\r\n" % i for i in range(48000)),
    }
    for name, body in bodies.items():
        mark = unique(name)
        octets = letter(mark, body)
        hand_over(peer, "eve@peer.example", [env.USER1], octets)
        got = arrived(env, mark, env.USER1, env.PASS1)
        check(got.endswith(octets), "%s: other octets: %r", name, got[-500:])
        head = got[:len(got) - len(octets)].decode()
        check("Return-Path: <eve@peer.example>" in head, "%s", head)
        check(re.search(r"from mx\.peer\.example .*with ESMTPS\b", head,
                        re.S), "no TLS: %s", head)
    check("Verified TLS connection established to localhost" in peer.log(),
          "the certificate was not verified")


def many_recipients(env, peer):
    rcpts = [env.user(n) for n in range(USERS)]
    mark = unique("many")
    hand_over(peer, "eve@peer.example", rcpts, letter(mark, b"hello\r\n"))
    for rcpt in rcpts:
        arrived(env, mark, rcpt, env.PASS2)


def unknown_come_back(env, peer):
    """The report comes to a user of ours, from nobody (RFC 5321 4.5.5)."""
    mark = unique("unknown")
    hand_over(peer, env.USER1, ["nobody@example.org", env.USER2],
              letter(mark, b"hello\r\n"))
    arrived(env, mark, env.USER2, env.PASS2)

    def look():
        with Pop(env) as p:
            for n in range(int(p.say("STAT").split()[1]), 0, -1):
                text = p.retr(n)
                if mark.encode() in text and b"delivery-status" in text:
                    return text.decode()
        return None
    text = until("Postfix's report", look)
    check("Return-Path: <>" in text, "the report is from somebody: %s", text)
    for want in "Status: 5.1.1", "550 5.1.1", "rfc822; nobody@example.org":
        check(want in text, "the report lacks %r: %s", want, text)
    check("Final-Recipient: rfc822; " + env.USER2 not in text,
          "a report about who got it")
    mark = unique("large")
    hand_over(peer, env.USER1, [env.USER2],
              letter(mark, b"%064d\r\n" % 0 * 70000))
    text = until("the report of what is too large", look)
    check("4194304" in text and "5.3.4" in text, "the words: %s", text)


# ---- restarts

class Stream:
    """Goes on handing over, for two seconds or more, while others die."""

    def __init__(self, env, peer, name):
        self.marks = [unique("%s%d" % (name, i)) for i in range(STREAM)]
        self.error = None

        def run():
            try:
                for i, mark in enumerate(self.marks):
                    hand_over(peer, "eve@peer.example", [env.user(i % 4)],
                              letter(mark, b"%064d\r\n" % i * (
                                  20000 if i % 10 == 0 else 10)))
                    time.sleep(0.04)
            except Exception as e:
                self.error = e
        self.thread = threading.Thread(target=run)
        self.thread.start()

    def is_running(self):
        return self.thread.is_alive()

    def copies(self, env, peer):
        """mark -> how many there are, when Postfix has nothing left."""
        self.thread.join()
        check(self.error is None, "Postfix took not all: %s", self.error)

        def empty():
            peer.flush()
            time.sleep(0.5)
            return not peer.queue()
        until("Postfix's queue is empty", empty)
        until("ours is", lambda: not env.rows("queue", "list"))
        found = collections.Counter()
        for n in range(4):
            with Pop(env, env.user(n), env.PASS2) as p:
                for i in range(1, int(p.say("STAT").split()[1]) + 1):
                    p.say("TOP %d 0" % i)
                    found[re.search(r"(?m)^Subject: (\S+)",
                                    p.octets().decode()).group(1)] += 1
        lost = [m for m in self.marks if not found[m]]
        check(not lost, "%d of %d are lost", len(lost), len(self.marks))
        return {m: found[m] for m in self.marks}


def window(peer):
    """How often Postfix waited for our last word in vain."""
    return peer.log().count("message may be sent more than once")


def restarted(env, peer):
    """An ordinary restart loses and doubles nothing."""
    before = window(peer)
    stream = Stream(env, peer, "restart")
    time.sleep(0.3)
    env.stop()
    env.start()
    copies = stream.copies(env, peer)
    check(max(copies.values()) == 1 and window(peer) == before,
          "doubled by a restart: %s", copies)


def kill(env, victims):
    pids = env.processes()
    for name in victims:
        try:
            os.kill(pids[name], signal.SIGKILL)
        except (KeyError, ProcessLookupError):
            pass                # it is not back yet


def killed(env, peer):
    for victims in ("smtpd",), ("queue",), ("smtpd", "queue"):
        before, rounds = window(peer), 0
        stream = Stream(env, peer, "-".join(victims))
        while stream.is_running():
            kill(env, victims)
            rounds += 1
            time.sleep(0.3)
        copies = stream.copies(env, peer)
        lost = window(peer) - before
        doubled = sum(copies.values()) - STREAM
        check(doubled <= lost, "%d doubled, but %d answers lost", doubled,
              lost)
        print("%s killed %d times: %d messages, 0 lost, %d doubled, %d answers "
              "lost" % (" and ".join(victims), rounds, STREAM, doubled, lost))


class Ours(Instance):
    def user(self, n):
        return "user%d@%s" % (n, self.DOMAIN)

    def people(self):
        super().people()
        secret = self.postino("hash", stdin=self.PASS2).stdout.strip()
        r = self.postino("user", "import", stdin="".join(
            "%s\t%s\n" % (self.user(n), secret) for n in range(USERS)))
        check(r.returncode == 0, "user import: %s", r.stderr)
        return self


def test(env):
    postfix.need()
    mine = Ours(env, conf="accept messages up to 4 MB\n").start().people()
    peer = postfix.Postfix(SETTINGS % {"to": mine.SMTP_PORT,
                                       "ca": mine.CA_FILE}).start()
    for step in (octets_arrive, many_recipients, unknown_come_back, restarted,
                 killed):
        began = time.monotonic()
        try:
            step(mine, peer)
        except Failure as e:
            raise Failure("%s: %s\n%s\n%s" % (step.__name__, e, mine.tail(),
                                              peer.log()[-2000:]))
        print("%s: %.1f s" % (step.__name__, time.monotonic() - began))


main(test)
