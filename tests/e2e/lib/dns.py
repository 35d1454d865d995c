"""A DNS of our own: nsd, with zones that are plain or signed by ldns, by
default on a port of the loopback address."""

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
import time

from suite import check, free_ports, until

HEAD = """$ORIGIN %s.
$TTL 300
@ IN SOA ns.%s. root.%s. 1 3600 900 604800 60
@ IN NS ns.%s.
"""


class Dns:
    """zone() as often as needed, then start()."""

    def __init__(self, address="127.0.0.1", port=None, folder="/tmp"):
        self.root = tempfile.mkdtemp(prefix="dns-", dir=folder)
        os.chmod(self.root, 0o755)
        self.address, self.port = address, port or free_ports(1)[0]
        self.zones, self.process = {}, None
        self.anchor = self.root + "/anchor"
        open(self.anchor, "w").close()
        atexit.register(self.remove)

    def zone(self, name, records):
        """records: in the form of a zone file, after SOA and NS."""
        path = "%s/%s" % (self.root, name)
        with open(path, "w") as f:
            f.write(HEAD % ((name,) * 4) + records)
        self.zones[name] = path
        return path

    def signed(self, name, records, *options):
        """Likewise; its key joins the file of trust anchors."""
        path = self.zone(name, records)
        key = subprocess.run(["ldns-keygen", "-a", "ECDSAP256SHA256", "-k",
                              name], cwd=self.root, check=True,
                             capture_output=True, text=True).stdout.strip()
        subprocess.run(["ldns-signzone", "-f", path + ".signed", *options,
                        path, key], cwd=self.root, check=True)
        with open("%s/%s.key" % (self.root, key)) as f:
            line = f.read()
        with open(self.anchor, "a") as f:
            f.write(line)
        self.zones[name] = path + ".signed"
        return path + ".signed"

    def start(self):
        conf = self.root + "/nsd.conf"
        with open(conf, "w") as f:
            f.write("""server:
	ip-address: %s@%d
	username: ""
	chroot: ""
	zonesdir: ""
	database: ""
	xfrdfile: "%s/xfrd"
	zonelistfile: "%s/zonelist"
	pidfile: "%s/pid"
	logfile: "%s/log"
	server-count: 1
	rrl-ratelimit: 0
remote-control:
	control-enable: no
""" % ((self.address, self.port) + (self.root,) * 4))
            for name, path in self.zones.items():
                f.write("zone:\n\tname: %s\n\tzonefile: %s\n" % (name, path))
        self.process = subprocess.Popen(["nsd", "-d", "-c", conf],
                                        stdin=subprocess.DEVNULL)
        until("nsd answers", self._answers)
        return self

    def _answers(self):
        check(self.process.poll() is None, "nsd ended")
        question = (b"\0\1\0\0\0\1\0\0\0\0\0\0" + b"".join(
            bytes([len(label)]) + label.encode() for label in
            next(iter(self.zones)).split(".")) + b"\0\0\6\0\1")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.2)
            s.sendto(question, (self.address, self.port))
            try:
                return s.recv(4096)[3] & 15 == 0
            except OSError:
                time.sleep(0.05)
                return False

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    def sentences(self):
        """What the configuration says, to use it."""
        return ("resolve names through %s port %d\ntrust anchor in %s\n" % (
            self.address, self.port, self.anchor))

    def remove(self):
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)
