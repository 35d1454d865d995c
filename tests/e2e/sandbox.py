#!/usr/bin/env python3
"""Every process is locked into what its row of the table allows.

Read from outside, in /proc: users, groups, capabilities, no_new_privs,
seccomp, root folder, limits, descriptors, listening sockets, connections.
In both privilege modes where root runs this: an ordinary user's instance is
made beside the other.  PRIV-4 (confinement), PRIV-7 (folders).
"""

import os
import re
import stat
import sys

sys.path.insert(0, os.path.dirname(__file__) + "/lib")
from suite import check, main, ordinary, status_of, until
from wire import KINDS, asked_by, askers_of

LISTENS = {                     # services by role; the rest listens nowhere
    "smtpd": {"SMTP_PORT", "LMTP_SOCKET"},
    "submission": {"SUBMISSION_PORT", "SUBMISSIONS_PORT"},
    "pop3d": {"POP3_PORT", "POP3S_PORT"},
    "imapd": {"IMAP_PORT", "IMAPS_PORT"},
}
ANONYMOUS = {"anon_inode:[eventpoll]", "anon_inode:[eventfd]"}


def conf_word(env, pattern, default=None):
    m = re.search("^" + pattern + r"\s+(\S+)", open(env.conf).read(), re.M)
    return m.group(1) if m else default


def descriptors(pid):
    """number -> what it leads to, of those that are still open when asked."""
    found = {}
    for n in os.listdir("/proc/%d/fd" % pid):
        try:
            found[int(n)] = os.readlink("/proc/%d/fd/%s" % (pid, n))
        except FileNotFoundError:
            pass
    return found


def flags(pid, fd):
    text = open("/proc/%d/fdinfo/%d" % (pid, fd)).read()
    return int(re.search(r"flags:\s*(\d+)", text).group(1), 8)


def listening(pid):
    """inode -> port or path of all sockets that listen, as this process'
    network sees them."""
    found = {}
    for name in "tcp", "tcp6":
        for line in open("/proc/%d/net/%s" % (pid, name)).readlines()[1:]:
            words = line.split()
            if words[3] == "0A":
                found[words[9]] = str(int(words[1].rpartition(":")[2], 16))
    for line in open("/proc/%d/net/unix" % pid).readlines()[1:]:
        words = line.split()
        if int(words[3], 16) & 0x10000:
            found[words[6]] = words[7] if len(words) > 7 else "?"
    return found


def sockets(pid, kind):
    """How many of its descriptors are sockets of this kind."""
    inodes = {line.split()[6 if kind == "unix" else 9] for line in
              open("/proc/%d/net/%s" % (pid, kind)).readlines()[1:]}
    return sum(1 for to in descriptors(pid).values() if
               to.startswith("socket:[") and to[8:-1] in inodes)


def limits(pid):
    found = {}
    for line in open("/proc/%d/limits" % pid).readlines()[1:]:
        words = re.split(r"\s{2,}", line.strip())
        found[words[0]] = (words[1], words[2])
    return found


class Process:
    def __init__(self, env, role, pid, drop):
        self.env, self.role, self.pid, self.drop = env, role, pid, drop
        self.kind = KINDS[role]
        self.who = "%s (%d)" % (role, pid)
        self.own = "%s/%s" % (conf_word(env, "data in"), role)
        self.empty = conf_word(env, "sockets in") + "/empty"

    def check(self, truth, text, *args):
        check(truth, self.who + ": " + text, *args)

    def identity(self):
        s = status_of(self.pid)
        uid = conf_word(self.env, "user of %s is" % self.role) if self.drop \
            else str(os.stat(self.env.conf).st_uid)
        for name in "Uid", "Gid":
            self.check(set(s[name].split()) == {uid}, "%s %s, not %s",
                       name, s[name], uid)
        self.check(s["Groups"] == "", "groups %s", s["Groups"])
        for name in "CapInh", "CapPrm", "CapEff", "CapAmb":
            self.check(int(s[name], 16) == 0, "%s %s", name, s[name])
        self.check(s["NoNewPrivs"] == "1", "no_new_privs is off")
        self.check(s["Seccomp"] == ("0" if self.env.sanitized else "2"),
                   "seccomp %s", s["Seccomp"])
        if self.kind != "KEEPER":
            self.check(s["Threads"] == "1", "%s threads", s["Threads"])

    def surroundings(self):
        root, cwd = (os.readlink("/proc/%d/%s" % (self.pid, name))
                     for name in ("root", "cwd"))
        own = self.own if self.kind == "KEEPER" else self.empty
        self.check(root == (own if self.drop else "/"), "root is %s", root)
        if self.drop or self.kind == "KEEPER":
            self.check(cwd == own, "its folder is %s", cwd)
        with open("/proc/%d/environ" % self.pid, "rb") as f:
            self.check(f.read() == b"", "it has an environment")
        if self.drop:
            # Not dumpable: nobody of its uid may trace it or read its memory.
            self.check(os.stat("/proc/%d/fd" % self.pid).st_uid == 0,
                       "it can be traced")

    def limits(self):
        found = limits(self.pid)
        self.check(found["Max core file size"] == ("0", "0"), "cores: %s",
                   found["Max core file size"])
        soft, hard = found["Max open files"]
        self.check(soft == hard and 100 <= int(hard) <= 100000,
                   "descriptors: %s, %s", soft, hard)
        if self.drop and not self.env.sanitized:
            self.check(found["Max processes"] == ("0", "0"), "processes: %s",
                       found["Max processes"])

    def may_hold(self, fd, to):
        if fd < 2:
            return to == "/dev/null"
        if fd == 2:
            return (to == conf_word(self.env, "log to") and
                    flags(self.pid, 2) & (os.O_APPEND | os.O_ACCMODE) ==
                    os.O_APPEND | os.O_WRONLY)
        if to.startswith("socket:[") or to in ANONYMOUS:
            return True
        return self.kind == "KEEPER" and (to + "/").startswith(self.own + "/")

    def descriptors(self):
        for fd, to in descriptors(self.pid).items():
            self.check(self.may_hold(fd, to), "descriptor %d is %s", fd, to)

    def listeners(self):
        known = listening(self.pid)
        found = {known[to[8:-1]] for to in descriptors(self.pid).values()
                 if to.startswith("socket:[") and to[8:-1] in known}
        wanted = {getattr(self.env, name)
                  for name in LISTENS.get(self.role, ())}
        self.check(found == wanted, "listens on %s, not %s", found, wanted)

    def connections(self):
        """At rest: one to master, one a role where wire.def has a call."""
        wanted = 1 + len(asked_by(self.role) | askers_of(self.role)) + \
            (self.role == "smtpd")              # it listens for LMTP
        until("%s has %d connections inside (there: %d)" % (
            self.who, wanted, sockets(self.pid, "unix")),
            lambda: sockets(self.pid, "unix") == wanted, 10)
        # What waits in the queue may be on its way out.
        allowed = {"TALKER": {"tcp", "tcp6"}, "CALLER": {"tcp", "tcp6"}}
        allowed = allowed.get(self.kind, set())
        if self.role == "resolver":
            allowed = allowed | {"udp", "udp6"}
        for kind in {"tcp", "tcp6", "udp", "udp6"} - allowed:
            self.check(sockets(self.pid, kind) == 0, "it has %s", kind)

    def examine(self):
        self.identity()
        self.surroundings()
        self.limits()
        self.descriptors()
        self.listeners()
        self.connections()


def folder(path, mode, uid):
    s = os.stat(path)
    check(stat.S_IMODE(s.st_mode) == mode and s.st_uid == uid,
          "%s has mode %o and owner %d", path, s.st_mode, s.st_uid)


def folders(env, drop):
    me = os.stat(env.conf).st_uid
    empty = conf_word(env, "sockets in") + "/empty"
    folder(empty, 0o555, me)
    check(os.listdir(empty) == [], "%s is not empty", empty)
    for role in (r for r in KINDS if KINDS[r] == "KEEPER"):
        uid = int(conf_word(env, "user of %s is" % role)) if drop else me
        # Programs of this machine put files there.
        mode = 0o1730 if role == "drop" else 0o700
        folder("%s/%s" % (conf_word(env, "data in"), role), mode, uid)


def examine(env):
    drop = conf_word(env, "privileges") == "drop"
    processes = until("all roles run", lambda: (
        env.is_ready() and env.processes()))
    check(set(processes) == set(KINDS), "the processes are %s",
          sorted(processes))
    for role, pid in processes.items():
        Process(env, role, pid, drop).examine()
    folders(env, drop)


def test(env):
    examine(env)
    if os.geteuid() == 0:
        examine(ordinary(env).start())


main(test)
