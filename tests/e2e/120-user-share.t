#!/bin/sh
# One user may have so many letters in the spool and no more; others are not hindered, the operator
# sees it, and the sums survive kill -9.
. tests/e2e/lib.sh
plan 18

world_up --domains a.test,b.test --oms-set 'user-letters = 3' --oms-set 'user-size = "2 MiB"'
send() { letter "$1" bob@b.test "one of three" | as "$1" send --wait 0 bob@b.test; }
usage() { oms a.test user list | sed -n "s/^$1@a\.test  *//p"; }

tests/world stop "$W" ims b.test
is "the operator sees what is allowed" "$(usage alice)" "0 of 3 letters, 0 octets of 2 MiB"
ok "a first letter" send alice@a.test
ok "a second" send alice@a.test
ok "and the last that fits" send alice@a.test
status_is "one more is refused, for now" 75 send alice@a.test
like "by its word" "$err" 'outbox-full'
ok "another user is not hindered" send bob@a.test
like "the operator sees what is used" "$(usage alice)" '^3 of 3 letters, 6\.[0-9] KiB of 2 MiB$'
like "and who is held back" "$(oms a.test status)" 'held back +letters kept of alice@a\.test: 1 refused'
like "also as JSON" "$(oms a.test user list --json | grep '"alice@a.test"')" \
    '"letters":3,"letters_limit":3,"octets":[0-9]{4},"octets_limit":2097152'
head -c 3000000 /dev/zero | tr '\0' 'x' | fold -w 900 >"$T/body"
{ printf 'From: bob@a.test\nTo: bob@b.test\nSubject: big\n\n'; cat "$T/body"; } >"$T/big"
status_is "a letter larger than all that one may have" 65 as bob@a.test send --wait 0 bob@b.test <"$T/big"
like "is refused for good" "$err" 'message-too-big'

before=$(usage alice)
tests/world kill "$W" oms a.test
tests/world start "$W" oms a.test
is "the sums are there after kill -9" "$(usage alice)" "$before"
sed -i 's/user-letters = 3/user-letters = 4/' "$W/a.test/tillcalled.conf"
ok "a new limit" tests/world reload "$W" oms a.test
ok "is in force at once" send alice@a.test

tests/world start "$W" ims b.test
there() { [ "$(as bob@b.test list --json | wc -l)" = 5 ]; }
eventually 60 there || diag "bob has not been told of all"
for n in 1 2 3 4 5; do as bob@b.test show $n >/dev/null; done
free() { usage alice | grep -q '^0 of 4 letters'; }
ok "what was fetched needs no room" eventually 60 free
ok "so that alice may write again" send alice@a.test
tests/world stop "$W" oms a.test
like "without a daemon the list is there" "$(oms a.test user list 2>&1)" 'use of the spool is not known'
