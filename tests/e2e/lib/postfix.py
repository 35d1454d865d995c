"""Debian's Postfix as a peer, with folders and a port of its own."""

import atexit
import os
import shutil
import subprocess
import tempfile

from suite import free_ports, skip

MAIN = """
compatibility_level = 3.6
queue_directory = %(r)s/spool
data_directory = %(r)s/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mydestination =
maillog_file = %(r)s/postfix.log
maillog_file_prefixes = %(r)s
"""


def need():
    """It changes its user, so it needs root."""
    if os.geteuid() != 0:
        skip("only root can start Postfix")
    if not os.path.exists("/usr/sbin/postfix"):
        skip("Debian's postfix is not installed")


class Postfix:
    """settings: lines of main.cf, in which %(r)s is the folder.  wrap: a
    command that it is started with.  It ends with the test at the latest."""

    def __init__(self, settings, port=None, wrap=(), folder="/tmp"):
        self.root = tempfile.mkdtemp(prefix="e2e-postfix-", dir=folder)
        os.chmod(self.root, 0o755)
        self.port = port or free_ports(1)[0]
        self.wrap = list(wrap)
        self.runs = False
        for d in "postfix", "spool", "data", "mail":
            os.makedirs(self.root + "/" + d)
        os.chown(self.root + "/mail", 65534, 65534)
        shutil.chown(self.root + "/data", "postfix")
        with open(self.root + "/postfix/main.cf", "w") as f:
            f.write((MAIN + settings) % {"r": self.root})
        with open("/usr/share/postfix/master.cf.dist") as f:
            services = f.read().replace(
                "smtp      inet", "%-9d inet" % self.port, 1)
        with open(self.root + "/postfix/master.cf", "w") as f:
            f.write(services.replace("       y       ", "       n       "))
        atexit.register(self.remove)

    def _do(self, what):
        with open(self.root + "/start", "a") as out:
            subprocess.run(self.wrap + ["/usr/sbin/postfix", "-c",
                                        self.root + "/postfix", what],
                           stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                           check=True)

    def start(self):
        self._do("start")
        self.runs = True
        return self

    def stop(self):
        if self.runs:
            self.runs = False
            self._do("stop")

    def flush(self):
        """Tries again at once what it has put off."""
        self._do("flush")

    def queue(self):
        """The queue ids of what is not yet delivered."""
        found = []
        for folder in "maildrop", "incoming", "active", "deferred":
            for _, _, files in os.walk("%s/spool/%s" % (self.root, folder)):
                found += files
        return found

    def mbox(self, name):
        try:
            with open("%s/mail/%s" % (self.root, name), "rb") as f:
                return f.read()
        except FileNotFoundError:
            return b""

    def log(self):
        with open(self.root + "/postfix.log", errors="replace") as f:
            return f.read()

    def remove(self):
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)
