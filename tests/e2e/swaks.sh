#!/bin/sh
# swaks submits with STARTTLS and TLS from the start, by each mechanism, sends
# by port 25 and LMTP, and is refused with the right codes.
# RFC 6409 4.3, RFC 8314 3, RFC 4954 4 and 6 (535, 530), RFC 5321 3.6.2 (550
# relaying), RFC 2033 4.2 (one reply a recipient).
. "$(dirname "$0")/lib/client.sh"

say() {
	swaks --timeout 30 --from "$USER1" --to "$USER2" --header "Subject: $word" \
	    --body "By swaks." --tls-ca-path "$CA_FILE" --tls-verify "$@"
}

sent=0
for mechanism in PLAIN LOGIN; do
	must "STARTTLS, $mechanism" say --server "$HOST:$SUBMISSION_PORT" -tls \
	    --auth $mechanism --auth-user "$USER1" --auth-password "$PASS1"
	must "TLS, $mechanism" say --server "$HOST:$SUBMISSIONS_PORT" \
	    --tls-on-connect --auth $mechanism --auth-user "$USER1" \
	    --auth-password "$PASS1"
	sent=$((sent + 2))
done
must_not 28 "a wrong password" say --server "$HOST:$SUBMISSIONS_PORT" \
    --tls-on-connect --auth LOGIN --auth-user "$USER1" --auth-password wrong
grep -q '535 5\.7\.8' "$work/out" || fail "no 535: $(cat "$work/out")"

must "port 25" say --server "$HOST:$SMTP_PORT" --from e2e@example.com
must "port 25 with TLS" say --server "$HOST:$SMTP_PORT" -tls \
    --from e2e@example.com
must "LMTP" say --socket "$LMTP_SOCKET" --protocol LMTP --to "$USER2,$USER1" \
    --from e2e@example.com
sent=$((sent + 3))

must_not 23 "submission without a login" say --server "$HOST:$SUBMISSION_PORT"
grep -q '530 5\.7\.0' "$work/out" || fail "no 530: $(cat "$work/out")"
must_not 24 "relaying" say --server "$HOST:$SMTP_PORT" --to e2e@example.net \
    --from e2e@example.com
must_not 24 "an unknown recipient" say --server "$HOST:$SMTP_PORT" \
    --to "nobody.$word@${USER2#*@}" --from e2e@example.com
grep -q '550 5\.1\.1' "$work/out" || fail "no 550: $(cat "$work/out")"

has $sent
[ "$(count "$USER1" "$PASS1")" = 1 ] || fail "LMTP's other recipient"
