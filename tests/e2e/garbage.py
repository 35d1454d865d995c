#!/usr/bin/env python3
"""Garbage on the control socket, and through it on every process, ends that
one connection and nothing else.

What is not a frame, what is not a call of the admin's, and calls whose fields
cannot be read.  IPC-1, IPC-2, IPC-3; wire.h draws the frame.
"""

import array
import os
import random
import socket
import struct
import sys

sys.path.insert(0, os.path.dirname(__file__) + "/lib")
from suite import check, is_alive, main
from wire import CALLS, CALL_NUMBERS, KINDS, NUMBERS

FRAME_MAX = 1 << 20
OK, NONE = 0, 3


def head(length, call=0, number=1, kind=0, status=0, has_fd=0, rest=b"\0\0\0"):
    return struct.pack("<IIHBBB", length, number, call, kind, status,
                       has_fd) + rest


def frame(call, body=b"", **more):
    return head(16 + len(body), CALL_NUMBERS.get(call, call), **more) + body


def text(octets):
    return struct.pack("<I", len(octets)) + octets


class Link:
    """A connection to master, or, through it, to a role."""

    def __init__(self, env, role="master"):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(20)
        self.s.connect(os.path.dirname(env.PIDFILE) + "/control")
        if role != "master":
            status, _, fds = self.ask("master_dial", struct.pack(
                "<II", NUMBERS[role], 0))
            check(status == OK and len(fds) == 1, "cannot dial %s", role)
            self.s.close()
            self.s = socket.socket(fileno=fds[0])
            self.s.settimeout(20)

    def answer(self):
        """status, body, descriptors; None if the connection ended."""
        got, fds = b"", []
        while len(got) < 16 or len(got) < struct.unpack("<I", got[:4])[0]:
            try:
                more, new, _, _ = socket.recv_fds(self.s, 65536, 4)
            except ConnectionResetError:
                return None
            fds += new
            if not more:
                return None
            got += more
        return got[11], got[16:], fds

    def ask(self, call, body=b""):
        self.s.sendall(frame(call, body))
        answer = self.answer()
        check(answer is not None, "%s: dropped", call)
        return answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.s.close()


def no_frames():
    """name -> octets that are not the beginning of any request."""
    noise = random.Random(5321)
    call = CALL_NUMBERS["role_status"]     # they answer it
    return {
        "noise": b"\xff" + noise.randbytes(8191),
        "zeroes": bytes(65536),
        "text": b"EHLO me\r\nMAIL FROM:<a@b>\r\n" * 100,
        "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "TLS": bytes.fromhex("16030100") + noise.randbytes(500),
        "length 0": head(0, call),
        "length 15": head(15, call),
        "one over the most": head(FRAME_MAX + 1, call),
        "4 GiB": head(0xffffffff, call),
        "-1 of a short": head(0x80000000, call),
        "call unknown": head(16, len(CALLS)),
        "call 65535": head(16, 65535),
        "an answer": head(16, call, kind=1),
        "kind 2": head(16, call, kind=2),
        "status 255": head(16, call, status=255),
        "has_fd 2": head(16, call, has_fd=2),
        "no descriptor": head(16, call, has_fd=1),
        "not zero": head(16, call, rest=b"\0\0\1"),
    }


def no_fields():
    """Calls of the admin's with fields that cannot be read, by role."""
    many = struct.pack("<I", 0xffffffff)
    return {
        "master": [frame("master_dial"), frame("master_dial", b"\0" * 7),
                   frame("master_dial", b"\0" * 9),
                   frame("master_status", b"\0")],
        "auth": [frame("domain_add", text(b"a\0b")),
                 frame("domain_add", text(b"a\r\nb")),
                 frame("domain_add", text(b"a\nb")),
                 frame("domain_add", many + b"abc"),
                 frame("domain_add", text(b"a") + b"more"),
                 frame("alias_add", text(b"a@b") + many),
                 frame("alias_add", text(b"a@b") + struct.pack("<I", 100000)),
                 frame("alias_add", text(b"a@b") + struct.pack("<I", 2) +
                       text(b"c@d")),
                 frame("user_add", text(b"a@b") + text(b"p"))],
        "queue": [frame("queue_list"), frame("queue_list", b"\0" * 17)],
    }


def foreign(role):
    """Every call that the admin may not send to this role."""
    return [c.name for c in CALLS if "ctl" not in c.askers or
            c.answerer not in ("", role)]


def dropped(env, role, name, octets):
    with Link(env, role) as link:
        try:
            link.s.sendall(octets)
        except (BrokenPipeError, ConnectionResetError):
            return
        check(link.answer() is None, "%s answered %s", role, name)


def too_many_descriptors(env, role):
    with Link(env, role) as link:
        fds = array.array("i", [0] * 64)
        try:
            socket.send_fds(link.s, [frame("role_status")], fds)
            check(link.answer() is None, "%s took 64 descriptors", role)
        except (BrokenPipeError, ConnectionResetError):
            pass


def unfinished(env, role):
    """Half a frame is waited for; whoever goes meanwhile is forgotten."""
    links = [Link(env, role) for _ in range(8)]
    for i, link in enumerate(links):
        link.s.sendall(head(FRAME_MAX) + b"x" * (i * 60000))
    # While they stand there, others are served.
    alive(env, role)
    for link in links:
        link.s.close()


def in_pieces(env, role):
    """A frame that comes octet by octet is a frame."""
    call = "master_status" if role == "master" else "role_status"
    with Link(env, role) as link:
        for octet in frame(call):
            link.s.sendall(bytes([octet]))
        check(link.answer()[0] == OK, "%s: %s in pieces", role, call)


def alive(env, role):
    call = "master_status" if role == "master" else "role_status"
    with Link(env, role) as link:
        check(link.ask(call)[0] == OK, "%s: %s", role, call)


def test(env):
    before = env.processes()
    check(set(before) == set(KINDS), "not all are ready: %s", sorted(before))
    master = env.master()
    witness = {role: Link(env, role) for role in ["master", *KINDS]}
    for role in witness:
        for name, octets in no_frames().items():
            dropped(env, role, name, octets)
        for octets in no_fields().get(role, ()):
            dropped(env, role, repr(octets), octets)
        for call in foreign(role):
            dropped(env, role, call, frame(call))
        too_many_descriptors(env, role)
        unfinished(env, role)
        in_pieces(env, role)
    for role, link in witness.items():
        call = "master_status" if role == "master" else "role_status"
        check(link.ask(call)[0] == OK, "%s dropped somebody else", role)
    with Link(env) as link:
        for number in 99, 0xffffffff:
            check(link.ask("master_dial", struct.pack("<II", number, 0))[0] ==
                  NONE, "role %d was dialled", number)
    check(env.processes() == before and env.master() == master and
          is_alive(master), "a process was hurt")


main(test)
