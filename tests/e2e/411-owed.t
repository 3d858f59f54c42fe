#!/bin/sh
# DONE stays owed until the sender's server has answered for the letter itself: one that refuses us, at HELLO or
# later, however firmly, has said nothing of it.
. tests/e2e/lib.sh
. tests/lib/peers.sh
. tests/lib/sender.sh
plan 15

clock_movable
world_up --domains b.test
at=$WORLD_NET.101 own=p1.test
peers_take "$T/p" $(tests/world cert "$W" --domain $own)
tests/world zone "$W" "$own. 60 IN TXT \"v=spf1 ip4:$at -all\"
host.$own. 60 IN A $at
_oms._tcp.$own. 60 IN SRV 0 1 1470 host.$own."
letter eve@$own bob@b.test owed >"$T/p.letter"

asked() { grep -c "^$2" "$T/$1.heard"; }
waits() { eventually 30 says "^$3\$" asked "$1" "$2"; }	# NAME VERB HOW-OFTEN
# An OMS that goes down before it has answered DONE.
hands_out() {	# NAME
	waits "$1" FETCH 1 || return
	printf '250 2.0.0 welcome\r\n250 2.0.0 {%d} it comes\r\n' "$(wc -c <"$T/p.letter")"
	cat "$T/p.letter"
	waits "$1" DONE 1
}
refuses() { waits "$1" DONE 2; printf '550 5.7.1 [not-designated] not now\r\n'; }
knows_one() {
	waits "$1" DONE 2
	printf '250 2.0.0 welcome\r\n550 5.7.1 [unknown-id] never heard of it\r\n421 4.3.2 [closing] going down\r\n'
}
refuses_us() {
	waits "$1" DONE 1
	printf '250 2.0.0 welcome\r\n550 5.7.1 [not-designated] no longer\r\n'
}
notes() {
	eventually 30 grep -q ^DONE "$T/$1.heard"
	printf '250 2.0.0 welcome\r\n250 2.0.0 noted\r\n'
	waits "$1" QUIT 1
}
# here N: the letter is fetched; on a slow machine what is owed may come first, to a server of one connection.
here() {
	for _try in 1 2 3; do
		host_up "out$1$_try" hands_out "$at:1470" p
		_stands=$!
		as bob@b.test show "$1" && wait $_stands && return
		wait $_stands
	done
	return 1
}
for n in 1 2; do
	noticed p $own "$at"
	ok "letter $n is here" here $n
done
is "and DONE not answered" "$(log_count "$IMS_LOG_b_test" ack.sent)" 0

# goes_on NAME HOW: soon after a start the daemon looks at what it owes.
goes_on() {
	host_up "$1" "$2" "$at:1470" p
	tests/world stop "$W" ims b.test && tests/world start "$W" ims b.test && wait $!
}
ok "a server that refuses our HELLO" goes_on hello refuses
ok "is told of in the log" eventually 30 log_has "$IMS_LOG_b_test" "ack.failed from=$own .*word=not-designated"
is "and has answered for nothing" "$(log_count "$IMS_LOG_b_test" ack.sent)" 0
ok "one that has forgotten a letter, and goes down" goes_on one knows_one
is "was asked for both" "$(asked one DONE)" 2
ok "one that refuses us only when it is told of the letter" goes_on late refuses_us
ok "is in the log as one that has not answered" eventually 30 log_has "$IMS_LOG_b_test" "ack.failed .*text=\"?no longer"
ok "the last" goes_on last notes
is "is asked only for what has had no answer" "$(asked last DONE)" 1

# A server that is down is tried ever more seldom, until its domain is heard from.
noticed p $own "$at"
ok "letter 3 is here, and DONE not answered" here 3
seldom() {
	for _n in 1 2 3 4; do as bob@b.test list >/dev/null; done	# so that each worker looks at its clock
	clock_move 20
	log_has "$IMS_LOG_b_test" "ack.failed from=$own .*failures=4"
}
ok "its server is down, and rests" eventually 60 seldom
host_up back notes "$at:1470" p
clock_move 40
noticed p $own "$at"
ok "a domain that is heard from is told soon" eventually 30 grep -q '^DONE' "$T/back.heard"
