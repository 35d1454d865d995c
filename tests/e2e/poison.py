#!/usr/bin/env python3
"""A message that three mdas die of is set aside, kept and shown; those that
were there with it and those that come after it flow.

The store is stopped, so that each mda holds what it was given when it is
killed.  Two deaths make suspects of all that it held; from then on they are
tried one at a time.  architecture.md section 4 (leases) and 6, rule 8; PRIV-9.
"""

import os
import re
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(__file__) + "/lib")
from suite import Instance, Pop, arrived, check, deliver, main, unique, until

MESSAGES = 6


def leases(instance):
    """id of message of each lease of the newest mda."""
    found = re.findall(r"leased id=(\w+) recipients=1 worker=(\d+)",
                       instance.log())
    newest = max((int(worker) for _, worker in found), default=0)
    return {id for id, worker in found if int(worker) == newest}, newest


def killed(instance, n, after):
    """Kills the mda once it holds n messages; returns them and its number."""
    until("an mda holds %d messages" % n, lambda: (
        leases(instance)[1] > after and len(leases(instance)[0]) >= n))
    time.sleep(0.5)             # more would be wrong where n is 1
    held, worker = leases(instance)
    check(len(held) == n, "an mda holds %d messages, not %d", len(held), n)
    os.kill(instance.processes()["mda"], signal.SIGKILL)
    return held, worker


def listed(instance):
    return {row["id"]: row["state"] for row in instance.rows("queue", "list")}


def count(instance, word):
    with Pop(instance) as pop:
        found = pop.numbers(word)
        pop.quit()
    check(len(found) <= 1, "%s is there %d times", word, len(found))
    return len(found)


def test(env):
    instance = Instance(env, conf="log debug and above\n").start().people()
    words = [unique("poison%d" % i) for i in range(MESSAGES)]
    worker = 0
    store = instance.processes()["store"]
    os.kill(store, signal.SIGSTOP)
    try:
        senders = [threading.Thread(target=deliver, args=(instance, word))
                   for word in words]
        for s in senders:
            s.start()
        for _ in range(2):
            _, worker = killed(instance, MESSAGES, worker)
        for s in senders:
            s.join()
        alone, worker = killed(instance, 1, worker)
        until("it is set aside", lambda: "set aside" in
              listed(instance).values())
        check({id for id, state in listed(instance).items()
               if state == "set aside"} == alone, "set aside is %s, not %s",
              listed(instance), alone)
    finally:
        os.kill(store, signal.SIGCONT)
    # The store may still get what the dead asked of it, so the poison may
    # arrive, too; but it is not offered again.
    until("the rest flows", lambda: set(listed(instance)) == alone)
    there = sum(1 for word in words if count(instance, word))
    check(there >= MESSAGES - 1, "%d of %d arrived", there, MESSAGES)
    word = unique("after")
    deliver(instance, word)
    arrived(instance, word)[0].quit()

    before = instance.processes()["queue"]
    os.kill(before, signal.SIGKILL)
    until("the queue is back", lambda: instance.is_ready() and
          instance.processes()["queue"] != before)
    check(listed(instance) == {id: "set aside" for id in alone},
          "after a restart there is %s", listed(instance))
    deliver(instance, unique("last"))
    check(set(listed(instance)) == alone, "it is no more set aside")


main(test)
