#!/bin/sh
# A letter is gone only where every server that its sender's domain names said so, and not for good.
. tests/e2e/lib.sh
plan 9

world_up --domains a.test,b.test
letter alice@a.test bob@b.test lost >"$T/letter"
ok "a letter is announced" as alice@a.test send --wait 20 bob@b.test <"$T/letter"
announced() { as bob@b.test list --json | grep -q '"state":"held"'; }
ok "and held" eventually 20 announced

# Its server forgets it: the spool of before comes back later.
tests/world stop "$W" oms a.test
spool=$W/a.test/var/oms
cp -Rp "$spool" "$T/spool"
find "$spool" -mindepth 1 -delete
tests/world start "$W" oms a.test
state() { as bob@b.test list --json | sed 's/.*"state":"\([^"]*\)".*/\1/'; }

# A second server, which does not answer, asked before the first one or after it.
tests/world zone "$W" "dead.a.test. 60 IN A $WORLD_NET.99"
tests/world zone "$W" "_oms._tcp.a.test. 60 IN SRV 9 1 1470 dead.a.test."
status_is "one has forgotten it, another does not answer: to be tried again" 75 as bob@b.test show 1
like "as such" "$err" "unreachable"
is "it is held" "$(state)" held
tests/world zone "$W" --remove _oms._tcp.a.test SRV
tests/world zone "$W" "_oms._tcp.a.test. 60 IN SRV 0 1 1470 dead.a.test.
_oms._tcp.a.test. 60 IN SRV 9 1 1470 oms.a.test."
as bob@b.test show 1 >"$T/out" 2>&1
is "in the other order, too" "$(state)" held
tests/world zone "$W" --remove _oms._tcp.a.test SRV
tests/world zone "$W" "_oms._tcp.a.test. 60 IN SRV 0 1 1470 oms.a.test."
status_is "all have forgotten it: gone" 68 as bob@b.test show 1
is "and the list says so" "$(state)" gone

tests/world stop "$W" oms a.test
find "$spool" -mindepth 1 -delete
cp -Rp "$T/spool/." "$spool/"
tests/world start "$W" oms a.test
ok "its server has it again: it is read" as bob@b.test show 1
