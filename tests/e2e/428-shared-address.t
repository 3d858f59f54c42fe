#!/bin/sh
# Two domains name silent ports of another's host, and letters for them wait from several of our domains: a letter
# to the host's own domain does not wait for any of them.
. tests/e2e/lib.sh
plan 4

world_up --domains a.test+c.test+d.test,b.test --set 'workers = 2'
host=${IMS_NOTIFY_b_test%:*} log=$OMS_LOG_a_test
for n in 1 2; do
	echo "_ims._tcp.f$n.test. 60 IN SRV 0 1 199$n h.f$n.test."
	echo "h.f$n.test. 60 IN A $host"
	# Its kernel takes the connections, and nobody says a word.
	background tests/world enter "$W" perl -MIO::Socket::INET -e '
	    my $s = IO::Socket::INET->new(Listen => 50, ReuseAddr => 1, LocalAddr => shift) or die;
	    print "silent\n"; STDOUT->flush; sleep 600' "$host:199$n" >"$T/silent.$n"
	eventually 20 grep -q silent "$T/silent.$n"
done >"$T/zone"
tests/world zone "$W" "$(cat "$T/zone")"

for own in a c d; do
	letter "alice@$own.test" bob@f1.test "to a silent port" >"$T/letter.$own"
	as "alice@$own.test" send --wait 0 bob@f1.test bob@f2.test <"$T/letter.$own" >/dev/null
done
open() { enter ss -tnH state established "( dport = :1991 or dport = :1992 )" | wc -l; }
some() { [ "$(open)" -ge 3 ]; }
ok "the silent ports have connections" eventually 20 some
sleep 0.5	# without fair shares they would have four by now
is "but not all that the host may have" "$(open)" 3
letter alice@a.test bob@b.test "to the host itself" >"$T/letter"
ok "a letter to the host's own domain goes" as alice@a.test send --wait 60 bob@b.test <"$T/letter"
# Each of the others ends ten seconds after it began.
is "none of the silent ones had to end first" "$(awk '/ submit\.letter / { n = 0 } / notify\.ended / { n++ }
    / notify\.ready .*peer=b\.test / { print n; exit }' "$log")" 0
