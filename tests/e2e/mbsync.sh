#!/bin/sh
# mbsync carries a Maildir into a mailbox and back: both
# sides end up equal, flags and deletions go both ways, and a run when nothing
# changed changes nothing.
# RFC 9051 6.3.12 (APPEND), 6.4.5 (FETCH), 6.4.6 (STORE); RFC 4315 (UIDPLUS).
. "$(dirname "$0")/lib/client.sh"
readers_own 52
total=${MBSYNC_MESSAGES:-600}

mkdir -p "$work/local" "$work/again"
cat >"$work/rc" <<RC
IMAPAccount there
Host localhost
Port $IMAPS_PORT
User $reader
Pass $readpass
SSLType IMAPS
CertificateFile $CA_FILE

IMAPStore there
Account there

$(for name in local again; do cat <<STORE
MaildirStore $name
Path $work/$name/
Inbox $work/$name/INBOX
SubFolders Verbatim

Channel $name
Far :there:
Near :$name:
Patterns INBOX Work Work/*
Create Both
Remove Both
Expunge Both
SyncState *

STORE
done)
RC

sync() {
	mbsync -q -c "$work/rc" "$1"
}

# state NAME: what a Maildir holds, one line a message: its octets and flags.
# X-TUID is mbsync's own, and gone after it has found the message again.
state() {
	python3 - "$work/$1" <<'PY'
import os, re, sys, zlib
rows = []
for folder, _, files in os.walk(sys.argv[1]):
    if os.path.basename(folder) not in ("cur", "new"):
        continue
    for name in files:
        with open(folder + "/" + name, "rb") as f:
            text = re.sub(rb"X-TUID: .*\r?\n", b"", f.read(), count=1)
        rows.append("%s %s %d" % (os.path.relpath(os.path.dirname(folder),
            sys.argv[1]), name.partition(":2,")[2], zlib.crc32(text)))
print("\n".join(sorted(rows)))
PY
}

same() {
	state local >"$work/a"
	state again >"$work/b"
	cmp "$work/a" "$work/b" >&2 || fail "$1: the two sides differ"
	n=$(wc -l <"$work/a")
	[ "$n" = "$2" ] || fail "$1: $n messages, not $2"
}

python3 - "$work/local" "$word" "$total" <<'PY'
import os, sys
root, word, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
for box in ("INBOX", "Work", "Work/Deep"):
    for sub in ("cur", "new", "tmp"):
        os.makedirs("%s/%s/%s" % (root, box, sub), exist_ok=True)
for i in range(n):
    box = ("INBOX", "Work", "Work/Deep")[i % 3]
    flags = ("", "S", "FS", "RS", "D")[i % 5]
    with open("%s/%s/cur/%d.%s:2,%s" % (root, box, i, word, flags), "wb") as f:
        f.write(b"From: a@example.com\nSubject: %s %d\nMessage-ID: "
                b"<%s.%d@x>\n\nHello %d.\n%s" % (word.encode(), i,
                word.encode(), i, i, b"\xc3\xa4 line\n" * (i % 50)))
PY

must "the first run" sync local
must "to another place" sync again
same "after the first runs" "$total"
state local >"$work/before"
must "a second run" sync local
must "and of the other" sync again
state local | cmp - "$work/before" >&2 || fail "a second run changed something"

# Flags and deletions, one way and the other.
for f in $(find "$work/local/INBOX/cur" -name '*:2,S' | sort | head -20); do
	mv "$f" "${f}T"
done
for f in $(find "$work/again/Work/cur" -name '*:2,' | sort | head -30); do
	mv "$f" "${f}F"
done
for i in 1 2; do
	must "changes, $i" sync local
	must "changes of the other, $i" sync again
done
same "after changes" $((total - 20))
[ "$(find "$work/local/Work/cur" -name '*:2,F*' | wc -l)" -ge 30 ] ||
    fail "flags did not come over"
# All away again, so that the next test finds nothing.
find "$work/local" -path '*/cur/*' ! -name '*T' | sed 's/.*/mv & &T/' | sh
must "the end" sync local
