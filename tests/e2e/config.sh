#!/bin/sh
# With a fault in the configuration nothing starts, every fault is shown at
# once with file:line:column, and the exit code is 78 (EX_CONFIG); so it is
# with what the machine cannot do.
# CONF-1 (all errors in one run), DEB-10 (sysexits); sysexits.h.
set -eu
. "$1"
bin=$(dirname "${POSTINO%% *}")
work=$(mktemp -d /tmp/e2e-config-XXXXXX)
trap 'rm -rf "$work"' EXIT
conf=$work/postino.conf
export ASAN_OPTIONS=detect_leaks=0	# its exit code would hide ours

fail() {
	echo "config.sh: $*" >&2
	[ ! -f "$work/err" ] || sed 's/^/  /' "$work/err" >&2
	exit 1
}

# Folders that would be made, were anything started.
cat >"$work/good" <<CONF
server name mail.example.org
privileges $([ "$(id -u)" = 0 ] && echo drop || echo none)
listen lmtp at $work/sockets/lmtp
data in $work/data
sockets in $work/sockets
log to $work/log
CONF
for user in key store auth queue resolver mda relay drop smtpd submission pop3d \
    imapd; do
	[ "$(id -u)" != 0 ] || echo "user of $user is $((62000 + $(printf %s \
	    "$user" | cksum | cut -c1-3)))" >>"$work/good"
done

# refused CODE: neither master nor the check take the file, and nothing was
# touched.
refused() {
	for command in "$bin/master -c $conf" "$bin/master -n -c $conf" \
	    "$POSTINO config check $conf"; do
		code=0
		timeout 20 $command >"$work/out" 2>"$work/err" || code=$?
		[ $code = "$1" ] || fail "$command: exit $code, not $1"
	done
	for made in data sockets log; do
		[ ! -e "$work/$made" ] || fail "$made was made"
	done
}

# fault LINE:COLUMN TEXT: is among what was shown.
fault() {
	grep -qF "$conf:$1: " "$work/err" || fail "no fault at $1"
	grep -F "$conf:$1: " "$work/err" | grep -qF "$2" ||
	    fail "the fault at $1 does not say: $2"
}

# faults N: and no more.
faults() {
	n=$(grep -cE "^$conf:[0-9]+:[0-9]+: " "$work/err" || true)
	[ "$n" = "$1" ] || fail "$n faults shown, not $1"
}

cp "$work/good" "$conf"
"$bin/master" -n -c "$conf" 2>"$work/err" || fail "the good file: exit $?"

lines=$(wc -l <"$work/good")
cat "$work/good" - >"$conf" <<'CONF'
accept mesages up to 10 MB
accept messages up to 10 parsecs
listen smtp on 300.1.2.3
wait 5 minutes
listen smtp on 127.0.0.1 port 99999
log loud and above
"no end
xyzzy
CONF
refused 78
faults 8
fault "$((lines + 1)):8" '"messages"'
fault "$((lines + 2)):26" 'parsecs'
fault "$((lines + 3)):16" '300.1.2.3'
fault "$((lines + 5)):31" '99999'
fault "$((lines + 6)):5" 'loud'
fault "$((lines + 7)):1" 'quote'
fault "$((lines + 8)):1" 'xyzzy'

# What is seen only when all has been read.
cat "$work/good" - >"$conf" <<'CONF'
listen smtp on 127.0.0.1 port 10025
listen pop3 on 127.0.0.1 port 10025
wait 1 minute for pop3 commands
server name other.example.org
CONF
refused 78
[ "$(grep -c "^$conf:" "$work/err")" -ge 3 ] || fail "fewer than 3 faults"

: >"$conf"
refused 78
printf 'server name mail.example.org\0\n' >"$conf"
refused 78
head -c 100000 /dev/urandom >"$conf"
refused 78
yes 'listen smtp on 127.0.0.1 port 0' | head -20000 >"$conf"
refused 78

rm "$conf"
refused 66	# EX_NOINPUT

# A good file that this machine cannot fulfil: the port belongs to somebody.
cat "$work/good" - >"$conf" <<CONF
listen smtp on $HOST port $SMTP_PORT
CONF
code=0
timeout 20 "$bin/master" -c "$conf" >"$work/out" 2>"$work/err" || code=$?
cat "$work/log" >>"$work/err"
[ $code != 0 ] && [ $code != 124 ] || fail "a port that is taken: exit $code"
grep -q "port $SMTP_PORT" "$work/err" || fail "it does not say which port"
[ ! -e "$work/sockets/control" ] || fail "something was started"

# Somebody runs here all the while.
$POSTINO status >/dev/null || fail "the instance is not ready any more"
