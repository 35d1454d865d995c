"""The servers of a far machine, each with a part to play."""

import re
import socket
import ssl
import threading

# How each address answers, if anybody does there.
NAMES = "TAKES", "ALSO", "CLOSED", "BUSY", "NEVER", "UNROUTABLE", "LOST"
TAKES, ALSO, CLOSED, BUSY, NEVER, UNROUTABLE, LOST = range(10, 17)
GREETING = {BUSY: b"421 4.3.2 later\r\n", NEVER: b"554 5.7.1 no mail here\r\n"}


class Far:
    """Many servers: one for each address that is not to be closed."""

    def __init__(self, machine, taken):
        self.machine, self.taken = machine, taken
        self.at_end = None      # called before the answer to a message
        self.logins = []
        for n in range(TAKES, LOST + 1):
            machine.also(n)
            for address in machine.v4(n), machine.v6(n):
                if n != CLOSED:
                    self._open(address, n)

    def _open(self, address, n):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with self.machine.inside():
            door = socket.create_server((address, 25), family=family)
        threading.Thread(target=self._serve, args=(door, address, n),
                         daemon=True).start()

    def _serve(self, door, address, n):
        while True:
            s, _ = door.accept()
            if n in GREETING:
                s.sendall(GREETING[n])
                s.close()
            else:
                threading.Thread(target=self._session, args=(s, address),
                                 daemon=True).start()

    def submissions(self, chain, key):
        """One more server, on port 465; who uses it is taken by "465"."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, key)
        with self.machine.inside():
            door = socket.create_server((self.machine.v4(2), 465))

        def serve():
            while True:
                s, _ = door.accept()
                try:
                    s = context.wrap_socket(s, server_side=True)
                except OSError:
                    continue
                threading.Thread(target=self._session, args=(s, "465"),
                                 daemon=True).start()
        threading.Thread(target=serve, daemon=True).start()

    def _session(self, s, address):
        try:
            with s, s.makefile("rb") as f:
                self._talk(s, f, address)
        except OSError:
            pass

    def _talk(self, s, f, address):
        s.sendall(b"220 far.example\r\n")
        while line := f.readline():
            if line.startswith(b"EHLO"):
                s.sendall(b"250-far.example\r\n250-AUTH PLAIN\r\n"
                          b"250 PIPELINING\r\n")
            elif line.startswith(b"AUTH"):
                self.logins.append(line)
                s.sendall(b"235 welcome\r\n")
            elif line.startswith(b"DATA"):
                s.sendall(b"354 go\r\n")
                self._take(f, address)
                s.sendall(b"250 taken\r\n")
            else:
                s.sendall(b"250 ok\r\n")

    def _take(self, f, address):
        octets = b""
        while (line := f.readline()) != b".\r\n":
            if not line:
                raise OSError("broken off")
            octets += line
        mark = re.search(rb"(?m)^Subject: (\S+)", octets).group(1).decode()
        if self.at_end:
            self.at_end()
        self.taken.append((mark, address))
