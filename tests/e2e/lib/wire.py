"""wire.def and roles.def as tables, read here once more and independently of
the C that is built from them."""

import re

from suite import REPO


def _rows(name, macro):
    with open(REPO + "/common/core/" + name) as f:
        text = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
    # The names of sets of askers.
    for word, bits in re.findall(r"^#define (\w+)\s+\((BIT.*)\)$", text,
                                 re.M):
        text = re.sub(r"\b%s\b" % word, bits, text)
    return re.findall(r"^%s\(((?:[^()\"]|\([^()]*\)|\"[^\"]*\")*)\)" % macro,
                      text, re.M)


def _bits(text):
    return {w.lower() for w in re.findall(r"BIT\((\w+)\)", text)}


KINDS = {}                      # role -> TALKER, KEEPER, THINKER
PROGRAMS = {}                   # role -> file name
NUMBERS = {}                    # role -> as it travels in frames
for _row in _rows("roles.def", "ROLE"):
    _name, _, _program, _kind, _user = [w.strip(' \t"') for w in
                                        _row.split(",")]
    if _kind == "kind":
        continue
    NUMBERS[_name] = len(NUMBERS)
    if _kind not in ("MASTER", "NONE"):
        KINDS[_name] = _kind
        PROGRAMS[_name] = _program


class Call:
    def __init__(self, row):
        name, askers, answerer = [w.strip() for w in row.split(",")[:3]]
        self.name = name
        self.channel = "CHANNEL" in askers
        self.askers = _bits(askers)
        self.answerer = answerer[len("ROLE_"):].lower()  # "" is every role


CALLS = [Call(row) for row in _rows("wire.def", "CALL")]


CALL_NUMBERS = {c.name: i for i, c in enumerate(CALLS)}


def asked_by(role):
    """Whom a role is connected to because it asks there."""
    return {c.answerer for c in CALLS if role in c.askers and not c.channel
            and c.answerer not in ("", "master")}


def askers_of(role):
    return {asker for asker in KINDS if role in asked_by(asker)}
