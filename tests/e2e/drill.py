#!/usr/bin/env python3
"""A process that was taken over gets what wire.def lists for it, no more.

drill.c takes the place of every talker, caller and thinker, tries every call on
every link, garbage, and the kernel; here is said what must have come of
it.  Nothing else may be hurt by it: the keepers live on, with no descriptor
more than before.  IPC-1, IPC-3 (garbage drops the peer only), PRIV-4
(confinement); architecture.md section 9, guarantee 6.
"""

import os
import re
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__) + "/lib")
from suite import (REPO, Failure, Instance, check, is_alive, main,
                   ordinary, until)
from wire import CALLS, KINDS, PROGRAMS, asked_by

ROLES = [r for r in KINDS if KINDS[r] != "KEEPER"]
# What the kernel lets some do: TCP, and resolver also UDP.
MAY = {"relay": {"socket_tcp", "socket_tcp6"},
       "resolver": {"socket_tcp", "socket_tcp6", "socket_udp", "socket_udp6"}}
KEEPERS = [r for r in KINDS if KINDS[r] == "KEEPER"]
WORKERS = {r: 1 if r == "resolver" else 8 for r in ROLES}
GARBAGE = 12                    # kinds in drill.c


def build(env, to):
    """The drill, from the very library that the daemons are built of."""
    built = os.path.dirname(env.bin)
    asan = ["ASAN=1"] if env.sanitized else []
    subprocess.run(["make", "-s", "-C", REPO, "B=" + built] + asan +
                   [built + "/lib/core.a"], check=True, stdout=2)
    flags = ["-fsanitize=address,undefined"] if env.sanitized else ["-O2"]
    subprocess.run(
        ["gcc", "-std=c17", "-D_GNU_SOURCE", "-I" + REPO, "-Wall", "-Wextra",
         "-Werror", "-DPOSTINO_VERSION=\"drill\"", "-g", *flags, "-o", to,
         REPO + "/tests/e2e/drill.c", built + "/lib/core.a", "-lseccomp",
         "-lpthread"], check=True, stdout=2)


def take_over(env, instance):
    """The same instance once more, with the drill in every talker's place."""
    place = instance.root + "/drill"
    shutil.copytree(env.bin, place)
    build(env, place + "/drill")
    for program in {PROGRAMS[r] for r in ROLES}:
        os.rename(place + "/" + program, place + "/real-" + program)
        os.link(place + "/drill", place + "/" + program)
    with open(instance.conf, "a") as f:
        f.write("".join("run %d %s processes\n" % (n, role)
                        for role, n in WORKERS.items() if n > 1))
    os.rename(instance.root + "/log", instance.root + "/log.before")
    instance.build = place
    instance.POSTINO = "%s/ctl -c %s" % (place, instance.conf)
    instance.start()


def said(instance, *kinds):
    """The words of all lines the drills wrote, of these kinds."""
    lines = re.findall(r"^drill (\S+) (\S+) ?(.*)$", instance.log(), re.M)
    return [(role, rest.split()) for role, kind, rest in lines
            if kind in kinds]


def all_finished(instance):
    done = [role for role, _ in said(instance, "finished")]
    return all(done.count(role) == WORKERS[role] for role in ROLES)


def expected(role, target):
    """The calls that this role may send there."""
    if target == "channel":
        return {c.name for c in CALLS if c.channel}
    return {c.name for c in CALLS if not c.channel and role in c.askers and
            c.answerer == target}


def calls(instance):
    answered, tried = {}, {}
    for role, (target, call, fd, status) in said(instance, "call"):
        tried.setdefault((role, target), []).append(call + fd)
        if status != "gone":
            answered.setdefault((role, target), set()).add(call)
    for role in ROLES:
        targets = asked_by(role) | ({"channel"} if role == "pop3d" else set())
        for target in targets:
            there = tried.get((role, target), [])
            check(sorted(there) == sorted(c.name + fd for c in CALLS
                                          for fd in ("-", "fd")),
                  "%s did not try every call on %s once, but %d", role, target,
                  len(there))
            got = answered.get((role, target), set())
            check(got == expected(role, target),
                  "%s may ask of %s: %s; it got: %s", role, target,
                  sorted(expected(role, target)), sorted(got))


def garbage(instance):
    kinds = {}
    for role, (target, name, status) in said(instance, "garbage"):
        check(status == "gone", "%s: %s to %s: %s", role, name, target, status)
        kinds.setdefault((role, target), set()).add(name)
    for role in ROLES:
        for target in asked_by(role):
            check(len(kinds.get((role, target), ())) == GARBAGE,
                  "%s sent %s of garbage to %s", role,
                  sorted(kinds.get((role, target), ())), target)


def kernel(instance):
    results = said(instance, "syscall")
    check({role for role, _ in results} == set(ROLES), "who tried: %s",
          results)
    for role in ROLES:
        possible = {name for who, (name, result) in results
                    if who == role and result == "done"}
        may = MAY.get(role, set()) if not instance.sanitized else set()
        check(possible == may, "%s could: %s; not: %s", role, possible - may,
              may - possible)


def numbers(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def ends(instance, keepers):
    """The calls that are lethal, and a call on master's own channel."""
    pids = instance.processes()
    drills = {pid for name, pid in pids.items()
              if name.partition("-")[0] in ROLES}
    wanted = {}
    for i, pid in enumerate(sorted(drills)):
        by_kernel = i % 4 != 0 and not instance.sanitized
        os.kill(pid, signal.SIGUSR1 if by_kernel else signal.SIGUSR2)
        wanted[pid] = signal.SIGSYS if by_kernel else signal.SIGKILL

    def died():
        return {int(pid): int(by or 0) for pid, by in re.findall(
            r"child_died .*pid=(\d+)(?: signal=(\d+))?", instance.log())}
    until("all drills have died", lambda: wanted.keys() <= died().keys())
    for pid, by in wanted.items():
        # Who is dropped by master may see that before the SIGKILL.
        check(died()[pid] in (by, 0) if by == signal.SIGKILL else
              died()[pid] == by, "drill %d died of signal %d, not %d", pid,
              died()[pid], by)
    check(not said(instance, "survived"), "survived: %s",
          said(instance, "survived"))
    for role, pid in keepers.items():
        check(is_alive(pid), "%s died", role)
    check(instance.process.poll() is None, "master died")


def examine(env, instance):
    instance.start().people()
    instance.stop()
    take_over(env, instance)
    keepers = {r: instance.processes()[r] for r in KEEPERS}
    try:
        until("all drills have finished", lambda: all_finished(instance), 50)
    except Failure as e:
        tried = [words for _, words in said(instance, "call", "garbage")]
        raise Failure("%s; %d tries, the last: %s" % (e, len(tried),
                                                       tried[-3:]))
    calls(instance)
    garbage(instance)
    kernel(instance)
    check({r: instance.processes().get(r) for r in KEEPERS} == keepers,
          "a keeper was hurt")
    # Each keeper has a connection to each drill; files come and go.
    until("the keepers have no descriptor too many",
          lambda: all(numbers(pid) < 32 + sum(WORKERS.values())
                      for pid in keepers.values()), 10)
    ends(instance, keepers)


def test(env):
    examine(env, Instance(env))
    if os.geteuid() == 0:
        examine(env, ordinary(env))


main(test)
