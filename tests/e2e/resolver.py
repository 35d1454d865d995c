#!/usr/bin/env python3
"""resolver with a real DNS server: what is signed is validated, what is wrong
is an error and never "there is no record", and a long answer comes over TCP.

RFC 4035 4.3 (secure, insecure, bogus), 5.2 (CNAME), RFC 1035 4.2 (UDP, TCP),
RFC 2308 (no such name, no such record), RFC 7505 (null MX).
"""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(__file__) + "/lib")
from dns import Dns
from suite import Instance, check, main, status_of, until

OK, NOHOST, TEMPFAIL = 0, 68, 75
MANY = 150                      # addresses: more than a datagram holds

PLAIN = """@ MX 10 mail
@ MX 20 mail.plain.example.
mail A 192.0.2.1
mail AAAA 2001:db8::1
alias CNAME @
abroad CNAME good.example.
nowhere CNAME missing.good.example.
null MX 0 .
*.wild MX 5 mail
""" + "".join("many A 192.0.2.%d\n" % i for i in range(MANY))

SIGNED = """@ MX 10 mail
mail A 192.0.2.2
alias CNAME @
abroad CNAME plain.example.
text TXT "x"
"""


def servers():
    dns = Dns()
    dns.zone("plain.example", PLAIN)
    dns.signed("good.example", SIGNED)
    dns.signed("hashed.example", SIGNED, "-n")
    forge(dns.signed("forged.example", SIGNED))
    dns.signed("old.example", SIGNED, "-i", "20200101", "-e", "20200201")
    # Signed, they say; but the zone that is served is not.
    dns.signed("stripped.example", SIGNED)
    dns.zone("stripped.example", SIGNED)
    return dns


def forge(path):
    """Another mail server, with the signature of the real one."""
    with open(path) as f:
        text = f.read()
    with open(path, "w") as f:
        f.write(re.sub(r"(?m)^(forged\S*\s+\d+\s+IN\s+MX\s+)10 ", r"\g<1>11 ",
                       text))


CASES = [       # name, type, exit code, what of its rows, signed
    ("plain.example", "MX", OK, {"10 mail.plain.example",
                                 "20 mail.plain.example"}, "no"),
    ("plain.example.", "MX", OK, None, "no"),
    ("PLAIN.Example", "MX", OK, None, "no"),
    ("mail.plain.example", "A", OK, {"192.0.2.1"}, "no"),
    ("mail.plain.example", "AAAA", OK, {"2001:db8::1"}, "no"),
    ("null.plain.example", "MX", OK, {"0 ."}, "no"),
    ("x.wild.plain.example", "MX", OK, {"5 mail.plain.example"}, "no"),
    ("alias.plain.example", "MX", OK, {"10 mail.plain.example",
                                       "20 mail.plain.example"}, "no"),
    ("alias.plain.example", "CNAME", OK, {"plain.example"}, "no"),
    # What a chain leads through decides (RFC 4035 4.3).
    ("abroad.plain.example", "MX", OK, {"10 mail.good.example"}, "no"),
    ("abroad.good.example", "MX", OK, None, "no"),
    ("nowhere.plain.example", "MX", NOHOST, None, None),
    ("mail.plain.example", "MX", NOHOST, None, None),
    ("missing.plain.example", "MX", NOHOST, None, None),
    ("many.plain.example", "A", OK, {"192.0.2.%d" % i for i in range(MANY)},
     "no"),
    ("good.example", "MX", OK, {"10 mail.good.example"}, "yes"),
    ("alias.good.example", "MX", OK, {"10 mail.good.example"}, "yes"),
    ("mail.good.example", "A", OK, {"192.0.2.2"}, "yes"),
    ("text.good.example", "TXT", OK, {"\\# 2 0178"}, "yes"),
    # That there is none is signed, too (RFC 4035 5.4, RFC 5155 8).
    ("mail.good.example", "AAAA", NOHOST, None, None),
    ("missing.good.example", "MX", NOHOST, None, None),
    ("mail.hashed.example", "A", OK, {"192.0.2.2"}, "yes"),
    ("mail.hashed.example", "AAAA", NOHOST, None, None),
    ("missing.hashed.example", "MX", NOHOST, None, None),
    # The rest of the zone is as it should be.
    ("forged.example", "MX", TEMPFAIL, None, None),
    ("alias.forged.example", "MX", TEMPFAIL, None, None),
    ("mail.forged.example", "A", OK, {"192.0.2.2"}, "yes"),
    ("mail.old.example", "A", TEMPFAIL, None, None),
    ("missing.old.example", "A", TEMPFAIL, None, None),
    ("mail.stripped.example", "A", TEMPFAIL, None, None),
    ("missing.stripped.example", "A", TEMPFAIL, None, None),
    # This server refuses to speak of it.
    ("elsewhere.invalid.example", "MX", TEMPFAIL, None, None),
]


def answers(instance):
    for name, kind, code, data, signed in CASES:
        r = instance.postino("--json", "dns", name, kind)
        what = "%s %s: %s%s" % (name, kind, r.stdout, r.stderr)
        check(r.returncode == code, "exit %d, not %d: %s", r.returncode, code,
              what)
        check(bool(r.stdout) == (code == OK), "%s", what)
        if code != OK:
            continue
        rows = instance.rows("dns", name, kind)
        check(data is None or {row["data"] for row in rows} == data, "%s",
              what)
        check({row["signed"] for row in rows} == {signed}, "%s", what)
        check(all(row["ttl"] <= 300 for row in rows), "%s", what)
    check("warn dns_bogus name=forged.example type=15" in instance.log() and
          "name=mail.stripped.example" in instance.log(), "the log: %s",
          instance.tail())


def figures(instance):
    for row in instance.rows("status"):
        if row["process"] == "resolver":
            return row["figures"]


def counted(instance):
    f = figures(instance)
    check(f["bogus"] == sum(code == TEMPFAIL for _, _, code, _, _ in CASES) - 1
          and f["failed"] == 1, "bogus or failed: %s", f)
    check(f["queries"] == f["found"] + f["nodata"] + f["nxdomain"] +
          f["bogus"] + f["failed"], "the sum: %s", f)
    check(f["under_way"] == 0 and f["refused"] == 0, "at rest: %s", f)


def at_rest(instance):
    """One thread, and no UDP port is left open (RFC 5452 9.2).  A TCP connection
    to a server is kept for a minute."""
    pid = instance.processes()["resolver"]
    check(status_of(pid)["Threads"] == "1", "threads")
    own = set()
    for fd in os.listdir("/proc/%d/fd" % pid):
        to = os.readlink("/proc/%d/fd/%s" % (pid, fd))
        own.add(to[8:-1])
    for kind in "udp", "udp6":
        with open("/proc/%d/net/%s" % (pid, kind)) as f:
            left = [line for line in f.readlines()[1:]
                    if line.split()[9] in own]
        check(not left, "%s left open: %s", kind, left)


def server_away(instance, dns):
    """Later, while nobody answers; and soon again when somebody does."""
    dns.stop()
    r = instance.postino("dns", "mail2.plain.example", "A")
    check(r.returncode == TEMPFAIL, "without a server: %d %s%s", r.returncode,
          r.stdout, r.stderr)
    dns.start()
    until("names are resolved again", lambda: instance.postino(
        "dns", "x9.wild.plain.example", "MX").returncode == OK, 60)


def reload(instance, other):
    """Another forwarder, without a restart."""
    pid = instance.processes()["resolver"]
    with open(instance.conf) as f:
        text = f.read()
    with open(instance.conf, "w") as f:
        f.write(re.sub(r"(names through 127.0.0.1 port) \d+", r"\1 %d" %
                       other.port, text))
    r = instance.postino("reload")
    check(r.returncode == 0, "reload: %s", r.stderr)
    until("the other server is asked", lambda: instance.postino(
        "dns", "other.example", "MX").returncode == OK, 20)
    check(instance.processes()["resolver"] == pid, "it was restarted")
    # The kernel was not told of this port: TCP cannot be had.
    check("restart" not in r.stdout or str(other.port) in r.stdout, "%s",
          r.stdout)


def test(env):
    dns = servers().start()
    other = Dns()
    other.zone("other.example", "@ MX 1 x\n")
    other.start()
    instance = Instance(env, conf=dns.sentences()).start()
    answers(instance)
    counted(instance)
    at_rest(instance)
    server_away(instance, dns)
    reload(instance, other)


main(test)
