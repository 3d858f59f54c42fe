#!/bin/sh
# Where the first server of a domain is dead, finding the second takes longer than DNS vouches for either:
# the letter is told all the same.
. tests/e2e/lib.sh
plan 5

clock_movable
world_up --domains a.test,b.test
dead=$WORLD_NET.99
sed 's/^_ims\._tcp\.b\.test\. 60 IN SRV 0/_ims._tcp.b.test. 1 IN SRV 10/' "$W/zone" >"$T/zone"
cat "$T/zone" >"$W/zone"
tests/world zone "$W" "_ims._tcp.b.test. 1 IN SRV 0 1 1471 dead.b.test.
dead.b.test. 1 IN A $dead"
# A host that takes connections and says nothing.
background tests/world enter "$W" perl -MIO::Socket::INET -e '
    my $s = IO::Socket::INET->new(Listen => 50, ReuseAddr => 1, LocalAddr => shift) or die;
    sleep 300' "$dead:1471"
eventually 5 enter sh -c "ss -ltn | grep -q '$dead:1471 '"

letter alice@a.test bob@b.test "a slow way" >"$T/letter"
as alice@a.test send bob@b.test <"$T/letter" >/dev/null
told() { as alice@a.test outbox --json | grep -q '"state":"notified"'; }
ok "the first is tried" eventually 8 enter sh -c "ss -tn | grep -q '$dead:1471'"
ok "bob is told by the second" eventually 40 told
log=$OMS_LOG_a_test
log_count_is "in one session" "$log" 'notify.ready ' 1
clock_move 11		# what DNS said is believed for ten seconds at least
as alice@a.test send bob@b.test <"$T/letter" >/dev/null
twice() { [ "$(as alice@a.test outbox --json | grep -c '"state":"notified"')" = 2 ]; }
ok "the next letter, too" eventually 40 twice
log_count_is "after a new look at DNS" "$log" 'notify.ready ' 2
