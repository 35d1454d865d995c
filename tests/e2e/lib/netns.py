"""Machines of a test's own: network namespaces, with a router between them.

enter() runs the test a second time, in namespaces of its own for network,
processes and mounts.  Whatever ends that life, or the one that waits for it,
takes every process and every cable along.
"""

import contextlib
import ctypes
import glob
import os
import shutil
import signal
import subprocess
import sys
import tempfile

from suite import SKIPPED, skip

INSIDE = "E2E_NETNS"
CLONE_NEWNET = 0x40000000
BOX = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child",
       "--mount-proc"]

libc = ctypes.CDLL(None, use_errno=True)


def enter(seconds):
    """Returns, in the second life only, a folder that is removed after it, but
    for the logs if it fails."""
    if os.environ.get(INSIDE):
        return os.environ[INSIDE]
    if os.geteuid() != 0:
        skip("only root may make network namespaces")
    probe = subprocess.run(BOX + ["true"], capture_output=True, text=True)
    if probe.returncode != 0:
        skip("no namespaces here: " + probe.stderr.strip())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder = tempfile.mkdtemp(prefix="e2e-netns-", dir="/tmp")
    os.chmod(folder, 0o755)
    try:
        code = subprocess.run(
            ["setpriv", "--pdeathsig", "KILL"] + BOX + [sys.executable] +
            sys.argv, env=dict(os.environ, **{INSIDE: folder}),
            timeout=seconds).returncode
        if code not in (0, SKIPPED):
            leave_logs(folder)
        sys.exit(code)
    except subprocess.TimeoutExpired:
        leave_logs(folder)
        sys.exit("not done within %d s" % seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def leave_logs(folder):
    for path in glob.glob(folder + "/*/*log") + glob.glob(folder + "/*.log"):
        to = folder + "-" + os.path.basename(path)
        shutil.copy(path, to)
        print("log: " + to, file=sys.stderr)


def switch(call, *args):
    if call(*args) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def current():
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


class Machine:
    """A network namespace.  `number` says its addresses: the first it gets is
    v4(2) and v6(2), the router's towards it are v4(1) and v6(1)."""

    def __init__(self, number, here=False):
        self.number = number
        if here:
            self.ns = current()
        else:
            with self._back():
                switch(libc.unshare, CLONE_NEWNET)
                self.ns = current()
        self.ip("link set lo up")

    def v4(self, host):
        return "192.0.2.%d" % (self.number * 64 + host)

    def v6(self, host):
        return "2001:db8:%x::%x" % (self.number, host)

    @contextlib.contextmanager
    def _back(self):
        before = current()
        try:
            yield
        finally:
            switch(libc.setns, before, CLONE_NEWNET)
            os.close(before)

    @contextlib.contextmanager
    def inside(self):
        """What this thread makes here, sockets and processes, is the
        machine's, and stays so."""
        with self._back():
            switch(libc.setns, self.ns, CLONE_NEWNET)
            yield

    def ip(self, *commands):
        with self.inside():
            for words in commands:
                subprocess.run(["ip", *words.split()], check=True,
                               stdin=subprocess.DEVNULL)

    def sysctl(self, name, value):
        with self.inside(), open("/proc/sys/net/" + name, "w") as f:
            f.write(value)

    def also(self, host):
        """One more address of each family."""
        self.ip("addr add %s/26 dev wire" % self.v4(host),
                "addr add %s/64 dev wire nodad" % self.v6(host))

    def routes(self, family, what):
        """what: add or del; family 4 or 6."""
        to = self.v4(1) if family == 4 else self.v6(1)
        self.ip("-%d route %s default via %s" % (family, what, to))


class Router(Machine):
    def __init__(self):
        super().__init__(0)
        self.sysctl("ipv4/ip_forward", "1")
        self.sysctl("ipv6/conf/all/forwarding", "1")

    def join(self, machine):
        """A cable from here to there, with addresses and routes."""
        port = "port%d" % machine.number
        machine.ip("link add wire type veth peer name %s" % port,
                   "link set %s netns /proc/%d/fd/%d" % (
                       port, os.getpid(), self.ns))
        self.ip("link set %s up" % port)
        self.sysctl("ipv6/conf/%s/keep_addr_on_down" % port, "1")
        self.ip("addr add %s/26 dev %s" % (machine.v4(1), port),
                "addr add %s/64 dev %s nodad" % (machine.v6(1), port))
        machine.ip("link set wire up")
        machine.also(2)
        machine.routes(4, "add")
        machine.routes(6, "add")

    def pull(self, machine):
        """The cable, out of the router."""
        self.ip("link set port%d down" % machine.number)

    def plug(self, machine):
        self.ip("link set port%d up" % machine.number)

    def never(self, how, *addresses):
        """how: unreachable, as an answer says; blackhole, and none does."""
        for a in addresses:
            self.ip("-%d route add %s %s" % (6 if ":" in a else 4, how, a))


def mount(path, over):
    """A file of our own in the place of the system's."""
    subprocess.run(["mount", "--bind", path, os.path.realpath(over)],
                   check=True)


def network(*machines):
    """A router that joins them all, or no test."""
    try:
        router = Router()
        for m in machines:
            router.join(m)
        return router
    except (OSError, subprocess.CalledProcessError) as e:
        skip("no cables between namespaces here: %s" % e)
