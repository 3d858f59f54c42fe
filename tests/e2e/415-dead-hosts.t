#!/bin/sh
# Hosts that do not answer delay no acknowledgement to another host.
. tests/e2e/lib.sh
. tests/lib/peers.sh
. tests/lib/sender.sh
plan 9

world_up --domains b.test --set 'workers = 1'
dead="1 2 3 4 5"
listens() {	# NAME
	eventually 120 grep -q '^DECLINE' "$T/$1.heard"
	printf '250 2.0.0 welcome\r\n250 2.0.0 noted\r\n221 2.0.0 bye\r\n'
}
declines() {	# DOMAIN: bob, the last letter from there
	as bob@b.test list --json >"$T/list"
	enter timeout 60 tests/lib/mailbox.pl "$IMS_MAILBOX_b_test" bob@b.test "$W/home/bob@b.test/password" \
	    "DECLINE $(number_of "eve@$1")" 2>/dev/null
}

# Hosts that take connections and say nothing.
for i in $dead; do
	peers_take "$T/d$i" $(tests/world cert "$W" --domain "d$i.test")
	background tests/world enter "$W" perl -MIO::Socket::INET -e '
	    my $s = IO::Socket::INET->new(Listen => 50, ReuseAddr => 1, LocalAddr => shift) or die;
	    sleep 600' "$WORLD_NET.11$i:1470"
	announced "d$i" "d$i.test" "$WORLD_NET.11$i"
done
peers_take "$T/live" $(tests/world cert "$W" --domain p2.test)
announced live p2.test "$WORLD_NET.102"

# Nothing is acknowledged before the daemon is up again with all that is pending.
for i in $dead; do like "bob declines a letter from dead host $i" "$(declines "d$i.test")" '^250 '; done
like "and one from a host that answers" "$(declines p2.test)" '^250 '
tests/world stop "$W" ims b.test
host_up live listens "$WORLD_NET.102:1470"
tests/world start "$W" ims b.test
all_at_once() { [ "$(enter ss -Htn state established "( dport = :1470 )" | grep -c "$WORLD_NET\.11[1-5]:")" = 5 ]; }
ok "all hosts that say nothing are tried at once" eventually 120 all_at_once
is_sent() { log_has "$IMS_LOG_b_test" 'ack\.sent .*from=p2\.test .*what=decline word=ok'; }
ok "the host that answers is told" eventually 120 is_sent
failed() { [ "$(log_count "$IMS_LOG_b_test" 'ack\.failed .*word=tls-failed')" -ge 5 ]; }
ok "the others fail" eventually 120 failed
