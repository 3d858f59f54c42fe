#!/bin/sh
# Where we are the ones who ask: a sender's server that is good no longer, in the middle of a letter, is
# heard no further, and one that DNS has stopped vouching for is asked nothing more.
. tests/e2e/lib.sh
. tests/lib/peers.sh
. tests/lib/sender.sh
plan 23

world_up --domains b.test --set 'crl-refresh = "10 s"'
peers_take "$T/revoked" $(tests/world cert "$W" --domain p1.test) && doomed=$(ls -t "$W"/certs/p1.test-*.pem | head -1)
peers_take "$T/orphan" $(tests/world cert "$W" --domain p2.test --ca second)
peers_take "$T/moved" $(tests/world cert "$W" --domain p3.test)
peers_take "$T/large" $(tests/world cert "$W" --domain p4.test)
letter eve@p4.test bob@b.test large "$(seq 200000)" >"$T/large.letter"	# a session of its own brings it
cp "$W/ca/second/cert.pem" "$W/trust/second.pem"
cp "$W/ca/second/crl.pem" "$W/crls/second.pem"
tests/world reload "$W" ims b.test

# The first half of the letter comes at once, the second when told; what is asked is in NAME.heard.
speaks() {	# NAME
	eventually 30 grep -q '^FETCH' "$T/$1.heard"
	printf '250 2.0.0 welcome\r\n250 2.0.0 {%d} it comes\r\n' "$(wc -c <"$T/$1.letter")"
	head -c 200 "$T/$1.letter"
	eventually 60 [ -e "$T/$1.on" ]
	tail -c +201 "$T/$1.letter"
	eventually 2 grep -q '^DONE' "$T/$1.heard"
	printf '250 2.0.0 noted\r\n'
}
# Whom DONE is owed to, where it was not said to the first.
listens() {	# NAME
	eventually 60 grep -q '^DONE' "$T/$1.heard"
	printf '250 2.0.0 welcome\r\n250 2.0.0 noted\r\n221 2.0.0 bye\r\n'
}
# An OMS that goes down.
leaves() {	# NAME
	eventually 30 grep -q '^FETCH' "$T/$1.heard"
	printf '250 2.0.0 welcome\r\n421 4.3.2 [closing] going down\r\n'
}
shows() { as bob@b.test show "$(number_of "eve@$2")" >"$T/$1.shown" 2>&1; }
half() { eventually 20 grep -q '^FETCH' "$T/$1.heard"; }

peers_take "$T/leaving" $(tests/world cert "$W" --domain p6.test)
announced leaving p6.test "$WORLD_NET.106"
host_up leaving leaves "$WORLD_NET.106:1470"
as bob@b.test list --json >"$T/list"
shows leaving p6.test
like "a server that goes down ends no session of the reader's" "$(cat "$T/leaving.shown")" '\[unreachable, '

n=0
for name in revoked orphan moved large; do
	n=$((n + 1))
	announced $name p$n.test "$WORLD_NET.10$n"
	host_up $name speaks "$WORLD_NET.10$n:1470"
done
host_up moved-next listens "$WORLD_NET.109:1470" moved
host_up large-next listens "$WORLD_NET.110:1470" large
peers_take "$T/expired" $(tests/world cert "$W" --domain p5.test --seconds 12)
end=$(($(date +%s) + 13))
announced expired p5.test "$WORLD_NET.105"
host_up expired speaks "$WORLD_NET.105:1470"
as bob@b.test list --json >"$T/list"
n=0
for name in revoked orphan moved large expired; do
	n=$((n + 1))
	background shows $name p$n.test
	eval "shows_$name=\$!"
done
for name in revoked orphan moved large expired; do
	ok "$name: half of the letter is on its way" half $name
done
first=$(date +%s)
for r in p3.test=$WORLD_NET.109 p4.test=$WORLD_NET.110; do
	tests/world zone "$W" --remove _oms._tcp.${r%=*} SRV
	tests/world zone "$W" --remove host.${r%=*} A
	tests/world zone "$W" "_oms._tcp.${r%=*}. 1 IN SRV 0 1 1470 next.${r%=*}.
next.${r%=*}. 1 IN A ${r#*=}"
done

# fails NAME WORD: the second half comes now, and is not heard.
fails() {
	: >"$T/$1.on"
	eval "wait \$shows_$1"
	like "$1: the reader is told why" "$(cat "$T/$1.shown")" "\\[certificate-$2, status 77\\]"
	like "$1: so is the log" "$(grep fetch.failed "$IMS_LOG_b_test")" "from=p[0-9].test .*word=certificate-$2 "
}
generations() { log_count "$IMS_LOG_b_test" 'tls\.generation'; }
newer() { [ "$(generations)" -gt "$before" ]; }
before=$(generations)
rm "$W/trust/second.pem" "$W/crls/second.pem"
tests/world reload "$W" ims b.test
fails orphan untrusted
before=$(generations)
tests/world revoke "$W" "$doomed"
ok "a new CRL is in force" eventually 15 newer
fails revoked revoked
while [ "$(date +%s)" -lt $end ]; do sleep 0.2; done
fails expired expired
ok "nothing of these is here" lacks '"state":"here"' as bob@b.test list --json

# What DNS said lasts 10 s at least, and here no longer.
while [ "$(date +%s)" -lt $((first + 11)) ]; do sleep 0.2; done
for name in moved large; do
	: >"$T/$name.on"
	eval "wait \$shows_$name"
	like "$name: the letter that was under way is here" "$(cat "$T/$name.shown")" '^ *100'
	ok "$name: DONE is said to whom DNS names now" eventually 20 grep -q '^DONE' "$T/$name-next.heard"
	is "$name: and not to the first" "$(grep -c '^DONE' "$T/$name.heard")" 0
done
like "which the log tells" "$(grep fetch.unsaid "$IMS_LOG_b_test")" 'host=host\.p3\.test .*word=not-designated '
for n in 3 4; do
	ok "it is owed to p$n.test no longer" eventually 5 log_has "$IMS_LOG_b_test" "ack.sent .*from=p$n.test .*what=done word=ok"
done
wait
