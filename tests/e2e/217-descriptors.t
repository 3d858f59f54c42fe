#!/bin/sh
# More connections than there are descriptors: those that are served go on, the others wait in the
# kernel's queue and cost nothing, and all is well when they have left.
. tests/e2e/lib.sh
plan 9

LIVE=20
world_up --domains b.test
tests/world zone "$W" 'c.test. IN TXT "v=spf1 ip4:'"$WORLD_NET"'.1 -all"'
set -- $(tests/world cert "$W" --domain c.test)
certificate=$1 key=$2
as bob@b.test list >"$T/out" 2>&1
tests/world stop "$W" ims b.test
UNDER="prlimit --nofile=128" tests/world start "$W" ims b.test
ims_pid=$(tests/world status "$W" | sed -n 's/^ims-b.test \([0-9]*\)$/\1/p')
is "there are 128 descriptors" "$(awk '/Max open files/ { print $4 }' "/proc/$ims_pid/limits")" 128

# Sessions that say NOOP when they are told to.
live() {	# N
	{
		printf 'HELLO c.test\r\n'
		until [ -e "$T/noop" ] || [ ! -d "$T" ]; do sleep 0.2; done
		printf 'NOOP\r\nQUIT\r\n'
	} | enter openssl s_client -quiet -connect "$IMS_NOTIFY_b_test" -servername b.test \
	    -alpn tillcalled-notify/1 -cert "$certificate" -key "$key" -CAfile "$CA" >"$T/live.$1" 2>/dev/null
}
answered() { [ "$(cat "$T"/live.* | grep -c '^250 ')" = "$1" ]; }
for n in $(seq $LIVE); do
	live "$n" &
	pids="$pids $!"
done
ok "$LIVE other servers are served" eventually 30 answered $LIVE

enter perl -MSocket -e '
	my ($host, $port) = split /:/, shift;
	my @held;
	for (1 .. 1000) {
		socket(my $s, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
		connect($s, sockaddr_in($port, inet_aton($host))) or die "connect: $!";
		push @held, $s;
	}
	$| = 1;
	print "held $$\n";
	sleep 600;
' "$IMS_NOTIFY_b_test" >"$T/flood" 2>&1 &
pids="$pids $!"
ok "a thousand connect and say nothing" eventually 30 grep -q "^held " "$T/flood"
pids="$pids $(sed -n 's/^held //p' "$T/flood")"
paused() { log_has "$IMS_LOG_b_test" 'listen\.pause .*as many connections'; }
ok "the acceptor pauses" eventually 10 paused

ticks() { cut -d' ' -f14,15 "/proc/$ims_pid/stat" | tr ' ' '+' | xargs echo | sed 's/^/echo $((/; s/$/))/' | sh; }
before=$(ticks) from=$(date +%s%N)
sleep 3		# the time over which it is measured
spent=$((($(ticks) - before) * 1000 / $(getconf CLK_TCK))) took=$((($(date +%s%N) - from) / 1000000))
ok "which costs less than a tenth of a core ($spent ms in $took)" [ $((spent * 10)) -lt $took ]
: >"$T/noop"
ok "the others are served meanwhile" eventually 20 answered $((2 * LIVE))
ok "descriptors are left for what the daemon itself opens" \
    [ "$(ls "/proc/$ims_pid/fd" | wc -l)" -lt 120 ]
flood=$(sed -n 's/^held //p' "$T/flood")
kill "$flood"
ok "all is well when the crowd has left" eventually 30 as bob@b.test list
is "and the daemon is the same" "$(tests/world status "$W" | sed -n 's/^ims-b.test \([0-9]*\)$/\1/p')" "$ims_pid"
