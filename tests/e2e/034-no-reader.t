#!/bin/sh
# A command that lists ends when its reader has gone, however much there is to list; one that changes something is
# heard to its end.
. tests/e2e/lib.sh
plan 11

cert=$T/cert key=$T/key
openssl req -x509 -newkey ed25519 -nodes -subj /CN=b.test -keyout "$key" -out "$cert" 2>/dev/null
cat >"$T/conf" <<END
version = 1
domain b.test { certificate = "$cert"
 key = "$key" }
accounts = "$T/accounts"
oms { control = "$T/o" }
ims { control = "$T/i" }
END
row='{"id":"01JDZ3QW8N5Y2K7F9QXM4VREHT","from":"alice@b.test","to":"bob@a.test","state":"waiting","tries":1,"mailbox":"bob@b.test","notices":1,"domain":"a.test","number":1,"text":"a piece\n"}'
background tests/lib/endless.pl "$T/o" "$row" >"$T/o.log"
background tests/lib/endless.pl "$T/i" "$row" >"$T/i.log"
ok "the sockets of both daemons are there" eventually 20 sh -c "grep -q listening '$T/o.log' && grep -q listening '$T/i.log'"

# ended PROGRAM ARGS...: its status and what it said on standard error, where its reader has taken one line.
ended() {
	program=$1
	shift
	{ timeout 60 "build/$MODE/$program" -C "$T/conf" "$@" 2>"$T/err"; echo $? >"$T/status"; } | head -1 >"$T/line"
	[ -s "$T/line" ] || echo "no line" >>"$T/err"
	cat "$T/status" "$T/err"
}
is "oms queue" "$(ended oms queue)" 0
is "oms queue --json" "$(ended oms --json queue --all)" 0
is "ims list" "$(ended ims list)" 0
is "ims list --senders" "$(ended ims list --senders)" 0
is "ims list MAILBOX" "$(ended ims list bob@b.test)" 0
is "ims list --json" "$(ended ims --json list)" 0
is "ims evidence show" "$(ended ims evidence show bob@b.test 1)" 0

# It is asked how much each user has before the first line is printed.
printf 'canary-7f3a\n' | "build/$MODE/oms" -C "$T/conf" user add bob@b.test >/dev/null
{ timeout 60 "build/$MODE/oms" -C "$T/conf" user list 2>"$T/err"; echo $? >"$T/status"; } | :
is "oms user list, whose reader was never there" "$(cat "$T/status" "$T/err")" 0

rm "$T/i"
background tests/lib/endless.pl "$T/i" '{"dropped":1}' 20000 >"$T/drop.log"
eventually 20 grep -q listening "$T/drop.log"
is "ims drop" "$(ended ims --json drop --from a.test)" 0
ok "but it stays until all are dropped" eventually 20 grep -q 'heard to the end' "$T/drop.log"
