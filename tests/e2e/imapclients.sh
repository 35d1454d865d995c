#!/bin/sh
# What people read mail with: curl, fetchmail, getmail, offlineimap and mutt
# find the same messages by IMAP, and what one of them changes the next one
# sees.
# RFC 9051 6.4.4 (SEARCH), 6.4.5 (FETCH), 6.4.6 (STORE), 6.4.3 (EXPUNGE).
. "$(dirname "$0")/lib/client.sh"
readers_own 53
export HOME="$work"
imaps=imaps://localhost:$IMAPS_PORT

put() {
	letter "$1" "$work/letter"
	curl -sS --url "smtp://$HOST:$SMTP_PORT" --mail-from e2e@example.com \
	    --mail-rcpt "$reader" -T "$work/letter"
}

talk() {
	printf 'user = "%s:%s"\n' "$reader" "$readpass" |
	    curl -sS -K - --cacert "$CA_FILE" --max-time 30 "$@"
}

for n in one two three four; do
	must "to send" put $n
done

# ---- curl: lists, searches, reads, appends, makes and removes mailboxes
must "curl, STARTTLS" talk --ssl-reqd "imap://localhost:$IMAP_PORT/INBOX" \
    -X 'STATUS INBOX (MESSAGES)'
grep -q 'MESSAGES 4' "$work/out" || fail "STATUS: $(cat "$work/out")"
must "curl, SEARCH" talk "$imaps/INBOX?SUBJECT%20three"
grep -q 'SEARCH 3' "$work/out" || fail "SEARCH: $(cat "$work/out")"
must "curl, FETCH" talk "$imaps/INBOX;MAILINDEX=2"
grep -q "^Subject: $word two" "$work/out" || fail "FETCH gave another message"
talk "$imaps" -X 'DELETE Work' >/dev/null 2>&1 || true	# of a run that broke off
must "curl, CREATE" talk "$imaps" -X 'CREATE Work'
must "curl, APPEND" talk "$imaps/Work" -T "$work/letter"
must "curl, LIST" talk "$imaps/"
grep -q '"/" Work' "$work/out" || fail "LIST: $(cat "$work/out")"
must "curl, a part" talk "$imaps/INBOX;MAILINDEX=1;SECTION=HEADER.FIELDS%20(SUBJECT)"
grep -q "$word one" "$work/out" || fail "SECTION: $(cat "$work/out")"
must_not 67 "curl, a wrong password" curl -sS --cacert "$CA_FILE" \
    --user "$reader:wrong" "$imaps/"

# ---- fetchmail: takes those it has not seen
cat >"$work/mda" <<MDA
#!/bin/sh
cat >"\$(mktemp $work/got.XXXXXX)"
MDA
chmod +x "$work/mda"
cat >"$work/rc" <<RC
set no syslog
poll localhost service $IMAPS_PORT protocol imap
    user "$reader" password "$readpass" ssl sslcertck sslcertfile "$CA_FILE"
    mda "$work/mda" keep
RC
chmod 600 "$work/rc"
fetched() {
	n=$(cat "$work"/got.* 2>/dev/null | grep -c "^Subject: $word" || true)
	[ "$n" = "$1" ] || fail "fetchmail: $n messages, not $1"
	rm -f "$work"/got.*
}
must "fetchmail" fetchmail -f "$work/rc" --pidfile "$work/pid" --timeout 30
fetched 2		# curl has read two of four
must_not 1 "fetchmail again" fetchmail -f "$work/rc" --pidfile "$work/pid" \
    --timeout 30
fetched 0

# ---- getmail: all of them, and away
# It delivers to no Maildir as root, but to a program.
mkdir -p "$work/getmail"
cat >"$work/getmail/getmailrc" <<RC
[retriever]
type = SimpleIMAPSSLRetriever
server = localhost
port = $IMAPS_PORT
username = $reader
password = $readpass
mailboxes = ("Work",)
[destination]
type = MDA_external
path = $work/mda
allow_root_commands = true
[options]
delete = true
verbose = 0
RC
must "getmail" getmail --getmaildir="$work/getmail"
fetched 1
must "curl, STATUS" talk "$imaps" -X 'STATUS Work (MESSAGES)'
grep -q 'MESSAGES 0' "$work/out" || fail "getmail deleted nothing"

# ---- offlineimap: a mirror, and a deletion there comes back
cat >"$work/offlineimaprc" <<RC
[general]
accounts = a
metadata = $work/offlineimap
ui = quiet
[Account a]
localrepository = here
remoterepository = there
[Repository here]
type = Maildir
localfolders = $work/mirror
[Repository there]
type = IMAP
remotehost = localhost
remoteport = $IMAPS_PORT
ssl = yes
sslcacertfile = $CA_FILE
remoteuser = $reader
remotepass = $readpass
RC
must "offlineimap" offlineimap -c "$work/offlineimaprc" -o
there=$(find "$work/mirror/INBOX" -type f -path '*/cur/*' | wc -l)
[ "$there" = 4 ] || fail "offlineimap: $there messages, not 4"
rm -f "$(grep -l "$word four" "$work"/mirror/INBOX/cur/*)"
must "offlineimap again" offlineimap -c "$work/offlineimaprc" -o
has 3

# ---- mutt: opens, deletes the first, leaves
cat >"$work/muttrc" <<RC
set folder="imaps://$reader@localhost:$IMAPS_PORT/"
set spoolfile="+INBOX"
set imap_pass="$readpass"
set ssl_force_tls ssl_ca_certificates_file="$CA_FILE"
set delete=yes quit=yes sleep_time=0
set record= postponed=
push "<first-entry><delete-message><sync-mailbox><quit>"
RC
must "tmux" tmux -L "$word" -f /dev/null new-session -d -x 120 -y 40 \
    "mutt -n -F $work/muttrc 2>$work/mutt.err"
for _ in $(seq 100); do
	tmux -L "$word" has-session 2>/dev/null || break
	sleep 0.3
done
if tmux -L "$word" has-session 2>/dev/null; then
	tmux -L "$word" capture-pane -p | grep . >&2
	cat "$work/mutt.err" >&2
	tmux -L "$word" kill-server
	fail "mutt did not end"
fi
has 2
must "curl, at the end" talk "$imaps" -X 'DELETE Work'
