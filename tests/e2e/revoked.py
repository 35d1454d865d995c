#!/usr/bin/env python3
"""A new password ends submission sessions of the old one, also if auth was
restarted in between and knows nothing of them any more; and only those.
LOGIN-6, RFC 5321 3.8.
"""

import base64
import os
import sys

sys.path.insert(0, os.path.dirname(__file__) + "/lib")
from suite import Instance, Smtp, check, main, until


class Submission(Smtp):
    def __init__(self, env, user, password):
        super().__init__(env, "submissions")
        self.user = user
        self.say("AUTH PLAIN " + base64.b64encode(
            ("\0%s\0%s" % (user, password)).encode()).decode(), "235")

    def submit(self):
        self.envelope(self.user, self.user)
        self.data(b"From: <%s>\r\nSubject: login\r\n\r\n" %
                  self.user.encode())


def kill_auth(instance):
    old = instance.processes()["auth"]
    os.kill(old, 9)
    until("auth is back", lambda: instance.processes().get("auth", old) !=
          old and instance.is_ready())


def passwd(instance, user, password):
    r = instance.postino("user", "passwd", user, "--password-stdin",
                         stdin=password)
    check(r.returncode == 0, "passwd: %s", r.stderr)


def test(env):
    instance = Instance(env).start().people()
    ann = Submission(instance, instance.USER1, instance.PASS1)
    bob = Submission(instance, instance.USER2, instance.PASS2)
    ann.submit()

    # The account is as it was: a restart of auth costs nobody a login.
    kill_auth(instance)
    ann.submit()
    bob.submit()

    # Changed by an auth that never saw the session.
    passwd(instance, instance.USER1, "another")
    ann.say("MAIL FROM:<%s>" % instance.USER1, "421")
    check(ann.ended(), "the session goes on")
    bob.submit()

    # The null sender belongs to everybody, but not to nobody.
    passwd(instance, instance.USER2, "another")
    bob.say("MAIL FROM:<>", "421")

    # An auth that has seen the login tells of its end at once.
    bob = Submission(instance, instance.USER2, "another")
    ann = Submission(instance, instance.USER1, "another")
    passwd(instance, instance.USER2, "a third")
    bob.expect("421", "a new password")
    check(bob.ended(), "the session goes on")
    ann.submit()

main(test)
