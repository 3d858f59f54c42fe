#!/bin/sh
# ^C on a terminal while a letter is read: the terminal is as before, the progress is gone, and nothing is left of
# the letter.
. tests/e2e/lib.sh
plan 17

world_up --domains a.test,b.test
home=$W/home/bob@b.test
mkdir "$T/tmp"
letter alice@a.test bob@b.test big "$(yes 'a line of the body' | head -150000)" >"$T/big"
ok "a letter of some size is sent" as alice@a.test send --wait 20 bob@b.test <"$T/big"
ok "and is here" as bob@b.test fetch 1

# The way from bob's server lets so much pass, and the rest bit by bit.
there=${IMS_MAILBOX_b_test%:*}
export RELAY_MORE="$T/more 20000"
background tests/world enter "$W" perl tests/lib/relay.pl "$there:2473" "$IMS_MAILBOX_b_test" down 400000 >"$T/relay"
unset RELAY_MORE
eventually 20 grep -q ready "$T/relay"
tests/world zone "$W" --remove _ims-mailbox._tcp.b.test SRV
tests/world zone "$W" '_ims-mailbox._tcp.b.test. 60 IN SRV 0 1 2473 ims.b.test.'

# terminal NAME COMMAND...: what it does on a terminal of its own, which is looked at before and after.
cat >"$T/inside" <<'END'
trap : INT	# for the shell alone: the command has the usual action
before=$(stty -g)
"$@"
echo "status $?"
[ "$(stty -g)" = "$before" ] && echo "the terminal is as before"
END
terminal() {
	_name=$1
	shift
	TMPDIR=$T/tmp script -qefc "sh $T/inside $*" "$T/$_name" >/dev/null 2>&1
}
shown() { tr -d '\000' <"$T/$1" | sed '/^Script /d' | tests/lib/screen.pl; }
drawn() { : >"$T/more"; grep -q ' %  ' "$T/showing"; }

find "$home" | sort >"$T/before"
: >"$T/showing"
(eventually 40 drawn && printf '\003'; eventually 40 grep -q 'as before' "$T/showing") |
    terminal showing tests/world mc "$W" bob@b.test show 1
like "the progress was there" "$(cat "$T/showing")" 'from server .* %  .* of 2\.9M'
like "the status is that of an interrupt" "$(shown showing)" '^status 130$'
like "the terminal is as before" "$(shown showing)" '^the terminal is as before$'
is "it is said in a line of its own, and the progress is gone" "$(shown showing | sed -n 1p)" "mc: cancelled: the letter is not shown"
is "nothing else is on the screen" "$(shown showing | wc -l)" 3
unlike "nothing of the letter either" "$(cat "$T/showing")" 'line of the body'
is "no file is left in TMPDIR" "$(ls -A "$T/tmp")" ""
find "$home" | sort >"$T/after"
same "and none in the user's home" "$T/before" "$T/after"

# At the password.
mv "$home/password" "$T/password"
: >"$T/asked"
(eventually 40 grep -q 'Password for' "$T/asked" && printf '\003'; eventually 40 grep -q 'status' "$T/asked") |
    terminal asked tests/world mc "$W" bob@b.test setup bob@b.test -A other
mv "$T/password" "$home/password"
like "at the password, too" "$(shown asked)" '^status 130$'
like "the terminal echoes again" "$(shown asked)" '^the terminal is as before$'
find "$home" | sort >"$T/after"
same "and no account was begun" "$T/before" "$T/after"

# Without the relay the letter can be read.  An interrupt of its display does not deny it.
kill $(descendants $(children $pids)) 2>/dev/null
tests/world zone "$W" --remove _ims-mailbox._tcp.b.test SRV
tests/world zone "$W" "_ims-mailbox._tcp.b.test. 60 IN SRV 0 1 ${IMS_MAILBOX_b_test#*:} ims.b.test."
as bob@b.test show 1 --raw >"$T/raw"
is "then the letter is read" "$(grep -c 'a line of the body' "$T/raw")" 150000
mkfifo "$T/slow"
perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' tests/world mc "$W" bob@b.test show 1 >"$T/slow" 2>"$T/err" &
mc=$! pids="$pids $!"
exec 8<"$T/slow"
ok "one whose reader takes a line" eventually 20 sh -c "head -c 20 <&8 | grep -q ."
kill -INT $mc
wait $mc
is "is interrupted, too" $? 130
is "and nothing wrong is said" "$(cat "$T/err")" ""
exec 8<&-
