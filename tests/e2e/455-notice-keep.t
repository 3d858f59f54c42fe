#!/bin/sh
# An unopened notice goes notice-keep after its letter is no longer held, and not before; an opened one stays.
. tests/e2e/lib.sh
. tests/lib/reload.sh
plan 12

world_up --domains a.test,b.test --ims-set 'notice-keep = "2 hours"'
tests/world stop "$W" ims b.test
clock_movable
tests/world start "$W" ims b.test

# sends DAYS SUBJECT: a letter to bob that is held for so many days.
sends() { letter alice@a.test bob@b.test "$2" | as alice@a.test send --hold "$1" --wait 20 bob@b.test; }
listed() { as bob@b.test list --json | grep -o '"number":[0-9]*' | tr -dc '0-9\n' | sort -n | tr '\n' ' '; }
is_listed() { [ "$(listed)" = "$1" ]; }
# A sweep follows the next reading of changed accounts.
sweeps() { echo a.long.password | ims b.test user add "$1@b.test" >/dev/null; }

ok "the first letter is held for a day" sends 1 first
ok "so is the second" sends 1 second
ok "which bob opens" as bob@b.test show 2
ok "the third is held for two days" sends 2 third
ok "the fourth for three" sends 3 fourth
is "all are listed" "$(listed)" "1 2 3 4 "

# What goes by the same sweep tells that the others stay.
wall_move $((2 * 86400 + 3600))
sweeps two
ok "two hours after its end the unopened one goes" eventually 30 is_listed "2 3 4 "
ok "the opened one can be read" as bob@b.test show 2
is "the third, an hour after its end, is listed" "$(listed)" "2 3 4 "

# -- a reload ------------------------------------------------------------------------------------------

goes() {
	sweeps three
	ok "$key: the third goes" eventually 30 is_listed "2 4 "
	ok "$key: the fourth, which is held, can be read" as bob@b.test show 4
}
row ims b.test ims notice-keep '"30 min"' goes
