#!/bin/sh
# msmtp submits with STARTTLS and TLS from the start, by PLAIN and LOGIN, and
# tells a wrong password from a refused sender.
# RFC 6409 4.3 and 6.1, RFC 8314 3, RFC 4954 4 and 6.
. "$(dirname "$0")/lib/client.sh"

# say NAME ARGS...: through an account of this file.
say() {
	letter "$1" "$work/letter"
	shift
	msmtp -C /dev/null --host="$HOST" --timeout=30 --domain=e2e.example \
	    --tls=on --tls-trust-file="$CA_FILE" --from="$USER1" \
	    --user="$USER1" "$@" "$USER2" <"$work/letter"
}

sent=0
for mechanism in plain login; do
	must "STARTTLS, $mechanism" say "$mechanism" --auth=$mechanism \
	    --port="$SUBMISSION_PORT" --tls-starttls=on \
	    --passwordeval="echo $PASS1"
	must "TLS, $mechanism" say "$mechanism" --auth=$mechanism \
	    --port="$SUBMISSIONS_PORT" --tls-starttls=off \
	    --passwordeval="echo $PASS1"
	sent=$((sent + 2))
done
must_not 77 "a wrong password" say wrong --auth=plain \
    --port="$SUBMISSION_PORT" --tls-starttls=on \
    --passwordeval="echo wrong"	# EX_NOPERM
must_not 65 "a sender that is not its own" say other --auth=plain \
    --port="$SUBMISSIONS_PORT" --tls-starttls=off \
    --passwordeval="echo $PASS1" --from="$USER2"
has $sent
