"""What must be true of mailboxes that many change at once.

World knows what all sessions together were told; View is one session's
selected mailbox, built from untagged responses alone.  Both raise Fault.

Each message carries an X-Token field that its copies keep:

	N.OWNER.KIND	OWNER is a session's number.  Kinds:
	keep		never flagged \\Deleted, never moved: it never goes
	own		only its owner changes it or its copies: what its flags
			are is known, whatever the others do
	any		everybody does everything

and of `keep` and `any` messages a session alone sets its own keyword, $sN.
"""

import bisect
import re
import threading

SYSTEM = [r"\Seen", r"\Answered", r"\Flagged", r"\Draft", "$Junk"]


class Fault(Exception):
    pass


def check(good, what, *values):
    if not good:
        raise Fault(what % values if values else what)


def kind(token):
    return token.split(".")[2]


def owner(token):
    return int(token.split(".")[1])


def uids_of(text):
    """The numbers of a set, in its order."""
    out = []
    for part in text.split(","):
        low, _, high = part.partition(":")
        low, high = int(low), int(high or low)
        out.extend(range(low, high + 1) if low <= high else
                   range(low, high - 1, -1))
    return out


def set_of(numbers):
    """As clients write it, in ranges."""
    out, run = [], []
    for n in sorted(numbers):
        if run and n == run[-1] + 1:
            run.append(n)
            continue
        if run:
            out.append(run)
        run = [n]
    out.append(run)
    return ",".join("%d:%d" % (r[0], r[-1]) if len(r) > 1 else str(r[0])
                    for r in out)


class World:
    """Keys are (mailbox with its UIDVALIDITY, UID)."""

    def __init__(self):
        self.lock = threading.Lock()
        self.tokens = {}        # key -> token
        self.bodies = {}        # token -> octets
        self.states = {}        # key + (MODSEQ,) -> flags
        self.doomed = set()     # keys that somebody may have removed
        self.gone = set()       # keys that are certainly removed
        self.kept = set()       # keys of `keep` messages that were acknowledged
        self.modseq = {}        # box -> the highest that anybody was told
        self.uidnext = {}       # box -> a UIDNEXT that anybody was told
        self.next = 0

    def token_new(self, number, what):
        with self.lock:
            self.next += 1
            return "%d.%d.%s" % (self.next, number, what)

    def learn_token(self, key, token, acknowledged=False):
        with self.lock:
            known = self.tokens.setdefault(key, token)
            check(known == token, "UID %s is %s, and was %s", key, token, known)
            if acknowledged and kind(token) == "keep":
                self.kept.add(key)

    def learn_state(self, key, modseq, flags):
        """One MODSEQ of a message, one set of flags (RFC 7162 3.1)."""
        with self.lock:
            known = self.states.setdefault(key + (modseq,), flags)
            check(known == flags, "at MODSEQ %s %s has flags %s, and had %s",
                  modseq, key, sorted(flags), sorted(known))
            self.modseq[key[0]] = max(self.modseq.get(key[0], 0), modseq)

    def learn_uidnext(self, box, uidnext):
        with self.lock:
            self.uidnext[box] = max(self.uidnext.get(box, 0), uidnext)

    def doom(self, keys):
        with self.lock:
            for key in keys:
                check(kind(self.tokens[key]) != "keep", "the test is wrong")
            self.doomed.update(keys)

    def may_be_gone(self, key):
        """Of a message whose token nobody knows yet, anything is possible."""
        with self.lock:
            token = self.tokens.get(key)
            return token is None or kind(token) != "keep"

    def went(self, key):
        check(self.may_be_gone(key), "%s was removed, which nobody wanted", key)
        with self.lock:
            self.gone.add(key)


class Message:
    __slots__ = "flags", "modseq"

    def __init__(self):
        self.flags = None       # None: not told yet
        self.modseq = 0


class View:
    """slots[n - 1] is the UID of message n, None while it is not known."""

    def __init__(self, world, number, name):
        self.world, self.number, self.name = world, number, name
        self.slots, self.messages = [], {}
        self.box = None
        self.readonly = False
        self.modseq = 0         # HIGHESTMODSEQ that is safe for QRESYNC
        self.command = None     # whose responses are being read
        self.qresync = self.fresh = False
        self.gone_before = set()        # keys that were gone at SELECT
        self.fetched = set()    # UIDs told of in this command,
        self.flagged = set()    # ... with flags
        self.silent = None      # what STORE .SILENT does to flags
        self.allowed = {}       # UID -> what this session's part of flags is

    # ---- what this session alone decides

    def part(self, uid, flags):
        """The flags nobody else touches; None: the token is not known."""
        token = self.world.tokens.get((self.box, uid))
        if token is None:
            return None
        if kind(token) == "own":
            return flags if owner(token) == self.number else frozenset()
        return flags & {"$s%d" % self.number}

    def expect(self, uid, flags):
        part = self.part(uid, flags)
        if part is None:
            return
        allowed = self.allowed.setdefault(uid, {part})
        check(part in allowed, "UID %s of %s has %s of its flags %s, not %s",
              uid, self.name, sorted(part), sorted(flags),
              [sorted(a) for a in allowed])

    # ---- selecting

    def begin(self, cache=None):
        """SELECT or EXAMINE is on its way; cache: what QRESYNC starts from."""
        self.fresh, self.late = True, []
        self.slots, self.messages = [], cache or {}
        self.count = None

    def opened(self, box, allowed):
        """It was answered: now what was told can be put in its place."""
        self.fresh, self.box, self.allowed = False, box, allowed
        check(self.count is not None, "SELECT without EXISTS")
        earlier, late = [], []
        for t in self.late:
            (earlier if t[1] == [b"EARLIER"] else late).append(t)
        for t in earlier:
            for uid in uids_of(t[-1].decode()):
                if self.messages.pop(uid, None):
                    self.world.went((self.box, uid))
                    self.allowed.pop(uid, None)
        self.slots = sorted(self.messages)
        check(len(self.slots) <= self.count, "%d EXISTS after QRESYNC; known "
              "are %d", self.count, len(self.slots))
        self.slots += [None] * (self.count - len(self.slots))
        # What happened while it was answered comes after the answer.
        self.disturbed = any(t[1] != b"FETCH" for t in late)
        for t in late:
            self.heard(t, None)
        for uid in self.messages:
            check((box, uid) not in self.gone_before,
                  "UID %d was removed before the SELECT", uid)

    # ---- responses

    def heard(self, tokens, line):
        word = tokens[0]
        if word == b"VANISHED":
            if self.fresh:
                self.late.append(tokens)
            else:
                self.vanished(tokens)
        elif word.isdigit():
            self.numbered(int(word), tokens)

    def numbered(self, n, tokens):
        if tokens[1] == b"EXISTS":
            if self.fresh and self.count is None:
                self.count = n
                return
            if self.fresh:
                self.late.append(tokens)
                return
            check(n >= len(self.slots), "%d EXISTS, and %d were there", n,
                  len(self.slots))
            self.slots.extend([None] * (n - len(self.slots)))
        elif tokens[1] == b"EXPUNGE":
            self.expunge(n)
        elif tokens[1] == b"FETCH":
            if self.fresh:
                self.late.append(tokens)
            else:
                self.fetch(n, tokens)

    def may_expunge(self):
        check(self.command not in ("FETCH", "STORE", "SEARCH"),
              "numbers change during %s", self.command)
        check(not self.fresh, "a message goes while selecting")

    def drop(self, uid):
        if uid is None:
            return
        self.world.went((self.box, uid))
        self.messages.pop(uid, None)
        self.allowed.pop(uid, None)

    def expunge(self, n):
        self.may_expunge()
        check(not self.qresync, "EXPUNGE after ENABLE QRESYNC")
        check(1 <= n <= len(self.slots), "%d EXPUNGE of %d", n,
              len(self.slots))
        self.drop(self.slots.pop(n - 1))

    def place(self, uid):
        """Where this UID is; where it may be, if it is not known."""
        known = [(u, i) for i, u in enumerate(self.slots) if u is not None]
        at = bisect.bisect_left(known, (uid, 0))
        if at < len(known) and known[at][0] == uid:
            return known[at][1]
        low = known[at - 1][1] + 1 if at > 0 else 0
        high = known[at][1] if at < len(known) else len(self.slots)
        check(low < high, "UID %d vanishes and is not in the mailbox", uid)
        return low

    def vanished(self, tokens):
        check(self.qresync, "VANISHED without ENABLE QRESYNC")
        uids = uids_of(tokens[-1].decode())
        if tokens[1] == [b"EARLIER"]:
            check(self.command == "UID FETCH", "VANISHED (EARLIER) in %s",
                  self.command)
            check(not set(uids) & set(self.slots), "VANISHED (EARLIER) %s, "
                  "some of which is there", uids)
            return
        self.may_expunge()
        for uid in uids:
            self.slots.pop(self.place(uid))
            self.world.went((self.box, uid))
            self.drop(uid)

    def name_slot(self, n, uid):
        check(1 <= n <= len(self.slots), "%d FETCH of %d", n, len(self.slots))
        known = self.slots[n - 1]
        if known is not None:
            check(known == uid, "message %d has UID %d, and had %d", n, uid,
                  known)
            return
        before = [u for u in self.slots[:n - 1] if u is not None]
        after = [u for u in self.slots[n:] if u is not None]
        check(not before or before[-1] < uid, "message %d has UID %d, after "
              "%d", n, uid, before[-1] if before else 0)
        check(not after or uid < after[0], "message %d has UID %d, before %d",
              n, uid, after[0] if after else 0)
        self.slots[n - 1] = uid
        self.messages.setdefault(uid, Message())

    def fetch(self, n, tokens):
        items = tokens[2]
        got = {items[i].decode(): items[i + 1]
               for i in range(0, len(items), 2)}
        if "UID" in got:
            self.name_slot(n, int(got["UID"]))
        check(1 <= n <= len(self.slots), "%d FETCH of %d", n, len(self.slots))
        uid = self.slots[n - 1]
        check(uid is not None, "FETCH of a message without its UID")
        self.fetched.add(uid)
        key = (self.box, uid)
        for name, value in got.items():
            if name.startswith("BODY[HEADER.FIELDS"):
                m = re.match(rb"X-Token: (\S+)\r\n\r\n$", value)
                check(m, "header fields: %r", value)
                self.world.learn_token(key, m.group(1).decode())
            elif name == "BODY[]":
                body = self.world.bodies.get(self.world.tokens.get(key))
                check(body in (None, value), "another body of %s", key)
            elif name == "RFC822.SIZE":
                body = self.world.bodies.get(self.world.tokens.get(key))
                check(body is None or len(body) == int(value),
                      "%s octets of %s", value, key)
        self.told(uid, got)

    def told(self, uid, got):
        key, m = (self.box, uid), self.messages[uid]
        if "MODSEQ" in got:
            modseq = int(got["MODSEQ"][0])
            check(modseq >= m.modseq, "MODSEQ of UID %d fell from %d to %d",
                  uid, m.modseq, modseq)
            if "FLAGS" not in got and self.silent and m.flags is not None:
                m.flags = self.silent(m.flags)
            m.modseq = modseq
        if "FLAGS" in got:
            self.flagged.add(uid)
            m.flags = frozenset(f.decode() for f in got["FLAGS"])
            self.expect(uid, m.flags)
        if "MODSEQ" in got and m.flags is not None:
            self.world.learn_state(key, m.modseq, m.flags)

    # ---- comparing

    def known(self):
        return [u for u in self.slots if u is not None and
                (self.box, u) in self.world.tokens]

    def same_as(self, truth):
        """truth: {uid: (flags, modseq)}, nothing in flight."""
        mine, theirs = self.slots, sorted(truth)
        check(len(mine) == len(theirs), "%d messages, there are %d; only "
              "here: %s, only there: %s", len(mine), len(theirs),
              set(mine) - set(theirs), set(theirs) - set(mine))
        for mine_uid, uid in zip(mine, theirs):
            check(mine_uid in (None, uid), "UID %s, it is %s", mine_uid, uid)
            m = self.messages.get(uid)
            if mine_uid is None or m.flags is None:
                continue
            flags, modseq = truth[uid]
            check(m.flags == flags, "UID %d of %s has flags %s, the session "
                  "knows %s (MODSEQ %d, %d)", uid, self.name, sorted(flags),
                  sorted(m.flags), modseq, m.modseq)
            if m.modseq:
                check(m.modseq <= modseq, "MODSEQ %d, known is %d", modseq,
                      m.modseq)
