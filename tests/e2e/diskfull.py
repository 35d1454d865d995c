#!/usr/bin/env python3
"""On a disk that is full mail is put off with 452 before any write fails, what
was accepted is there, deletions and QUIT work, and mail is taken again when
there is room, with no restart.

Twice: others fill the disk to its last block, and mail fills it.  On a small
tmpfs in a mount namespace of its own, so only for root.
DUR-1, SMTP-10; RFC 5321 4.2.3 (452), RFC 3463 (4.3.1).
"""

import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(__file__) + "/lib")
from suite import Failure, Instance, Pop, Smtp, check, main, unique, until

DISK = 96 << 20
CONF = """accept messages up to 1 MB
write segments of 1 MB
cache 2 MB of each index
keep expunged messages for 0 seconds
"""
BODY = b"".join(b"%070d\r\n" % i for i in range(8000))     # lines of 72 octets


class Disk:
    """A tmpfs, and a file that takes what is left of it."""

    def __init__(self, path):
        self.path, self.ballast = path, path + "/ballast"
        os.mkdir(path)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%d" % DISK,
                        "tmpfs", path], check=True)

    def free(self):
        s = os.statvfs(self.path)
        return s.f_bavail * s.f_bsize

    def fill(self, leave=0):
        with open(self.ballast, "ab", buffering=0) as f:
            try:
                while self.free() > leave:
                    f.write(bytes(64 << 10))
            except OSError:
                pass
        check(self.free() <= leave, "the disk is not full")

    def clear(self):
        os.unlink(self.ballast)


class Sender:
    def __init__(self, instance):
        self.instance = instance
        self.accepted = []

    def one(self, size=len(BODY)):
        """The code of the reply that ends the transaction."""
        word = unique("full")
        with Smtp(self.instance) as s:
            for text in ("MAIL FROM:<e2e@example.com>", "RCPT TO:<%s>" %
                         self.instance.USER1, "DATA"):
                s.send(text.encode() + b"\r\n")
                reply = s.reply()
                if reply[0] not in "23":
                    return reply
            s.send(b"Subject: %s\r\n\r\n%s.\r\n" % (word.encode(),
                                                   BODY[:size]))
            reply = s.reply()
        if reply.startswith("250"):
            self.accepted.append(word)
        return reply

    def until_full(self):
        """As much as is taken; it must end in 452, not in a failed write."""
        for _ in range(2 * DISK // len(BODY)):
            reply = self.one()
            if not reply.startswith("250"):
                check(reply.startswith("452 4.3.1"), "a full disk: %s", reply)
                return
        raise Failure("the disk does not fill")


def there(instance):
    with Pop(instance) as pop:
        found = {}
        for line in pop.lines("UIDL"):
            n = int(line.split()[0])
            pop.say("TOP %d 0" % n)
            for field in pop.octets().split(b"\r\n"):
                if field.startswith(b"Subject: "):
                    found[field[9:].decode()] = n
        pop.quit()
    return found


def all_there(instance, sender):
    until("all that was accepted is there, and nothing else", lambda: set(
        there(instance)) == set(sender.accepted))


def delete(instance, sender, keep):
    """All but the last `keep`, in one session; one is read first."""
    numbers = there(instance)
    with Pop(instance) as pop:
        check(BODY in pop.retr(numbers[sender.accepted[-1]]),
              "a message cannot be read on a full disk")
        for word in sender.accepted[:-keep]:
            pop.say("DELE %d" % numbers[word])
        pop.quit()
    sender.accepted = sender.accepted[-keep:]


def taken_again(sender):
    def taken():
        reply = sender.one()
        check(reply[:3] in ("250", "452"), "there is room: %s", reply)
        return reply.startswith("250")
    until("mail is taken again", taken, 40)


def unhurt(instance, processes):
    check(instance.processes() == processes, "a process has died: %s",
          instance.tail())


def others_fill(instance, disk, sender):
    """Somebody else's file takes all there is, to the last block."""
    for _ in range(6):
        check(sender.one(720).startswith("250"), "small messages")
    for _ in range(3):
        check(sender.one().startswith("250"), "large messages")
    disk.fill()
    # Free space is looked at once a second.  What comes before that must find
    # its room in what was taken from the disk ahead.
    for size in 720, len(BODY), len(BODY):
        check(sender.one(size)[:3] in ("250", "452"), "at once")
    time.sleep(1.2)
    for size in (0, 720, len(BODY)):
        reply = sender.one(size)
        check(reply.startswith("452 4.3.1"), "no block is left: %s", reply)
    all_there(instance, sender)
    numbers = there(instance)
    with Pop(instance) as pop:
        pop.say("DELE %d" % numbers[sender.accepted[0]])
        pop.say("DELE %d" % numbers[sender.accepted[-1]])
        pop.quit()
    sender.accepted = sender.accepted[1:-1]
    all_there(instance, sender)
    disk.clear()
    taken_again(sender)
    all_there(instance, sender)


def mail_fills(instance, disk, sender):
    """As fast as it is taken; what ends it is the floor, not the disk."""
    disk.fill(leave=40 << 20)
    sender.until_full()
    check(disk.free() > 0, "mail took the last block")
    # What only passed through the queue may come back meanwhile.
    time.sleep(1.2)
    sender.until_full()
    all_there(instance, sender)
    delete(instance, sender, keep=5)
    all_there(instance, sender)
    taken_again(sender)
    all_there(instance, sender)
    # Not only once: all that was deleted comes back.
    sender.until_full()
    all_there(instance, sender)
    delete(instance, sender, keep=1)
    taken_again(sender)
    all_there(instance, sender)
    disk.clear()


def test(env):
    if os.geteuid() != 0:
        print("only root may mount: nothing was tested")
        return
    if "DISKFULL" not in os.environ:
        os.execvpe("unshare", ["unshare", "-m", "--propagation", "private",
                               sys.executable, __file__, sys.argv[1]],
                   {**os.environ, "DISKFULL": "yes"})
    instance = Instance(env, conf=CONF)
    disk = Disk(instance.root + "/data")
    instance.start().people()
    processes = instance.processes()
    sender = Sender(instance)
    others_fill(instance, disk, sender)
    unhurt(instance, processes)
    mail_fills(instance, disk, sender)
    unhurt(instance, processes)
    instance.stop()
    instance.start()
    all_there(instance, sender)
    check(sender.one().startswith("250"), "after a restart")


main(test)
