#!/usr/bin/env python3
"""smtplib and poplib: submission with STARTTLS and TLS from the start, AUTH
PLAIN and LOGIN; POP3 with STLS and TLS, UIDL the same in each session, TOP,
deletions at QUIT only.

RFC 6409 4.3, RFC 8314 3, RFC 4954 4 and 6; RFC 1939 5, 6, 7 and 8, RFC 2595 4,
RFC 2449 8 (response codes, RFC 3206).
"""

import contextlib
import email.message
import email.policy
import os
import poplib
import smtplib
import ssl
import sys

sys.path.insert(0, os.path.dirname(__file__) + "/lib")
from suite import check, forget, main, unique


class Fixed:
    """The certificate names the host; the address is looked up nowhere."""

    def __init__(self, env):
        self.context = ssl.create_default_context(cafile=env.CA_FILE)
        self.name = env.TLS_NAME

    def wrap_socket(self, sock, server_hostname=None, **more):
        return self.context.wrap_socket(sock, server_hostname=self.name,
                                        **more)


def letter(env, word, name):
    m = email.message.EmailMessage(policy=email.policy.SMTP)
    m["From"], m["To"] = env.USER1, env.USER2
    m["Subject"] = "%s %s: grüße" % (word, name)
    m.set_content("Ünïcödé\n.\n..\n" + "long " * 300 + "\n")
    m.add_attachment(os.urandom(5000), maintype="application",
                     subtype="octet-stream", filename="ä.bin")
    return m


def submission(env, tls):
    if tls:
        return smtplib.SMTP_SSL(env.HOST, int(env.SUBMISSIONS_PORT),
                                context=Fixed(env), timeout=30)
    s = smtplib.SMTP(env.HOST, int(env.SUBMISSION_PORT), timeout=30)
    s.ehlo()
    check(not s.has_extn("auth"), "AUTH is offered without TLS")
    s.starttls(context=Fixed(env))
    return s


def login(s, mechanism, user, password):
    """smtplib's own choice is CRAM-MD5 or PLAIN; here it is ours."""
    s.ehlo()
    s.user, s.password = user, password
    s.auth(mechanism, getattr(s, "auth_" + mechanism.lower()))


def refused(what, codes, call, *args):
    try:
        call(*args)
    except smtplib.SMTPResponseException as e:
        check(e.smtp_code in codes, "%s: %d", what, e.smtp_code)
    except smtplib.SMTPRecipientsRefused as e:
        check({code for code, _ in e.recipients.values()} <= codes,
              "%s: %s", what, e.recipients)
    else:
        check(False, "%s was accepted", what)


def submit(env, word):
    """Returns how many were sent."""
    sent = 0
    for tls in False, True:
        for mechanism in "PLAIN", "LOGIN":
            with submission(env, tls) as s:
                login(s, mechanism, env.USER1, env.PASS1)
                s.send_message(letter(env, word, mechanism))
                sent += 1
                # RFC 6409 6.1: somebody else's address.
                refused("another's address", {550, 553}, s.send_message,
                        letter(env, word, "no"), env.USER2)
    with submission(env, True) as s:
        s.ehlo()
        refused("submission without a login", {530}, s.sendmail, env.USER1,
                [env.USER2], "Subject: no\r\n\r\n")
        refused("a wrong password", {535}, login, s, "LOGIN", env.USER1,
                "wrong")
    return sent


@contextlib.contextmanager
def maildrop(env, tls=True, password=None):
    if tls:
        pop = poplib.POP3_SSL(env.HOST, int(env.POP3S_PORT),
                              context=Fixed(env), timeout=30)
    else:
        pop = poplib.POP3(env.HOST, int(env.POP3_PORT), timeout=30)
        check("STLS" in pop.capa(), "STLS is not offered")
        pop.stls(context=Fixed(env))
    pop.user(env.USER2)
    pop.pass_(password or env.PASS2)
    yield pop
    pop.close()


def wrong_password(env):
    """RFC 3206 4: the client learns that it was the password."""
    try:
        with maildrop(env, password="wrong"):
            check(False, "a wrong password was taken")
    except poplib.error_proto as e:
        check(b"[AUTH]" in e.args[0], "a wrong password: %s", e)


def ours(pop, word):
    """number -> UIDL of this test's messages."""
    uids = dict(line.split() for line in pop.uidl()[1])
    check(len(set(uids.values())) == len(uids), "a UIDL twice")
    return {int(n): uid for n, uid in uids.items() if any(
        word.encode() in line for line in pop.top(int(n), 0)[1])}


def read(env, word, sent):
    with maildrop(env) as pop:
        first = ours(pop, word)
        check(len(first) == sent, "%d there, %d sent", len(first), sent)
        for n, uid in first.items():
            check(pop.uidl(n).split()[2] == uid, "UIDL %d", n)
            lines, octets = pop.retr(n)[1:]
            check(int(pop.list(n).split()[2]) == octets, "LIST %d", n)
            m = email.message_from_bytes(b"\r\n".join(lines),
                                         policy=email.policy.SMTP)
            check(m["Subject"].endswith(": grüße"), "the subject of %d", n)
            text = m.get_body().get_content().replace("\r\n", "\n")
            check(text.startswith("Ünïcödé\n.\n..\n"), "the text of %d", n)
            head = lines.index(b"")
            for more in 0, 1, 3, 10000:
                check(pop.top(n, more)[1] == lines[:head + 1 + more],
                      "TOP %d %d", n, more)
        pop.quit()
    return first


def delete(env, word, first):
    uids = sorted(first.values())
    with maildrop(env, tls=False) as pop:
        again = ours(pop, word)
        check(sorted(again.values()) == uids, "other UIDLs than before")
        numbers = sorted(again)
        for n in numbers:
            pop.dele(n)
        try:
            pop.retr(numbers[0])
            check(False, "a deleted message can be read")
        except poplib.error_proto:
            pass
        pop.close()             # no QUIT: RFC 1939 6, nothing is removed
    with maildrop(env) as pop:
        check(sorted(ours(pop, word).values()) == uids,
              "removed without QUIT")
        pop.dele(numbers[0])
        pop.rset()
        pop.dele(numbers[1])
        gone = again[numbers[1]]
        pop.quit()
    with maildrop(env) as pop:
        left = ours(pop, word)
        check(sorted(left.values()) == sorted(set(uids) - {gone}),
              "after QUIT there is %s of %s", left, again)
        pop.quit()


def both_at_once(env, word):
    """Two sessions of one user: what one removed, the other does not see as
    another message (numbers are those of its own session's beginning)."""
    with maildrop(env) as one, maildrop(env, tls=False) as two:
        mine, yours = ours(one, word), ours(two, word)
        check(mine == yours, "two sessions see two mailboxes")
        n = min(mine)
        kept = two.retr(max(mine))[1]
        one.dele(n)
        one.quit()
        check(two.retr(max(mine))[1] == kept, "a message is another now")
        two.quit()


def test(env):
    word = unique("python")
    sent = submit(env, word)
    wrong_password(env)
    delete(env, word, read(env, word, sent))
    both_at_once(env, word)
    check(forget(env, word, env.USER2, env.PASS2) == sent - 2, "what is left")


main(test)
