#!/usr/bin/env python3
"""Whoever tries names and passwords learns nothing and holds up nobody.

What is wrong with a login shows neither in the words nor in the work (one
hash, counted) nor in the time of the answer; and while others guess at 50 a
second, who knows his password gets in.

LOGIN-1, LOGIN-2; RFC 4954 6, RFC 1939 13, RFC 3206 4.
"""

import base64
import itertools
import os
import random
import socket
import ssl
import statistics
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(__file__) + "/lib")
from suite import check, main, unique

PASSWORD = "right for all of them"
SAMPLES = 24            # logins of each kind whose times are compared
FLOOD, RATE = 90, 50    # bad logins, a second; auth queues 100 (LOGIN_QUEUE)
SOON = 1                # s for who was here before: no hash, no queue
FIRST = 20              # s for the others, however busy the machine is
NETWORKS = itertools.count(random.randrange(1 << 15))


def base64_of(text):
    return base64.b64encode(text.encode()).decode()


class Client:
    """Over TLS and from a network of its own, which nobody has a grudge
    against (LOGIN-3)."""

    def __init__(self, env, service):
        n = next(NETWORKS)
        context = ssl.create_default_context(cafile=env.CA_FILE)
        self.s = context.wrap_socket(socket.create_connection(
            (env.HOST, int(getattr(env, service.upper() + "_PORT"))), 60,
            ("127.%d.%d.7" % (128 + (n >> 8 & 127), n & 255), 0)),
            server_hostname=env.TLS_NAME)
        self.lines = self.s.makefile("rb")
        self.line()
        if service == "submissions":
            self.s.sendall(b"EHLO e2e.example\r\n")
            while self.line()[3:4] == "-":
                pass

    def line(self):
        return self.lines.readline().decode().rstrip("\r\n")

    def log_in(self, name, password):
        """The answer, and how long it took."""
        began = time.monotonic()
        self.s.sendall(("AUTH PLAIN %s\r\n" % base64_of(
            "\0%s\0%s" % (name, password))).encode())
        answer = self.line()
        took = time.monotonic() - began
        self.s.close()
        return answer, took


def accounts(env, word, n):
    """n accounts with one password, and no login so far."""
    names = ["%s-%d@example.org" % (word, i) for i in range(n)]
    hashed = env.postino("hash", stdin=PASSWORD).stdout.strip()
    r = env.postino("user", "import", stdin="".join(
        "%s\t%s\n" % (name, hashed) for name in names))
    check(r.returncode == 0, "user import: %s", r.stderr)
    return names


def hashes(env):
    return next(row["figures"]["hashes"] for row in env.rows("status")
                if row["process"] == "auth")


def z_of(a, b):
    """The rank sum test's z (Mann and Whitney)."""
    ranks = {t: i for i, t in enumerate(sorted(a + b), 1)}
    n, m = len(a), len(b)
    u = sum(ranks[t] for t in a) - n * (n + 1) / 2
    return (u - n * m / 2) / (n * m * (n + m + 1) / 12) ** 0.5


def at_once(calls):
    """(answer, seconds) of each, in their order."""
    got = [None] * len(calls)

    def run(i):
        got[i] = calls[i]()
    threads = [threading.Thread(target=run, args=(i,))
               for i in range(len(calls))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    check(None not in got, "a login had no answer")
    return got


def equal_work(env, names, word):
    alias = word + "-alias@example.org"
    env.postino("alias", "add", alias, names[0])
    tries = (names[0], "wrong"), (names[1], "y" * 2000), \
        (word + "-nobody@example.org", PASSWORD), \
        (word + "@elsewhere.example", PASSWORD), (alias, PASSWORD), \
        (word, PASSWORD), ("x" * 400, PASSWORD)
    for service, words in (
            ("pop3s", "-ERR [AUTH] wrong name or password"),
            ("submissions", "535 5.7.8 wrong name or password")):
        before = hashes(env)
        got = at_once([lambda t=t: Client(env, service).log_in(*t)
                       for t in tries])
        for (name, _), (answer, _) in zip(tries, got):
            check(answer == words, "%s: %s", name, answer)
        check(hashes(env) - before == len(tries), "%d logins, %d hashes",
              len(tries), hashes(env) - before)


def equal_time(env, names, word):
    """Turn about, so that whatever else the machine does hits both."""
    tries = [name for pair in zip(
        names, ("%s-no-%d@example.org" % (word, i) for i in range(SAMPLES)))
        for name in pair]
    clients = [Client(env, "pop3s") for _ in tries]
    got = at_once([lambda c=c, name=name: c.log_in(name, "wrong")
                   for c, name in zip(clients, tries)])
    check({answer for answer, _ in got} == {"-ERR [AUTH] wrong name or "
                                            "password"}, "not all denied")
    there, nobody = ([took for _, took in got[i::2]] for i in (0, 1))
    apart = abs(statistics.median(there) - statistics.median(nobody))
    z = z_of(there, nobody)
    check(apart < 0.01 or abs(z) < 4,
          "users and others are %.1f ms apart (z %.1f)", apart * 1000, z)
    return apart


def flood(env, names, word):
    """Bad logins keep coming; good ones get in between, the second of each
    user past the queue."""
    def bad(i):
        time.sleep(i / RATE)
        return Client(env, "pop3s").log_in("%s-flood-%d@example.org" % (
            word, i), "guess %d" % i)

    def good(i, name):
        time.sleep((i + 1) * FLOOD / RATE / (len(names) + 1))
        first = Client(env, "pop3s").log_in(name, PASSWORD)
        return first, Client(env, "pop3s").log_in(name, PASSWORD)
    got = at_once([lambda i=i, name=name: good(i, name)
                   for i, name in enumerate(names)] +
                  [lambda i=i: bad(i) for i in range(FLOOD)])
    for answer, _ in got[len(names):]:
        check(answer.startswith("-ERR ["), "a bad login: %s", answer)
    worst = []
    for most, logins in zip((FIRST, SOON), zip(*got[:len(names)])):
        for answer, took in logins:
            check(answer.startswith("+OK"), "a good login: %s", answer)
            check(took < most, "a good login took %.1f s", took)
        worst.append(1000 * max(took for _, took in logins))
    return worst


def test(env):
    word = unique("login")
    names = accounts(env, word, 2 + SAMPLES + 5)
    equal_work(env, names[:2], word)
    apart = equal_time(env, names[2:SAMPLES + 2], word)
    first, again = flood(env, names[SAMPLES + 2:], word)
    print("login: %.1f ms apart; in a flood at most %.0f ms, %.0f ms again" % (
        apart * 1000, first, again))


main(test)
