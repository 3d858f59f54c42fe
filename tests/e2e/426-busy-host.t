#!/bin/sh
# Acknowledgements to a host that has no place left are sent later; those to other hosts do not wait for it.
. tests/e2e/lib.sh
. tests/lib/peers.sh
. tests/lib/sender.sh
plan 8

world_up --domains b.test --set 'workers = 1'
busy=$WORLD_NET.101 idle=$WORLD_NET.102
peers_take "$T/busy" $(tests/world cert "$W" --domain p1.test)
peers_take "$T/idle" $(tests/world cert "$W" --domain p2.test)

# Nobody says a word until all is over.
mute() { until [ -e "$T/over" ] || [ ! -d "$T" ]; do sleep 0.5; done; }
listens() {	# NAME
	eventually 120 grep -q '^DECLINE' "$T/$1.heard"
	printf '250 2.0.0 welcome\r\n250 2.0.0 noted\r\n221 2.0.0 bye\r\n'
}
declines() {	# DOMAIN: bob, the last letter from there
	as bob@b.test list --json >"$T/list"
	enter timeout 60 tests/lib/mailbox.pl "$IMS_MAILBOX_b_test" bob@b.test "$W/home/bob@b.test/password" \
	    "DECLINE $(number_of "eve@$1")" 2>/dev/null
}

# Four are read from the first host, each on a connection of its own: a small letter, and three large ones.
announced busy p1.test "$busy" alice@b.test
{ printf 'From: eve@p1.test\r\nTo: bob@b.test\r\nSubject: busy\r\n\r\n'; seq 200000; } >"$T/busy.letter"
port=1480
for user in alice bob carol dora; do
	[ $user = alice ] || noticed busy p1.test "$busy" $user@b.test
	port=$((port + 1))
	moved p1.test $port
	host_up "$user" mute "$busy:$port" busy
	background as $user@b.test show 1 >"$T/$user.shown" 2>&1
	ok "$user's letter is asked for" eventually 20 grep -q '^FETCH' "$T/$user.heard"
done
noticed busy p1.test "$busy"
like "bob declines another from there" "$(declines p1.test)" '^250 '
announced idle p2.test "$idle"
host_up idle listens "$idle:1470"
like "and one from elsewhere" "$(declines p2.test)" '^250 '
said() { log_count "$IMS_LOG_b_test" "ack\\.sent .*from=$1 .*what=decline word=ok"; }
is_said() { [ "$(said "$1")" = 1 ]; }
# After DEBTS_WAIT_MS; those that are read last for five minutes.
ok "this is said" eventually 100 is_said p2.test
is "while the first has no place yet" "$(said p1.test)" 0
: >"$T/over"
wait
