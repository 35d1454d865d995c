"""One session of the stress client: what it does, and what must come of it."""

import collections
import random
import re
import time

from actions import BOXES, FULL, UNAVAILABLE, Actions
from imap import Imap, Lost
from model import View, check, set_of

MODES = ("plain", "condstore", "qresync", "rev2", "qresync", "plain",
         "condstore", "qresync")


def truth_of(imap, world, name):
    """(box, {uid: (flags, modseq)}) as a fresh SELECT shows it."""
    reply = imap.command("SELECT " + name)
    check(reply.word == "OK", "SELECT %s: %s", name, reply)
    box = name, code(reply, "UIDVALIDITY")
    count = next(int(t[0]) for t in reply.untagged if t[1:] == [b"EXISTS"])
    found = {}
    if count:
        r = imap.command("FETCH 1:* (UID FLAGS MODSEQ BODY.PEEK[HEADER.FIELDS "
                         "(X-TOKEN)] RFC822.SIZE)")
        check(r.word == "OK", "FETCH: %s", r)
        for t in (t for t in r.untagged if t[1:2] == [b"FETCH"]):
            got = dict(zip(t[2][::2], t[2][1::2]))
            uid = int(got[b"UID"])
            check(int(t[0]) == len(found) + 1, "message %s after %d", t[0],
                  len(found))
            check(not found or max(found) < uid, "UID %d is not greater", uid)
            found[uid] = (frozenset(f.decode() for f in got[b"FLAGS"]),
                          int(got[b"MODSEQ"][0]))
            token = got[b"BODY[HEADER.FIELDS (X-TOKEN)]"].split()[1].decode()
            world.learn_token((box, uid), token)
            world.learn_state((box, uid), found[uid][1], found[uid][0])
            check((box, uid) not in world.gone, "UID %d is there again", uid)
            check(len(world.bodies[token]) == int(got[b"RFC822.SIZE"]),
                  "size of UID %d", uid)
    check(count == len(found), "%d EXISTS, %d found", count, len(found))
    highest = code(reply, "HIGHESTMODSEQ")
    check(all(m <= highest for _, m in found.values()), "HIGHESTMODSEQ %d",
          highest)
    check(world.modseq.get(box, 0) <= highest, "HIGHESTMODSEQ %d of %s, and "
          "%d was told", highest, name, world.modseq.get(box, 0))
    return box, found


def code(reply, name):
    """The number of "* OK [NAME 12] ..."."""
    for t in reply.untagged:
        m = re.match(rb"OK \[%s (\d+)" % name.encode(), t[0])
        if m:
            return int(m.group(1))
    return None


class Session(Actions):
    def __init__(self, env, world, number):
        self.env, self.world, self.number = env, world, number
        self.mode = MODES[number % len(MODES)]
        self.random = random.Random(random.random())
        self.imap = self.view = None
        self.allowed = collections.defaultdict(dict)
        self.cache = {}             # name -> (box, MODSEQ, messages)
        self.truth = {}
        self.done = collections.Counter()
        self.earlier = 0            # commands of connections that ended

    def commands(self):
        return self.earlier + (self.imap.commands if self.imap else 0)

    # ---- the connection

    def hear(self, tokens, line):
        if self.view:
            self.view.heard(tokens, line)

    def connect(self):
        end = time.time() + 60
        while True:
            try:
                self.imap = Imap(self.env, "user0@example.org",
                                 self.env["USERS_PASS"], self.hear)
                break
            except Lost:
                check(time.time() < end, "no connection for 60 s")
                time.sleep(0.02 + self.random.random() / 20)
        wants = {"condstore": "CONDSTORE", "qresync": "QRESYNC",
                 "rev2": "IMAP4rev2"}.get(self.mode)
        if wants:
            self.ok("ENABLE " + wants)

    def lost(self):
        self.done["connections lost"] += 1
        if self.view and self.view.box and not self.view.fresh:
            self.keep()
        self.drop()

    def drop(self):
        if self.imap:
            self.earlier += self.imap.commands
            self.imap.close()
        self.imap = self.view = None

    def forget(self):
        """After a fault: from nothing."""
        self.drop()
        self.cache.clear()
        self.allowed.clear()

    # ---- commands

    def command(self, text, literals=(), name=None):
        if self.view:
            words = text.split()
            self.view.command = name or (
                " ".join(words[:2]) if words[0] == "UID" else words[0])
            self.view.fetched, self.view.flagged = set(), set()
        reply = self.imap.command(text, literals)
        if self.view:
            self.view.command = None
        check(reply.word != "BAD", "%s: BAD %s", text, reply.text)
        if reply.word == "NO" and reply.code in UNAVAILABLE:
            raise Lost(reply.text)
        return reply

    def ok(self, text, literals=()):
        """Numbers may name what somebody has just removed (RFC 2180 4.1.2)."""
        reply = self.command(text, literals)
        check(reply.word == "OK" or
              text.split()[0] in ("FETCH", "STORE") and
              (reply.code == "EXPUNGEISSUED" or "are gone" in reply.text), "%s: NO %s", text, reply.text)
        return reply

    def modseqs(self):
        return self.mode != "plain" and self.mode != "rev2"

    # ---- selecting

    def keep(self):
        """A client that does not know all UIDs had better ask again."""
        v = self.view
        if v.qresync and v.modseq and None not in v.slots:
            self.cache[v.name] = (v.box, v.modseq, v.messages)

    def select(self):
        name = self.random.choice(BOXES)
        verb = self.random.choice(("SELECT", "SELECT", "SELECT", "EXAMINE"))
        if self.view:
            self.keep()
        world = self.world
        view = View(world, self.number, name)
        view.qresync = self.mode == "qresync"
        view.readonly = verb == "EXAMINE"
        cached = self.cache.pop(name, None) if view.qresync else None
        text = "%s %s" % (verb, name)
        if cached:
            text += " (QRESYNC (%d %d%s))" % (
                cached[0][1], cached[1], " " + set_of(cached[2])
                if cached[2] and self.random.random() < 0.3 else "")
            self.done["QRESYNC"] += 1
        view.begin(cached[2] if cached else None)
        with world.lock:
            view.gone_before = set(world.gone)
            modseq, uidnext = dict(world.modseq), dict(world.uidnext)
        self.view = view
        reply = self.ok(text)
        box = name, code(reply, "UIDVALIDITY")
        if cached:
            check(cached[0] == box, "UIDVALIDITY changed")
        view.opened(box, self.allowed[box])
        # RFC 7162 3.2.5.2: of what the client did not name it hears nothing.
        check(not cached or text.count(" ") > 4 or
              view.disturbed or None not in view.slots,
              "QRESYNC left out a new message")
        highest, following = code(reply, "HIGHESTMODSEQ"), code(reply,
                                                                "UIDNEXT")
        check(highest >= modseq.get(box, 0), "HIGHESTMODSEQ %d, %d was told",
              highest, modseq.get(box, 0))
        check(following >= uidnext.get(box, 0), "UIDNEXT %d, %d was told",
              following, uidnext.get(box, 0))
        world.learn_uidnext(box, following)
        view.modseq = highest
        check(("READ-ONLY" if view.readonly else "READ-WRITE") in reply.code,
              "%s: %s", verb, reply.code)
        self.learn(all_of_it=self.random.random() < 0.5)

    def learn(self, all_of_it=False):
        """What the numbers without UID are, and the tokens."""
        v = self.view
        missing = [i + 1 for i, u in enumerate(v.slots) if all_of_it or
                   u is None or v.messages[u].flags is None or
                   (v.box, u) not in self.world.tokens]
        if missing:
            self.ok("FETCH %s (UID FLAGS %sBODY.PEEK[HEADER.FIELDS (X-TOKEN)] "
                    "RFC822.SIZE)" % (set_of(missing), "MODSEQ "
                                      if self.modseqs() else ""))
            with self.world.lock:
                told = [n for n in missing if v.slots[n - 1] not in v.fetched]
            for n in told:
                check(v.slots[n - 1] is None or self.world.may_be_gone(
                    (v.box, v.slots[n - 1])), "FETCH left out UID %s",
                    v.slots[n - 1])

    def unselect(self):
        self.keep()
        self.ok(self.random.choice(("UNSELECT", "CLOSE")))
        self.view = None

    # ---- the rounds

    def act(self):
        if self.imap is None:
            self.connect()
        if self.view is None:
            self.done["select"] += 1
            self.select()
            return
        v = self.view
        doing = [(self.store, 30), (self.append, 10), (self.copy, 10),
                 (self.expunge, 5 if len(v.slots) < FULL else 15),
                 (self.fetch, 12), (self.fetch_seen, 3), (self.search, 8),
                 (self.saved, 3), (self.changed_since, 3), (self.status, 3),
                 (self.noop, 8), (self.idle, 3), (self.rename, 4),
                 (self.select, 3), (self.unselect, 3)]
        what = self.random.choices([d for d, _ in doing],
                                   [w for _, w in doing])[0]
        if what == self.append and len(v.slots) > FULL:
            what = self.expunge
        self.done[what.__name__] += 1
        what()
        if self.view and self.view.box and self.random.random() < 0.8:
            self.learn()

    def listen(self):
        """All that others did is told without being asked for."""
        if self.imap is None:
            self.connect()
        if self.view is None:
            self.select()
        if self.random.random() < 0.5:
            self.noop()
        else:
            self.idle(0.6)

    def compare(self):
        if self.view is None:
            return
        v = self.view
        box, truth = self.truth[v.name]
        check(box == v.box, "UIDVALIDITY of %s", v.name)
        v.same_as(truth)
        self.learn(all_of_it=True)
        v.same_as(truth)
