"""What the end-to-end tests share: the instance, its clients, its processes.

The clients here are raw on purpose: they send and return octets exactly as
they are, which smtplib and poplib do not.  A test that needs an instance of
its own (to kill, fill or misconfigure it) makes one with Instance, beside the
one that the other tests use.
"""

import atexit
import json
import os
import pwd
import random
import re
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

REPO = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../.."))
WAIT = 30                       # seconds for anything that must happen

# master and postino may leave it to exit to free memory; the daemons have an
# empty environment and are looked at for leaks when they end.
os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=0")


SKIPPED = 77                    # exit code


class Failure(Exception):
    """What must hold does not."""


def skip(why):
    """Ends a test that this machine cannot do: it is no pass."""
    print(why)
    sys.exit(SKIPPED)


def check(truth, text, *args):
    if not truth:
        raise Failure(text % args if args else text)


def until(what, ask, seconds=WAIT):
    """Asks again until the answer is true, and returns it."""
    end = time.monotonic() + seconds
    while True:
        got = ask()
        if got:
            return got
        if time.monotonic() > end:
            raise Failure("%s: not within %g s" % (what, seconds))
        time.sleep(0.05)


def unique(name):
    """A word that is in no other message: tests share their mailboxes."""
    return "%s-%x-%x" % (name, time.time_ns(), os.getpid())


def main(test):
    """Runs test(env) with the file of the command line; exit 0 is a pass."""
    if len(sys.argv) != 2:
        sys.exit("usage: %s ENV" % sys.argv[0])
    try:
        test(Env(sys.argv[1]))
    except Exception as e:
        Instance.leave_logs()
        if not isinstance(e, Failure):
            raise
        sys.exit("%s: %s" % (os.path.basename(sys.argv[0]), e))


# ------------------------------------------------------------ the instance

class Env:
    """The shell assignments that quickstart writes, as attributes."""

    def __init__(self, path):
        for line in open(path):
            name, _, value = line.strip().partition("=")
            setattr(self, name, " ".join(shlex.split(value)))

    @property
    def conf(self):
        words = self.POSTINO.split()
        return words[words.index("-c") + 1]

    @property
    def bin(self):
        """The folder of the programs."""
        return os.path.dirname(self.POSTINO.split()[0])

    @property
    def keys(self):
        return os.path.dirname(self.CA_FILE)

    @property
    def sanitized(self):
        """Builds with sanitizers leave out seccomp."""
        with open(self.bin + "/master", "rb") as f:
            return b"__asan_init" in f.read()

    def postino(self, *words, stdin=None, timeout=WAIT):
        return subprocess.run(self.POSTINO.split() + list(words), input=stdin,
                              capture_output=True, text=True, timeout=timeout)

    def rows(self, *words):
        """What a command prints with --json, parsed."""
        r = self.postino("--json", *words)
        check(r.returncode == 0, "postino %s: exit %d: %s", " ".join(words),
              r.returncode, r.stderr)
        return [json.loads(line) for line in r.stdout.splitlines()]

    def processes(self):
        """name -> pid of those that are ready, without master."""
        r = self.postino("--json", "status")
        rows = [json.loads(line) for line in r.stdout.splitlines()]
        return {row["process"]: row["pid"] for row in rows
                if row["pid"] and row["state"] == "ready"}

    def master(self):
        return int(open(self.PIDFILE).read())

    def is_ready(self):
        return self.postino("status").returncode == 0


class Instance(Env):
    """A private instance, gone with the test.

    conf is text appended to its configuration.  `prepare` and `wrap` serve
    the tests of other users and other folders: prepare(root) is called before
    the start, wrap is a command that master is run with.
    """

    DOMAIN = "example.org"
    begun = []

    def __init__(self, env, conf="", build=None, drop=None, data=None,
                 wrap=(), root=None):
        self.root = root or tempfile.mkdtemp(prefix="e2e-", dir="/tmp")
        os.chmod(self.root, 0o755)
        self.build = build or env.bin
        self.wrap = list(wrap)
        self.drop = os.geteuid() == 0 if drop is None else drop
        self.process = None
        self._names(env)
        self._keys(env)
        self._write(conf, data or self.root + "/data")
        self.begun.append(self)
        atexit.register(self.remove)

    @classmethod
    def leave_logs(cls):
        """Of a test that failed: the instances go, their logs stay."""
        for instance in cls.begun:
            if os.path.exists(instance.root + "/log"):
                shutil.copy(instance.root + "/log", instance.root + ".log")
                print("log: %s.log" % instance.root, file=sys.stderr)

    def _names(self, env):
        self.HOST = "127.0.0.1"
        self.TLS_NAME = env.TLS_NAME
        self.CA_FILE = self.root + "/keys/ca.pem"
        self.LMTP_SOCKET = self.root + "/sockets/lmtp"
        self.PIDFILE = self.root + "/sockets/master.pid"
        self.POSTINO = "%s/ctl -c %s/postino.conf" % (self.build, self.root)
        names = ("SMTP", "SUBMISSION", "SUBMISSIONS", "POP3", "POP3S",
                 "IMAP", "IMAPS")
        for name, port in zip(names, free_ports(len(names))):
            setattr(self, name + "_PORT", str(port))
        self.USER1, self.PASS1 = "ann@" + self.DOMAIN, "ann's password"
        self.USER2, self.PASS2 = "bob@" + self.DOMAIN, "bob's password"

    def _keys(self, env):
        os.mkdir(self.root + "/keys")
        for name in ("ca.pem", "ecdsa.pem", "ecdsa.key"):
            shutil.copy(env.keys + "/" + name, self.root + "/keys/" + name)
        os.chmod(self.root + "/keys/ecdsa.key", 0o600)

    def _write(self, conf, data):
        from wire import KINDS
        users = "".join("user of %s is %d\n" % (role, 61001 + i)
                        for i, role in enumerate(KINDS))
        text = """server name %s
privileges %s
%slisten smtp on 127.0.0.1 port %s
listen submission on 127.0.0.1 port %s
listen submissions on 127.0.0.1 port %s
listen lmtp at %s mode 0600
listen pop3 on 127.0.0.1 port %s
listen pop3s on 127.0.0.1 port %s
listen imap on 127.0.0.1 port %s
listen imaps on 127.0.0.1 port %s
certificate %s/keys/ecdsa.pem key %s/keys/ecdsa.key
data in %s
sockets in %s/sockets
log to %s/log
%s""" % (self.TLS_NAME, "drop" if self.drop else "none",
            users if self.drop else "", self.SMTP_PORT, self.SUBMISSION_PORT,
            self.SUBMISSIONS_PORT, self.LMTP_SOCKET, self.POP3_PORT,
            self.POP3S_PORT, self.IMAP_PORT, self.IMAPS_PORT, self.root,
            self.root, data, self.root, self.root, conf)
        with open(self.root + "/postino.conf", "w") as f:
            f.write(text)

    def launch(self):
        """Starts master and waits for nothing."""
        with open(self.root + "/start", "ab") as out:
            self.process = subprocess.Popen(
                self.wrap + [self.build + "/master", "-c",
                             self.root + "/postino.conf"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True)
        return self.process

    def start(self):
        self.launch()
        until("the private instance is ready", self._started)
        return self

    def _started(self):
        check(self.process.poll() is None, "master ended: %s", self.tail())
        return self.is_ready()

    def people(self):
        """The domain and its two users."""
        for words, text in ((("domain", "add", self.DOMAIN), None),
                            (("user", "add", self.USER1, "--password-stdin"),
                             self.PASS1),
                            (("user", "add", self.USER2, "--password-stdin"),
                             self.PASS2)):
            r = self.postino(*words, stdin=text)
            check(r.returncode == 0, "%s: %s", " ".join(words), r.stderr)
        return self

    def stop(self, by=signal.SIGTERM, seconds=20):
        """Returns master's exit code."""
        self.process.send_signal(by)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure("master does not end")

    def log(self):
        with open(self.root + "/log", errors="replace") as f:
            return f.read()

    def tail(self):
        text = ""
        for name in "/start", "/log":
            if os.path.exists(self.root + name):
                with open(self.root + name, errors="replace") as f:
                    text += "".join(f.readlines()[-15:])
        return text

    def remove(self):
        """Kills master only: that its children end with it is tested."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process is not None and self.sanitized:
            self._sanitizers_silent()
        shutil.rmtree(self.root, ignore_errors=True)

    def _sanitizers_silent(self):
        if re.search("runtime error|AddressSanitizer", self.log()):
            print(self.tail(), file=sys.stderr)
            os._exit(1)


NOBODY = 65534


def ordinary(env):
    """An instance that nobody runs, from programs that nobody may read."""
    root = tempfile.mkdtemp(prefix="e2e-none-", dir="/tmp")
    shutil.copytree(env.bin, root + "/bin")
    instance = Instance(
        env, build=root + "/bin", drop=False, root=root,
        wrap=["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY),
              "--clear-groups", "--inh-caps=-all"])
    for path, _, files in os.walk(root):
        for name in [path] + [path + "/" + f for f in files]:
            os.chown(name, NOBODY, NOBODY)
    return instance


def free_ports(n):
    """Below those that the kernel gives to whoever connects somewhere."""
    sockets = []
    while len(sockets) < n:
        s = socket.socket()
        try:
            s.bind(("127.0.0.1", random.randrange(27000, 32700)))
            sockets.append(s)
        except OSError:
            s.close()
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


# ----------------------------------------------------------------- clients

class Talk:
    """A connection to one service: lines and octets, nothing translated."""

    def __init__(self, env, service, buffers=0):
        self.env = env
        self.rest = b""
        if service == "lmtp":
            self.s = socket.socket(socket.AF_UNIX)
            address = env.LMTP_SOCKET
        else:
            self.s = socket.socket()
            address = (env.HOST, int(getattr(env, service.upper() + "_PORT")))
        if buffers:
            for what in socket.SO_SNDBUF, socket.SO_RCVBUF:
                self.s.setsockopt(socket.SOL_SOCKET, what, buffers)
        self.s.settimeout(WAIT * 2)
        self.s.connect(address)
        if service in ("submissions", "pop3s"):
            self.tls()

    def tls(self):
        context = ssl.create_default_context(cafile=self.env.CA_FILE)
        self.s = context.wrap_socket(self.s, server_hostname=self.env.TLS_NAME)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.s.close()

    def send(self, data):
        self.s.sendall(data)

    def more(self):
        got = self.s.recv(1 << 18)
        check(got, "the server closed after %r", self.rest[-200:])
        return got

    def line(self):
        while b"\r\n" not in self.rest:
            self.rest += self.more()
        line, _, self.rest = self.rest.partition(b"\r\n")
        return line.decode("utf-8", "surrogateescape")

    def ended(self):
        """The server has closed."""
        try:
            while self.s.recv(65536):
                pass
        except socket.timeout:
            return False
        except OSError:
            pass
        return True


class Smtp(Talk):
    """SMTP and LMTP."""

    def __init__(self, env, service="smtp", buffers=0, helo="e2e.example"):
        super().__init__(env, service, buffers)
        self.expect("220")
        self.hello = "LHLO" if service == "lmtp" else "EHLO"
        self.helo = helo
        self.extensions = self.say("%s %s" % (self.hello, helo), "250")

    def reply(self):
        lines = [self.line()]
        while lines[-1][3:4] == "-":
            lines.append(self.line())
        return "\n".join(lines)

    def expect(self, code, what="the greeting"):
        reply = self.reply()
        check(reply.startswith(code), "%s: %s expected, got %s", what, code,
              reply)
        return reply

    def say(self, text, code):
        self.send(text.encode() + b"\r\n")
        return self.expect(code, text)

    def starttls(self):
        self.say("STARTTLS", "220")
        self.tls()
        self.extensions = self.say("%s %s" % (self.hello, self.helo), "250")

    def envelope(self, sender, *rcpts):
        self.say("MAIL FROM:<%s>" % sender, "250")
        for r in rcpts:
            self.say("RCPT TO:<%s>" % r, "250")

    def data(self, octets, code="250"):
        """octets end in CR LF or are none."""
        self.say("DATA", "354")
        self.send(stuffed(octets) + b".\r\n")
        return self.expect(code, "the message")

    def bdat(self, octets, piece=1 << 20, code="250"):
        for at in range(0, max(len(octets), 1), piece):
            part = octets[at:at + piece]
            last = b" LAST" if at + piece >= len(octets) else b""
            self.send(b"BDAT %d%s\r\n" % (len(part), last) + part)
            if not last:
                self.expect("250", "a chunk")
        return self.expect(code, "the message")


def stuffed(octets):
    """Dots doubled (RFC 5321 4.5.2)."""
    text = octets.replace(b"\r\n.", b"\r\n..")
    return b"." + text if text.startswith(b".") else text


class Pop(Talk):
    """POP3 over TLS, logged in."""

    def __init__(self, env, user=None, password=None, service="pop3s",
                 buffers=0):
        super().__init__(env, service, buffers)
        self.expect("the greeting")
        if service == "pop3":
            self.say("STLS")
            self.tls()
        self.say("USER " + (user or env.USER1))
        self.say("PASS " + (password or env.PASS1))

    def expect(self, what):
        line = self.line()
        check(line.startswith("+OK"), "%s: %s", what, line)
        return line

    def say(self, text):
        self.send(text.encode() + b"\r\n")
        return self.expect(text)

    def octets(self):
        """The octets of a multi-line reply, dots undone."""
        got = bytearray(b"\r\n" + self.rest)
        seen = 0
        while (end := got.find(b"\r\n.\r\n", seen)) < 0:
            seen = max(len(got) - 4, 0)
            got += self.more()
        self.rest = bytes(got[end + 5:])
        return bytes(got[:end + 2]).replace(b"\r\n..", b"\r\n.")[2:]

    def lines(self, text):
        self.say(text)
        return self.octets().decode().splitlines()

    def retr(self, n):
        self.say("RETR %d" % n)
        return self.octets()

    def numbers(self, word):
        """The messages with this word in their header, as numbers."""
        there = [int(line.split()[0]) for line in self.lines("LIST")]
        found = []
        for first in range(0, len(there), 100):
            some = there[first:first + 100]
            self.send(b"".join(b"TOP %d 0\r\n" % i for i in some))
            for i in some:
                self.expect("TOP %d" % i)
                if word.encode() in self.octets():
                    found.append(i)
        return found

    def number(self, word):
        found = self.numbers(word)
        check(len(found) == 1, "%d messages with %s, not 1", len(found), word)
        return found[0]

    def quit(self):
        self.say("QUIT")
        self.s.close()


def arrived(env, word, user=None, password=None, buffers=0):
    """A session in which the message is there, and its number.  A message
    that went through the spool arrives some time after its 250."""
    def look():
        pop = Pop(env, user, password, buffers=buffers)
        found = pop.numbers(word)
        if not found:
            pop.quit()
        return found and (pop, found)
    pop, found = until("%s arrives" % word, look)
    check(len(found) == 1, "%d messages with %s, not 1", len(found), word)
    return pop, found[0]


def deliver(env, word, to=None, octets=None, sender="e2e@example.com"):
    """One message by port 25; word is its subject."""
    with Smtp(env) as s:
        s.envelope(sender, to or env.USER1)
        return s.data(octets or (b"From: <e2e@example.com>\r\nSubject: %s\r\n"
                                 b"\r\nHello.\r\n" % word.encode()))


def forget(env, word, user=None, password=None):
    """Deletes what the test delivered; returns how many there were."""
    with Pop(env, user, password) as p:
        found = p.numbers(word)
        for n in found:
            p.say("DELE %d" % n)
        p.quit()
    return len(found)


# --------------------------------------------------------------- processes

def is_alive(pid):
    """A zombie is not."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def status_of(pid):
    """/proc/PID/status as a table."""
    with open("/proc/%d/status" % pid) as f:
        return {k: v.strip() for k, _, v in
                (line.partition(":") for line in f)}


def name_of(uid):
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
