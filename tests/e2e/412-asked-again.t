#!/bin/sh
# Whose letter is on its way to somebody else waits for the same fetch; a fetch that has brought the letter
# and still waits for the answer to its DONE is none to wait for.
. tests/e2e/lib.sh
. tests/lib/peers.sh
. tests/lib/sender.sh
plan 9

world_up --domains b.test
host=$WORLD_NET.101
peers_take "$T/one" $(tests/world cert "$W" --domain p1.test)
mailbox() {	# USER REQUEST
	enter timeout 60 tests/lib/mailbox.pl "$IMS_MAILBOX_b_test" "$1@b.test" "$W/home/$1@b.test/password" "$2" 2>/dev/null
}
reads() { mailbox "$1" "READ 1" >"$T/$1.read"; }	# USER

begins() { printf '250 2.0.0 welcome\r\n250 2.0.0 {%d} it comes\r\n' "$(wc -c <"$T/one.letter")"; }
# The whole letter; DONE is not answered until all is over.
whole() {
	begins
	cat "$T/one.letter"
	until [ -e "$T/over" ] || [ ! -d "$T" ]; do sleep 0.5; done
}
# Half of it, drop by drop until dora hears of it, and the rest.
drops() {
	eventually 20 [ -e "$T/dora.read" ]
	begins
	head -c 200 "$T/one.letter"
	n=200
	while [ ! -s "$T/dora.read" ] && [ $n -lt 300 ]; do
		n=$((n + 1))
		head -c $n "$T/one.letter" | tail -c 1
		sleep 0.2
	done
	tail -c +$((n + 1)) "$T/one.letter"
	eventually 10 grep -q '^DONE' "$T/two.heard"
	printf '250 2.0.0 noted\r\n221 2.0.0 bye\r\n'
}

announced one p1.test "$host"
id=$(as bob@b.test list --json | sed 's/.*"id":"\([^"]*\)".*/\1/')
host_up one whole "$host:1470"
like "bob reads a letter" "$(as bob@b.test show 1 2>&1)" '^  100'
ok "and its sender is told" eventually 10 grep -q '^DONE' "$T/one.heard"
# So that it is here no longer, and is held anew.
like "bob drops it" "$(mailbox bob "DROP 1")" '^250 '
for user in carol dora; do ID=$id noticed one p1.test "$host" $user@b.test; done
is "the same is announced to two others" "$(for u in carol dora; do as $u@b.test list --json; done |
    grep "\"id\":\"$id\"" | grep -c '"state":"held"')" 2

moved p1.test 1480
host_up two drops "$host:1480" one
background reads carol
carol=$!
ok "carol's is asked for, though the first fetch waits still" eventually 20 grep -q '^FETCH' "$T/two.heard"
background reads dora
wait $carol $!
for user in carol dora; do
	like "$user has it" "$(sed -n '/^250/,$p' "$T/$user.read")" '^100'
done
like "dora was told of its progress" "$(head -1 "$T/dora.read")" '^150 '
is "by one FETCH" "$(grep -c '^FETCH' "$T/two.heard")" 1
: >"$T/over"
wait
