#!/usr/bin/env python3
"""Mail on several stores: every user on one of them, everything the admin asks
over all, one killed without hurting the others' users, more of them later, and
no fewer than users need.

architecture.md sections 2 and 8; RFC 9051 7.1, RFC 5530 3 (UNAVAILABLE).
"""

import imaplib
import os
import re
import signal
import ssl
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(__file__) + "/lib")
from suite import (Instance, Pop, Smtp, arrived, check, deliver, main, unique,
                   until)

STORES = 2
CONFIG = "run %d store processes\n"
EX_CONFIG = 78
PEOPLE = ["u%d@example.org" % i for i in range(6)]
PASSWORD = "a password"


def must(instance, *words, stdin=None):
    r = instance.postino(*words, stdin=stdin)
    check(r.returncode == 0, "%s: exit %d: %s", " ".join(words), r.returncode,
          r.stderr)
    return r.stdout


def add(instance, address):
    must(instance, "user", "add", address, "--password-stdin", stdin=PASSWORD)


def shards(instance):
    return {row["address"]: row["shard"] for row in
            instance.rows("user", "list")}


def imap(instance, user):
    context = ssl.create_default_context(cafile=instance.CA_FILE)
    context.check_hostname = False
    m = imaplib.IMAP4_SSL(instance.HOST, int(instance.IMAPS_PORT), timeout=30,
                          ssl_context=context)
    m.login(user, PASSWORD)
    return m


def on(instance, shard):
    return [a for a, s in sorted(shards(instance).items()) if s == shard]


def spread(instance):
    """In turn, since each takes who has the fewest."""
    where = shards(instance)
    for n in range(STORES):
        check(list(where.values()).count(n) == len(PEOPLE) // STORES,
              "users on shard %d: %s", n, where)


def one_for_all(instance, word):
    """One message for users of all shards, through LMTP: every copy has its
    own answer, and each is there by POP3 and IMAP."""
    with Smtp(instance, "lmtp") as s:
        s.envelope("e2e@example.com", *PEOPLE)
        s.say("DATA", "354")
        s.send(b"Subject: %s\r\n\r\nTo all.\r\n.\r\n" % word.encode())
        for who in PEOPLE:
            s.expect("250", "the copy of " + who)
    for who in PEOPLE:
        arrived(instance, word, who, PASSWORD)[0].quit()
        m = imap(instance, who)
        m.select()
        check(m.search(None, "SUBJECT", word)[1] != [b""], "IMAP: %s", who)
        m.logout()


def long_for_all(instance):
    """A body that is streamed, to two stores at once."""
    word = unique("long")
    octets = (b"Subject: %s\r\n\r\n" % word.encode() +
              b"0123456789abcdef" * 4 * 40000 + b"\r\n")
    with Smtp(instance) as s:
        s.envelope("e2e@example.com", PEOPLE[0], PEOPLE[1])
        s.data(octets)
    for who in PEOPLE[:2]:
        pop, n = arrived(instance, word, who, PASSWORD)
        check(octets.split(b"\r\n\r\n")[1] in pop.retr(n), "long: %s", who)
        pop.quit()


def full(instance):
    """Each store tells auth whose mailbox is full."""
    for shard in range(STORES):
        who = on(instance, shard)[-1]
        must(instance, "user", "set", who, "--quota", "1MB")
        deliver(instance, "fill", who, b"Subject: fill\r\n\r\n" +
                b"x" * 76 * 15000 + b"\r\n")

        def refused():
            with Smtp(instance) as s:
                s.say("MAIL FROM:<>", "250")
                s.send(b"RCPT TO:<%s>\r\n" % who.encode())
                return s.reply().startswith("452 4.2.2")
        until("%s is full" % who, refused)
        with Smtp(instance) as s:
            s.envelope("e2e@example.com", on(instance, shard)[0])


def admin(instance):
    """What postino shows and does reaches every shard."""
    names = {row["process"] for row in instance.rows("status")}
    check({"store", "store-1"} <= names, "status: %s", names)
    held = [imap(instance, on(instance, n)[0]) for n in range(STORES)]
    seen = {row["process"] for row in instance.rows("who")}
    check({"store", "store-1"} <= seen, "who: %s", seen)
    for m in held:
        m.logout()
    for command in "check", "compact", "rebuild":
        r = instance.postino("store", command)
        check(r.returncode == 0 and "store:" in r.stderr + r.stdout and
              "store-1:" in r.stderr + r.stdout, "store %s: %s%s", command,
              r.stdout, r.stderr)
    until("all are back", instance.is_ready)
    for shard in range(STORES):
        who = on(instance, shard)[0]
        rows = instance.rows("mailbox", "list", who)
        check([row["mailbox"] for row in rows] == ["INBOX", "Archive",
              "Drafts", "Junk", "Sent", "Trash"] and
              rows[0]["messages"] > 0, "mailbox list: %s", rows)
        r = instance.postino("mailbox", "cat", who, "INBOX", "1")
        check("Subject:" in r.stdout, "mailbox cat: %s", r.stderr)
        folder = "%s/export-%d" % (instance.root, shard)
        must(instance, "export", who, folder)
        check(len(os.listdir(folder + "/cur") + os.listdir(folder + "/new"))
              == rows[0]["messages"], "export of %s", who)
        m = imap(instance, who)
        m.select()
        m.store("1", "+FLAGS", r"\Deleted")
        m.expunge()
        m.logout()
        must(instance, "undelete", who)
        check(instance.rows("mailbox", "list", who)[0]["messages"] ==
              rows[0]["messages"], "undelete of %s", who)


class Worker(threading.Thread):
    """A user of the other shard, whom nothing may disturb: one session that
    stays, and mail."""

    def __init__(self, instance, who):
        super().__init__(daemon=True)
        self.instance, self.who = instance, who
        self.ended = threading.Event()
        self.rounds, self.slowest, self.error = 0, 0, None
        self.start()

    def run(self):
        try:
            session = imap(self.instance, self.who)
            session.select()
            while not self.ended.is_set():
                begun = time.monotonic()
                check(session.append("INBOX", None, None,
                                     b"Subject: at work\r\n\r\nx\r\n")[0] ==
                      "OK", "APPEND")
                deliver(self.instance, "at work", self.who)
                self.slowest = max(self.slowest, time.monotonic() - begun)
                self.rounds += 1
            session.logout()
        except Exception as e:
            self.error = e

    def end(self):
        self.ended.set()
        self.join(30)
        check(self.error is None, "the other shard's user: %r", self.error)
        check(self.rounds > 20, "only %d rounds", self.rounds)
        check(self.slowest < 2, "a round took %.1f s", self.slowest)


def links_lost(instance):
    """How often auth and mda lost a store."""
    return len(re.findall(r" (?:auth|mda)\[.* peer_lost peer=store",
                          instance.log()))


def away(instance):
    """One store is killed and cannot come back, for its folder is gone.  Its
    users' mail is taken and kept, and they cannot log in; the others' notice
    nothing.  Then it is back."""
    here, there = on(instance, 0)[0], on(instance, 1)[0]
    folder = instance.root + "/data/store-1"
    worker = Worker(instance, here)
    word = unique("kept")
    lost = links_lost(instance)
    os.rename(folder, folder + ".away")
    os.kill(instance.processes()["store-1"], signal.SIGKILL)
    until("store-1 is away",
          lambda: "store-1" not in instance.processes())
    begun = time.monotonic()
    for _ in range(3):
        deliver(instance, word, there)
        word += "x"
    check(time.monotonic() - begun < 10, "mail is taken slowly")
    try:
        imap(instance, there)
        check(False, "a login without a store")
    except imaplib.IMAP4.error as e:
        check("UNAVAILABLE" in str(e), "login: %s", e)
    with Pop.__new__(Pop) as pop:
        super(Pop, pop).__init__(instance, "pop3s")
        pop.expect("the greeting")
        pop.say("USER " + there)
        pop.send(b"PASS %s\r\n" % PASSWORD.encode())
        line = pop.line()
        check(line.startswith("-ERR [SYS/TEMP]"), "POP3 login: %s", line)
    for words in (("mailbox", "list", there), ("export", there, "/nowhere"),
                  ("undelete", there)):
        check(instance.postino(*words).returncode == 75, " ".join(words))
    time.sleep(2.5)             # pings, which must not touch the other link
    check(links_lost(instance) == lost + 2, "links to the other store ended")
    os.rename(folder + ".away", folder)
    until("store-1 is back", lambda: "store-1" in instance.processes())
    worker.end()
    arrived(instance, word[:-1], there, PASSWORD)[0].quit()
    deaths = {row["process"]: row["restarts"] for row in
              instance.rows("status")}
    check(deaths["store"] == 1 and deaths["auth"] == 0, "deaths: %s", deaths)


def killed(instance):
    """Again and again, with its users at work: nothing that was taken is
    lost."""
    there = on(instance, 1)[0]
    worker = Worker(instance, on(instance, 0)[0])
    words = []
    for i in range(4):
        words.append(unique("killed%d" % i))
        os.kill(instance.processes()["store-1"], signal.SIGKILL)
        deliver(instance, words[-1], there)
        until("store-1 is back", lambda: "store-1" in instance.processes())
    worker.end()
    for word in words:
        arrived(instance, word, there, PASSWORD)[0].quit()


def configure(instance, n):
    text = open(instance.conf).read()
    lines = [l for l in text.splitlines(True) if " store process" not in l]
    with open(instance.conf, "w") as f:
        f.write("".join(lines) + CONFIG % n)


def too_few(instance):
    """A smaller number is applied by no reload, not even to an auth that dies
    after it; at the next start it is refused, and nothing is lost."""
    there = on(instance, 1)[0]
    before = instance.rows("mailbox", "list", there)
    configure(instance, 1)
    r = instance.postino("reload")
    check(r.returncode == 0 and "store" in r.stdout + r.stderr, "reload: %s%s",
          r.stdout, r.stderr)
    pid = instance.processes()["auth"]
    os.kill(pid, signal.SIGKILL)
    until("auth is back", lambda: instance.processes().get("auth", pid) != pid)
    until("mail of shard 1 can be read",
          lambda: instance.postino("mailbox", "list", there).returncode == 0)
    instance.stop()
    instance.launch()
    check(instance.process.wait(20) == EX_CONFIG, "exit code %s",
          instance.process.returncode)
    check("shards_missing users=3 needed=2 running=1" in instance.log(),
          "no reason in the log: %s", instance.tail())
    configure(instance, STORES)
    instance.start()
    check(instance.rows("mailbox", "list", there) == before, "mail is lost")


def one_more(instance):
    """A third store takes the new users, and moves nobody."""
    where = shards(instance)
    instance.stop()
    configure(instance, 3)
    instance.start()
    for i in range(2):
        add(instance, "new%d@example.org" % i)
    now = shards(instance)
    check([now["new%d@example.org" % i] for i in range(2)] == [2, 2],
          "new users: %s", now)
    check(all(now[who] == where[who] for who in where), "moved: %s, %s",
          where, now)
    word = unique("third")
    deliver(instance, word, "new1@example.org")
    arrived(instance, word, "new1@example.org", PASSWORD)[0].quit()


def removed(instance):
    """The third is given up again, once it keeps nobody's mail."""
    for i in range(2):
        out = must(instance, "user", "rm", "new%d@example.org" % i, "--yes")
    check("later" not in out, "user rm: %s", out)
    must(instance, "user", "rm", on(instance, 1)[-1], "--yes")
    instance.stop()
    configure(instance, STORES)
    instance.start()
    spread_now = list(shards(instance).values())
    check(sorted(spread_now) == [0, 0, 0, 1, 1], "left: %s", spread_now)


def test(env):
    instance = Instance(env, "log debug and above\n" + CONFIG % STORES).start()
    must(instance, "domain", "add", "example.org")
    for who in PEOPLE:
        add(instance, who)
    for part in (spread, lambda i: one_for_all(i, unique("all")),
                 long_for_all, full, admin, killed, away, too_few, one_more,
                 removed):
        part(instance)
    instance.stop()


main(test)
