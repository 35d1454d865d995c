#!/bin/sh
# mpop fetches with pipelining over STLS and TLS from the start; what was kept
# is known by its UIDL, what was not is deleted.
# RFC 1939 5, 6 and 7; RFC 2449 6.8 (PIPELINING); RFC 5034 (AUTH PLAIN).
. "$(dirname "$0")/lib/client.sh"
readers_own 51

fetch() {
	password=$1
	shift
	mpop -C /dev/null --host="$HOST" --user="$reader" --timeout=30 \
	    --tls=on --tls-trust-file="$CA_FILE" \
	    --passwordeval="echo $password" --received-header=off \
	    --uidls-file="$work/ids" --delivery=mbox,"$work/mbox" "$@"
}

fetched() {
	n=$(grep -c "^Subject: $word" "$work/mbox" || true)
	[ "$n" = "$1" ] || fail "fetched $n, not $1"
	: >"$work/mbox"
}

send() {
	letter "$1" "$work/letter"
	curl -sS --url "smtp://$HOST:$SMTP_PORT" --mail-from e2e@example.com \
	    --mail-rcpt "$reader" -T "$work/letter"
}

: >"$work/mbox"
tls="--port=$POP3S_PORT --tls-starttls=off"
stls="--port=$POP3_PORT --tls-starttls=on"
for name in one two three; do
	must "to send" send $name
done
must_not 77 "a wrong password" fetch wrong $tls --keep=on
must "keep, by AUTH PLAIN" fetch "$readpass" $tls --keep=on --auth=plain
fetched 3
must "keep, again, by USER" fetch "$readpass" $stls --keep=on --auth=user
fetched 0
must "to send" send four
must "a new one, pipelined" fetch "$readpass" $stls --keep=on --pipelining=on
fetched 1
has 4
rm -f "$work/ids"
must "all once more, and delete" fetch "$readpass" $tls --keep=off
fetched 4
has 0
