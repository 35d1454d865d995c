#!/usr/bin/env python3
"""Programs of this machine send with sendmail, as any user, also while the
suite is down; and nothing that somebody puts into the drop folder by another
way is taken for a message, or stops those that are.

mailx, git send-email, swaks and calls as cron makes them; the program is set
to the folder's group, as `make install` does it.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(__file__) + "/lib")
from suite import Instance, Pop, arrived, check, main, unique, until

NOBODY = 65534
OK, USAGE, DATAERR, CANTCREAT, CONFIG = 0, 64, 65, 73, 78
HEAD = "postino drop 1\nsize %013d\nfrom %s\nto %s\n\n"


class Front:
    """sendmail as it is installed, for one instance."""

    def __init__(self, instance):
        self.instance = instance
        self.root = instance.root + "/sbin"
        self.folder = instance.root + "/data/drop"
        os.mkdir(self.root)
        for name, program in (("sendmail", "sendmail"), ("postino", "ctl")):
            shutil.copy(instance.build + "/" + program,
                        self.root + "/" + name)
        for name in "mailq", "newaliases":
            os.symlink("sendmail", self.root + "/" + name)
        with open(self.root + "/wrapped", "w") as f:
            f.write("#!/bin/sh\nexec %s/sendmail -C %s \"$@\"\n" %
                    (self.root, instance.conf))
        os.chmod(self.root + "/wrapped", 0o755)
        # A sanitizer cannot read its options in a program with set ids.
        self.user = NOBODY if instance.drop and not instance.sanitized \
            else None
        if self.user is not None:
            os.chown(self.root + "/sendmail", 0, os.stat(self.folder).st_gid)
            os.chmod(self.root + "/sendmail", 0o2755)

    def run(self, words, text="", code=OK, name="sendmail"):
        if isinstance(text, str):
            text = text.encode()
        extra = {"user": self.user, "group": self.user,
                 "extra_groups": []} if self.user is not None else {}
        r = subprocess.run(["%s/%s" % (self.root, name), "-C",
                            self.instance.conf] + words, input=text,
                           capture_output=True, timeout=60, cwd="/", **extra)
        check(r.returncode == code, "%s %s: %d, not %d: %s", name, words,
              r.returncode, code, r.stderr)
        return r.stdout.decode()

    def wrapped(self, words, text="", env=None):
        """Another program, which is told to use ours."""
        extra = {"user": self.user, "group": self.user,
                 "extra_groups": []} if self.user is not None else {}
        r = subprocess.run(words, input=text, capture_output=True, text=True,
                           timeout=60, cwd="/",
                           env=dict(os.environ, HOME="/nonexistent",
                                    **(env or {})), **extra)
        check(r.returncode == 0, "%s: %d %s%s", words, r.returncode, r.stdout,
              r.stderr)

    def waiting(self):
        return [n for n in os.listdir(self.folder) if n[0] != "."]

    def aside(self):
        return [n for n in os.listdir(self.folder) if n.startswith(".kept.")]


def got(instance, word, user=None, password=None):
    pop, n = arrived(instance, word, user, password)
    text = pop.retr(n).decode("utf-8", "surrogateescape")
    pop.quit()
    return text


def as_cron(instance, front):
    word = unique("cron")
    front.run(["-FCronDaemon", "-i", "-B8BITMIME", "-oem", instance.USER1],
              "From: root (Cron Daemon)\nTo: %s\nSubject: %s\n"
              "Content-Type: text/plain; charset=UTF-8\n\nout: \xe4\n.\n.x\n"
              % (instance.USER1, word))
    text = got(instance, word)
    check("Received: by mail.example.org (drop, from uid %d)" % (
        front.user if front.user is not None else os.getuid()) in text,
        "whose it is: %s", text)
    check(text.endswith("\r\n\r\nout: \xe4\r\n.\r\n.x\r\n"), "body: %r", text)
    for field in "Date: ", "Message-ID: ":
        check(text.count("\r\n" + field) == 1, "%s: %s", field, text)


def from_header(instance, front):
    word = unique("header")
    front.run(["-t"], "Subject: %s\nTo: Ann <%s>\nBcc: %s,\n  %s\n\nx\n.\n"
              "not this\n" % (word, instance.USER1, instance.USER2,
                              instance.USER1))
    for user, password in ((instance.USER1, instance.PASS1),
                           (instance.USER2, instance.PASS2)):
        text = got(instance, word, user, password)
        check("Bcc" not in text and "not this" not in text, "%s", text)
        check(re.search(r"\r\nFrom: .*<\S+@%s>\r\n" % instance.TLS_NAME,
                        text), "From: %s", text)


def programs(instance, front):
    word = unique("mailx")
    rc = front.root + "/mailrc"
    with open(rc, "w") as f:
        f.write("set sendmail=%s/wrapped\n" % front.root)
    front.wrapped(["mailx", "-s", word, "-r", instance.USER2,
                   instance.USER1], "Hello.\n", {"MAILRC": rc})
    text = got(instance, word)
    check("\r\nReturn-Path: <%s>" % instance.USER2 in "\r\n" + text,
          "mailx -r: %s", text)

    word = unique("git")
    with open(front.root + "/0001.patch", "w") as f:
        f.write("From 0 Mon Sep 17 00:00:00 2001\nFrom: Bob <%s>\n"
                "Date: Mon, 23 Nov 2026 10:00:00 +0000\nSubject: %s\n\n"
                "---\n a | 1 +\n" % (instance.USER2, word))
    front.wrapped(["git", "send-email", "--quiet", "--confirm=never",
                   "--from", instance.USER2, "--to", instance.USER1,
                   "--suppress-cc=all",
                   "--sendmail-cmd=%s/wrapped" % front.root,
                   front.root + "/0001.patch"], "",
                  {"GIT_AUTHOR_NAME": "Bob", "GIT_COMMITTER_NAME": "Bob",
                   "GIT_AUTHOR_EMAIL": instance.USER2,
                   "GIT_COMMITTER_EMAIL": instance.USER2})
    check("\n a | 1 +" in got(instance, word), "git")

    word = unique("swaks")
    front.wrapped(["swaks", "--pipe", front.root + "/wrapped -bs",
                   "--from", instance.USER2, "--to",
                   instance.USER1 + "," + instance.USER2,
                   "--header", "Subject: " + word, "--body",
                   "one\n..two\n.three", "--hide-all"], "")
    text = got(instance, word)
    check("\r\n..two\r\n.three\r\n" in text, "-bs: %s", text)
    got(instance, word, instance.USER2, instance.PASS2)


def big(instance, front):
    word = unique("big")
    line = b"0123456789" * 7 + b"\n"
    front.run([instance.USER1], b"Subject: %s\n\n" % word.encode() +
              line * 150000)
    text = got(instance, word)
    check(text.count("\r\n" + line.decode().strip()) == 150000, "octets")


def refused_at_once(instance, front):
    """The sender hears of it; whoever else it was for has it."""
    word = unique("nobody")
    front.run(["-f", instance.USER2, "nobody@example.org", instance.USER1],
              "Subject: %s\n\nx\n" % word)
    got(instance, word)
    text = got(instance, "Your mail could not be sent", instance.USER2,
               instance.PASS2)
    for part in ("Content-Type: multipart/report", "Return-Path: <>",
                 "  <nobody@example.org>", "Status: 5.1.1",
                 "Final-Recipient: rfc822; nobody@example.org",
                 "\r\nSubject: " + word, "Auto-Submitted: auto-replied"):
        check(part in text, "%s in the notice: %s", part, text)


def arguments(instance, front):
    other = instance.root + "/other.conf"
    with open(other, "w") as f:
        f.write("server name evil.example\ndata in /tmp\n")
    os.chmod(other, 0o666)
    front.run([], "x\n", USAGE)
    front.run(["-t"], "Subject: x\n\nTo: a@b\n", USAGE)
    front.run(["-bd"], "", USAGE)
    front.run(["-f", "a@x..y", instance.USER1], "x\n", DATAERR)
    front.run(["a@x..y"], "x\n", DATAERR)
    front.run(["b\xfc@example.org"], "x\n", DATAERR)
    front.run([], "", name="newaliases")
    front.run(["-bi"], "")
    if front.user is not None:
        front.run(["-C", other, instance.USER1], "x\n", CONFIG)
        r = subprocess.run([front.root + "/mailq", "-C", instance.conf],
                           capture_output=True, text=True)
        check(r.returncode == 0, "mailq by root: %s", r.stderr)
        r = subprocess.run([front.root + "/sendmail", "-C", instance.conf,
                            "-q15m"], capture_output=True, text=True)
        check(r.returncode == 0, "-q by root: %s", r.stderr)
    check(not front.waiting(), "left: %s", front.waiting())


def while_down(instance, front):
    words = [unique("down%d" % i) for i in range(3)]
    instance.stop()
    for word in words:
        front.run([instance.USER1], "Subject: %s\n\nx\n" % word)
    check(len(front.waiting()) == 3, "in the folder: %s", front.waiting())
    instance.start()
    for word in words:
        got(instance, word)
    until("the folder is empty", lambda: not front.waiting(), 10)


def killed(instance, front):
    """None is lost and none doubled, however often drop dies."""
    kills = 0
    words = [unique("kill%d" % i) for i in range(40)]
    for i, word in enumerate(words):
        front.run([instance.USER1], "Subject: %s\n\nx\n" % word)
        if i % 8 == 4:
            pid = instance.processes().get("drop")
            if pid:
                os.kill(pid, signal.SIGKILL)
                kills += 1
    until("the folder is empty", lambda: not front.waiting(), 30)
    for word in words:
        with Pop(instance) as pop:
            n = until("%s arrives" % word,
                      lambda: len(pop.numbers(word)), 5)
            check(n == 1, "%s came %d times", word, n)
            pop.quit()
    check(kills, "drop was never there to be killed")


def answered(instance, front):
    """It dies between 250 and the removal of the file: the file comes again,
    which the queue knows, also in its next life."""
    body = b"Subject: %s\r\n\r\nx\r\n" % (word := unique("once")).encode()
    text = (HEAD % (len(body), instance.USER2, instance.USER1)).encode() + body
    for again in range(3):
        if again == 2:
            os.kill(instance.processes()["queue"], signal.SIGKILL)
        leave(front, "once.1", text)
    until("it arrives", lambda: copies(instance, word))
    check(copies(instance, word) == 1, "doubled")
    # Another file with the same octets is another message.
    leave(front, "once.2", text)
    until("the other", lambda: copies(instance, word) == 2, 5)


def leave(front, name, text):
    """As sendmail does, always with the same owner and time."""
    put(front, name, text, 12345, 1000000000)
    front.run([front.instance.USER2], "Subject: %s\n\nx\n" % unique("wake"))
    until("it is taken", lambda: not front.waiting(), 30)


def copies(instance, word):
    with Pop(instance) as pop:
        n = len(pop.numbers(word))
        pop.quit()
    return n


def put(front, name, text, uid=None, when=None):
    path = front.folder + "/." + name
    with open(path, "wb") as f:
        f.write(text)
    if uid is not None:
        os.chown(path, uid, uid)
    os.chmod(path, 0o444)
    if when is not None:
        os.utime(path, (when, when))
    os.rename(path, front.folder + "/" + name)


def hostile(instance, front):
    body = b"Subject: hostile\r\n\r\nx\r\n"
    head = (HEAD % (len(body), instance.USER1, instance.USER1)).encode()
    good = head + body
    secret = instance.root + "/secret"
    with open(secret, "wb") as f:
        f.write(good)
    os.symlink(secret, front.folder + "/aa.link")
    os.link(secret, front.folder + "/aa.hard")
    os.mkfifo(front.folder + "/aa.fifo")
    os.mkdir(front.folder + "/aa.folder")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(front.folder + "/aa.socket")
    put(front, "aa.empty", b"")
    put(front, "aa.garbage", os.urandom(5000))
    put(front, "aa.half", good[:-3])
    put(front, "aa.head", head[:30])
    put(front, "aa.more", good + b"MAIL FROM:<x@y>\r\n")
    put(front, "aa.Name\r\nX: y", good)
    with open(front.folder + "/.aa.huge", "wb") as f:
        f.truncate(1 << 40)
    os.rename(front.folder + "/.aa.huge", front.folder + "/aa.huge")
    bad = 9                             # link, FIFO and socket are removed
    word = unique("among")
    front.run([instance.USER1], "Subject: %s\n\nx\n" % word)
    got(instance, word)
    until("all of it is set aside: %s" % front.waiting(),
          lambda: not front.waiting(), 10)
    check(len(front.aside()) == bad, "%d of %d aside: %s", len(front.aside()),
          bad, front.aside())
    check(os.path.exists(secret), "the link was followed")
    log = instance.log()
    for why in ("a symbolic link", "it has more than one name",
                "not a regular file", "it is too large",
                "it is not what sendmail writes",
                "sendmail makes no such names"):
        check('why="%s"' % why in log, "%s is not in the log", why)
    check(not [n for n in front.aside() if n.endswith("link") or
               n.endswith("fifo") or n.endswith("socket")], "left: %s",
          front.aside())
    check('Subject: hostile' not in log, "the log shows a message")


def smuggled(instance, front):
    """What a file says is nothing but what it says: no command, no field."""
    body = b"Subject: %s\r\n\r\nx\r\n.\r\nMAIL FROM:<x@y>\r\n" % \
        (word := unique("smuggle")).encode()
    bare = b"Subject: bare\r\n\r\nx\n.\nMAIL FROM:<x@y>\r\n"
    put(front, "bb.1", (HEAD % (len(body), instance.USER2,
                                instance.USER1)).encode() + body, 12345)
    put(front, "bb.2", (HEAD % (len(bare), instance.USER2,
                                instance.USER1)).encode() + bare, 12345)
    put(front, "bb.3", (HEAD % (len(body), instance.USER2, "a> NOTIFY=NEVER"))
        .encode() + body, 12345)
    put(front, "bb.4", (HEAD % (len(body), "a>\tx", instance.USER1))
        .encode() + body, 12345)
    # Files alone wake nobody; what sendmail puts there does.
    front.run([instance.USER1], "Subject: %s\n\nx\n" % unique("wake"))
    text = got(instance, word)
    check("(drop, from uid 12345)" in text, "owner: %s", text)
    check(text.endswith("x\r\n.\r\nMAIL FROM:<x@y>\r\n"), "octets: %s", text)
    until("the folder is empty", lambda: not front.waiting(), 10)
    check("5.6.0" in instance.log() or len(front.aside()) >= 1, "bare LF")


def started_first(instance, front):
    """Begun a day ago and never finished: gone; what is fresh stays."""
    for name, age in ((".old", 90000), (".new", 60)):
        with open(front.folder + "/" + name, "w") as f:
            f.write("postino drop 1\n")
        then = time.time() - age
        os.utime(front.folder + "/" + name, (then, then))
    front.run([instance.USER1], "Subject: %s\n\nx\n" % unique("sweep"))
    until("the old one is gone", lambda: not os.path.exists(
        front.folder + "/.old"), 10)
    check(os.path.exists(front.folder + "/.new"), "the new one is gone, too")


def folder_is_closed(instance, front):
    """The group's right is to put in, not to see or to take out."""
    if front.user is None:
        return
    gid = os.stat(front.folder).st_gid
    for words in (["ls", front.folder], ["cat", front.folder + "/.new"]):
        r = subprocess.run(words, user=NOBODY, group=NOBODY, extra_groups=[],
                           capture_output=True, cwd="/")
        check(r.returncode != 0, "%s by nobody", words)
    r = subprocess.run(["ls", front.folder], user=NOBODY, group=gid,
                       extra_groups=[], capture_output=True, cwd="/")
    check(r.returncode != 0, "the group may look")
    r = subprocess.run(["rm", "-f", front.folder + "/.new"], user=NOBODY,
                       group=gid, extra_groups=[], capture_output=True,
                       cwd="/")
    check(os.path.exists(front.folder + "/.new"), "the group may remove")


def test(env):
    instance = Instance(env).start()
    instance.people()
    front = Front(instance)
    for part in (as_cron, from_header, programs, big, refused_at_once,
                 arguments, while_down, killed, answered,
                 started_first, folder_is_closed, hostile, smuggled):
        try:
            part(instance, front)
        except Exception:
            print("in", part.__name__)
            raise


main(test)
