#!/bin/sh
# A clock that is wrong, at an oms: a little does no harm, more costs time and no letter, and one
# before all reason is not started with.
. tests/e2e/lib.sh
. tests/lib/peers.sh
plan 20

preload=$PWD/build/$MODE/tests/tools/clock_shift.so
[ "$MODE" != asan ] || preload="$(gcc -print-file-name=libasan.so) $preload"
by() { echo "$1" >"$T/shift"; }
by 0
world_up --domains a.test,b.test
tests/world stop "$W" oms a.test
UNDER="env CLOCK_SHIFT=$T/shift LD_PRELOAD=$(echo $preload | tr ' ' :)"
export UNDER
ok "an oms whose clock can be shifted starts" tests/world start "$W" oms a.test

# post NAME: a letter of that subject; its state in the outbox is then had by state NAME.
post() {
	letter alice@a.test bob@b.test "$1" >"$T/letter"
	as alice@a.test send --json bob@b.test <"$T/letter" >"$T/out" 2>&1 &&
	sed 's/.*"id":"\([^"]*\)".*/\1/' "$T/out" >"$T/$1"
}
state() {
	as alice@a.test outbox --json | grep -F "$(cat "$T/$1")" |
	    sed 's/.*"state":"\([^"]*\)".*/\1/'
}
is_in() { [ "$(state "$1")" = "$2" ]; }
says() { as alice@a.test outbox --json | grep -F "$(cat "$T/$1")" | grep -q "$2"; }

for minutes in 4 -4; do
	by $((minutes * 60))
	ok "$minutes min wrong: the letter is taken" post "little$minutes"
	ok "and notified" eventually 10 is_in "little$minutes" notified
done
for minutes in 6 -6; do
	by $((minutes * 60))
	ok "$minutes min wrong: the letter is taken" post "much$minutes"
	ok "and waits, for the seal's date is refused" eventually 10 says "much$minutes" '"word":"seal-date"'
	ok "it still waits" is_in "much$minutes" waiting
	by 0
	ok "set right, it goes out" eventually 30 is_in "much$minutes" notified
done

# Written down by a clock that was hours ahead, and read after it was set right.
tests/world stop "$W" oms a.test
by 14400
tests/world start "$W" oms a.test
post ahead
eventually 10 says ahead '"word":"seal-date"'
ok "4 hours ahead since its start: the letter waits" is_in ahead waiting
tests/world stop "$W" oms a.test
by 0
tests/world start "$W" oms a.test
ok "started anew by the right time, it goes out" eventually 30 is_in ahead notified

# A day back while it runs, and on again.
by -86400
a_day_back() { as alice@a.test outbox >/dev/null 2>&1; log_has "$OMS_LOG_a_test" "^$(date -u -d '1 day ago' +%F)T"; }
eventually 30 a_day_back
by 0
ok "a day back and on again: a letter is taken" post after
ok "and notified" eventually 60 is_in after notified
is "nothing was lost, nothing came twice" "$(as bob@b.test list --json | wc -l)" 6

# -- before all reason ------------------------------------------------------------------------------

unset UNDER
tests/world stop "$W" oms a.test
by -1000000000
enter timeout 80 env "CLOCK_SHIFT=$T/shift" "LD_PRELOAD=$(echo $preload | tr ' ' :)" \
    "build/$MODE/oms" -C "$CONF_a_test" run >"$T/out" 2>&1 </dev/null
is "a clock of decades ago is not started with" "$?" 71
like "and named" "$(cat "$T/out")" 'clock says 19.*clock-wrong, status 71'
