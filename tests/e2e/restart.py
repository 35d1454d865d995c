#!/usr/bin/env python3
"""Processes die, come back, stop and reload as they must.

Each role killed while idle is back and mail flows; one master for a root;
children end when master does; a keeper waits for the one before it; SIGTERM
ends all within ten seconds, also with sessions open; a reload drops no session
and refuses a faulty file.  PRIV-9 (restart), DUR-1; RFC 5321 3.8 (421 at the
end); architecture.md section 2.
"""

import fcntl
import os
import re
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(__file__) + "/lib")
from suite import (Instance, Pop, Smtp, arrived, check, deliver, is_alive,
                   main, unique, until)
from wire import KINDS


def mail_flows(instance, word=None):
    word = word or unique("restart")
    deliver(instance, word)
    arrived(instance, word)[0].quit()


def restarts(instance):
    return {row["process"]: row["restarts"] for row in
            instance.rows("status")}


def each_killed(instance):
    """One after the other; each comes back, alone, with all its links."""
    for role in KINDS:
        before = instance.processes()
        os.kill(before[role], signal.SIGKILL)
        until("%s is back" % role, lambda: instance.processes().get(
            role, before[role]) != before[role] and instance.is_ready())
        after = instance.processes()
        check({r for r in after if after[r] != before[r]} == {role},
              "%s took others with it: %s, then %s", role, before, after)
        mail_flows(instance)
    check(set(restarts(instance).values()) == {1}, "restarts: %s",
          restarts(instance))


def all_killed(instance):
    """All at once, and what was delivered before is still there."""
    word = unique("before")
    deliver(instance, word)
    for pid in instance.processes().values():
        os.kill(pid, signal.SIGKILL)
    until("all are back", lambda: len(instance.processes()) == len(KINDS) and
          instance.is_ready())
    arrived(instance, word)[0].quit()
    mail_flows(instance)


def second_master(instance):
    before = instance.processes()
    first = instance.process
    second = instance.launch()
    until("the second master has ended", lambda: second.poll() is not None)
    instance.process = first
    check(second.returncode not in (0, -signal.SIGSEGV, -signal.SIGABRT),
          "a second master: exit %d", second.returncode)
    check("another master runs here" in open(instance.root + "/start").read(),
          "the second master did not say why")
    check(instance.processes() == before, "the second master hurt the first")
    check(instance.master() == first.pid, "the pid file is the second's")
    mail_flows(instance)


class Sessions:
    """One of each kind, in the middle of something."""

    def __init__(self, instance):
        self.word = unique("open")
        deliver(instance, self.word)
        self.pop, self.number = arrived(instance, self.word)
        self.smtp = Smtp(instance)
        self.smtp.envelope("e2e@example.com", instance.USER1)
        self.data = Smtp(instance)
        self.data.envelope("e2e@example.com", instance.USER2)
        self.data.say("DATA", "354")
        self.data.send(b"Subject: half\r\n\r\nhalf")

    def go_on(self):
        check(self.word.encode() in self.pop.retr(self.number), "POP3")
        self.pop.say("DELE %d" % self.number)
        self.pop.quit()
        self.smtp.data(b"Subject: %s\r\n\r\n" % self.word.encode())
        self.smtp.say("QUIT", "221")
        self.data.send(b" and half\r\n.\r\n")
        self.data.expect("250", "the message")
        self.data.say("QUIT", "221")


def size_offered(instance):
    with Smtp(instance) as s:
        return int(re.search(r"SIZE (\d+)", s.extensions).group(1))


def configure(instance, text):
    with open(instance.conf, "w") as f:
        f.write(text)


def reloads(instance):
    pids = instance.processes()
    text = open(instance.conf).read()
    sessions = Sessions(instance)
    configure(instance, text + "accept messages up to 7 MB\n")
    r = instance.postino("reload")
    check(r.returncode == 0, "reload: %s", r.stderr)
    until("the reload is in effect", lambda: size_offered(instance) ==
          7 << 20)
    sessions.go_on()

    sessions = Sessions(instance)
    configure(instance, text + "accept messages up to 8 MB\n")
    instance.process.send_signal(signal.SIGHUP)
    until("SIGHUP is in effect", lambda: size_offered(instance) == 8 << 20)
    sessions.go_on()

    r = instance.postino("reload")
    check(r.returncode == 0, "reload of the same: %s", r.stderr)
    configure(instance, text + "listen pop3 on 127.0.0.9 port %s\n" %
              instance.POP3_PORT)
    r = instance.postino("reload")
    check(r.returncode == 0 and "listen" in r.stderr,
          "reload does not say what needs a restart: %s", r.stderr)
    configure(instance, text + "accept messages up to 9\nlisten to me\n")
    r = instance.postino("reload")
    check(r.returncode == 78, "a faulty file: exit %d", r.returncode)
    check(len(re.findall(r"postino\.conf:\d+:\d+: ", r.stderr)) == 2,
          "a faulty file: %s", r.stderr)
    configure(instance, text)
    check(instance.postino("reload").returncode == 0, "the old file again")
    check(instance.processes() == pids, "a reload restarted somebody")


def stops(instance, stop):
    """Within ten seconds although clients go on sitting there."""
    mail_flows(instance)
    sessions = Sessions(instance)
    pids = instance.processes().values()
    began = time.monotonic()
    stop()
    code = instance.process.wait(20)
    took = time.monotonic() - began
    check(code == 0, "master ended with %d", code)
    check(took < 10, "the stop took %.1f s", took)
    check(not [p for p in pids if is_alive(p)], "somebody is left")
    for name in "control", "lmtp", "master.pid":
        check(not os.path.exists(instance.root + "/sockets/" + name),
              "sockets/%s is left", name)
    # RFC 5321 3.8: 421 says why the connection closes.
    sessions.smtp.expect("421", "the stop")
    check(sessions.pop.ended(), "the POP3 session is open")
    # The message half way was not accepted, so it may not be there.
    check(b"250" not in sessions.data.rest, "half a message was accepted")


def master_killed(instance):
    pids = list(instance.processes().values())
    instance.process.kill()
    instance.process.wait()
    until("the children of a dead master have ended",
          lambda: not [p for p in pids if is_alive(p)], 5)


def keeper_waits(instance):
    """As if the store before were still writing when the new one starts."""
    word = unique("locked")
    lock = open(instance.root + "/data/store/lock", "r+")
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    instance.launch()
    until("the others are ready", lambda: set(instance.processes()) ==
          set(KINDS) - {"store"})
    time.sleep(1)
    check("store" not in instance.processes(), "two stores on one folder")
    check(instance.postino("status").returncode == 75, "status says ready")
    deliver(instance, word)         # into the spool, without a store
    fcntl.flock(lock, fcntl.LOCK_UN)
    until("the store is ready", lambda: "store" in instance.processes())
    arrived(instance, word)[0].quit()


def test(env):
    instance = Instance(env).start().people()
    each_killed(instance)
    all_killed(instance)
    second_master(instance)
    reloads(instance)
    master_killed(instance)
    keeper_waits(instance)
    stops(instance, lambda: instance.process.send_signal(signal.SIGTERM))
    instance.start()
    stops(instance, lambda: instance.postino("stop"))


main(test)
