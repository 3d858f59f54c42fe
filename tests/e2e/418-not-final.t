#!/bin/sh
# What a server says of the session, however firmly, ends no letter: the letter waits, and the outbox says why
# from the first try.  What it says of the letter or the recipient does.
. tests/e2e/lib.sh
. tests/lib/peers.sh
plan 15

world_up --domains a.test
n=0
: >"$T/zone"
# The domains of all cases, and what their servers say.
cases='hello 550 5.7.23 [spf-fail] waiting
hello 550 5.7.5 [certificate-expired] waiting
hello 550 5.7.1 [hello-mismatch] waiting
hello 550 5.7.9 [never-heard] waiting
seal 550 5.7.5 [seal-bad] waiting
seal 550 5.7.5 [certificate-revoked] waiting
seal 550 5.1.2 [domain-not-served] waiting
seal 503 5.5.1 [bad-sequence] waiting
seal 450 4.1.1 [no-such-user] waiting
seal 550 5.1.1 [no-such-user] refused
seal 550 5.7.17 [gone] refused
seal 552 5.3.4 [message-too-big] refused
seal 550 5.7.1 [never-heard] refused'
while [ $n -lt 13 ]; do
	n=$((n + 1))
	peers_take "$T/p$n" $(tests/world cert "$W" --domain p$n.test)
	echo "host.p$n.test. 60 IN A $WORLD_NET.$((100 + n))
_ims._tcp.p$n.test. 60 IN SRV 0 1 1471 host.p$n.test." >>"$T/zone"
done
tests/world zone "$W" "$(cat "$T/zone")"

hears() { eventually 60 grep -aq "^$2" "$T/p$1.heard"; }
# answers N AT REPLY: what a server says, for one connection.
answers() {
	hears "$1" HELLO || return
	[ "$2" = hello ] || printf '250 2.0.0 welcome\r\n'
	[ "$2" = hello ] || hears "$1" SEAL
	printf '%s no\r\n' "$3"
	eventually 40 [ -e "$T/over" ]
}
ims() {
	answers "$@" | enter timeout 300 openssl s_server -quiet -naccept 1 -accept "$WORLD_NET.$((100 + $1)):1471" \
	    -alpn tillcalled-notify/1 -cert "$T/p$1.pem" -key "$T/p$1.key" >"$T/p$1.heard" 2>"$T/p$1.err"
}
row() { as alice@a.test outbox --json | grep -o '"address":"bob@p'"$1"'\.test"[^}]*'; }

n=0
echo "$cases" >"$T/cases"
while read -r at code enhanced word state; do
	n=$((n + 1))
	background ims $n "$at" "$code $enhanced $word"
	eventually 10 enter sh -c "ss -ltn | grep -q '$WORLD_NET.$((100 + n)):1471 '"
	letter alice@a.test bob@p$n.test "case $n" | as alice@a.test send bob@p$n.test >/dev/null 2>&1
	shown=$(echo "$word" | tr -d '[]')
	[ "$shown" != never-heard ] || shown=refused
	case $code in 4*) shown=refused-for-now ;; esac
	first() { grep "recipient.state .*to=bob@p$n.test" "$OMS_LOG_a_test" | head -1; }
	eventually 30 says word= first
	is "$at answered by $word: $state" \
	    "$(first | sed 's/.* state=/state=/') $(row $n | grep -o '"state":"[a-z]*"')" \
	    "state=$state word=$shown \"state\":\"$state\""
done <"$T/cases"
like "a word that nobody knows is shown as it came, and whose it is" "$(row $n)" \
    '"text":"550 5\.7\.1 \[never-heard\] no","by":"p'$n'\.test"'
like "in words, quoted" "$(as alice@a.test outbox)" "p$n\.test says: \"550 5\.7\.1 \[never-heard\] no\""
touch "$T/over"
