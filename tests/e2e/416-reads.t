#!/bin/sh
# A user may wait for so many letters at once; those that nobody waits for any more are not fetched.
. tests/e2e/lib.sh
. tests/lib/peers.sh
. tests/lib/sender.sh
plan 6
# Large letters: each has a connection of its own.
letter() { printf 'From: %s\r\nTo: %s\r\nSubject: %s\r\n\r\n' "$1" "$2" "$3"; seq 200000; }

world_up --domains b.test --set 'workers = 2'
at=$WORLD_NET.101 own=p1.test
letters=48		# and he may wait for 32
peers_take "$T/p" $(tests/world cert "$W" --domain $own)
announced p $own "$at"
for _n in $(seq 2 $letters); do noticed p $own "$at"; done
listed() { [ "$(as bob@b.test list --json | wc -l)" = $letters ]; }
ok "bob has more letters than he may wait for" eventually 20 listed

# A host that takes connections and says nothing, until it goes away.
background tests/world enter "$W" perl -MIO::Socket::INET -e '
    my $s = IO::Socket::INET->new(Listen => 50, ReuseAddr => 1, LocalAddr => shift) or die;
    sleep 600' "$at:1470"
mute=$!
read_letter() {	# NUMBER SECONDS
	enter timeout "$2" tests/lib/mailbox.pl "$IMS_MAILBOX_b_test" bob@b.test "$W/home/bob@b.test/password" \
	    "READ $1" 2>/dev/null
}
waiting=
for n in $(seq 1 $letters); do
	background read_letter "$n" 300 >"$T/read.$n"
	waiting="$waiting $!"
done
refused() { grep -q '^450 4\.5\.3 .too-many-outstanding' "$T"/read.*; }
# Each that waits ends after ten seconds, three at once; they come faster than that.
ok "too many at once: not now" eventually 120 refused
like "the operator sees who is held back" "$(tests/world ims "$W" b.test status)" 'letters waited for.*bob@b\.test'

kill $(descendants $(children $waiting)) 2>/dev/null
free() { read_letter $letters 3 >"$T/last"; [ $? -eq 124 ] && ! grep -q too-many-outstanding "$T/last"; }
ok "with the readers gone another letter is waited for" eventually 60 free

# Those that had begun end one after the other; what nobody waits for is not begun.
ended() { log_count "$IMS_LOG_b_test" 'fetch\.failed '; }
before=$(ended)
kill $(descendants $(children $mute)) 2>/dev/null
# Two seconds without an end make it likely that there is none to come.
quiet() { n=$(ended); sleep 2; [ "$n" = "$(ended)" ]; }
ok "the fetches that were under way end" eventually 60 quiet
ok "and of the rest none is begun ($(($(ended) - before)) ended)" [ $(($(ended) - before)) -le 8 ]
