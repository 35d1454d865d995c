#!/usr/bin/env python3
"""Every postino command, with --json: what it prints is JSON, what it says is
so, its exit code is the one of sysexits.h that postino(1) promises, and what
it changes is at once true for mail and logins.

CLI-2 (data on standard output), DEB-10 (exit codes); RFC 5233 (subaddresses),
RFC 5321 3.6.1 (aliases), 4.5.1 (postmaster).
"""

import atexit
import base64
import json
import os
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(__file__) + "/lib")
from suite import (REPO, Failure, Instance, Pop, Smtp, arrived, check,
                   deliver, free_ports, main, unique, until)

OK, USAGE, DATAERR, NOUSER, NOHOST = 0, 64, 65, 67, 68
NOINPUT, UNAVAILABLE, CANTCREAT, NOPERM, CONFIG = 66, 69, 73, 77, 78
tried = set()


def run(env, code, *words, stdin=""):
    """Rows of its output; its exit code must be this one."""
    r = env.postino("--json", *words, stdin=stdin)
    tried.add(" ".join(words[:2]))
    tried.add(words[0])
    check(r.returncode == code, "postino %s: exit %d, not %d: %s",
          " ".join(words), r.returncode, code, r.stderr)
    if code not in (OK, CONFIG) and words[:2] != ("user", "import"):
        check(r.stdout == "", "%s: an error on standard output", words)
        check(r.stderr.startswith("postino: ") and r.stderr.count("\n") <= 4,
              "%s: the error is %r", words, r.stderr)
    try:
        return [json.loads(line) for line in r.stdout.splitlines()]
    except ValueError as e:
        raise Failure("%s: no JSON: %s" % (words, e))


def commands():
    """Noun and verb of each, as commands.def has them."""
    with open(REPO + "/ctl/commands.def") as f:
        return {" ".join(words).strip() for words in re.findall(
            r'^COMMAND\(\w+, "(\w+)", "(\w*)"', f.read(), re.M)}


def login(env, user, password):
    try:
        Pop(env, user, password).quit()
        return True
    except Failure as e:
        check("[AUTH]" in str(e), "a login: %s", e)
        return False


def domains(env):
    run(env, OK, "domain", "add", "example.org")
    run(env, OK, "domain", "add", "second.example")
    run(env, CANTCREAT, "domain", "add", "example.org")
    run(env, CANTCREAT, "domain", "add", "Example.ORG")
    for bad in "", "no domain", "a..b", "x" * 64 + ".example":
        run(env, DATAERR, "domain", "add", bad)
    rows = run(env, OK, "domain", "list")
    check(sorted(r["domain"] for r in rows) == ["example.org",
                                                "second.example"],
          "domain list: %s", rows)


def users(env):
    for user, password in (env.USER1, env.PASS1), (env.USER2, env.PASS2):
        rows = run(env, OK, "user", "add", user, "--password-stdin",
                   stdin=password + "\n")
        check(rows[0]["address"] == user, "user add: %s", rows)
        check(login(env, user, password), "%s cannot log in", user)
    row, = run(env, OK, "user", "add", "carol@example.org", "--generate")
    check(login(env, "carol@example.org", row["password"]),
          "a generated password does not work")
    run(env, CANTCREAT, "user", "add", env.USER1, "--generate")
    run(env, NOHOST, "user", "add", "ann@elsewhere.example", "--generate")
    for bad in "ann", "@example.org", "a b@example.org", "a@b@example.org":
        run(env, DATAERR, "user", "add", bad, "--generate")
    run(env, DATAERR, "user", "add", "hash@example.org", "--hash-stdin",
        stdin="no hash\n")
    run(env, USAGE, "user", "add", "x@example.org", "--generate",
        "--password-stdin")
    run(env, USAGE, "user", "add", "x@example.org", "--password", "secret")
    row, = run(env, OK, "user", "add", "dave@example.org", "--generate",
               "--quota", "2MB")
    rows = {r["address"]: r for r in run(env, OK, "user", "list")}
    check(set(rows) == {env.USER1, env.USER2, "carol@example.org",
                        "dave@example.org"}, "user list: %s", rows)
    check(rows["dave@example.org"]["quota"] == 2 << 20 and
          rows[env.USER1]["quota"] is None, "quotas: %s", rows)
    return row["password"]


def passwords(env):
    """A new password ends the sessions of the old one."""
    session = Pop(env)
    run(env, OK, "user", "passwd", env.USER1, "--password-stdin",
        stdin="a new one\n")
    until("the old session ends", lambda: session.ended(), 10)
    check(login(env, env.USER1, "a new one"), "the new password is refused")
    check(not login(env, env.USER1, env.PASS1), "the old password is taken")
    run(env, OK, "user", "passwd", env.USER1, "--password-stdin",
        stdin=env.PASS1 + "\n")
    row, = run(env, OK, "user", "passwd", "carol@example.org", "--generate")
    check(login(env, "carol@example.org", row["password"]), "generated")
    run(env, NOUSER, "user", "passwd", "nobody@example.org", "--generate")


def import_users(env):
    r = env.postino("hash", stdin="an imported one\n")
    tried.add("hash")
    check(r.returncode == OK and r.stdout.startswith("$y$"), "hash: %s", r)
    lines = "".join("i%d@example.org\t%s\n" % (i, r.stdout.strip())
                    for i in range(3))
    run(env, OK, "user", "import", stdin=lines)
    check(login(env, "i2@example.org", "an imported one"), "imported users")
    run(env, OK, "user", "import", "--skip-existing",
        stdin=lines + lines.replace("i0", "i3").splitlines()[0] + "\n")
    run(env, DATAERR, "user", "import", stdin=lines)
    run(env, DATAERR, "user", "import", stdin="no tab\n")
    there = {r["address"] for r in run(env, OK, "user", "list")}
    check({"i%d@example.org" % i for i in range(4)} <= there, "imported: %s",
          there)


def arrives(env, address, user, password):
    word = unique("ctl")
    deliver(env, word, to=address)
    arrived(env, word, user, password)[0].quit()


def aliases(env):
    both = [env.USER1, env.USER2]
    run(env, OK, "alias", "add", "both@example.org", *both)
    run(env, OK, "alias", "add", "@second.example", "both@example.org")
    run(env, OK, "alias", "add", "postmaster@example.org", env.USER2)
    run(env, CANTCREAT, "alias", "add", env.USER1, env.USER2)
    run(env, DATAERR, "alias", "add", "no address", env.USER1)
    run(env, DATAERR, "alias", "add", "x@example.org", "no address")
    run(env, NOHOST, "alias", "add", "x@elsewhere.example", env.USER1)
    run(env, USAGE, "alias", "add", "x@example.org")
    rows = {r["address"]: r for r in run(env, OK, "alias", "list")}
    check(set(rows) == {"both@example.org", "@second.example",
                        "postmaster@example.org"} and
          sorted(rows["both@example.org"]["targets"]) == sorted(both),
          "alias list: %s", rows)
    for address in "both@example.org", "anything@second.example":
        arrives(env, address, env.USER1, env.PASS1)
        arrives(env, address, env.USER2, env.PASS2)
    arrives(env, "bob+list@example.org", env.USER2, env.PASS2)
    arrives(env, "postmaster@example.org", env.USER2, env.PASS2)
    # Of no domain: the server's own, and while that leads nowhere the first
    # user's.
    arrives(env, "Postmaster", env.USER1, env.PASS1)


def quota(env, password):
    """2 MB: more is refused at RCPT, and room is there after a deletion."""
    octets = (b"Subject: large\r\n\r\n" + (b"q" * 76 + b"\r\n") * 9000)
    dave = "dave@example.org"

    def is_refused():
        with Smtp(env) as s:
            s.say("MAIL FROM:<e2e@example.com>", "250")
            s.send(b"RCPT TO:<%s>\r\n" % dave.encode())
            return s.reply()[:9] in ("452 4.2.2", "552 5.2.2")
    for _ in range(3):
        deliver(env, "", to=dave, octets=octets)
    until("the mailbox is full", is_refused)
    with Pop(env, dave, password) as pop:
        until("all have arrived", lambda: len(pop.lines("LIST")) == 3, 1)
        for n in 1, 2, 3:
            pop.say("DELE %d" % n)
        pop.quit()
    until("there is room again", lambda: not is_refused())
    deliver(env, "", to=dave, octets=octets)


def refused(env, rcpt, code="5"):
    with Smtp(env) as s:
        s.say("MAIL FROM:<e2e@example.com>", "250")
        return s.say("RCPT TO:<%s>" % rcpt, code)


def changed(env):
    """What is set is so at once; what is removed is gone, its mail too, and
    whoever gets the name next gets nothing of it."""
    eve, second = "eve@third.example", "third.example"
    run(env, OK, "domain", "add", second)
    run(env, OK, "user", "add", eve, "--password-stdin", stdin="eve's\n")
    run(env, OK, "alias", "add", "crew@third.example", eve, env.USER2)
    arrives(env, eve, eve, "eve's")
    session = Pop(env, eve, "eve's")
    run(env, OK, "user", "set", eve, "--disable", "--quota", "3MB")
    until("the session ends", lambda: session.ended(), 10)
    refused(env, eve)
    check(not login(env, eve, "eve's"), "a disabled user logs in")
    row = {r["address"]: r for r in run(env, OK, "user", "list")}[eve]
    check((row["state"], row["quota"]) == ("disabled", 3 << 20), "%s", row)
    run(env, OK, "user", "set", eve, "--enable", "--quota", "default")
    arrives(env, eve, eve, "eve's")
    run(env, USAGE, "user", "set", eve)
    run(env, NOUSER, "user", "set", "nobody@third.example", "--enable")
    run(env, OK, "alias", "set", "crew@third.example", env.USER2)
    arrives(env, "crew@third.example", env.USER2, env.PASS2)
    run(env, NOUSER, "alias", "set", "x@third.example", env.USER2)
    run(env, OK, "alias", "set", "crew@third.example", eve)
    run(env, DATAERR, "domain", "rm", second)
    run(env, USAGE, "user", "rm", eve)
    session = Pop(env, eve, "eve's")
    row, = run(env, OK, "user", "rm", eve, "--yes")
    check(row["messages"] == 2 and row["bytes"] > 0 and not row["later"],
          "user rm: %s", row)
    until("the session ends", lambda: session.ended(), 10)
    check(not login(env, eve, "eve's"), "a removed user logs in")
    refused(env, eve)
    refused(env, "crew@third.example")
    run(env, NOUSER, "user", "rm", eve, "--yes")
    run(env, OK, "user", "add", eve, "--password-stdin", stdin="new\n")
    with Pop(env, eve, "new") as pop:
        check(pop.lines("LIST") == [], "the mail of the one before")
        pop.quit()
    arrives(env, "crew@third.example", eve, "new")
    run(env, OK, "user", "rm", eve, "--yes")
    run(env, OK, "alias", "rm", "crew@third.example")
    run(env, NOUSER, "alias", "rm", "crew@third.example")
    run(env, OK, "domain", "rm", second)
    run(env, NOUSER, "domain", "rm", second)
    check("550 5.7" in refused(env, eve), "its domain is ours")


def submit(env, word, *to):
    with Smtp(env, "submissions") as s:
        s.say("AUTH PLAIN " + base64.b64encode(
            b"\0%s\0%s" % (env.USER1.encode(), env.PASS1.encode())).decode(),
            "235")
        s.envelope(env.USER1, *to)
        s.data(b"From: %s\r\nSubject: %s\r\n\r\n" % (env.USER1.encode(),
                                                    word.encode()))


def listed(env, state, *words):
    """The one row that waits, once it is in this state."""
    def look():
        rows = run(env, OK, "queue", "list", *words)
        return len(rows) == 1 and rows[0]["state"] == state and rows[0]
    return until("it is " + state, look)


def waiting(env):
    """Mail for a server that is away waits, is shown, and does as it is told
    (UX-14)."""
    far, word = "e2e@away.example", unique("remote")
    check(run(env, OK, "queue", "list") == [], "something waits")
    submit(env, word, far, env.USER2)
    row = listed(env, "deferred")
    check((row["sender"], row["recipient"]) == (env.USER1, far) and
          row["why"] and row["next"], "the row: %s", row)
    check(run(env, OK, "queue", "list", "--recipient", "@else.example") == [],
          "a filter that matches nothing")
    shown = run(env, OK, "queue", "show", row["id"])
    check([(r["recipient"], r["state"]) for r in shown] ==
          [(far, "deferred"), (env.USER2, "delivered")], "shown: %s", shown)
    body = env.postino("queue", "show", row["id"], "--body").stdout
    check("Subject: %s\n" % word in body.replace("\r", "") and
          body.startswith("Received: "), "the body: %r", body)
    for verb, state in ("hold", "held"), ("release", "deferred"), \
            ("retry", "deferred"):
        done = run(env, OK, "queue", verb, "--recipient", "@away.example")
        check(done == [{"action": verb, "messages": 1, "recipients": 1,
                        "skipped": 0}], "%s: %s", verb, done)
        listed(env, state)
    run(env, OK, "queue", "bounce", row["id"], "--reason", "on a " + word)
    pop, n = arrived(env, "could not be delivered")
    check("    on a %s (5.0.0)" % word in "\n".join(
        pop.lines("RETR %d" % n)), "the report lacks the reason")
    pop.quit()
    check(run(env, OK, "queue", "list") == [], "something waits")
    submit(env, word, far)
    listed(env, "deferred", "--sender", env.USER1)
    run(env, OK, "queue", "rm", "--all")
    check(run(env, OK, "queue", "list") == [], "something waits")
    for verb in "hold", "release", "retry", "rm", "bounce":
        run(env, USAGE, "queue", verb)
        run(env, DATAERR, "queue", verb, "x")
        r = env.postino("queue", verb, row["id"])
        check(r.returncode == NOUSER, "%s of what is gone: %s", verb, r)
    run(env, NOUSER, "queue", "show", row["id"])
    check("127.0.0.1" in str(run(env, OK, "dns", "away.example", "A")),
          "the name of the server")


def mailboxes(env):
    """The admin sees a user's mail, and the log says so; who is kicked is
    out."""
    word = unique("mailbox")
    with Smtp(env) as s:
        s.envelope("e2e@example.com", env.USER2)
        s.data(b"Subject: %s\r\n\r\nHello.\r\n" % word.encode())
    row = {r["mailbox"]: r for r in run(env, OK, "mailbox", "list",
                                        env.USER2)}["INBOX"]
    rows = run(env, OK, "mailbox", "cat", env.USER2, "INBOX")
    check(len(rows) == row["messages"] > 0 and
          sum(r["size"] for r in rows) == row["size"], "rows: %s", rows)
    text = env.postino("mailbox", "cat", env.USER2, "INBOX",
                       str(rows[-1]["uid"])).stdout
    check("Subject: " + word in text and text.startswith("Return-Path:"),
          "the message: %r", text)
    run(env, NOUSER, "mailbox", "cat", env.USER2, "Nowhere")
    run(env, NOUSER, "mailbox", "cat", env.USER2, "INBOX", "999999")
    run(env, USAGE, "mailbox", "cat", env.USER2, "INBOX", "x")
    run(env, NOUSER, "mailbox", "list", "nobody@example.org")
    with open(env.root + "/log") as f:
        check("mail_opened" in f.read(), "nobody knows who read the mail")
    session = Pop(env)
    check(run(env, OK, "kick", env.USER1) ==
          [{"address": env.USER1, "sessions": 1}], "kick")
    until("the session ends", lambda: session.ended(), 10)
    run(env, NOUSER, "kick", "nobody@example.org")


def removed(env):
    """What a user removed comes back, once."""
    word = unique("removed")
    deliver(env, word, to=env.USER2)
    pop, n = arrived(env, word, env.USER2, env.PASS2)
    pop.say("DELE %d" % n)
    pop.quit()
    run(env, DATAERR, "undelete", env.USER2, "--since", "yesterday")
    run(env, NOUSER, "undelete", env.USER2, "Nowhere")
    run(env, NOUSER, "undelete", "nobody@example.org")
    for messages in 1, 0:
        row, = run(env, OK, "undelete", env.USER2, "INBOX", "--since",
                   time.strftime("%Y-%m-%d", time.localtime(time.time() - 90)))
        check(row == {"address": env.USER2, "messages": messages,
                      "mailboxes": 0}, "undelete: %s", row)
    arrived(env, word, env.USER2, env.PASS2)[0].quit()


def exported(env):
    """More of it is in export.py."""
    rows = run(env, OK, "export", env.USER2, env.root + "/bob")
    check([r["mailbox"] for r in rows] == ["INBOX", "Archive", "Drafts",
          "Junk", "Sent", "Trash"], "export: %s", rows)


def storage(env):
    """Nothing is damaged, what was deleted gives its room back, and the index
    is made anew from the log while the suite runs."""
    def boxes():
        return run(env, OK, "mailbox", "list", env.USER2)
    before = boxes()
    for role in "store", "queue", "auth":
        check(run(env, OK, "store", "check", "--of", role) == [], "check")
        check(run(env, OK, "store", "check", "--full", "--of", role) == [],
              "check --full")
        run(env, OK, "store", "compact", "--of", role)
        pid = env.processes()[role]
        run(env, OK, "store", "rebuild", "--of", role)
        check(env.processes()[role] != pid, "%s is the same process", role)
        until("all are ready again", lambda: env.postino(
            "status").returncode == OK)
    check(boxes() == before, "mail before and after: %s %s", before, boxes())
    with open(env.root + "/log") as f:
        check(f.read().count("index_rebuilt") == 3, "three rebuilds")
    run(env, USAGE, "store", "check", "--of", "smtpd")
    run(env, USAGE, "store", "check", "now")


def around(env):
    rows = run(env, OK, "status")
    check({r["process"] for r in rows} == set(env.processes()) and
          all(isinstance(r["figures"], dict) for r in rows), "status")
    with Pop(env) as pop:
        check(any(r["process"] == "pop3d" and r["session"]
                  for r in run(env, OK, "who")), "who misses a session")
        pop.quit()
    rows = run(env, OK, "config", "show")
    check({"sentence": "server name " + env.TLS_NAME, "source": "said"} in
          rows, "config show: %s", rows)
    run(env, OK, "config", "check")
    with open(env.root + "/bad.conf", "w") as f:
        f.write("server name x.example\nlisten\n")
    faults = run(env, CONFIG, "config", "check", env.root + "/bad.conf")
    check([(f["line"], f["column"]) for f in faults][0] == (2, 7) and
          len(faults) == 2, "faults: %s", faults)
    run(env, NOINPUT, "config", "check", env.root + "/missing.conf")
    run(env, OK, "reload")
    for verb in "show", "reload":
        row, = run(env, OK, "tls", verb)
        check(row["state"] == "good" and row["matches"] == "yes" and
              row["certificate"].endswith("/ecdsa.pem"), "tls: %s", row)
    folder = env.root + "/backup"
    check({"store", "queue", "auth"} <= {r["process"] for r in
                                         run(env, OK, "backup", folder)},
          "backup: a keeper is missing")
    run(env, OK, "restore", "--check", folder)
    run(env, NOINPUT, "restore", "--check", env.root + "/missing")
    for command in commands():
        r = env.postino("help", *command.split())
        tried.add("help")
        check(r.returncode == OK and "postino " + command in r.stdout,
              "help %s: %s", command, r)
    rows = run(env, OK, "trace", env.USER1, "--since", "1 hour")
    check({"smtp_open", "message_accepted", "copy_stored", "smtp_close"} <=
          {r["event"] for r in rows}, "trace: %s", rows[-5:])
    run(env, NOUSER, "trace", "0000000000000001")
    run(env, NOINPUT, "trace", "--log", "/nowhere/log", env.USER1)
    for words in (), ("nothing",), ("user",), ("user", "fly"), ("--fly",):
        check(env.postino(*words).returncode == USAGE, "postino %s", words)


def stopped(env):
    run(env, OK, "stop")
    check(env.process.wait(10) == 0, "master's exit code")
    for words in ("status",), ("who",), ("queue", "list"), ("user", "list"), \
            ("domain", "add", "x.example"), ("reload",), ("stop",):
        run(env, UNAVAILABLE, *words)
    run(env, OK, "config", "check")


def foreigner(env):
    """The control socket is root's, or whoever's the suite is (PRIV-7)."""
    if os.geteuid() != 0:
        return
    # The build may lie where foreigners cannot go.
    shutil.copy(env.build + "/ctl", env.root + "/ctl")
    r = subprocess.run([env.root + "/ctl", "-c", env.root + "/postino.conf",
                        "status"], cwd="/", user=65534, group=65534,
                       extra_groups=[], capture_output=True, text=True)
    check(r.returncode == NOPERM, "a foreigner asks for the status: %s", r)


def test(env):
    names = "/tmp/e2e-ctl-%d" % os.getpid()
    with open(names, "w") as f:
        f.write("$ORIGIN example.\naway.example. 300 IN A 127.0.0.1\n")
    instance = Instance(env, conf="resolve names from %s\n"
                        "call mail servers on port %d\n" % (
                            names, free_ports(1)[0])).start()
    atexit.register(os.unlink, names)  # a backup has it too
    domains(instance)
    password = users(instance)
    passwords(instance)
    import_users(instance)
    aliases(instance)
    quota(instance, password)
    changed(instance)
    waiting(instance)
    mailboxes(instance)
    removed(instance)
    exported(instance)
    storage(instance)
    around(instance)
    foreigner(instance)
    stopped(instance)
    check(commands() <= tried, "not tried: %s", sorted(commands() - tried))


main(test)
