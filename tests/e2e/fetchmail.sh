#!/bin/sh
# fetchmail fetches over STLS and TLS from the start: with keep the messages
# stay and are not fetched twice (UIDL is the same in each session), without
# they are gone at QUIT.
# RFC 1939 5 (DELE), 6 (UPDATE), 7 (UIDL); RFC 2595 4.
. "$(dirname "$0")/lib/client.sh"
readers_own 50

# Fetchmail hands each message to this, one file each.
cat >"$work/mda" <<MDA
#!/bin/sh
cat >"\$(mktemp $work/got.XXXXXX)"
MDA
chmod +x "$work/mda"

# fetch PORT SSL-OPTIONS KEEP PASSWORD: exit 0 there was mail, 1 there was none.
fetch() {
	cat >"$work/rc" <<RC
set no syslog
poll $HOST service $1 protocol pop3 uidl
    user "$reader" password "$4" $2 sslcertck sslcertfile "$CA_FILE"
    sslcommonname "$TLS_NAME"
    mda "$work/mda" $3
RC
	chmod 600 "$work/rc"
	FETCHMAILHOME=$work HOME=$work fetchmail -f "$work/rc" \
	    -i "$work/ids" --pidfile "$work/pid" --timeout 30
}

# fetched N: of the messages of this test.
fetched() {
	n=$(cat "$work"/got.* 2>/dev/null | grep -c "^Subject: $word" || true)
	[ "$n" = "$1" ] || fail "fetched $n, not $1"
	rm -f "$work"/got.*
}

send() {
	letter "$1" "$work/letter"
	curl -sS --url "smtp://$HOST:$SMTP_PORT" --mail-from e2e@example.com \
	    --mail-rcpt "$reader" -T "$work/letter"
}

stls='sslproto "auto"'
must "to send" send one
must "to send" send two
must_not 3 "a wrong password" fetch "$POP3S_PORT" ssl keep wrong
fetched 0
must "keep, TLS" fetch "$POP3S_PORT" ssl keep "$readpass"
fetched 2
has 2
must_not 1 "keep, again, STLS" fetch "$POP3_PORT" "$stls" keep "$readpass"
fetched 0
must "to send" send three
must "keep, with a new one, STLS" fetch "$POP3_PORT" "$stls" keep "$readpass"
fetched 1
has 3
rm -f "$work/ids"
must "all once more, and delete" fetch "$POP3_PORT" "$stls" "nokeep fetchall" \
    "$readpass"
fetched 3
has 0
