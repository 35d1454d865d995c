"""What the sessions of the stress client do; session.py chooses."""

import re
import threading
import time

from imap import Lost
from model import SYSTEM, check, kind, owner, set_of, uids_of

BOXES = ["stress1", "stress2", "INBOX"]
ROAM = "roam"
FULL = 120              # messages from which on a mailbox gets no more
UNAVAILABLE = "UNAVAILABLE", "SERVERBUG"

# The one name that is renamed and appended to by one session at a time.
roam_lock = threading.Lock()
roam = {"name": ROAM, "least": 0, "most": 0}


class Actions:
    """Needs of Session: view, world, imap, number, random, ok, command,
    modseqs."""

    # ---- choosing

    def some(self, want, most=8):
        """UIDs, some of those whose tokens are known and fit; a run or a
        sample of them."""
        v = self.view
        fit = [u for u in v.known() if want(self.world.tokens[v.box, u])]
        if not fit:
            return []
        n = self.random.randint(1, min(most, len(fit)))
        if self.random.random() < 0.5:
            at = self.random.randrange(len(fit) - n + 1)
            return fit[at:at + n]
        return sorted(self.random.sample(fit, n))

    def mutable(self, token):
        return kind(token) != "own" or owner(token) == self.number

    def mortal(self, token):
        return kind(token) == "any" or (kind(token) == "own" and
                                        owner(token) == self.number)

    def name_set(self, uids):
        """("UID " or "", the set as that command counts)"""
        if self.random.random() < 0.6:
            return "UID ", set_of(uids)
        return "", set_of(self.view.slots.index(u) + 1 for u in uids)

    # ---- STORE

    def store(self):
        v = self.view
        delete = self.random.random() < 0.25
        uids = self.some(self.mortal if delete else self.mutable)
        if not uids or v.readonly:
            return self.read_only(uids)
        tokens = [self.world.tokens[v.box, u] for u in uids]
        mine = all(kind(t) == "own" for t in tokens)
        flags = set(self.random.sample(SYSTEM, self.random.randint(0, 2)))
        flags.add("\\Deleted" if delete else "$s%d" % self.number)
        sign = self.random.choice(("+", "-", "") if mine else ("+", "-"))
        if delete:
            sign = "+" if sign == "" else sign
            self.world.doom((v.box, u) for u in uids)
        silent = self.random.random() < 0.4
        since = None
        if self.modseqs() and self.random.random() < 0.3:
            since = max(0, max(v.messages[u].modseq for u in uids) -
                        self.random.choice((0, 0, 1, 5)))
        return self.store_do(uids, sign, frozenset(flags), silent, since)

    def read_only(self, uids):
        if uids:
            reply = self.command("UID STORE %d +FLAGS (\\Seen)" % uids[0])
            check(reply.word == "NO" and reply.code == "READ-ONLY",
                  "STORE after EXAMINE: %s", reply)

    def store_do(self, uids, sign, flags, silent, since):
        v = self.view

        def change(old):
            return old | flags if sign == "+" else old - flags \
                if sign == "-" else flags

        old = {u: v.allowed.get(u, set()) for u in uids}
        for u in uids:
            v.allowed[u] = old[u] | {v.part(u, change(self.whole(u, a)))
                                     for a in old[u]}
        uid, numbers = self.name_set(uids)
        if silent:
            v.silent = change
        try:
            reply = self.ok("%sSTORE %s %s%sFLAGS%s (%s)" % (
                uid, numbers, "" if since is None else
                "(UNCHANGEDSINCE %d) " % since, sign, ".SILENT" if silent
                else "", " ".join(sorted(flags))))
        finally:
            v.silent = None
        self.stored(uids, change, silent, since, old, reply, uid)

    def whole(self, uid, part):
        """All flags as far as this session's part of them goes."""
        return frozenset(part)

    def stored(self, uids, change, silent, since, old, reply, uid):
        v = self.view
        modified = set()
        if reply.code.startswith("MODIFIED "):
            modified = set(uids_of(reply.code.split()[1]))
            if not uid:
                modified = {v.slots[n - 1] for n in modified}
            check(since is not None and modified <= set(uids),
                  "MODIFIED %s of %s", modified, uids)
        for u in uids:
            if u not in v.messages:
                continue                    # somebody removed it
            m = v.messages[u]
            if u in modified:
                narrowed = old[u]
            else:
                narrowed = {v.part(u, change(a)) for a in old[u]}
            v.allowed[u] = narrowed or v.allowed[u]
            if not v.allowed[u]:
                v.allowed.pop(u)
            if u in modified:
                continue
            if not silent:
                check(u in v.flagged or self.world.may_be_gone((v.box, u)),
                      "STORE said nothing of UID %d", u)
            elif u not in v.flagged and m.flags is not None and \
                    u not in v.fetched:
                m.flags = change(m.flags)
            if u in v.flagged:
                v.expect(u, m.flags)

    # ---- APPEND

    def append(self):
        v = self.view
        name = self.random.choice(BOXES)
        n = self.random.choice((1, 1, 1, 2, 5))
        literals, tokens, text = [], [], "APPEND " + name
        for _ in range(n):
            what = self.random.choice(("keep", "own", "any", "any"))
            token = self.world.token_new(self.number, what)
            body = ("From: stress@example.org\r\nSubject: message %s\r\n"
                    "X-Token: %s\r\n\r\n" % (token, token) +
                    "x" * self.random.choice((10, 100, 2000, 70)) +
                    "\r\n").encode()
            if self.random.random() < 0.02:
                body += b"a line of a longer message\r\n" * 3500
            with self.world.lock:
                self.world.bodies[token] = body
            flags = self.random.sample(SYSTEM + ["$s%d" % self.number], 1)
            text += self.random.choice((" (%s)" % flags[0], "")) + " %s"
            literals.append(body)
            tokens.append(token)
        reply = self.append_do(text, literals)
        m = re.match(r"APPENDUID (\d+) (\S+)$", reply.code)
        check(m, "APPEND: %s", reply)
        box = name, int(m.group(1))
        uids = uids_of(m.group(2))
        check(len(uids) == n, "APPENDUID %s of %d", reply.code, n)
        check(uids == sorted(uids), "APPENDUID %s", reply.code)
        for u, token in zip(uids, tokens):
            self.world.learn_token((box, u), token, acknowledged=True)
        self.world.learn_uidnext(box, uids[-1] + 1)
        if v and v.box == box:
            # RFC 9051 6.3.12: EXISTS at once, if it is the selected one.
            check(not v.slots or v.slots[-1] is None or
                  v.slots[-1] >= uids[-1], "no EXISTS after APPEND")

    def append_do(self, text, literals):
        """Long literals wait for the server."""
        if all(len(b) <= 4096 for b in literals):
            return self.ok(text, literals)
        if self.view:
            self.view.command = "APPEND"
        self.imap.number += 1
        self.imap.commands += 1
        tag = b"%d" % self.imap.number
        out = tag + b" "
        for part, body in zip(text.encode().split(b"%s"), literals):
            self.imap.send(out + part + b"{%d}\r\n" % len(body))
            self.imap.listen(b"+ ")
            out = body
        self.imap.send(out + b"\r\n")
        reply = self.imap.end(tag)
        if reply.word == "NO" and reply.code in UNAVAILABLE:
            raise Lost(reply.text)
        check(reply.word == "OK", "APPEND: %s", reply)
        return reply

    # ---- COPY, MOVE

    def copy(self):
        v = self.view
        move = self.random.random() < 0.4 and not v.readonly
        if not move and len(v.slots) > FULL:
            return
        uids = self.some(self.mortal if move else self.mutable)
        if not uids:
            return
        if move:
            self.world.doom((v.box, u) for u in uids)
        name = self.random.choice(BOXES)
        uid, numbers = self.name_set(uids)
        reply = self.ok("%s%s %s %s" % (uid, "MOVE" if move else "COPY",
                                        numbers, name))
        self.copied(reply, uids, name, move)

    def copied(self, reply, uids, name, move):
        v = self.view
        text = reply.code if not move else next(
            (t[0].split(b"[")[1].split(b"]")[0].decode()
             for t in reply.untagged if t[0].startswith(b"OK [COPYUID")), "")
        if not text:
            check(all(self.world.may_be_gone((v.box, u)) for u in uids),
                  "nothing was copied of %s", uids)
            return
        _, validity, old, new = text.split()
        old, new, box = uids_of(old), uids_of(new), (name, int(validity))
        check(len(old) == len(new) and set(old) <= set(uids), "COPYUID %s of "
              "%s", text, uids)
        check(new == sorted(set(new)), "COPYUID %s", text)
        for u, n in zip(old, new):
            self.world.learn_token((box, n), self.world.tokens[v.box, u],
                                   acknowledged=not move)
        for u in set(uids) - set(old):
            check(self.world.may_be_gone((v.box, u)), "UID %d was not copied",
                  u)
        if move:
            for u in old:
                check(u not in v.slots, "UID %d was moved and is there", u)

    # ---- EXPUNGE

    def expunge(self):
        v = self.view
        if v.readonly:
            return
        # Own messages whose \Deleted is certain.
        sure = {u for u in v.known() if kind(self.world.tokens[v.box, u]) ==
                "own" and owner(self.world.tokens[v.box, u]) == self.number
                and v.allowed.get(u) and all("\\Deleted" in a
                                             for a in v.allowed[u])}
        if self.random.random() < 0.5:
            reply = self.ok("EXPUNGE")
        else:
            uids = self.some(lambda t: True, 30)
            if not uids:
                return
            reply = self.ok("UID EXPUNGE " + set_of(uids))
            sure &= set(uids)
        check(not sure & set(v.slots), "%s were not expunged",
              sure & set(v.slots))
        if v.qresync:
            m = re.match(r"HIGHESTMODSEQ (\d+)", reply.code)
            check(m, "EXPUNGE: %s", reply)
            check(int(m.group(1)) >= v.modseq, "HIGHESTMODSEQ fell to %s",
                  m.group(1))
            if None not in v.slots:
                v.modseq = int(m.group(1))

    # ---- reading

    def fetch(self):
        v = self.view
        uids = self.some(lambda t: True, 20)
        if not uids:
            return
        uid, numbers = self.name_set(uids)
        what = self.random.choice((
            "FLAGS", "(FLAGS RFC822.SIZE)", "(UID ENVELOPE)", "BODY.PEEK[]",
            "(UID BODY.PEEK[HEADER.FIELDS (X-TOKEN)])", "BODYSTRUCTURE"))
        if self.modseqs() and "FLAGS" in what:
            what = what.replace("FLAGS", "FLAGS MODSEQ")
            what = what if what[0] == "(" else "(%s)" % what
        self.ok("%sFETCH %s %s" % (uid, numbers, what))
        for u in uids:
            check(u in v.fetched or self.world.may_be_gone((v.box, u)),
                  "FETCH left out UID %d", u)

    def fetch_seen(self):
        """Without PEEK, so \\Seen comes with it (RFC 9051 6.4.5)."""
        v = self.view
        uids = self.some(self.mutable, 3)
        if not uids:
            return
        for u in uids if not v.readonly else []:
            if v.allowed.get(u):
                v.allowed[u] |= {v.part(u, a | {"\\Seen"})
                                 for a in v.allowed[u]}
        self.ok("UID FETCH %s BODY[TEXT]" % set_of(uids))
        if not v.readonly:
            for u in uids:
                if u in v.messages and v.allowed.get(u) and kind(
                        self.world.tokens[v.box, u]) == "own":
                    v.allowed[u] = {a | {"\\Seen"} for a in v.allowed[u]}
                    check(v.messages[u].flags is None or "\\Seen" in
                          v.messages[u].flags or self.world.may_be_gone(
                              (v.box, u)) and u not in v.flagged,
                          "UID %d was read and is not \\Seen", u)

    def changed_since(self):
        v = self.view
        if v.qresync and v.slots:
            self.ok("UID FETCH 1:* (FLAGS) (CHANGEDSINCE %d VANISHED)" %
                    max(1, v.modseq - self.random.randint(0, 50)))

    def search(self):
        v = self.view
        known = [u for u in v.known() if v.allowed.get(u) and
                 self.mutable(self.world.tokens[v.box, u])]
        if not known:
            return
        word = "$s%d" % self.number
        inside = set_of(known)
        uid = self.random.choice(("UID ", ""))
        reply = self.ok("%sSEARCH UID %s %s %s" % (
            uid, inside, "KEYWORD", word))
        found = set()
        for t in reply.untagged:
            if t[0] == b"SEARCH":
                found |= {int(n) for n in t[1:] if not isinstance(n, list)}
            elif t[0] == b"ESEARCH" and b"ALL" in t:
                found |= set(uids_of(t[t.index(b"ALL") + 1].decode()))
        if not uid:
            check(all(1 <= n <= len(v.slots) for n in found), "SEARCH %s of "
                  "%d", found, len(v.slots))
            found = {v.slots[n - 1] for n in found}
        for u in known:
            if u not in v.allowed:
                continue                    # it went meanwhile
            has = {word in a for a in v.allowed[u]}
            check(len(has) == 2 or (u in found) == (True in has) or
                  self.world.may_be_gone((v.box, u)) and u not in found,
                  "SEARCH %s UID %d, its flags are %s", "found" if u in found
                  else "did not find", u, [sorted(a) for a in v.allowed[u]])
        check(found <= set(known), "SEARCH found %s", found - set(known))

    def saved(self):
        """RFC 5182: $ is what SEARCH found, as it is now."""
        v = self.view
        uids = self.some(lambda t: True, 30)
        if not uids:
            return
        self.ok("UID SEARCH RETURN (SAVE) UID " + set_of(uids))
        self.ok("UID FETCH $ (FLAGS)")
        for u in uids:
            check(u in v.fetched or self.world.may_be_gone((v.box, u)),
                  "$ left out UID %d", u)

    def status(self):
        name = self.random.choice(BOXES)
        reply = self.ok("STATUS %s (MESSAGES UIDNEXT UIDVALIDITY "
                        "HIGHESTMODSEQ)" % name)
        t = next(t for t in reply.untagged if t[0] == b"STATUS")
        got = dict(zip(t[2][::2], map(int, t[2][1::2])))
        box = name, got[b"UIDVALIDITY"]
        self.world.learn_uidnext(box, got[b"UIDNEXT"])

    def noop(self):
        self.ok("NOOP")

    def idle(self, seconds=None):
        if self.view:
            self.view.command = "IDLE"
        tag = self.imap.begin("IDLE")
        self.imap.listen(b"+ ")
        end = time.time() + (seconds or self.random.random() / 2)
        while True:
            left = end - time.time()
            if left <= 0:
                break
            self.imap.socket.settimeout(left)
            try:
                self.imap.listen_one()
            except TimeoutError:
                break
            finally:
                self.imap.socket.settimeout(60)
        self.imap.send(b"DONE\r\n")
        check(self.imap.end(tag).word == "OK", "IDLE failed")

    # ---- the mailbox whose name changes

    def rename(self):
        if not roam_lock.acquire(timeout=0.01):
            return
        try:
            self.rename_do()
        finally:
            roam_lock.release()

    def rename_do(self):
        name = self.roam_name()
        what = self.random.random()
        if what < 0.5:
            new = "%s%d" % (ROAM, self.random.randint(0, 5))
            if new == name:
                return
            self.ok("RENAME %s %s" % (name, new))
            roam["name"] = new
            reply = self.command("STATUS %s (MESSAGES)" % name)
            check(reply.word == "NO", "%s is there after RENAME", name)
        elif what < 0.9:
            roam["most"] += 1
            self.ok("APPEND %s %%s" % name, [b"Subject: roam\r\n\r\nx\r\n"])
            roam["least"] += 1
        else:
            self.ok("DELETE " + name)
            self.ok("CREATE " + name)
            roam["least"] = roam["most"] = 0
        self.roam_count()

    def roam_name(self):
        """Who was cut off before the answer does not know what it did."""
        reply = self.ok('LIST "" "%s*"' % ROAM)
        names = [t[-1].decode() for t in reply.untagged if t[0] == b"LIST"]
        check(len(names) <= 1, "two mailboxes: %s", names)
        if not names:
            self.ok("CREATE " + ROAM)
            roam.update(name=ROAM, least=0, most=0)
            return ROAM
        return names[0]

    def roam_count(self):
        reply = self.ok("STATUS %s (MESSAGES)" % self.roam_name())
        t = next(t for t in reply.untagged if t[0] == b"STATUS")
        n = int(t[2][1])
        if n == 0:
            roam["least"] = 0
        check(roam["least"] <= n <= roam["most"], "%s has %d messages, %s",
              t[1], n, roam)
        roam["least"] = roam["most"] = n
