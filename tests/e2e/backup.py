#!/usr/bin/env python3
"""postino backup while mail flows, and postino restore on another root: every
mailbox, message, flag and UID, what waits in the queue, users, aliases and the
configuration are as they were; a second backup copies what is new and no more;
one that is killed, and one that is damaged, cost nothing.

DUR-11, UX-8, UX-9; RFC 9051 2.3.1.1 (UIDs after a restore).
"""

import base64
import hashlib
import imaplib
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(__file__) + "/lib")
from suite import Instance, Smtp, check, deliver, main, unique, until

CONF = "write segments of 1 MB\nhold messages at most 0 seconds\n"
LONG = 1500000


def imap(env, user=None, password=None):
    i = imaplib.IMAP4(env.HOST, int(env.IMAP_PORT), timeout=30)
    context = ssl.create_default_context(cafile=env.CA_FILE)
    context.check_hostname = False
    i.starttls(context)
    i.login(user or env.USER1, password or env.PASS1)
    return i


def letter(word, n=100):
    return b"From: <e2e@example.com>\r\nSubject: %s\r\n\r\n%s\r\n" % (
        word.encode(), b"\r\n".join([b"x" * 70] * (n // 72 + 1)))


def fill(env):
    """Mailboxes, flags, gaps between UIDs, a body in a file of its own, users,
    aliases, and a message that waits."""
    i = imap(env)
    for name in '"a/b"', "empty", "Work":
        i.create(name)
    for n in range(60):
        i.append("Work" if n % 2 else "INBOX",
                 r"(\Seen $Label)" if n % 3 else r"\Flagged", None,
                 letter("old %d" % n, 20000))
    i.append('"a/b"', None, None, letter("long", LONG))
    i.select("INBOX")
    i.store("3:7,11", "+FLAGS", r"\Deleted")
    i.expunge()
    i.logout()
    i = imap(env, env.USER2, env.PASS2)
    i.list()                    # makes Sent and others
    i.logout()
    for words in (("alias", "add", "info@example.org", env.USER1),
                  ("user", "set", env.USER2, "--quota", "5GB")):
        check(env.postino(*words).returncode == 0, "%s", words)
    # Nobody answers there.
    with Smtp(env, "submission") as s:
        s.starttls()
        s.say("AUTH PLAIN " + base64.b64encode(
            ("\0%s\0%s" % (env.USER1, env.PASS1)).encode()).decode(), "235")
        s.envelope(env.USER1, "far@away.example")
        s.data(letter("waits").replace(b"e2e@example.com", env.USER1.encode()))
    until("the message waits", lambda: env.rows("queue", "list"))


def contents(env, user, password):
    """mailbox -> UIDVALIDITY, {UID: (flags, date, bytes)}"""
    i = imap(env, user, password)
    got = {}
    for line in i.list()[1]:
        name = line.rpartition(b'"/" ')[2].decode()
        i.select(name, readonly=True)
        validity = i.response("UIDVALIDITY")[1][0]
        rows = {}
        data = [d for d in i.uid("FETCH", "1:*", "(FLAGS INTERNALDATE "
                                 "BODY.PEEK[])")[1] if d is not None]
        for (head, octets), tail in zip(data[::2], data[1::2]):
            head += tail
            uid = int(re.search(rb"UID (\d+)", head).group(1))
            rows[uid] = (sorted(imaplib.ParseFlags(head)),
                         re.search(rb'INTERNALDATE "(.*?)"', head).group(1),
                         hashlib.sha256(octets).hexdigest())
        got[name] = (validity, rows)
    i.logout()
    return got


def accounts(env):
    return [sorted(json.dumps(row, sort_keys=True)
                   for row in env.rows(*words)) for words in
            (("user", "list"), ("alias", "list"), ("domain", "list"))]


def everything(env):
    return (contents(env, env.USER1, env.PASS1),
            contents(env, env.USER2, env.PASS2), accounts(env))


def same(now, was):
    for mine, before in zip(now[:2], was[:2]):
        check(sorted(mine) == sorted(before), "mailboxes: %s", sorted(mine))
        for name, (validity, rows) in before.items():
            check(mine[name][0] == validity, "UIDVALIDITY of %s", name)
            check(mine[name][1].keys() == rows.keys(), "UIDs of %s: %s not %s",
                  name, sorted(mine[name][1]), sorted(rows))
            check(mine[name][1] == rows, "messages of %s", name)
    check(now[2] == was[2], "accounts: %s, not %s", now[2], was[2])


def waits(env):
    return sorted((r["id"], r["sender"], r["recipient"])
                  for r in env.rows("queue", "list"))


class Flow:
    """Mail that comes all the time, both ways; what was answered counts."""

    def __init__(self, env):
        self.env, self.on, self.sent = env, True, []
        self.threads = [threading.Thread(target=self.run, args=(i,))
                        for i in range(2)]
        for t in self.threads:
            t.start()

    def run(self, lane):
        while self.on:
            word = unique("flow%d" % lane)
            deliver(self.env, word, self.env.USER2, letter(word, 9000))
            self.sent.append((time.monotonic(), word))

    def stop(self):
        self.on = False
        for t in self.threads:
            t.join()


def backup(env, folder, code=0):
    r = env.postino("--json", "backup", folder, timeout=120)
    check(r.returncode == code, "backup: %d %s", r.returncode, r.stderr)
    return {row["process"]: row for row in
            map(json.loads, r.stdout.splitlines())}


def copied(rows):
    return sum(row["copied"] for row in rows.values())


def manifest(folder):
    with open(folder + "/manifest") as f:
        return [line.split(" ", 5) for line in f.read().splitlines()
                if re.match("part|config|file", line)]


def plain(folder):
    """Anybody can check it, with sha256sum; no index, nothing for others."""
    for kind, mode, size, want, name, *_ in manifest(folder):
        with open("%s/%s" % (folder, name), "rb") as f:
            got = hashlib.sha256(f.read(int(size))).hexdigest()
        check(got == want, "%s: SHA-256", name)
    seen = set()
    for path, _, files in os.walk(folder):
        check(os.stat(path).st_mode & 0o77 == 0, "%s is open", path)
        for name in files:
            full = os.path.join(path, name)
            check(os.stat(full).st_mode & 0o77 == 0, "%s is open", full)
            seen.add(re.sub("(?<=/[sb])[0-9a-f]{8}.*|(?<=files/).*", "",
                            os.path.relpath(full, folder)))
    check(seen == {"manifest", "store/s", "store/b", "queue/s", "auth/s",
                   "files/"}, "what lies there: %s", seen)


def incremental(env, folder):
    """What is new and no more, and a folder without what is gone."""
    rows = backup(env, folder)
    check(copied(rows) == 0, "nothing is new, but %s", rows)
    i = imap(env)
    i.append("Work", None, None, letter("new", 50000))
    rows = backup(env, folder)
    check(50000 < copied(rows) < 60000, "50 KB are new, copied: %s", rows)
    i.select('"a/b"')
    i.store("1", "+FLAGS", r"\Deleted")
    i.expunge()
    i.append('"a/b"', None, None, letter("long again", LONG))
    i.logout()
    rows = backup(env, folder)
    check(LONG < copied(rows) < LONG + 10000, "a long one is new: %s", rows)
    plain(folder)


def journal(folder):
    """How many files the run under way has done."""
    try:
        with open(folder + "/unfinished") as f:
            return sum(line.startswith("part ") for line in f)
    except FileNotFoundError:
        return 0


def killed(env, folder):
    """The manifest stays good, and the next run goes on."""
    i = imap(env)
    for n in range(12):
        i.append("Work", None, None, letter("more %d" % n, 900000))
    i.logout()
    before = open(folder + "/manifest").read()
    for parts in 2, 5:
        p = subprocess.Popen(env.POSTINO.split() + ["backup", folder],
                             stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
        while journal(folder) < parts and p.poll() is None:
            time.sleep(0.001)
        p.kill()
        if p.wait() == 0:
            print("the backup was quicker than its end", file=sys.stderr)
            return
        check(open(folder + "/manifest").read() == before, "the manifest")
        r = env.postino("restore", "--check", folder)
        check(r.returncode == 0, "after the kill: %s", r.stderr)
    new = copied(backup(env, folder))
    check(new < 12 * 900000 - 3 * 900000, "%d bytes are copied again", new)
    check(not os.path.exists(folder + "/unfinished"), "the journal is left")
    plain(folder)


def restore(instance, folder, code=0, *words):
    r = instance.postino("--json", "restore", folder, *words, timeout=120)
    check(r.returncode == code, "restore %s: %d, not %d: %s", folder,
          r.returncode, code, r.stderr)
    return r.stderr


def whole(instance):
    for of in "store", "queue", "auth":
        r = instance.postino("store", "check", "--full", "--of", of)
        check(r.returncode == 0, "check --of %s: %s %s", of, r.stdout,
              r.stderr)


def raised(instance, before):
    """No UID that a client may have seen is given out again."""
    i = imap(instance)
    validity, rows = before["INBOX"]
    i.append("INBOX", None, None, letter("after"))
    i.select("INBOX")
    check(i.response("UIDVALIDITY")[1][0] == validity, "UIDVALIDITY")
    new = max(int(u) for u in i.uid("SEARCH", "ALL")[1][0].split())
    check(new >= max(rows) + (1 << 20), "UID %d after %d", new, max(rows))
    i.logout()


def refused(env, instance, folder, work):
    """Before anything is touched, and with words that help."""
    said = restore(env, folder, 75)
    check("Postino runs" in said, "it runs: %s", said)
    said = restore(instance, work + "/none", 66)
    empty = work + "/empty"
    os.mkdir(empty)
    said = restore(instance, empty, 66)
    check("no backup" in said, "%s", said)
    bad = work + "/bad"
    for what in "bit", "cut", "gone", "manifest":
        shutil.rmtree(bad, ignore_errors=True)
        shutil.copytree(folder, bad)
        part = max(os.listdir(bad + "/store"))
        path = bad + ("/manifest" if what == "manifest" else "/store/" + part)
        if what == "gone":
            os.unlink(path)
        elif what == "cut":
            os.truncate(path, os.path.getsize(path) - 1)
        else:
            with open(path, "r+b") as f:
                f.seek(os.path.getsize(path) // 2)
                byte = f.read(1)
                f.seek(-1, 1)
                f.write(bytes([byte[0] ^ 1]))
        said = restore(instance, bad, 65)
        check("damaged" in said, "%s: %s", what, said)
        said = restore(instance, bad, 65, "--check")
    check(not os.path.exists(instance.root + "/data"), "it was touched")
    backup(instance, work + "/x", 69)
    os.mkdir(work + "/open")
    os.chmod(work + "/open", 0o777)
    r = env.postino("backup", work + "/open")
    check(r.returncode == 77 and "others can change" in r.stderr, "%s",
          r.stderr)
    r = env.postino("backup", env.root)
    check(r.returncode == 73 and "not empty" in r.stderr, "%s", r.stderr)


def cut_off(instance, folder):
    """A restore that was cut off: no start, but the same command again."""
    r = subprocess.Popen(instance.POSTINO.split() + ["restore", folder],
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    marker = instance.root + "/data/restoring"
    end = time.monotonic() + 30
    while not os.path.exists(marker) and time.monotonic() < end:
        time.sleep(0.001)
    r.kill()
    r.wait()
    if os.path.exists(marker):
        check(instance.launch().wait(20) != 0, "master starts on half of it")
        check("restore again" in instance.tail(), "%s", instance.tail())
        restore(instance, folder)
    else:
        print("the restore was quicker than its end", file=sys.stderr)
    check(not os.path.exists(marker), "the marker")


def bare(env, folder, root):
    """Without a configuration: that of the backup, and what it names."""
    keep = {}
    for name in "postino.conf", "keys/ecdsa.pem", "keys/ecdsa.key":
        with open(root + "/" + name, "rb") as f:
            keep[name] = (f.read(), os.stat(root + "/" + name).st_mode)
        os.unlink(root + "/" + name)
    shutil.rmtree(root + "/data")
    restore(env, folder)
    for name, (octets, mode) in keep.items():
        with open(root + "/" + name, "rb") as f:
            check(f.read() == octets, "%s is another", name)
        check(os.stat(root + "/" + name).st_mode == mode, "%s: mode", name)


def test(env):
    work = tempfile.mkdtemp(prefix="e2e-backup-", dir="/tmp")
    one = Instance(env, CONF).start().people()
    try:
        folder = work + "/backup"
        fill(one)
        flow = Flow(one)
        until("mail flows", lambda: len(flow.sent) > 20)
        backup(one, work + "/flowing")
        began = time.monotonic()
        until("mail flows on", lambda: flow.sent[-1][0] > began)
        first = [word for when, word in flow.sent[:20]]
        flow.stop()
        until("all are delivered", lambda: len(one.rows("queue", "list")) == 1)
        backup(one, folder)
        incremental(one, folder)
        killed(one, folder)
        was, waited = everything(one), waits(one)

        two = Instance(env, CONF)
        refused(one, two, folder, work)
        cut_off(two, folder)
        said = restore(two, folder, 73)
        check("has data already" in said, "data: %s", said)
        two.start()
        check("index_rebuilt" in two.log(), "the index is not made anew")
        same(everything(two), was)
        check(waits(two) == waited, "the queue: %s, not %s", waits(two),
              waited)
        whole(two)
        raised(two, was[0])
        two.stop()

        three = Instance(env, CONF)
        restore(three, work + "/flowing")
        three.start()
        until("what waited is delivered",
              lambda: len(three.rows("queue", "list")) == 1)
        whole(three)
        i = imap(three, three.USER2, three.PASS2)
        i.select("INBOX")
        data = i.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
        subjects = [d[1].decode().split()[1] for d in data
                    if isinstance(d, tuple)]
        check(len(subjects) == len(set(subjects)), "some are there twice")
        check(set(first) <= set(subjects), "some are lost")
        i.logout()
        three.stop()

        one.stop()
        bare(one, folder, one.root)
        one.start()
        same(everything(one), was)
        one.stop()
    finally:
        shutil.rmtree(work)


main(test)
