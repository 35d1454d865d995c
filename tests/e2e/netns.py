#!/usr/bin/env python3
"""The world outside, with real cables: Postino, Debian's Postfix and servers
that play a part, each in a network namespace, around a router that serves the
DNS.  Mail goes and comes through port 25 by MX records; other servers and the
other family are called where one fails; a cable that is pulled loses nothing.
A smarthost on port 465 is spoken to in TLS from the first octet.

RFC 5321 5.1, 5.2 (MX, implicit MX, loops, IPv6), 4.5.4.1; RFC 7505; RFC 3464;
RFC 8314 3.3.
"""
import base64
import collections
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import types

sys.path.insert(0, __file__.rpartition("/")[0] + "/lib")
import far  # noqa: E402
import netns  # noqa: E402
import postfix  # noqa: E402
from dns import Dns  # noqa: E402
from suite import Failure, Instance, Pop, Smtp, check, main, unique, \
    until  # noqa: E402

SECONDS = 150                   # for everything
US, PEER, FAR = 1, 2, 3         # the machines' numbers

# (domain below far.example, its records, who is called in this order, and who
# takes the message or the status that its sender hears).  TAKES is the IPv4
# address of that server, TAKES6 its other one; US is us.
CASES = [
    ("best", "@ MX 20 b\n@ MX 10 a\na A {TAKES}\nb A {ALSO}",
     "TAKES", "TAKES"),
    ("closed", "@ MX 10 a\n@ MX 20 b\na A {CLOSED}\nb A {TAKES}",
     "CLOSED TAKES", "TAKES"),
    ("busy", "@ MX 10 a\n@ MX 20 b\na A {BUSY}\nb A {TAKES}",
     "BUSY TAKES", "TAKES"),
    ("never", "@ MX 10 a\n@ MX 20 b\na A {NEVER}\nb A {TAKES}",
     "NEVER TAKES", "TAKES"),
    ("unroutable", "@ MX 10 a\n@ MX 20 b\na A {UNROUTABLE}\nb A {TAKES}",
     "UNROUTABLE TAKES", "TAKES"),
    ("three", "@ MX 1 a\n@ MX 2 b\n@ MX 3 c\na A {CLOSED}\nb A {BUSY}\n"
     "c AAAA {TAKES6}", "CLOSED BUSY TAKES6", "TAKES6"),
    ("addressless", "@ MX 10 a\n@ MX 20 b\na TXT x\nb A {TAKES}",
     "TAKES", "TAKES"),
    ("implicit", "@ A {TAKES}", "TAKES", "TAKES"),
    ("implicit6", "@ AAAA {TAKES6}", "TAKES6", "TAKES6"),
    ("null", "@ MX 0 .\n@ A {TAKES}", "", "5.1.10"),
    ("empty", "@ TXT x", "", "5.4.4"),
    ("both", "@ MX 10 a\na A {TAKES}\na AAAA {TAKES6}",
     "TAKES6", "TAKES6"),
    ("closed6", "@ MX 10 a\na A {TAKES}\na AAAA {CLOSED6}",
     "CLOSED6 TAKES", "TAKES"),
    ("busy6", "@ MX 10 a\na A {TAKES}\na AAAA {BUSY6}",
     "BUSY6 TAKES", "TAKES"),
    ("unroutable6", "@ MX 10 a\na A {TAKES}\na AAAA {UNROUTABLE6}",
     "UNROUTABLE6 TAKES", "TAKES"),
    ("unroutable4", "@ MX 10 a\n@ MX 20 b\na A {UNROUTABLE}\n"
     "b AAAA {TAKES6}", "UNROUTABLE TAKES6", "TAKES6"),
    ("turns", "@ MX 10 a\na AAAA {CLOSED6}\na AAAA {UNROUTABLE6}\n"
     "a A {ALSO}", "CLOSED6|UNROUTABLE6 ALSO", "ALSO"),
    ("us", "@ MX 10 a\na A {US}", "", "5.4.6"),
    ("us6", "@ MX 10 a\na AAAA {US6}", "", "5.4.6"),
    ("our-name", "@ MX 10 mail.example.org.", "", "5.4.6"),
    ("we-are-best", "@ MX 10 a\n@ MX 20 b\na A {US}\nb A {TAKES}",
     "", "5.4.6"),
    ("missing", None, "", "5.1.2"),
]
# It takes half a minute to find out, so it is begun first and looked at last.
SLOW = ("lost6", "@ MX 10 a\na A {TAKES}\na AAAA {LOST6}",
        "LOST6 TAKES", "TAKES")
# For later steps: of these no connection waits to be used again.
LATER = [(name, "@ MX 10 a\na A {TAKES}\na AAAA {TAKES6}", None, None)
         for name in ("no6", "no4", "pulled", "cut")] + [
    ("first4", "@ MX 10 a\n@ MX 20 b\na A {TAKES}\nb AAAA {TAKES6}",
     None, None)]

SETTINGS = """
myhostname = mx.peer.example
inet_interfaces = all
inet_protocols = all
mynetworks = %(far)s/32
virtual_mailbox_domains = peer.example, backup.example
virtual_mailbox_maps = inline:{ { dora@peer.example = dora },
 { dora@backup.example = dora } }
virtual_mailbox_base = %%(r)s/mail
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_minimum_uid = 100
virtual_mailbox_limit = 0
smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_peername_lookup = no
smtpd_tls_security_level = may
smtpd_tls_chain_files = %(keys)s/ecdsa.key, %(keys)s/ecdsa.pem
smtp_address_preference = ipv6
smtp_tls_security_level = verify
smtp_tls_CAfile = %(ca)s
smtp_tls_loglevel = 1
smtp_connect_timeout = 5s
minimal_backoff_time = 1s
maximal_backoff_time = 1s
queue_run_delay = 1s
"""


class Ours(Instance):
    def _write(self, conf, data):
        super()._write(conf, data)
        with open(self.root + "/postino.conf") as f:
            text = f.read()
        with open(self.root + "/postino.conf", "w") as f:
            f.write(re.sub("(?m)^listen smtp on .*", "listen smtp on *", text))


class World:
    def __init__(self, env, folder):
        self.folder = folder
        self.us = netns.Machine(US, here=True)
        self.peer, self.far = netns.Machine(PEER), netns.Machine(FAR)
        self.router = netns.network(self.us, self.peer, self.far)
        self.address = self._addresses()
        self.taken = []
        self.servers = far.Far(self.far, self.taken)
        for how, n in (("unreachable", far.UNROUTABLE),
                       ("blackhole", far.LOST)):
            self.router.never(how, self.far.v4(n), self.far.v6(n))
        self.dns = self._dns(folder)
        with self.router.inside():
            self.dns.start()
        self._postfix(env, folder)
        os.mkdir(folder + "/us")
        self.mail = Ours(
            env, root=folder + "/us", conf="retry first after 1 second\n"
            "retry at least every 2 seconds\n" + self.dns.sentences() +
            self._smarthosts(folder))

    def _addresses(self):
        found = {"US": self.us.v4(2), "US6": self.us.v6(2)}
        for n, name in enumerate(far.NAMES, far.TAKES):
            found[name], found[name + "6"] = self.far.v4(n), self.far.v6(n)
        return found

    def _dns(self, folder):
        dns = Dns(self.us.v4(1), 53, folder)
        dns.zone("example.org", "@ MX 10 mail\nmail A %s\nmail AAAA %s\n" % (
            self.us.v4(2), self.us.v6(2)))
        dns.signed("peer.example", "@ MX 10 mx\nmx A %s\nmx AAAA %s\n" % (
            self.peer.v4(2), self.peer.v6(2)))
        dns.zone("backup.example", "@ MX 10 a\n@ MX 20 mx.peer.example.\n"
                 "a A %s\n" % self.far.v4(far.TAKES))
        dns.zone("far.example", "smart A {0}\nfalse A {0}\n".format(
            self.far.v4(2)) + "".join(
            "$ORIGIN %s.far.example.\n%s\n" % (
                name, text.format(**self.address))
            for name, text, _, _ in CASES + LATER + [SLOW] if text))
        return dns

    def _postfix(self, env, folder):
        """It asks the DNS as the C library does, and calls port 25."""
        with open(folder + "/resolv.conf", "w") as f:
            f.write("nameserver %s\n" % self.us.v4(1))
        netns.mount(folder + "/resolv.conf", "/etc/resolv.conf")
        self.postfix = postfix.Postfix(
            SETTINGS % {"keys": env.keys, "ca": env.CA_FILE,
                        "far": self.far.v4(2)}, port=25, folder=folder)
        with self.peer.inside():
            self.postfix.start()

    def _smarthosts(self, folder):
        """The second has another name than its certificate says."""
        chain, key = folder + "/smart.pem", folder + "/smart.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
             chain, "-subj", "/CN=smart", "-addext",
             "subjectAltName=DNS:smart.far.example"], check=True,
            capture_output=True)
        with open(folder + "/password", "w") as f:
            f.write("secret word\n")
        self.servers.submissions(chain, key)
        return "trust authorities in %s\n" % chain + "".join(
            "send mail to %s.example through %s.far.example port 465 as "
            "office with password in %s/password\n" % (name, name, folder)
            for name in ("smart", "false"))

    # ---- sending and looking

    def submit(self, mark, rcpts):
        """One message for each."""
        with Smtp(self.mail, "submissions") as s:
            plain = "\0%s\0%s" % (self.mail.USER1, self.mail.PASS1)
            s.say("AUTH PLAIN " + base64.b64encode(plain.encode()).decode(),
                  "235")
            for rcpt in rcpts:
                s.envelope(self.mail.USER1, rcpt)
                s.data(letter(mark, rcpt))

    def hand_over(self, mark, sender, rcpts):
        """To Postfix, for it to bring."""
        door = types.SimpleNamespace(HOST=self.peer.v4(2), SMTP_PORT="25")
        with self.far.inside(), Smtp(door) as s:
            for rcpt in rcpts:
                s.envelope(sender, rcpt)
                s.data(letter(mark, rcpt))

    def flush(self):
        """To be done more than once: what Postfix finds "still being
        delivered" when it looks, it lets lie until the next time."""
        with self.peer.inside():
            self.postfix.flush()
        time.sleep(1)

    def who_took(self, mark):
        return [address for m, address in self.taken if m == mark]

    def mbox(self, mark):
        """How many Postfix has stored."""
        return self.postfix.mbox("dora").count(
            b"Subject: %s\n" % mark.encode())

    def letters(self, word):
        """Those in our user's mailbox that have this word in them."""
        with Pop(self.mail) as p:
            all_of_them = (p.retr(n).decode("utf-8", "replace") for n in
                           range(1, int(p.say("STAT").split()[1]) + 1))
            return [text for text in all_of_them if word in text]

    def called(self, domain):
        """The addresses that were called for it, in their order."""
        found = []
        for line in self.mail.log().splitlines():
            m = re.search(r"([\w.-]+) \[([0-9a-f.:]+)\]", line)
            if m and re.search("relay_(unreached|offered) ", line) and (
                    "." + m.group(1)).endswith("." + domain):
                found.append(m.group(2))
        return found

    def waiting(self):
        return self.mail.rows("queue", "list")

    def leave_log(self):
        """Postfix's folder goes when the test ends."""
        shutil.copy(self.postfix.root + "/postfix.log", self.folder)

    def empty_but(self, name):
        until("the queue is empty", lambda: not [
            row for row in self.waiting()
            if row["recipient"] != "x@%s.far.example" % name])


def letter(mark, rcpt):
    return ("From: <ann@example.org>\r\nTo: <%s>\r\nSubject: %s\r\n"
            "Message-ID: <%s>\r\n\r\nhello\r\n" % (
                rcpt, mark, unique("id"))).encode()


# ---- the steps

def out(world):
    """To Postfix, by IPv6 and TLS; what it refuses comes back."""
    mark = unique("out")
    world.submit(mark, ["dora@peer.example", "nobody@peer.example"])
    until("the message at Postfix", lambda: world.mbox(mark))
    check(world.called("peer.example")[0] == world.peer.v6(2),
          "not by IPv6: %s", world.called("peer.example"))
    text = until("Postfix's refusal", lambda: world.letters(
        "nobody@peer.example"))[0]
    for want in "Status: 5.1.1", "User unknown", "Return-Path: <>":
        check(want in text, "the report lacks %r: %s", want, text)


def in_(world):
    """From Postfix, which finds us by our MX record and proves our name."""
    mark = unique("in")
    world.hand_over(mark, "eve@peer.example", ["ann@example.org"])
    text = until("the message from Postfix", lambda: world.letters(mark))[0]
    check(re.search(r"from mx\.peer\.example \(\[IPv6:%s\]\)[^;]* ESMTPS " %
                    world.peer.v6(2), text, re.S), "from whom? %s", text)
    check("Verified TLS connection established to mail.example.org[%s]:25" %
          world.us.v6(2) in world.postfix.log(), "not verified")
    mark = unique("unknown")
    world.hand_over(mark, "ann@example.org", ["nobody@example.org"])
    text = until("Postfix's report", lambda: world.letters(
        "rfc822; nobody@example.org"))[0]
    check("550 5.1.1" in text, "our words are not in it: %s", text)


def where(world):
    """Who is called, one after the other, and what becomes of it."""
    mark = unique("where")
    world.submit(mark, ["x@%s.far.example" % name for name, *_ in CASES])
    for case in CASES:
        case_ends(world, mark, *case)
    world.empty_but(SLOW[0])
    taken = world.who_took(mark)
    want = collections.Counter(world.address[end] for *_, end in CASES
                               if end in world.address)
    check(collections.Counter(taken) == want, "taken by %s, not %s", taken,
          want)


def case_ends(world, mark, name, _, calls, end):
    domain = name + ".far.example"
    if end in world.address:
        until(domain + " is offered", lambda: world.called(domain)[-1:] == [
            world.address[end]])
    else:
        text = until("a report of " + domain, lambda: world.letters(
            "x@" + domain))[0]
        check("Status: " + end in text, "%s: %s", name, text)
    want = [[world.address[n] for n in alike.split("|")]
            for alike in calls.split()]
    got = world.called(domain)
    check(len(got) == len(want) and all(
        a in alike for a, alike in zip(got, want)),
        "%s: called %s, not %s", name, got, want)


def one_family(world):
    """Without IPv6, and without IPv4, of our own: at once by the other."""
    for gone, name, first, then in (
            (6, "no6", "TAKES6", "TAKES"), (4, "no4", "TAKES6", None),
            (4, "first4", "TAKES", "TAKES6")):
        domain = name + ".far.example"
        mark = unique(name)
        world.us.routes(gone, "del")
        began = time.monotonic()
        world.submit(mark, ["x@" + domain])
        until(name + " arrives", lambda: world.who_took(mark))
        took = time.monotonic() - began
        world.us.routes(gone, "add")
        want = [world.address[n] for n in (first, then) if n]
        check(world.called(domain) == want, "%s: called %s, not %s", name,
              world.called(domain), want)
        check(took < 15, "%s: %.1f s", name, took)


def backup(world):
    """The machine of the first MX is off the net."""
    mark = unique("backup")
    world.router.pull(world.far)
    world.submit(mark, ["dora@backup.example"])
    until("the second MX has it", lambda: world.mbox(mark))
    world.router.plug(world.far)


def pulled(world):
    """Our own cable: mail waits, in both directions, and goes when it is
    back; each message once."""
    mark, n = unique("pulled"), 10
    world.router.pull(world.us)
    world.submit(mark, ["dora@peer.example", "x@pulled.far.example"] * n)
    world.hand_over(mark, "eve@peer.example", ["ann@example.org"] * n)
    until("Postfix has been called in vain", lambda: [
        row for row in world.waiting()
        if row["recipient"] == "dora@peer.example" and row["tries"] > 0])
    check(not world.who_took(mark) and not world.mbox(mark) and
          not world.letters(mark), "it went without a cable")
    plugged = time.monotonic()
    world.router.plug(world.us)
    until("all that is ours has gone", lambda: len(
        world.who_took(mark)) >= n and world.mbox(mark) >= n)
    print("after %.1f s" % (time.monotonic() - plugged))
    until("all that is Postfix's has come", lambda: world.flush() or len(
        world.letters(mark)) >= n)
    world.empty_but(SLOW[0])
    until("Postfix's queue is empty", lambda: not world.postfix.queue())
    got = (len(world.who_took(mark)), world.mbox(mark),
           len(world.letters(mark)))
    check(got == (n, n, n), "%s, not %d of each", got, n)


def smarthost(world):
    """No password for one that cannot prove its name."""
    mark = unique("smart")
    world.submit(mark, ["x@smart.example", "x@false.example"])
    until("the smarthost has it", lambda: world.who_took(mark))
    row = until("the other waits", lambda: [
        row for row in world.waiting() if row["recipient"] ==
        "x@false.example" and "the TLS handshake" in row["why"]])[0]
    check(world.who_took(mark) == ["465"] and world.servers.logins == [
        b"AUTH PLAIN " + base64.b64encode(b"\0office\0secret word") +
        b"\r\n"], "who had it: %s, logins %s", world.who_took(mark),
        world.servers.logins)
    r = world.mail.postino("queue", "rm", row["id"])
    check(r.returncode == 0, "queue rm: %s", r.stderr)


def cut(world):
    """The cable is away while the answer to a message is under way."""
    def at_end():
        world.router.pull(world.us)
        threading.Timer(1, world.router.plug, [world.us]).start()
    mark = unique("cut")
    world.servers.at_end = at_end
    world.submit(mark, ["x@cut.far.example"])
    until("it has arrived", lambda: world.who_took(mark))
    world.servers.at_end = None
    world.empty_but(SLOW[0])
    check(len(world.who_took(mark)) == 1, "doubled")


def slow(world, mark):
    """Nobody answers for the IPv6 address, not even to say so."""
    until("the message for the lost", lambda: world.who_took(mark), 60)
    case_ends(world, mark, *SLOW)


def test(env):
    postfix.need()
    world = World(env, netns.enter(SECONDS))
    world.mail.start().people()
    mark = unique("slow")
    world.submit(mark, ["x@%s.far.example" % SLOW[0]])
    steps = [(f, (world,)) for f in (
        out, in_, where, smarthost, one_family, backup, pulled, cut)]
    steps.insert(4, (slow, (world, mark)))
    for step, args in steps:
        began = time.monotonic()
        try:
            step(*args)
        except Failure as e:
            world.leave_log()
            raise Failure("%s\n%s: %s" % (
                world.mail.tail(), step.__name__, e))
        print("%s: %.1f s" % (step.__name__, time.monotonic() - began))
    world.empty_but("")


main(test)
