"""The two mail suites that `run` compares, each an instance of its own.

A suite has start(), load(), settle(), stop() and, for the figures, cpu() and
memory() of all its processes: those below the pids that roots() names, with
what their children that have ended took.  An instance lies in one folder, on
loopback ports of its own; no daemon of the system is started or touched.
"""

import json
import os
import shutil
import signal
import subprocess
import time

HERE = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
USERS = 50
TICK = os.sysconf("SC_CLK_TCK")


def run(argv, **how):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          **how)
    if done.returncode:
        raise SystemExit("%s: exit %d\n%s" % (
            " ".join(map(str, argv)), done.returncode, done.stdout))
    return done.stdout


def start(argv, log, **how):
    """For what leaves daemons behind: they would keep a pipe open."""
    with open(log, "a") as f:
        if subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=f, stderr=f,
                          **how).returncode:
            raise SystemExit("%s: see %s" % (argv[0], log))


def processes(roots):
    """{pid: fields of /proc/PID/stat from the state on} of the trees."""
    fields = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % name) as f:
                fields[int(name)] = f.read().rpartition(")")[2].split()
        except OSError:
            continue
    there = {p: fields[p] for p in roots if p in fields}
    grown = True
    while grown:
        grown = [p for p, f in fields.items()
                 if p not in there and int(f[1]) in there]
        there.update((p, fields[p]) for p in grown)
    return there


class Suite:
    def __init__(self, build, folder, base):
        self.build, self.root, self.base = build, folder + "/" + self.name, base
        self.sent = 0

    def cpu(self):
        """Seconds, of the living and of those they have waited for."""
        return sum(int(n) for f in processes(self.roots()).values()
                   for n in f[11:15]) / TICK

    def memory(self):
        """KiB, a shared page counted once (PSS)."""
        total = 0
        for pid in processes(self.roots()):
            try:
                with open("/proc/%d/smaps_rollup" % pid) as f:
                    total += sum(int(line.split()[1]) for line in f
                                 if line.startswith("Pss:"))
            except OSError:
                continue
        return total

    def load(self, messages, extra=()):
        """Sends; {"rate": ..., "p50": ...} as mailload prints it."""
        out = run([self.build + "/bench/mailload", "-n", str(messages),
                   "-c", "50", "-u", str(USERS), "-U", "user%d@example.org",
                   *extra, "127.0.0.1", str(self.smtp)]).split()
        self.sent += messages
        return {out[i]: float(out[i + 1]) for i in range(0, len(out), 2)}

    def end(self, ask):
        """Asks all processes to end, and makes sure of it."""
        left = processes(self.roots())
        if not left:
            return
        try:
            ask()
        except (OSError, SystemExit) as e:
            print(e)
        deadline = time.time() + 15
        while time.time() < deadline:
            left = {p: f for p, f in processes(left).items() if f[0] != "Z"}
            if not left:
                return
            time.sleep(0.1)
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def pids(*paths):
    there = []
    for path in paths:
        try:
            with open(path) as f:
                there.append(int(f.read().split()[0]))
        except (OSError, ValueError, IndexError):
            continue
    return there


class Postino(Suite):
    name = "postino"

    def start(self):
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)
        os.makedirs(self.root)
        start([HERE + "/quickstart", "--no-mail", "--root", self.root,
               "--base", str(self.base), "--users", str(USERS)],
              self.root + "/quickstart.log",
              env=dict(os.environ, BUILD=self.build, POSTINO_CONF="allow 5000 "
                       "sessions per pop3d process"))
        env = {}
        with open(self.root + "/postino.env") as f:
            for line in f:
                name, _, value = line.strip().partition("=")
                env[name] = value.strip("'")
        self.smtp, self.pop3s = env["SMTP_PORT"], int(env["POP3S_PORT"])
        self.authority, self.password = env["CA_FILE"], env["USERS_PASS"]
        self.ctl = env["POSTINO"].split()
        self.chain = [os.path.dirname(self.authority) + "/ecdsa" + end
                      for end in (".pem", ".key")]

    def roots(self):
        return pids(self.root + "/sockets/master.pid")

    def figures(self):
        return {r["process"]: r["figures"] for r in map(
            json.loads, run(self.ctl + ["--json", "status"]).splitlines())}

    def syncs(self):
        now = self.figures()
        return now["store"]["syncs"] + now["queue"]["syncs"]

    def settle(self):
        """The answer comes after the sync in store, but for the few that
        were answered from the spool."""
        for _ in range(100):
            now = self.figures()
            if now["store"]["stored"] >= self.sent:
                self.spooled = now["queue"]["answered_from_the_spool"]
                return
            time.sleep(0.1)
        raise SystemExit("postino: %d of %d are in a mailbox" % (
            now["store"]["stored"], self.sent))

    def stop(self):
        self.end(lambda: [os.kill(p, signal.SIGTERM) for p in self.roots()])


DOVECOT = """
base_dir = %(r)s/run
log_path = %(r)s/dovecot.log
protocols = lmtp pop3
listen = 127.0.0.1
mail_location = sdbox:%(r)s/mail/%%n
mail_home = %(r)s/mail/%%n
first_valid_uid = 1
ssl_cert = <%(cert)s
ssl_key = <%(key)s
userdb {
  driver = static
  args = uid=65534 gid=65534 home=%(r)s/mail/%%n
}
passdb {
  driver = static
  args = password=%(password)s
}
service lmtp {
  unix_listener %(r)s/lmtp {
    mode = 0666
  }
}
service pop3-login {
  process_limit = 400
  inet_listener pop3 {
    port = 0
  }
  inet_listener pop3s {
    port = %(pop3s)d
    ssl = yes
  }
}
service pop3 {
  process_limit = 400
}
"""

# The limits lifted are on clients, not on work: all 50 sessions are one host.
# What Dovecot refuses for a moment is tried again after seconds, not minutes.
POSTFIX = """
compatibility_level = 3.6
queue_directory = %(r)s/spool
data_directory = %(r)s/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
myhostname = mail.example.org
mydestination =
virtual_mailbox_domains = example.org
virtual_mailbox_maps = static:all
virtual_transport = lmtp:unix:%(r)s/lmtp
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
message_size_limit = 20480000
queue_run_delay = 5s
minimal_backoff_time = 5s
maillog_file = %(r)s/postfix.log
maillog_file_prefixes = %(r)s
"""


class Rival(Suite):
    """Debian's Postfix handing over to Debian's Dovecot by LMTP, with the
    durability they have by default: each syncs each message."""
    name = "postfix+dovecot"

    def __init__(self, build, folder, base, like):
        super().__init__(build, folder, base)
        self.like = like                # whose certificate and password
        self.smtp, self.pop3s = base + 25, base + 995

    @staticmethod
    def missing():
        """Why there is none here; installs it if that is possible."""
        need = [p for p, f in (
            ("postfix", "/usr/sbin/postfix"),
            ("dovecot-lmtpd", "/usr/lib/dovecot/lmtp"),
            ("dovecot-pop3d", "/usr/lib/dovecot/pop3"))
            if not os.path.exists(f)]
        if os.geteuid():
            return "needs root"
        if not need:
            return None
        # Debian's way to say that no package may start a service.
        policy = "/usr/sbin/policy-rc.d"
        ours = not os.path.exists(policy)
        if ours:
            with open(policy, "w") as f:
                f.write("#!/bin/sh\nexit 101\n")
            os.chmod(policy, 0o755)
        try:
            env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
            run(["apt-get", "update", "-q"], env=env)
            run(["apt-get", "install", "-y", "-q", "--no-install-recommends",
                 *need], env=env)
        except SystemExit:
            return "cannot be installed here"
        finally:
            if ours:
                os.remove(policy)
        return None

    def start(self):
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)
        for d in "postfix", "spool", "data", "mail", "run":
            os.makedirs(self.root + "/" + d)
        os.chown(self.root + "/mail", 65534, 65534)
        shutil.chown(self.root + "/data", "postfix")
        self.authority, self.password = self.like.authority, self.like.password
        names = {"r": self.root, "cert": self.like.chain[0],
                 "key": self.like.chain[1], "pop3s": self.pop3s,
                 "password": self.password}
        with open(self.root + "/dovecot.conf", "w") as f:
            f.write(DOVECOT % names)
        with open(self.root + "/postfix/main.cf", "w") as f:
            f.write(POSTFIX % names)
        with open("/usr/share/postfix/master.cf.dist") as f:
            services = f.read().replace(
                "smtp      inet", "%-9d inet" % self.smtp, 1)
        with open(self.root + "/postfix/master.cf", "w") as f:
            # None in a chroot, which would want a copy of /etc in each.
            f.write(services.replace("       y       ", "       n       "))
        start(["/usr/sbin/dovecot", "-c", self.root + "/dovecot.conf"],
              self.root + "/start.log")
        start(["/usr/sbin/postfix", "-c", self.root + "/postfix", "start"],
              self.root + "/start.log")
        time.sleep(2)

    def roots(self):
        return pids(self.root + "/run/master.pid",
                    self.root + "/spool/pid/master.pid")

    def delivered(self):
        """The messages in the mailboxes."""
        there = 0
        for i in range(USERS):
            folder = "%s/mail/user%d/mailboxes/INBOX/dbox-Mails" % (
                self.root, i)
            if os.path.isdir(folder):
                there += sum(n.startswith("u.") for n in os.listdir(folder))
        return there

    def settle(self):
        for _ in range(3000):
            if self.delivered() >= self.sent:
                return
            time.sleep(0.1)
        raise SystemExit("postfix+dovecot: %d of %d are in a mailbox" % (
            self.delivered(), self.sent))

    def stop(self):
        def ask():
            for pid in self.roots():
                os.kill(pid, signal.SIGTERM)
        self.end(ask)
