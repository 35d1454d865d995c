#!/usr/bin/env python3
"""A certificate is renewed under a running server.

The files belong to root and are readable by root alone, as certbot leaves
them, and lie behind an absolute link: no process but master can open them.
`postino reload` brings the new pair to new sessions, and so does `postino tls
reload`, which does not answer before that; sessions that began with the old
one go on; half a renewal changes nothing and is told, while all else that a reload
brings takes effect.  `postino tls show` says
what is served, which need not be what lies there.  TLS-C.
"""

import hashlib
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__) + "/lib")
from suite import Instance, Pop, Smtp, arrived, check, deliver, main, unique, until


class Authority:
    """Makes certificates for the host, into files of the same names."""

    def __init__(self, env, instance):
        self.keys, self.live = env.keys, instance.root + "/archive"
        self.serial = 1000
        os.mkdir(self.live, 0o700)
        for name in "ecdsa.pem", "ecdsa.key":
            path = instance.root + "/keys/" + name
            shutil.move(path, self.live + "/" + name)
            os.symlink(self.live + "/" + name, path)

    def openssl(self, *words):
        r = subprocess.run(("openssl",) + words, capture_output=True,
                           text=True)
        check(r.returncode == 0, "openssl: %s", r.stderr)

    def make(self, parts=("key", "pem")):
        """Returns the serial number; only the parts named are put there."""
        self.serial += 1
        new = self.live + "/new"
        self.openssl("req", "-new", "-newkey", "ec", "-pkeyopt",
                     "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                     new + ".key", "-subj", "/CN=renewed", "-out",
                     new + ".csr")
        self.openssl("x509", "-req", "-in", new + ".csr", "-CA",
                     self.keys + "/ca.pem", "-CAkey", self.keys + "/ca.key",
                     "-set_serial", str(self.serial), "-days", "30",
                     "-extfile", self.keys + "/ext", "-out", new + ".pem")
        for part in parts:
            os.chmod(new + "." + part, 0o600)
            os.rename(new + "." + part, self.live + "/ecdsa." + part)
        return self.serial


def serial(talk):
    return int(talk.s.getpeercert()["serialNumber"], 16)


def served(instance):
    """What each kind of TLS session gets."""
    found = set()
    for service in "smtp", "submission":
        with Smtp(instance, service) as s:
            s.starttls()
            found.add(serial(s))
    with Smtp(instance, "submissions") as s:
        found.add(serial(s))
    with Pop(instance) as p:
        found.add(serial(p))
    return found


def reload(instance, code=0):
    r = instance.postino("reload")
    check(r.returncode == code, "reload: exit %d, not %d: %s", r.returncode,
          code, r.stderr)
    return r.stderr


def renewed(instance, authority):
    word = unique("renew")
    deliver(instance, word)
    pop, n = arrived(instance, word)
    smtp = Smtp(instance, "smtp")
    smtp.starttls()
    before = serial(smtp)
    new = authority.make()
    check(served(instance) == {before}, "renewed before the reload")
    reload(instance)
    until("all serve the new certificate", lambda: served(instance) == {new})
    # The sessions before go on, with the certificate they began with.
    check(word.encode() in pop.retr(n), "POP3")
    pop.quit()
    smtp.envelope("e2e@example.com", instance.USER1)
    smtp.data(b"Subject: still here\r\n\r\n")
    check(serial(smtp) == before, "another certificate in one session")
    smtp.say("QUIT", "221")
    return new


def half_renewed(instance, authority, before):
    lines = len(instance.log().splitlines())
    authority.make(parts=("pem",))
    # All else is in effect; that this is not is said by the command itself.
    with open(instance.conf, "a") as f:
        f.write("accept messages up to 3 MB\n")
    said = reload(instance, 65)
    check(instance.root + "/keys/ecdsa.pem: the key is not that of" in said and
          "stays in force" in said and "tls show" in said, "reload: %s", said)
    with Smtp(instance, "smtp") as s:
        check("SIZE 3145728" in s.extensions, "the rest: %s", s.extensions)
    until("it is told", lambda: any(
        " error key_unusable " in line and "not that of" in line
        for line in instance.log().splitlines()[lines:]))
    check(served(instance) == {before}, "half a pair is served")
    new = authority.make()
    reload(instance)
    until("the whole pair is served", lambda: served(instance) == {new})
    return new


def tls(instance, verb, code):
    """The one row, and what was said; the exit code must be this one."""
    r = instance.postino("--json", "tls", verb)
    check(r.returncode == code, "tls %s: exit %d, not %d: %s", verb,
          r.returncode, code, r.stderr)
    rows = [json.loads(line) for line in r.stdout.splitlines()]
    return rows[0] if rows else None, r.stderr


def spki(path):
    """SHA-256 of the public key of the certificate in this file."""
    pem = subprocess.run(("openssl", "x509", "-in", path, "-noout", "-pubkey"),
                         capture_output=True, check=True).stdout
    der = subprocess.run(("openssl", "pkey", "-pubin", "-outform", "DER"),
                         input=pem, capture_output=True, check=True).stdout
    return hashlib.sha256(der).hexdigest()


def told(instance, authority):
    """tls show and tls reload, through a whole and half a renewal."""
    lies = authority.live + "/ecdsa.pem"
    row, said = tls(instance, "show", 0)
    check(said == "" and row["state"] == "good" and row["fault"] == "" and
          instance.TLS_NAME in row["names"] and "127.0.0.1" in row["names"] and
          row["matches"] == "yes" and row["chain"] == 1 and
          row["type"] == "ECDSA P-256" and row["days"] in (29, 30) and
          row["issuer"] == "CN=Postino quickstart" and
          row["certificate"] == instance.root + "/keys/ecdsa.pem" and
          row["spki"] == spki(lies), "tls show: %s", row)
    new = authority.make()
    row, said = tls(instance, "show", 1)
    check(row["state"] == "file changed" and "tls reload" in said and
          row["spki"] != spki(lies), "newer: %s %s", row, said)
    # In force means: no session after the answer gets the old one.
    for _ in range(5):
        tls(instance, "reload", 0)
        check(served(instance) == {new}, "it was not in force")
        row, said = tls(instance, "show", 0)
        check(row["spki"] == spki(lies), "tls show: %s", row)
        new = authority.make()
    tls(instance, "reload", 0)
    # Half a pair, twice: what is wrong is said, and the old one is served.
    authority.make(parts=("pem",))
    for _ in range(2):
        row, said = tls(instance, "reload", 65)
        check(row is None and "not that of the first certificate" in said and
              "tls show" in said, "half a pair: %s", said)
        check(served(instance) == {new}, "half a pair is served")
    row, said = tls(instance, "show", 1)
    check(row["state"] == "refused" and "not that of" in row["fault"] and
          row["days"] in (29, 30), "refused: %s", row)
    os.rename(lies, lies + ".away")
    row, said = tls(instance, "reload", 65)
    check("No such file" in said, "no file: %s", said)
    os.rename(lies + ".away", lies)
    new = authority.make()
    tls(instance, "reload", 0)
    check(served(instance) == {new}, "the whole pair is not served")
    return new


def late(instance, authority):
    """Who does not take the new one is told of, and waited for 5 s."""
    new = authority.make()
    pid = instance.processes()["imapd"]
    os.kill(pid, signal.SIGSTOP)
    try:
        row, said = tls(instance, "reload", 75)
        check(row is None and "1 process may still" in said, "late: %s", said)
        check(served(instance) == {new}, "the others have it")
    finally:
        os.kill(pid, signal.SIGCONT)
    until("all have it", lambda: instance.postino("tls", "show").returncode
          == 0, 5)


def soon_served(instance, serial):
    """A handshake fails that began with the chain of a key that died with
    its process; until the talkers have heard of the new ones."""
    def look():
        try:
            return served(instance) == {serial}
        except (ssl.SSLError, ConnectionError):
            return False
    until("it serves the files of now", look, 5)


def key_restarted(instance, authority):
    """Who takes over from a dead key gets the files of now."""
    new = authority.make()
    old = instance.processes()["key"]
    os.kill(old, 9)
    until("key is back", lambda: instance.processes().get("key", old) != old)
    soon_served(instance, new)


def moved(instance, authority):
    """Another path, in a folder that was not there at the start."""
    new = authority.make()
    folder = instance.root + "/elsewhere"
    shutil.copytree(authority.live, folder)
    text = open(instance.conf).read()
    with open(instance.conf, "w") as f:
        f.write(text.replace(instance.root + "/keys/", folder + "/"))
    shutil.rmtree(authority.live)
    reload(instance)
    until("the moved pair is served", lambda: served(instance) == {new})
    old = instance.processes()["key"]
    os.kill(old, 9)
    until("key is back", lambda: instance.processes().get("key", old) != old)
    soon_served(instance, new)


def nobody_else_can(instance):
    """What key holds is no file any more."""
    pid = instance.processes()["key"]
    for n in os.listdir("/proc/%d/fd" % pid):
        to = os.readlink("/proc/%d/fd/%s" % (pid, n))
        check("ecdsa" not in to, "key holds %s", to)


def test(env):
    instance = Instance(env)
    authority = Authority(env, instance)
    instance.start().people()
    nobody_else_can(instance)
    new = renewed(instance, authority)
    new = half_renewed(instance, authority, new)
    told(instance, authority)
    late(instance, authority)
    nobody_else_can(instance)
    key_restarted(instance, authority)
    moved(instance, authority)


main(test)
