#!/usr/bin/env python3
"""postino export, read by Python's mailbox module: every mailbox, whatever its
name, every octet but the CRs, flags, keywords and times; nothing twice when it
is done again; nothing outside of the folder.

RFC 4155 (mbox); https://cr.yp.to/proto/maildir.html (Maildir).
"""

import imaplib
import json
import mailbox
import os
import re
import shutil
import ssl
import sys

sys.path.insert(0, os.path.dirname(__file__) + "/lib")
from suite import Instance, check, main

BODIES = [
    b"Subject: plain\r\n\r\nHello.\r\n",
    b"Subject: from\r\n\r\nFrom here on\r\n>From there\r\n>>From\r\n From\r\n",
    b"Subject: long\r\n\r\n" + b"From " * 14 * 40000 + b"\r\n",
    b"Subject: dots\r\n\r\n.\r\n..\r\nno end of line",
    b"Subject: eight\r\n\r\n\xe4\xf6\xfc \xff\x80\r\n\r\n",
]
# As IMAP names them (RFC 9051 A.1: with UTF8=ACCEPT or not, these are ASCII).
NAMES = {"INBOX": ("", "INBOX"), "a/b": (".a.b", "a.b"),
         "a.b": (".a%2Eb", "a%2Eb"), "../../x": (".%2E%2E.%2E%2E.x",
                                                  "%2E%2E.%2E%2E.x"),
         "100%": (".100%25", "100%25"), "cur": (".cur", "cur"),
         "n" * 250: ("." + "n" * 150 + "~", "n" * 150 + "~")}
# Each user has these from the first login on (RFC 6154 2).
USES = ["Archive", "Drafts", "Junk", "Sent", "Trash"]


def fill(env):
    imap = imaplib.IMAP4(env.HOST, int(env.IMAP_PORT), timeout=30)
    context = ssl.create_default_context(cafile=env.CA_FILE)
    context.check_hostname = False
    imap.starttls(context)
    imap.login(env.USER1, env.PASS1)
    for name in NAMES:
        quoted = '"%s"' % name
        if name != "INBOX":
            check(imap.create(quoted)[0] == "OK", "CREATE %s", name)
        for i, body in enumerate(BODIES):
            flags = "(%s)" % " ".join(
                f for k, f in enumerate((r"\Seen", r"\Flagged", r"\Answered",
                                         r"\Draft", "$Work")) if i >= k)
            when = imaplib.Time2Internaldate(1700000000 + i * 3600)
            check(imap.append(quoted, flags, when, body)[0] == "OK", "APPEND")
    imap.subscribe("a.b")
    imap.subscribe("gone")
    return imap


def export(env, folder, *words):
    r = env.postino("--json", "export", env.USER1, folder, *words)
    check(r.returncode == 0, "export: %s", r.stderr)
    rows = {row["mailbox"]: (row["messages"], row["written"])
            for row in map(json.loads, r.stdout.splitlines())}
    for name in ["a", "..", "../.."] + USES:
        check(rows.pop(name) == (0, 0), "%s is empty", name)
    return rows


def unix(octets):
    return octets.replace(b"\r\n", b"\n")


def folder_named(folder, name):
    """With the number at the end of a very long one."""
    if not name.endswith("~"):
        return name
    found = [f for f in os.listdir(folder) if f.startswith(name)]
    check(len(found) == 1, "the long name: %s", found)
    return found[0].removesuffix(".mbox")


def maildir(env, folder):
    rows = export(env, folder)
    check(rows == {n: (5, 5) for n in NAMES}, "the first run: %s", rows)
    for name, (sub, _) in NAMES.items():
        path = os.path.join(folder, folder_named(folder, sub))
        box = mailbox.Maildir(path, create=False)
        keys = sorted(box.keys(), key=lambda k: int(k.split(".")[0]))
        check([box.get_bytes(k) for k in keys] == [unix(b) for b in BODIES],
              "%s: not the same octets", name)
        flags = ["S", "FS", "FRS", "DFRS", "DFRSa"]
        check([box.get_message(k).get_flags() for k in keys] == flags,
              "%s: flags", name)
        check([box.get_message(k).get_date() for k in keys] ==
              [1700000000 + i * 3600 for i in range(5)], "%s: times", name)
        for k in keys:
            size = int(re.search(r",S=(\d+)", k).group(1))
            check(size == len(box.get_bytes(k)), "S= of %s", k)
        with open(path + "/dovecot-keywords") as f:
            check(f.read() == "0 $Work\n", "keywords")
    with open(folder + "/subscriptions") as f:
        check(sorted(f.read().split("\n")) == sorted(
            ["", "a.b", "gone"] + USES), "subscriptions")


def again(env, folder, imap):
    """Only what is new, and the flags of now."""
    imap.select("INBOX")
    imap.store("1", "+FLAGS", r"\Deleted")
    imap.append("INBOX", None, None, BODIES[0])
    os.unlink(folder + "/.cur/cur/" + os.listdir(folder + "/.cur/cur")[0])
    rows = export(env, folder)
    check(rows.pop("INBOX") == (6, 1) and rows.pop("cur") == (5, 1) and
          set(rows.values()) == {(5, 0)}, "the second run: %s", rows)
    box = mailbox.Maildir(folder, create=False)
    check(len(box) == 6 and sum("T" in box.get_message(k).get_flags()
                                for k in box.keys()) == 1, "flags of now")


def mbox(env, folder):
    with open(folder + "/cur.mbox.part", "w") as f:     # a run that broke off
        f.write("half")
    rows = export(env, folder, "--format", "mbox")
    check(rows.pop("INBOX") == (6, 6) and set(rows.values()) == {(5, 5)},
          "mbox: %s", rows)
    for name, (_, file) in NAMES.items():
        path = "%s/%s.mbox" % (folder, folder_named(folder, file))
        box = mailbox.mbox(path, create=False)
        for i, body in enumerate(BODIES):
            octets = box.get_bytes(i)
            head = b"Status: RO\nX-Status: %s\n" % (
                (b"", b"F", b"AF", b"AFT", b"AFT")[i])
            if name == "INBOX" and i == 0:
                head = b"Status: RO\nX-Status: D\n"
            check(octets.startswith(head), "%s %d: %r", name, i, octets[:60])
            octets = re.sub(rb"^>(>*From )", rb"\1", octets[len(head):],
                            flags=re.M)
            check(octets.rstrip(b"\n") == unix(body).rstrip(b"\n"),
                  "%s: message %d", name, i)
        check(box[0].get_from() == "MAILER-DAEMON Tue Nov 14 22:13:20 2023",
              "From_: %s", box[0].get_from())
    rows = export(env, folder, "--format", "mbox")
    check(all(n[1] == 0 for n in rows.values()), "mbox again: %s", rows)


def refused(env, folder):
    for code, words in ((67, ("nobody@example.org", folder)),
                        (64, (env.USER1,)),
                        (64, (env.USER1, folder, "--format", "pst")),
                        (73, (env.USER1, folder + "/none/none"))):
        r = env.postino("export", *words)
        check(r.returncode == code, "export %s: %d %s", words, r.returncode,
              r.stderr)


def test(env):
    instance = Instance(env).start().people()
    top = "/tmp/e2e-export-%d" % os.getpid()
    os.mkdir(top)
    try:
        imap = fill(instance)
        maildir(instance, top + "/maildir")
        again(instance, top + "/maildir", imap)
        os.mkdir(top + "/mbox")
        mbox(instance, top + "/mbox")
        refused(instance, top + "/mbox")
        imap.logout()
        check(sorted(os.listdir(top)) == ["maildir", "mbox"], "outside")
    finally:
        shutil.rmtree(top)
    instance.stop()


main(test)
