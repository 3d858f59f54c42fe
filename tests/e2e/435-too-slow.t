#!/bin/sh
# A client that sends a letter too slowly, or reads nothing of what it asked for, is disconnected and leaves nothing
# after.  The daemons' clock is moved on, so that a minute takes no minute.
. tests/e2e/lib.sh
. tests/lib/peers.sh
plan 17

preload=$PWD/build/$MODE/tests/tools/clock_shift.so
[ "$MODE" != asan ] || preload="$(gcc -print-file-name=libasan.so) $preload"
echo 0 >"$T/moved"
moved=0
world_up --domains a.test,b.test --set 'workers = 1'
UNDER="env MONO_SHIFT=$T/moved LD_PRELOAD=$(echo $preload | tr ' ' :)"
export UNDER
for at in oms:a ims:b; do
	tests/world stop "$W" "${at%:*}" "${at#*:}.test"
	ok "an ${at%:*} whose time can be moved on starts" tests/world start "$W" "${at%:*}" "${at#*:}.test"
done
host=${OMS_FETCH_a_test%:*} ims_b=${IMS_NOTIFY_b_test%:*}

relay() {	# WORDS...: what tests/lib/relay.pl wants
	tests/world enter "$W" perl tests/lib/relay.pl "$@" >"$T/relay" 2>&1 &
	pids="$pids $!"
	eventually 5 grep -q ready "$T/relay"
}
# a_minute_later ADDRESS: and the daemon there wakes up, for somebody knocks.
a_minute_later() {
	sleep 0.3
	moved=$((moved + 61))
	echo $moved >"$T/moved"
	printf 'QUIT\n' | enter "$peer" talk "$1" sni=a.test alpn=none >/dev/null 2>&1
	sleep 0.2
}
# ended PID: within 10 s.
ended() { eventually 10 eval "! kill -0 $1"; }
files() { find "$W/a.test/var/oms" -type f ! -name '*.mdb' ! -name 'lock*' | wc -l; }
letters() { oms a.test status --json | sed 's/.*"letters":\([0-9]*\).*/\1/'; }

# -- a letter that comes too slowly ---------------------------------------------------------------

before=$(files)
export RELAY_MORE="$T/more 50000"
relay "$host:2472" "$OMS_SUBMIT_a_test" up 1000000
unset RELAY_MORE
tests/world zone "$W" --remove _oms-submit._tcp.a.test SRV
tests/world zone "$W" '_oms-submit._tcp.a.test. 60 IN SRV 0 1 2472 oms.a.test.'
letter alice@a.test bob@b.test big "$(head -c 3000000 /dev/zero | tr '\0' x | fold -w 76)" >"$T/big"
as alice@a.test send bob@b.test <"$T/big" >"$T/said" 2>&1 &
sender=$! pids="$pids $!"
# taken ADDRESS TIMES: what the relay let pass is with the daemon there, nothing is on the way.
taken() {
	[ "$(grep -c full "$T/relay")" -eq "$2" ] && enter ss -tnH "( sport = :${1#*:} or dport = :${1#*:} )" |
	    awk '$2 + $3 > 0 { on_the_way = 1 } END { exit NR == 0 || on_the_way }'
}
written() { [ "$(find "$W/a.test/var/oms/bodies" -type f -size +800k | wc -l)" -eq 1 ]; }
ok "the first third of a letter has come" eventually 20 taken "$OMS_SUBMIT_a_test" 1
ok "and is in a file" eventually 20 written
# Its minute begins again whenever the daemon had to wait for its disk; now it has not to.
: >"$T/more"
ok "some more comes" eventually 20 taken "$OMS_SUBMIT_a_test" 2
a_minute_later "$OMS_SUBMIT_a_test"
ok "much came in the first minute: it may go on" kill -0 $sender
unlike "and nothing was said" "$(cat "$OMS_LOG_a_test")" 'submit\.refused .*too-slow'
a_minute_later "$OMS_SUBMIT_a_test"
ok "nothing in the second: it is refused" eventually 10 log_has "$OMS_LOG_a_test" \
    'submit\.refused .*user=alice@a\.test word=too-slow'
ended $sender
like "the sender's program hears why" "$(cat "$T/said")" '\[too-slow'
gone() { [ "$(files)" -eq "$before" ]; }
ok "nothing of it stays on the disk" eventually 5 gone
is "and no letter" "$(letters)" 0

# -- a statement, too -------------------------------------------------------------------------------

printf 'RCPT <bob@b.test> 00112233445566778899aabbccddeeff\r\nSTATEMENT 600\r\nTillcalled' >"$T/half"
printf '%s\n' 'HELLO a.test' "@$T/half" | enter "$peer" talk "$IMS_NOTIFY_b_test" "from=$host" sni=b.test \
    alpn=tillcalled-notify/1 "cert=$CERT_a_test" "key=$KEY_a_test" >"$T/talk" 2>&1 &
talker=$! pids="$pids $!"
ok "another server begins to say a statement" eventually 10 grep -q '^250 ' "$T/talk"
a_minute_later "$IMS_NOTIFY_b_test"
ended $talker
like "too slowly" "$(cat "$T/talk")" '^421 4\.4\.2 \[too-slow\]'

# -- clients that ask and do not read -------------------------------------------------------------------

resident() { sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$1/status"; }
ims_pid=$(tests/world status "$W" | sed -n 's/^ims-b.test \([0-9]*\)$/\1/p')
hellos() { [ "$(log_count "$IMS_LOG_b_test" 'notify\.hello .*domain=a\.test')" -gt "$heard" ]; }
heard=$(log_count "$IMS_LOG_b_test" 'notify\.hello .*domain=a\.test')
relay "$ims_b:2471" "$IMS_NOTIFY_b_test" down 6000 "$host"
rss=$(resident "$ims_pid")
(
	printf 'HELLO a.test\r\n'
	yes "$(printf 'NOOP\r')" | head -c 1073741824
) | enter openssl s_client -quiet -connect "$ims_b:2471" -servername b.test -alpn tillcalled-notify/1 \
    -cert "$CERT_a_test" -key "$KEY_a_test" >"$T/chatter" 2>&1 &
pids="$pids $!"
ok "another asks and asks, and takes no answer" eventually 10 hellos
sleep 1
grown=$(($(resident "$ims_pid") - rss))
if [ "$MODE" = debug ] || [ "$MODE" = release ]; then
	ok "which costs the server less than a MiB ($grown KiB)" [ $grown -lt 1024 ]
else
	skip "which costs the server little" "memory is the sanitizer's"
fi
left() { log_has "$IMS_LOG_b_test" 'notify\.gone .*word=too-slow.*takes its octets'; }
unlike "nobody was dropped yet" "$(cat "$IMS_LOG_b_test")" 'takes its octets'
# A minute in which the kernel still takes something does not count, and a server on a busy machine
# needs many turns to fill it.
dropped() {
	for _minute in $(seq 20); do
		a_minute_later "$IMS_NOTIFY_b_test"
		! eventually 5 left || return 0
	done
	return 1
}
ok "after a minute of it the connection is dropped" dropped
