#!/bin/sh
# A domain that was seen to name servers: an unsigned absence is not believed, its letters wait, and
# this is known after a restart.  A letter to a domain that was never seen to is not taken.
. tests/e2e/lib.sh
plan 25

world_up --domains a.test,b.test
srv='_ims._tcp.b.test'
remembered() { [ "$(oms a.test status --json | sed 's/.*"domains_remembered":\([0-9]*\).*/\1/')" = "$1" ]; }
# sends DOMAIN SUBJECT: to bob there.
sends() { letter alice@a.test "bob@$1" "$2" | as alice@a.test send "bob@$1" >"$T/sent" 2>&1; }
newest() { as alice@a.test outbox --json | grep "\"bob@$1\"" | head -1; }
# outbox_shows NAME DOMAIN STATE WORD: the state and word that the outbox shows for the last letter to that domain.
outbox_shows() { ok "$1" eventually 20 says "\"state\":\"$3\".*\"word\":\"$4\"" newest "$2"; }
again() { tests/world "$1" "$W" oms a.test; tests/world start "$W" oms a.test; }

ok "nobody is remembered at first" remembered 0
tests/world zone "$W" 'c.test. 60 IN TXT "here"'
sends c.test never
is "a letter to a domain that never named a server is not taken" $? 68
like "and the sender hears why" "$(cat "$T/sent")" '\[no-designation,'
sends nowhere.test never
is "nor is one to a domain that is not there" $? 68
like "with its reason" "$(cat "$T/sent")" '\[no-such-domain,'
ok "neither is in the outbox" lacks . as alice@a.test outbox --json
ok "neither is remembered" remembered 0

letter alice@a.test bob@b.test seen >"$T/letter"
ok "a letter reaches b's server" as alice@a.test send --wait 20 bob@b.test <"$T/letter"
ok "which is remembered" eventually 5 remembered 1

tests/world zone "$W" --remove $srv SRV
again stop
sends b.test gone
outbox_shows "then it is gone from DNS: the letter waits" b.test waiting designation-vanished
like "the log has it" "$(grep notify.ended "$OMS_LOG_a_test" | tail -1)" 'peer=b\.test .*word=designation-vanished'
ok "and is tried again" eventually 30 eval '[ "$(log_count "$OMS_LOG_a_test" "notify.ended .*peer=b.test .*word=designation-vanished")" -ge 2 ]'
like "it waits still" "$(newest b.test)" '"state":"waiting"'
like "the queue has it" "$(oms a.test queue)" 'designation-vanished'

# By kill -9: what is remembered is on the disk.
again kill
ok "it is remembered after a crash" remembered 1
tests/world zone "$W" "$srv. 60 IN SRV 0 0 0 ."
sends b.test dot
outbox_shows "an unsigned target \".\" is believed no more" b.test waiting designation-vanished
tests/world zone "$W" --remove $srv SRV
for t in MX TXT; do tests/world zone "$W" --remove b.test $t; done
for n in _oms._tcp _oms-submit._tcp _ims-mailbox._tcp; do
	tests/world zone "$W" --remove $n.b.test SRV
done
for n in oms ims; do tests/world zone "$W" --remove $n.b.test A; done
again stop
sends b.test nothing
outbox_shows "nor is it that the whole domain is gone" b.test waiting designation-vanished
is "none of the letters to it is refused" \
    "$(as alice@a.test outbox --json | grep '"bob@b\.test"' | grep -c '"state":"refused"')" 0

# A server of no use is a server named.
tests/world zone "$W" '_ims._tcp.d.test. 60 IN SRV 0 1 1471 nowhere.d.test.'
sends d.test "no address"
outbox_shows "a domain whose server has no address" d.test waiting unreachable
ok "is remembered too" eventually 5 remembered 2
tests/world zone "$W" --remove _ims._tcp.d.test SRV
again stop
sends d.test gone
outbox_shows "and is not believed to have none" d.test waiting designation-vanished
tests/world zone "$W" '_ims._tcp.d.test. 60 IN SRV 0 1 22 nowhere.d.test.'
again stop
sends d.test "a rule of ours"
outbox_shows "what we do not connect to waits as well, for nobody vouches for it" d.test waiting bad-port

grep -v '^d\.' "$W/run/zone" | grep 'b\.test' >"$T/zone"
tests/world zone "$W" "$(cat "$T/zone")"
again stop
ok "the server is back: all that waited goes out by itself" \
    eventually 60 lacks '"bob@b\.test".*"state":"waiting"' as alice@a.test outbox --json
is "to b's user" "$(as bob@b.test list --json | grep -c '"state"')" 4
ok "and he can read it" as bob@b.test show 4
