#!/usr/bin/env python3
"""A second instance is our smarthost: it proves its name by TLS, takes our login
and delivers; with a wrong password, or an authority we do not trust, the mail
waits and nothing is said in the clear.  A reload brings the right password, and
the mail goes.

RFC 4954 4 and 6; RFC 9525 6; RFC 6409 3.3.
"""
import base64
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)) + "/lib")
from suite import Instance, Pop, Smtp, check, main, until, unique  # noqa: E402


def submit(env, sender, password, rcpt, mark):
    with Smtp(env, "submissions") as s:
        plain = "\0%s\0%s" % (sender, password)
        s.say("AUTH PLAIN " + base64.b64encode(plain.encode()).decode(), "235")
        s.envelope(sender, rcpt)
        s.data(("From: <%s>\r\nSubject: %s\r\n\r\nhello\r\n" % (
            sender, mark)).encode())


def has(env, mark):
    with Pop(env, env.USER2, env.PASS2) as p:
        for n in range(int(p.say("STAT").split()[1]), 0, -1):
            p.say("RETR %d" % n)
            text = p.octets()
            if mark.encode() in text:
                return text
    return None


class Ours(Instance):
    DOMAIN = "office.example"

    def _write(self, conf, data):
        super()._write(conf, data)
        with open(self.root + "/postino.conf") as f:
            text = f.read()
        with open(self.root + "/postino.conf", "w") as f:
            f.write(text.replace("server name " + self.TLS_NAME,
                                 "server name mail." + self.DOMAIN))


def instance(env, password, port, authorities):
    """Sends all mail through env, as env's first user.  The password is where
    only root looks."""
    root = tempfile.mkdtemp(prefix="e2e-", dir="/tmp")
    os.mkdir(root + "/secret", 0o700)
    conf = "send mail through localhost port %s as %s with password in " \
        "%s/secret/word\ntrust authorities in %s\n" \
        "retry first after 1 second\nretry at least every 2 seconds\n" % (
            port, env.USER1, root, authorities)
    mine = Ours(env, conf=conf, root=root)
    password_is(mine, password)
    return mine.start().people()


def password_is(mine, password):
    with open(mine.root + "/secret/word", "w") as f:
        f.write(password + "\n")


def waits(mine, mark, why):
    submit(mine, mine.USER1, mine.PASS1, "bob@example.org", mark)

    def look():
        return [r for r in mine.rows("queue", "list")
                if why in r.get("why", "")]
    until("the message waits because of %r" % why, look)


def test(env):
    # Who submits there must own the sender's address.
    env.postino("domain", "add", Ours.DOMAIN)
    env.postino("alias", "add", "ann@" + Ours.DOMAIN, env.USER1)
    mine = instance(env, env.PASS1, env.SUBMISSION_PORT, env.CA_FILE)
    mark = unique("smart")
    submit(mine, mine.USER1, mine.PASS1, env.USER2, mark)
    until("the message is there", lambda: has(env, mark))
    check("tls=TLSv1.3" in mine.log(), "no TLS: %s", mine.tail())
    mine.stop()
    mine = instance(env, "wrong", env.SUBMISSION_PORT, env.CA_FILE)
    mark = unique("wrong")
    waits(mine, mark, "535")
    check("relay_login_failed" in mine.log(), "not in the log")
    pid = mine.processes()["relay"]
    password_is(mine, env.PASS1)
    r = mine.postino("reload")
    check(r.returncode == 0 and not r.stdout, "reload: %s%s", r.stdout,
          r.stderr)
    until("the message is there after the reload", lambda: has(env, mark))
    check(mine.processes()["relay"] == pid, "relay was restarted")
    os.unlink(mine.root + "/secret/word")
    mine.postino("reload")
    mark = unique("gone")
    submit(mine, mine.USER1, mine.PASS1, env.USER2, mark)
    until("the message is there without the file", lambda: has(env, mark))
    mine.stop()
    mine = instance(env, env.PASS1, env.SUBMISSION_PORT, "/dev/null")
    waits(mine, unique("untrusted"), "the TLS handshake")
    mine.stop()


main(test)
