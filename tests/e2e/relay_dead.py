#!/usr/bin/env python3
"""10,000 messages to a domain whose server accepts connections and never says
a word do not slow down the mail of another domain.

RFC 5321 4.5.4.1: per-destination queues, so that one that is slow or down does
not hold up the rest.

Three things could make the living domain's mail slower, and each is measured
where a busy machine does not decide what comes out:

  the sessions it gets while the dead one holds its own: all that one domain
  may have, and at least 90 % of the speed alone, to a server slower than we;

  leases for what cannot be delivered: none but the few that may try;

  a walk over what lies there, with each message: that would cost many times the
  processor time.  From run to run it varies by a tenth anyway, so the least of
  each side counts, and the limit is one and a half.

And the speed itself, to a server that takes no time: at least 90 % of that
alone.  A busy machine decides that as well, so it has several chances; what
has a reason fails them all.

The two instances take turns.
"""
import base64
import glob
import os
import socket
import statistics
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)) + "/lib")
from suite import Instance, Smtp, check, free_ports, main, until  # noqa: E402

SHARE, WORK = 0.9, 1.5
ROUNDS = 6
CHANCES = 4
SLOW = 0.1      # s that the living server takes for each message
SESSIONS = 20   # "open at most": the default
DESTINATION_FIRST = 5   # sessions that the dead domain may try meanwhile


class Server:
    """One thread a connection; counts messages, or is mute.  Nobody hears that
    a message was taken while the gate is closed."""

    def __init__(self, address, port, mute=False):
        self.taken = self.open = self.most = 0
        self.lock, self.gate = threading.Lock(), threading.Event()
        self.mute, self.slow = mute, SLOW
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

    def take(self):
        with self.lock:
            self.open += 1
            self.most = max(self.most, self.open)
        self.gate.wait()
        time.sleep(self.slow)
        with self.lock:
            self.open -= 1
            self.taken += 1

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
                    self.take()
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


def work(env):
    """Seconds of processor time that all its processes have had."""
    total = 0
    for pid in env.processes().values():
        for task in glob.glob("/proc/%d/task/*/schedstat" % pid):
            with open(task) as f:
                total += int(f.read().split()[0])
    return total / 1e9


def leases(env):
    return next(row["figures"]["leases"] for row in env.rows("status")
                if row["process"] == "queue")


def drain(env, alive, n):
    """n messages come and wait, and then go: messages a second, the most at
    once, ms of work for each, leases that were for no message of these."""
    alive.gate.clear()
    before, alive.most = alive.taken, 0
    lent, spent = leases(env), work(env)
    together(env, "alive.example", n)
    until("the first are on their way", lambda: alive.open > 0)
    begun = time.monotonic()
    alive.gate.set()
    until("all have arrived", lambda: alive.taken - before >= n, 60)
    seconds = time.monotonic() - begun
    return (n / seconds, alive.most, (work(env) - spent) / n * 1000,
            leases(env) - lent - n)


def test(env):
    n, dead = (304, 800) if env.sanitized else (400, 10000)
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
    alone, beside = measure(free, laden, alive, n)
    for rates, most, spent, others in alone, beside:
        check(set(most) == {SESSIONS}, "not %d at once: %s", SESSIONS, most)
        check(max(others) <= DESTINATION_FIRST, "leases of others: %s",
              others)
    compare("messages a second", statistics.median(beside[0]),
            statistics.median(alone[0]), SHARE)
    compare("messages for a second of work", 1 / min(beside[2]),
            1 / min(alone[2]), 1 / WORK)
    alive.slow = 0
    for chance in range(CHANCES):
        alone, beside = measure(free, laden, alive, n)
        rates = statistics.median(beside[0]), statistics.median(alone[0])
        if rates[0] >= SHARE * rates[1]:
            break
    compare("messages a second at full speed", *rates, SHARE)


def measure(free, laden, alive, n):
    """What drain says of each, alone and beside the dead, in columns."""
    rounds = [(drain(free, alive, n), drain(laden, alive, n))
              for _ in range(ROUNDS)]
    return [[list(column) for column in zip(*side)] for side in zip(*rounds)]


def compare(what, beside, alone, least):
    print("%s: beside the dead %.0f %% of those alone" % (
        what, 100 * beside / alone))
    check(beside >= least * alone, "%s: %.0f %%", what, 100 * beside / alone)


main(test)
