#!/bin/sh
# curl submits with STARTTLS and with TLS from the start, by AUTH PLAIN and
# LOGIN, and reads and deletes by POP3 with STLS and with TLS from the start.
# RFC 6409 4.3, RFC 8314 3, RFC 4954 4, RFC 4616; RFC 1939, RFC 2595 4.
. "$(dirname "$0")/lib/client.sh"

talk() {
	who=$1
	shift
	printf 'user = "%s"\n' "$who" | curl -sS -K - --cacert "$CA_FILE" \
	    --max-time 30 "$@"
}

submit() {
	who=$1 way=$2 name=$3
	shift 3
	letter "$name" "$work/letter"
	talk "$who" --url "$way" --ssl-reqd --mail-from "$USER1" \
	    --mail-rcpt "$USER2" -T "$work/letter" "$@"
}

starttls=smtp://$HOST:$SUBMISSION_PORT
tls=smtps://$HOST:$SUBMISSIONS_PORT
sent=0
for mechanism in PLAIN LOGIN; do
	for way in $starttls $tls; do
		must "$mechanism, $way" submit "$USER1:$PASS1" "$way" \
		    "$mechanism" --login-options "AUTH=$mechanism"
		sent=$((sent + 1))
	done
done
must_not 67 "a wrong password" submit "$USER1:wrong" "$tls" no
has $sent

# Without TLS there is no AUTH to try, without AUTH no MAIL.
letter no "$work/letter"
must_not 55 "a password without TLS" talk "$USER1:$PASS1" --url "$starttls" \
    --mail-from "$USER1" --mail-rcpt "$USER2" -T "$work/letter"
must_not 55 "no password" curl -sS --cacert "$CA_FILE" --ssl-reqd \
    --url "$starttls" --mail-from "$USER1" --mail-rcpt "$USER2" \
    -T "$work/letter"
must_not 55 "another's address" talk "$USER1:$PASS1" --url "$tls" \
    --mail-from "$USER2" --mail-rcpt "$USER2" -T "$work/letter"
# The certificate is for this host only.
must_not 60 "a certificate of an authority that is not known" curl -sS \
    --cacert /etc/ssl/certs/ca-certificates.crt "$tls"
has $sent

stls=pop3://$HOST:$POP3_PORT
pop3s=pop3s://$HOST:$POP3S_PORT
must_not 67 "wrong password, pop3s" talk "$USER2:wrong" "$pop3s/"
must "UIDL by STLS" talk "$USER2:$PASS2" --ssl-reqd -X UIDL "$stls/"
cp "$work/out" "$work/uidl"
must "UIDL again" talk "$USER2:$PASS2" -X UIDL "$pop3s/"
cmp -s "$work/uidl" "$work/out" || fail "UIDL is not what it was"

# The last one is ours: its header by TOP, all of it, and away.
last=$(tail -1 "$work/uidl" | cut -d' ' -f1)
must TOP talk "$USER2:$PASS2" -X "TOP $last 0" "$pop3s/"
grep -q "^Subject: $word" "$work/out" || fail "TOP gave another message"
! grep -q '^Hello, ' "$work/out" || fail "TOP gave the body"
must RETR talk "$USER2:$PASS2" --ssl-reqd "$stls/$last"
letter LOGIN "$work/letter"
sed '1,/^Subject/d' "$work/letter" | sed 1d >"$work/sent"
sed '1,/^Subject/d' "$work/out" | sed 1d >"$work/got"
cmp "$work/sent" "$work/got" >&2 || fail "RETR gave other octets"
must DELE talk "$USER2:$PASS2" -X DELE -I "$pop3s/$last"
has $((sent - 1))
