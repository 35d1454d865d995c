# What the tests of real clients share: `. lib/client.sh` with the env file
# as $1.  Gives $work, a folder that goes with the test, and $word, which is
# in no other message; at the end all messages with it are deleted.
set -eu
env=$1
. "$env"
lib=$(dirname "$0")/lib
reader=$USER2 readpass=$PASS2
work=$(mktemp -d /tmp/e2e-client-XXXXXX)
word=$(basename "$0" .sh)-$(date +%s%N)-$$

finish() {
	status=$?
	trap - EXIT
	"$lib/box" "$env" "$USER1" "$PASS1" forget "$word" || status=1
	"$lib/box" "$env" "$USER2" "$PASS2" forget "$word" || status=1
	"$lib/box" "$env" "$reader" "$readpass" forget "$word" || status=1
	rm -rf "$work"
	exit $status
}
trap finish EXIT

fail() {
	echo "$(basename "$0"): $*" >&2
	exit 1
}

# must WHAT COMMAND...; must_not N WHAT COMMAND...: N is the exit code.
must() {
	what=$1
	shift
	"$@" >"$work/out" 2>&1 || {
		code=$?
		tail -5 "$work/out" >&2
		fail "$what: exit $code"
	}
}

must_not() {
	wanted=$1 what=$2 code=0
	shift 2
	"$@" >"$work/out" 2>&1 || code=$?
	[ $code = "$wanted" ] || {
		tail -5 "$work/out" >&2
		fail "$what: exit $code, not $wanted"
	}
}

# letter SUBJECT-END FILE: from the first user to the reader.
letter() {
	printf '%s\r\n' "From: <$USER1>" "To: <$reader>" "Subject: $word $1" \
	    "Date: $(date -R)" "Message-ID: <$word.$1@e2e>" "" \
	    "Hello, $1." ".a line with a dot" >"$2"
}

count() {
	"$lib/box" "$env" "$1" "$2" count "$word"
}

# readers_own N: this test reads, and empties, the mailbox of user N, who gets
# nothing from any other test.
readers_own() {
	reader=$(printf "$USERS_PATTERN" "$1") readpass=$USERS_PASS
}

# has N: so many messages of this test are in the reader's mailbox.
has() {
	there=$(count "$reader" "$readpass")
	[ "$there" = "$1" ] || fail "$there messages arrived, not $1"
}
