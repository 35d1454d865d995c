#!/usr/bin/env python3
"""postino backup and restore of a suite with several stores, one of which has
rot: a segment with a flipped bit, and a long body that is cut off.  All of it
is saved and the damage told of, each time; what is restored starts and serves
all that is whole, every user on his shard, and gives no UID twice; with fewer
stores than the backup has it is refused with the sentence that helps, with
more it works.

DUR-4, DUR-11; RFC 9051 2.3.1.1.
"""

import imaplib
import json
import os
import re
import shutil
import ssl
import sys
import tempfile

sys.path.insert(0, os.path.dirname(__file__) + "/lib")
from suite import Instance, check, main, until

CONF = "write segments of 1 MB\nrun %d store processes\n"
PEOPLE = ["u%d@example.org" % i for i in range(4)]
PASSWORD = "a password"
MESSAGES = 12
LONG = 1500000


def must(instance, *words, code=0, stdin=None):
    r = instance.postino(*words, stdin=stdin, timeout=120)
    check(r.returncode == code, "%s: exit %d, not %d: %s%s", " ".join(words),
          r.returncode, code, r.stdout, r.stderr)
    return r


def imap(instance, user):
    context = ssl.create_default_context(cafile=instance.CA_FILE)
    context.check_hostname = False
    m = imaplib.IMAP4_SSL(instance.HOST, int(instance.IMAPS_PORT), timeout=30,
                          ssl_context=context)
    m.login(user, PASSWORD)
    return m


def letter(user, n, size):
    return b"Subject: %s-%d\r\n\r\n%s" % (
        user.split("@")[0].encode(), n, (b"x" * 70 + b"\r\n") * (size // 72))


def fill(instance):
    """More than a segment in each store, and a body in a file of its own."""
    must(instance, "domain", "add", "example.org")
    for who in PEOPLE:
        must(instance, "user", "add", who, "--password-stdin", stdin=PASSWORD)
        m = imap(instance, who)
        for n in range(MESSAGES):
            m.append("INBOX", None, None, letter(who, n, 100000))
        m.append("INBOX", None, None, letter(who, MESSAGES, LONG))
        m.logout()


def fetched(m, uid):
    """The message, or None.  A body that breaks off behind its announced length
    can only end the connection."""
    try:
        typ, data = m.uid("FETCH", uid, "(BODY.PEEK[])")
    except (imaplib.IMAP4.abort, ssl.SSLError):
        return None
    return data[0][1] if typ == "OK" and isinstance(data[0], tuple) else None


def seen(instance, who):
    """UIDVALIDITY, UIDNEXT, {number: UID} of messages that can be read."""
    m = imap(instance, who)
    data = m.status("INBOX", "(UIDNEXT UIDVALIDITY)")[1]
    figures = {k: int(v) for k, v in
               re.findall(r"([A-Z]+) (\d+)", data[0].decode())}
    m.select("INBOX", readonly=True)
    found = {}
    for uid in m.uid("SEARCH", "ALL")[1][0].split():
        text = fetched(m, uid)
        if text is None:
            m = imap(instance, who)
            m.select("INBOX", readonly=True)
            continue
        n = int(re.match(rb"Subject: \S+-(\d+)\r", text).group(1))
        size = LONG if n == MESSAGES else 100000
        check(text == letter(who, n, size), "%s: other bytes", who)
        found[n] = int(uid)
    m.logout()
    return figures["UIDVALIDITY"], figures["UIDNEXT"], found


def everybody(instance):
    return {who: seen(instance, who) for who in PEOPLE}


def shards(instance):
    return {row["address"]: row["shard"] for row in
            instance.rows("user", "list")}


def flip(path, at):
    with open(path, "r+b") as f:
        f.seek(at)
        octet = f.read(1)
        f.seek(-1, 1)
        f.write(bytes([octet[0] ^ 1]))


def rot(instance):
    """One bit in the middle of the second store's first segment.  The start
    finds it, since the index is gone, too.  Returns the file of a long body."""
    folder = instance.root + "/data/store-1"
    names = sorted(os.listdir(folder + "/log"))
    segments = [n for n in names if re.fullmatch("s[0-9a-f]{8}", n)]
    blobs = [n for n in names if re.fullmatch("b[0-9a-f]{16}", n)]
    check(len(segments) > 1 and len(blobs) > 1, "the log: %s", names)
    first = folder + "/log/" + segments[0]
    flip(first, os.path.getsize(first) // 2)
    shutil.rmtree(folder + "/index")
    return folder + "/log/" + blobs[0]


def backup(instance, folder, code):
    r = must(instance, "--json", "backup", folder, code=code)
    return {row["process"]: row["copied"] for row in
            map(json.loads, r.stdout.splitlines())}, r.stderr


def whole_backup(instance, folder):
    copied, said = backup(instance, folder, 0)
    check({"store", "store-1", "queue", "auth"} == set(copied), "%s", copied)
    check("damaged" not in said, "%s", said)


def told(instance, folder):
    """Each time, also when there is nothing to copy any more."""
    for _ in range(2):
        copied, said = backup(instance, folder, 1)
        check("store-1/s00000001" in said and "damaged at its source" in said,
              "which part: %s", said)
        check("store/s" not in said, "the other store: %s", said)
        check("store check --full" in said, "what helps: %s", said)
    check(copied["store-1"] == 0, "copied again: %s", copied)


def kept(instance, folder):
    """What was saved before it rotted is not replaced by what is left."""
    copied, said = backup(instance, folder, 1)
    check("store-1/s00000001" in said and "an earlier run found it" in said,
          "which part: %s", said)


def restored(env, folder, stores, was, lost):
    """An instance of what is in the folder; lost: how many messages may be."""
    instance = Instance(env, CONF % stores)
    r = must(instance, "restore", folder)
    check(("store-1/s00000001" in r.stderr) == (lost > 0) and
          ("store check --full" in r.stderr) == (lost > 0), "restore: %s",
          r.stderr)
    instance.start()
    until("the mailboxes are raised", lambda:
          len(re.findall(r"store(?:-\d)?\[\d+\] \S+ restored ",
                         instance.log())) >= 2)
    where = shards(instance)
    for who, (validity, uidnext, messages) in was.items():
        now = seen(instance, who)
        check(now[0] == validity, "%s: another UIDVALIDITY", who)
        check(now[1] >= uidnext + (1 << 20), "%s: UIDNEXT %d after %d", who,
              now[1], uidnext)
        check(now[2].items() <= messages.items(), "%s: other UIDs: %s", who,
              now[2])
        missing = len(messages) - len(now[2])
        check(missing <= (lost if where[who] == 1 else 0),
              "%s: %d messages are missing", who, missing)
        m = imap(instance, who)
        check(m.append("INBOX", None, None, letter(who, 99, 100))[0] == "OK",
              "%s cannot append", who)
        m.logout()
    return instance, where


def refused(env, folder):
    few = Instance(env, CONF % 1)
    said = must(few, "restore", folder, code=78).stderr
    check("run 2 store processes" in said, "%s", said)
    check(not os.path.exists(few.root + "/data"), "it was touched")


def test(env):
    work = tempfile.mkdtemp(prefix="e2e-shards-", dir="/tmp")
    try:
        one = Instance(env, CONF % 2).start()
        fill(one)
        was, where = everybody(one), shards(one)
        check(sorted(where.values()) == ["0", "0", "1", "1"] or
              sorted(where.values()) == [0, 0, 1, 1], "shards: %s", where)
        check(all(len(w[2]) == MESSAGES + 1 for w in was.values()), "filling")
        good, bad = work + "/good", work + "/bad"
        whole_backup(one, good)
        one.stop()
        body = rot(one)
        one.start()
        kept(one, good)
        os.truncate(body, LONG // 2)
        told(one, bad)
        one.stop()

        refused(env, good)
        two, there = restored(env, good, 2, was, 0)
        check(there == where, "shards: %s, not %s", there, where)
        two.stop()
        three, there = restored(env, bad, 3, was, 3)
        check(there == where, "shards: %s, not %s", there, where)
        must(three, "store", "check", "--full", code=1)
        three.stop()
    finally:
        shutil.rmtree(work)


main(test)
