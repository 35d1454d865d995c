#!/bin/sh
# The mail libraries of web applications: imapflow (Node.js) reads, changes and
# watches a mailbox and catches up by QRESYNC; nodemailer submits with STARTTLS
# and with TLS, over one connection and over several that it keeps.
# RFC 9051 6; RFC 7162 3.2.5; RFC 6851; RFC 4315; RFC 6409 4.3, 6.1.
. "$(dirname "$0")/lib/client.sh"
readers_own 54
here=$(cd "$(dirname "$0")" && pwd)

# These run on the Node.js 18 of Debian 12 too.  They are fetched once.
imapflow=1.0.188 nodemailer=7.0.3
store=$here/../../build/node
modules=$store/$imapflow-$nodemailer

# Two of these may run at once: the first to be ready is kept.
fetch_modules() {
	new=$modules.new.$$
	mkdir -p "$new" &&
	    npm install --prefix "$new" --ignore-scripts --no-audit \
	    --no-fund --prefer-offline --fetch-retries 1 \
	    --fetch-timeout 30000 "imapflow@$imapflow" \
	    "nodemailer@$nodemailer" >"$work/npm" 2>&1 &&
	    { mv -T "$new" "$modules" 2>/dev/null || [ -d "$modules" ]; }
}

[ -d "$modules" ] || fetch_modules || {
	tail -5 "$work/npm" >&2
	fail "npm cannot fetch imapflow and nodemailer from its registry"
}

# The password travels by the environment, which other users cannot see.
run() {
	READER=$reader READPASS=$readpass WORD=$word NODE_PATH=$modules/node_modules \
	    HOST=$HOST TLS_NAME=$TLS_NAME CA_FILE=$CA_FILE SMTP_PORT=$SMTP_PORT \
	    SUBMISSION_PORT=$SUBMISSION_PORT SUBMISSIONS_PORT=$SUBMISSIONS_PORT \
	    IMAP_PORT=$IMAP_PORT IMAPS_PORT=$IMAPS_PORT \
	    USER1=$USER1 PASS1=$PASS1 USER2=$USER2 \
	    timeout 100 node "$here/js/$1"
}

run imapflow.js || fail "imapflow: exit $?"
run nodemailer.js || fail "nodemailer: exit $?"
