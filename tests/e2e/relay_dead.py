#!/usr/bin/env python3
"""Thousands of messages to a domain whose server accepts connections and never
says a word do not slow down the mail of another domain.

RFC 5321 4.5.4.1: per-destination queues, so that one that is slow or down does
not hold up the rest.  At least 90 % of the speed it has alone, or both so fast
that it does not matter.
"""
import base64
import os
import socket
import statistics
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)) + "/lib")
from suite import Failure, Instance, Smtp, free_ports, main, until  # noqa: E402

SHARE = 0.9
ROUNDS = 7
CHANCES = 4      # for a busy machine: what has a reason fails them all


class Server:
    """One thread a connection; counts messages, or is mute."""

    def __init__(self, address, port, mute=False):
        self.taken = 0
        self.mute = mute
        self.door = socket.create_server((address, port), backlog=500)
        self.kept = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            s, _ = self.door.accept()
            if self.mute:
                self.kept.append(s)
            else:
                threading.Thread(target=self.session, args=(s,),
                                 daemon=True).start()

    def session(self, s):
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with s, s.makefile("rwb") as f:
            f.write(b"220 alive\r\n")
            f.flush()
            while line := f.readline():
                if line.startswith(b"EHLO"):
                    f.write(b"250-alive\r\n250 PIPELINING\r\n")
                elif line.startswith(b"DATA"):
                    f.write(b"354 go\r\n")
                    f.flush()
                    while f.readline() not in (b".\r\n", b""):
                        pass
                    self.taken += 1
                    f.write(b"250 taken\r\n")
                else:
                    f.write(b"250 ok\r\n")
                f.flush()


def submit(env, domain, n, octets=b"From: <ann@example.org>\r\n\r\nx\r\n"):
    with Smtp(env, "submissions") as s:
        plain = "\0%s\0%s" % (env.USER1, env.PASS1)
        s.say("AUTH PLAIN " + base64.b64encode(plain.encode()).decode(), "235")
        for i in range(n):
            s.send(b"MAIL FROM:<%s>\r\nRCPT TO:<u%d@%s>\r\nDATA\r\n" % (
                env.USER1.encode(), i, domain.encode()))
            for code in "250", "250", "354":
                s.expect(code)
            s.send(octets + b".\r\n")
            s.expect("250")


def together(env, domain, n, sessions=8):
    threads = [threading.Thread(target=submit, args=(env, domain, n // sessions))
               for _ in range(sessions)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def speed(env, alive, n):
    """Messages a second, from the first submission to the last arrival."""
    before, begun = alive.taken, time.monotonic()
    together(env, "alive.example", n)
    until("all have arrived", lambda: alive.taken - before >= n, 60)
    return n / (time.monotonic() - begun)


def test(env):
    n, dead = (104, 800) if env.sanitized else (496, 10000)
    port = free_ports(1)[0]
    alive, mute = Server("127.0.0.1", port), Server("127.0.0.2", port, True)
    names = "/tmp/e2e-dead-%d" % os.getpid()
    with open(names, "w") as f:
        f.write("$ORIGIN example.\nalive.example. 300 IN A 127.0.0.1\n"
                "mute.example. 300 IN A 127.0.0.2\n")
    conf = "resolve names from %s\ncall mail servers on port %d\n" \
        "log warn and above\n" % (names, port)
    # Two instances, by turns, so that a mood of the machine hits both.
    free, laden = (Instance(env, conf=conf).start().people()
                   for _ in range(2))
    os.unlink(names)
    together(laden, "mute.example", dead)
    until("the mute server is called", lambda: len(mute.kept) > 0)
    for env in free, laden:
        speed(env, alive, n)
    for chance in range(CHANCES):
        rates = [(speed(free, alive, n), speed(laden, alive, n))
                 for _ in range(ROUNDS)]
        alone, beside = (statistics.median(r) for r in zip(*rates))
        print("alone %.0f/s, beside %d to a dead domain %.0f/s: %.0f %%" % (
            alone, dead, beside, 100 * beside / alone))
        if beside >= SHARE * alone:
            return
    raise Failure("slower than %.0f %% each time" % (100 * SHARE))


main(test)
