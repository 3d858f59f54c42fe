#!/bin/sh
# The demo: it shows what it promises, takes any letter, and leaves nothing, whatever happens.
. tests/e2e/lib.sh
plan 29
export TMPDIR="$T"

ok "the demo comes to its end" tests/demo
like "the letter is taken" "$out" 'kept at oms\.a\.test|kept until|[0-9A-Z]{4}-[0-9A-Z]{4}'
like "the outbox: notified" "$out" 'bob@b\.test +notified'
like "bob's list names who wrote" "$out" 'alice@a\.test|Alice'
like "and it is read" "$out" 'the roof is 12 m'
like "what came is what was sent" "$out" 'Octet for octet'
like "the outbox: fetched" "$out" 'bob@b\.test +fetched'
like "the refusal" "$out" '\[?certificate-revoked\]?'
never=$(printf '%s\n' "$out" | sed -n '/never hears/,$p')
like "which b.test has in its log" "$never" 'tls\.refused.*word=certificate-revoked'
unlike "nothing of it reaches bob" "$(printf '%s\n' "$never" | sed -n '/mc list/,$p')" 'mallory'
like "before he opens it no octet was handed out" "$out" 'bodies handed out 0 octets'
is "no line is wider than a terminal" "$(printf '%s\n' "$out" | awk 'length($0) > 80')" ""
like "it ends" "$out" 'nothing is left running'
queue=$(printf '%s\n' "$out" | sed -n '/oms queue$/,/oms status$/p')
like "the queue is a table, not folded" "$queue" 'bob@b\.test +notified +- +1$'
like "with its head in one line" "$queue" '^   ID +To +State +Next try +Tries$'
unlike "no line ends in a blank" "$out" '[^ ] +$'
next=$(printf '%s\n' "$out" | sed -n '/^What next/,$p')
like "and says what to do next" "$next" 'tests/world up /tmp/world'
# What it says is tried, in a place of our own.
printf '%s\n' "$next" | sed -n "s|^   \(.*tests/world .*\)|\1|p" | sed "s|/tmp/world|$T/next|" >"$T/next.sh"
like "which works unchanged" "$(sh -e "$T/next.sh" 2>&1 </dev/null)" '^  Hello$'

ok "a letter of one's own" tests/demo tests/letters/foreign.eml
like "is read at the other end" "$out" 'weit her'
mkdir "$T/of her's"
cp tests/letters/barn.eml "$T/of her's/a letter.eml"
like "one in a place with blanks" "$(make -n demo FILE="$T/of her's/a letter.eml" | tail -1)" "of her'.''s/a letter.eml'$"
status_is "one that is not there" 66 tests/demo "$T/none.eml"
like "is named" "$err" 'none\.eml'

# Processes that carry the mark of a demo that we started, by its environment.
running() { grep -lz "^DEMO_MARK=$1\$" /proc/[0-9]*/environ 2>/dev/null | wc -l; }
interrupted() {		# SIGNAL SECONDS
	DEMO_MARK=$$.$1.$2 tests/demo >"$T/out" 2>&1 &
	demo=$!
	sleep "$2"
	kill "-$1" $demo
	wait $demo 2>/dev/null
	eventually 40 sh -c "[ \$(grep -lz '^DEMO_MARK=$$.$1.$2\$' /proc/[0-9]*/environ 2>/dev/null | wc -l) = 0 ]"
}
ok "a demo that is ended early leaves nothing" interrupted TERM 0.4
ok "nor later" interrupted TERM 2
ok "nor on interrupt" interrupted HUP 1.5
ok "nor with kill -9" interrupted KILL 2
ok "nor where its reader goes away" sh -c 'tests/demo 2>/dev/null | head -3 >/dev/null; ! pgrep -f "$0/tillcalled-demo" >/dev/null' "$T"
is "nor a folder, but where it was killed" "$(ls -d "$T"/tillcalled-demo.* 2>/dev/null | wc -l)" 1
