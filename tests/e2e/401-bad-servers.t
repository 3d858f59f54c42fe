#!/bin/sh
# Our daemons judge whom they are led to before they say a word: each server of tests/peers.txt, and
# designations that point where nobody must be led.
. tests/e2e/lib.sh
. tests/lib/peers.sh
. tests/lib/wire.sh
plan 164

world_up --domains b.test
peers_make s
for daemon in oms ims; do tests/world reload "$W" $daemon b.test; done
ims_at=$IMS_NOTIFY_b_test

# -- bad certificates ------------------------------------------------------------------------------

serves() {	# PROTOCOL PORT: a row for peer
	case $where in *s*) ;; *) return ;; esac
	_alpn=$(peers_words "$1" | sed -n 's/^alpn=//p')
	echo "$domain $address:$2 $shown ${_alpn:+alpn=$_alpn}" >>"$T/$1.rows"
}
serving() {	# PROTOCOL PORT
	peers_each "serves $1 $2"
	background tests/world enter "$W" "$peer" serve "$T/$1.rows" >"$T/$1.heard" 2>"$T/$1.err"
	eventually 5 grep -q ready "$T/$1.heard"
}
serving notify 1471
serving fetch 1470

# noticed: bob has a notice from the row's domain, which was good then.
noticed() {
	case $where in *s*) ;; *) return ;; esac
	cert=$base.good.pem key=$base.good.key
	tests/lib/notice.pl "$key" "$domain" b.test carol@b.test >"$T/batch"
	printf '%s\n' "HELLO $domain" "@$T/batch" |
	    enter "$peer" talk "$ims_at" "from=$address" sni=b.test alpn=tillcalled-notify/1 "cert=$cert" "key=$key" \
	    >"$T/noticed" 2>&1 || diag "$domain: $(cat "$T/noticed")"
	recipients="$recipients bob@$domain"
}
recipients=
peers_each noticed
if wire_start; then wired=yes; else wired=; fi
as carol@b.test list --json >"$T/list"
letter alice@b.test bob@p1.test all | as alice@b.test send $recipients >"$T/sent" 2>&1
# Each gets a word when its first attempt has ended; so does the good one, whose server says nothing.
all_judged() {
	as alice@b.test outbox --json >"$T/outbox"
	[ "$(perl -MJSON::PP -e 'while (<STDIN>) { $n += grep { !defined $_->{word} } @{decode_json($_)->{recipients}} }
	    print $n // -1' <"$T/outbox")" = 0 ]
}
eventually 60 all_judged

# heard PROTOCOL: the most octets that one connection of ours has brought to the row's server.
heard() { awk -v d="$domain" '$1 == d && $2 == "octets" { n++; if ($3 > most) most = $3 }
    END { print n == 0 ? "nobody came" : most + 0 }' "$T/$1.heard"; }
# word_of ADDRESS: the word in the outbox.
word_of() { perl -MJSON::PP -e 'while (<STDIN>) { for (@{decode_json($_)->{recipients}}) {
    print $_->{word} // "none", "\n" if $_->{address} eq $ARGV[0] } }' "$1" <"$T/outbox"; }
number_of() { perl -MJSON::PP -e 'while (<STDIN>) { $o = decode_json($_);
    print $o->{number}, "\n" if $o->{from} eq $ARGV[0] }' "$1" <"$T/list"; }

found() {
	case $where in *s*) ;; *) return ;; esac
	as carol@b.test show "$(number_of "eve@$domain")" >"$T/shown" 2>&1
	if [ "$word" = ok ]; then
		ok "our OMS speaks to it, $name" eventually 5 [ "$(heard notify)" -gt 0 ]
		ok "our IMS speaks to it, $name" eventually 5 [ "$(heard fetch)" -gt 0 ]
		return
	fi
	is "our OMS finds it, $name: $word, not one octet" "$(word_of "bob@$domain") $(heard notify)" "$word 0"
	like "our IMS finds it, $name: $word" "$(cat "$T/shown")" "\\[$word,"
	is "our IMS, $name: not one octet" "$(heard fetch)" 0
}
peers_each found

# What the wire saw of it: ClientHello, Finished and an alert of ours are 330 octets together; with the
# shortest HELLO they would be 366.
seen() {
	case $where in *s*) ;; *) return ;; esac
	if [ -z "$wired" ]; then
		skip "what crossed the wire to it, $name" "no raw sockets here"
		return
	fi
	_most=$(wire_most "" "$address")
	if [ "$word" = ok ]; then
		ok "across the wire, $name: more than a handshake ($_most octets)" [ "$_most" -gt 345 ]
	else
		ok "across the wire, $name: a handshake and an alert at most ($_most octets)" [ "$_most" -le 345 ]
	fi
}
[ -z "$wired" ] || wire_stop
peers_each seen

# -- where a domain must not lead us ------------------------------------------------------------------

sed 's/^allow-private-peers.*/allow-private-peers = false/' "$CONF_b_test" >"$T/conf" && cat "$T/conf" >"$CONF_b_test"
for daemon in oms ims; do tests/world stop "$W" $daemon b.test && tests/world start "$W" $daemon b.test; done
: >"$T/zone"
address=$WORLD_NET.101 at="from=$WORLD_NET.101 sni=b.test alpn=tillcalled-notify/1"
lead() {	# NAME TYPE ADDRESS [PORT]
	echo "host.$1.test. 60 IN $2 $3
_ims._tcp.$1.test. 60 IN SRV 0 1 ${4:-1471} host.$1.test.
_oms._tcp.$1.test. 60 IN SRV 0 1 ${4:-1470} host.$1.test.
$1.test. 60 IN TXT \"v=spf1 ip4:$address -all\"" >>"$T/zone"
}
lead q1 A 127.0.0.1; lead q2 A 10.1.2.3; lead q3 A 169.254.169.254; lead q4 AAAA ::1
lead q5 AAAA ::ffff:127.0.0.1; lead q6 AAAA 64:ff9b::7f00:1; lead q7 A 192.168.1.1; lead q8 A 224.0.0.1
lead q9 A 203.0.113.1 22; lead q10 A 203.0.113.1 1023
cat >>"$T/zone" <<END
q11.test. 60 IN MX 10 host.q1.test.
_ims-mailbox._tcp.q1.test. 60 IN SRV 0 1 1473 host.q1.test.
_ims._tcp.q12.test. 60 IN SRV 0 0 0 .
$(for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21; do
	echo "_ims._tcp.q13.test. 60 IN SRV 0 1 1471 h$n.q13.test."; done)
host.q14.test. 60 IN CNAME host.q1.test.
_ims._tcp.q14.test. 60 IN SRV 0 1 1471 host.q14.test.
_ims._tcp.q15.test. 60 IN SRV 0 1 1471 host.dead.test.
END
tests/world zone "$W" "$(cat "$T/zone")"
printf '%s\n' "q 127.0.0.1:1471" "q 127.0.0.1:1470" >"$T/trap.rows"
background tests/world enter "$W" "$peer" serve "$T/trap.rows" >"$T/trap.heard" 2>&1
eventually 5 grep -q ready "$T/trap.heard"
led() {	# NUMBER WORD WHERE
	letter alice@b.test "bob@q$1.test" lead | as alice@b.test send "bob@q$1.test" >"$T/sent" 2>&1
	like "our OMS is led $3: $2" "$(cat "$T/sent")" "\\[$2,"
}
# No name server answers for it, which takes its time.
letter alice@b.test bob@q15.test lead | as alice@b.test send bob@q15.test >"$T/sent" 2>&1
led 1 private-address "to 127.0.0.1"
like "with a cure that is the domain's operator's" "$(cat "$T/sent")" "check the spelling; its operator publishes public addresses"
unlike "not one that changes the user's own setup" "$(cat "$T/sent")" "ALLOW_PRIVATE"
TILLCALLED_ALLOW_PRIVATE=0 as alice@b.test -A other setup bob@q1.test >"$T/setup" 2>&1 </dev/null
like "where the user's own domain leads there: the same word" "$(cat "$T/setup")" "\\[private-address,"
like "and the setup for a private network" "$(cat "$T/setup")" "TILLCALLED_ALLOW_PRIVATE=1 mc -A other setup bob@q1\.test"
led 2 private-address "to 10.1.2.3"
led 3 private-address "to 169.254.169.254"
led 4 private-address "to ::1"
led 5 private-address "to ::ffff:127.0.0.1"
led 6 private-address "to 64:ff9b::7f00:1"
led 7 private-address "to 192.168.1.1"
led 8 private-address "to 224.0.0.1"
led 9 bad-port "to port 22"
led 10 bad-port "to port 1023"
led 11 no-designation "nowhere, with an MX"
led 12 takes-no-mail "nowhere, on purpose"
led 13 too-many-targets "to 21 hosts"
led 14 private-address "to 127.0.0.1 by a CNAME"
led 16 no-such-domain "to a domain that is not there"
ok "none of these letters was taken" lacks '@q([0-9]|1[0-46])\.test' as alice@b.test outbox --json
at_last() { as alice@b.test outbox --json | grep 'q15\.test' >"$T/outbox"; [ "$(word_of bob@q15.test)" != none ]; }
eventually 60 at_last
is "our OMS is led to where no name server answers: dns-failed" "$(word_of bob@q15.test)" dns-failed

for n in 1 6 9; do
	peers_take "$T/q$n" $(tests/world cert "$W" --domain q$n.test)
	tests/lib/notice.pl "$T/q$n.key" q$n.test b.test alice@b.test >"$T/batch"
	printf '%s\n' "HELLO q$n.test" "@$T/batch" | enter "$peer" talk "$ims_at" $at "cert=$T/q$n.pem" "key=$T/q$n.key" >"$T/noticed" 2>&1
done
as alice@b.test list --json >"$T/list"
fetched_from() {	# NUMBER WORD WHERE
	as alice@b.test show "$(number_of "eve@q$1.test")" >"$T/shown" 2>&1
	like "our IMS is led $3: $2" "$(cat "$T/shown")" "\\[$2,"
}
fetched_from 1 private-address "to 127.0.0.1"
fetched_from 6 private-address "to 64:ff9b::7f00:1"
fetched_from 9 bad-port "to port 22"
is "and nobody came there" "$(grep -v ready "$T/trap.heard")" ""
