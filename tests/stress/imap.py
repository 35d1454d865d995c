"""An IMAP connection that hides nothing: each response in its turn, parsed.

What a response is made of: atoms, strings and literals are bytes, NIL is None,
a list is a list; an atom with brackets, BODY[HEADER.FIELDS (X)], is one.
"""

import collections
import re
import socket
import ssl

TOKEN = re.compile(
    rb'\(|\)|"((?:[^"\\]|\\.)*)"|\{(\d+)\}\r\n'
    rb'|((?:[^\s()"{\[]|\[[^\]]*\])+)')
Reply = collections.namedtuple("Reply", "word code text untagged")


class Lost(Exception):
    """The connection ended, or what is behind it."""


def parse(line, literals):
    """The tokens of a response, lists nested."""
    literals = iter(literals)
    stack = [[]]
    for m in TOKEN.finditer(line):
        if m.group(3) is not None:
            stack[-1].append(None if m.group(3) == b"NIL" else m.group(3))
        elif m.group(1) is not None:
            stack[-1].append(re.sub(rb"\\(.)", rb"\1", m.group(1)))
        elif m.group(2) is not None:
            stack[-1].append(next(literals))
        elif m.group() == b"(":
            stack.append([])
        else:
            done = stack.pop()
            stack[-1].append(done)
    if len(stack) != 1:
        raise ValueError("parentheses in %r" % line)
    return stack[0]


class Imap:
    """heard(tokens, line) is called with each untagged response, in order."""

    def __init__(self, env, user, password, heard=None):
        self.heard = heard or (lambda tokens, line: None)
        self.log = collections.deque(maxlen=60)
        self.buffer = b""
        self.at = 0
        self.number = self.commands = 0
        context = ssl.create_default_context(cafile=env["CA_FILE"])
        try:
            s = socket.create_connection((env["HOST"], int(env["IMAPS_PORT"])),
                                         timeout=60)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket = context.wrap_socket(s,
                                              server_hostname=env["TLS_NAME"])
        except OSError as e:
            raise Lost("connect: %s" % e)
        if not self.response()[0].startswith(b"* OK"):
            raise Lost("no greeting")
        if self.command("LOGIN %s %s" % (user, password)).word != "OK":
            raise Lost("login refused")

    def close(self):
        self.socket.close()

    # ---- reading

    def fill(self):
        try:
            data = self.socket.recv(65536)
        except OSError as e:
            raise Lost(str(e))
        if not data:
            raise Lost("closed")
        self.buffer = self.buffer[self.at:] + data
        self.at = 0

    def line(self):
        while (end := self.buffer.find(b"\r\n", self.at)) < 0:
            self.fill()
        line = self.buffer[self.at:end]
        self.at = end + 2
        return line

    def octets(self, n):
        while len(self.buffer) - self.at < n:
            self.fill()
        self.at += n
        return self.buffer[self.at - n:self.at]

    def response(self):
        """(the lines with CR LF after each announced literal, literals)"""
        text, literals = self.line(), []
        while m := re.search(rb"\{(\d+)\}$", text):
            literals.append(self.octets(int(m.group(1))))
            text += b"\r\n" + self.line()
        self.log.append("S: %s" % text[:300].decode("latin-1"))
        return text, literals

    def untagged(self, text, literals):
        if text.startswith(b"* BYE"):
            raise Lost(text.decode())
        if not text.startswith(b"* "):
            raise ValueError("unexpected: %r" % text)
        words = re.match(rb"\* (OK|NO|BAD) ", text)
        tokens = [text[2:]] if words else parse(text[2:], literals)
        self.heard(tokens, text)
        return tokens

    def listen(self, until):
        """Untagged responses, up to the one that begins with until."""
        untagged = []
        while True:
            text, literals = self.response()
            if text.startswith(until):
                return text, untagged
            untagged.append(self.untagged(text, literals))

    def listen_one(self):
        """One untagged response; TimeoutError if the socket has a timeout and
        none begins."""
        while self.buffer.find(b"\r\n", self.at) < 0:
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                raise
            except OSError as e:
                raise Lost(str(e))
            if not data:
                raise Lost("closed")
            self.buffer = self.buffer[self.at:] + data
            self.at = 0
        self.untagged(*self.response())

    # ---- commands

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError as e:
            raise Lost(str(e))

    def begin(self, text, literals=()):
        """Each %s is a literal; they go out without waiting (LITERAL-)."""
        self.number += 1
        self.commands += 1
        tag = b"%d" % self.number
        parts = text.encode().split(b"%s")
        out = tag + b" " + parts[0]
        for part, literal in zip(parts[1:], literals):
            out += b"{%d+}\r\n" % len(literal) + literal + part
        self.log.append("C: %s %s" % (tag.decode(), text))
        self.send(out + b"\r\n")
        return tag

    def end(self, tag):
        text, untagged = self.listen(tag + b" ")
        m = re.match(rb"\d+ (OK|NO|BAD) (?:\[([^\]]*)\] )?(.*)", text, re.S)
        if not m:
            raise ValueError("unexpected: %r" % text)
        return Reply(m.group(1).decode(), (m.group(2) or b"").decode(),
                     m.group(3).decode("latin-1"), untagged)

    def command(self, text, literals=()):
        return self.end(self.begin(text, literals))
