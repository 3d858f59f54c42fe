#!/bin/sh
# Whose certificate is good no longer when DNS has answered for them at last is given no letter.
. tests/e2e/lib.sh
. tests/lib/peers.sh
. tests/lib/knot.sh
plan 10

world_up --domains a.example,b.example
ok "there is a name server" knot_have
knot_zones=example
knot_zone 1
ok "it serves the zone" knot_start off
conf=$CONF_a_example log=$OMS_LOG_a_example
sed "s|^resolver = .*|resolver = \"$WORLD_NET.53@5353,anchor=none\"|" "$conf" >"$T/conf" && cat "$T/conf" >"$conf"
peers_take "$T/b" $(tests/world cert "$W" --domain b.example --ca second)
cp "$W/ca/second/cert.pem" "$W/trust/second.pem"
cp "$W/ca/second/crl.pem" "$W/crls/second.pem"
tests/world stop "$W" oms a.example
clock_movable
tests/world start "$W" oms a.example

letter alice@a.example bob@b.example late >"$T/letter"
ok "a letter lies with its sender" as alice@a.example send --wait 20 bob@b.example <"$T/letter"
id=$(as bob@b.example list --json | sed 's/.*"id":"\([^"]*\)".*/\1/')
# What has come for the name server and was not read yet.
unread() {
	_hex=$(echo "$WORLD_NET.53" | awk -F . '{ printf "%02X%02X%02X%02X:14E9", $4, $3, $2, $1 }')
	enter cat /proc/net/udp | awk -v at="$_hex" '$2 == at && $5 !~ /:00000000$/ { found = 1 } END { exit !found }'
}
says_when() {	# FILE LINE: as soon as the file is there
	eventually 20 [ -e "$T/$1" ]
	echo "$2"
}
asks() {
	{ echo "HELLO b.example"; says_when fetch "FETCH $id"; says_when noop NOOP; } |
	    enter "$peer" talk "$OMS_FETCH_a_example" "from=${IMS_NOTIFY_b_example%:*}" sni=a.example \
	    alpn=tillcalled-fetch/1 "cert=$T/b.pem" "key=$T/b.key" >"$T/talk" 2>&1
}
background asks
asks=$!
ok "b's server is heard" eventually 10 grep -q '^250 ' "$T/talk"
# After the time for which DNS vouched: 10 s for us, and the TTL of 1 s for libunbound.
clock_move 11
sleep 2			# libunbound counts by the clock of the machine
kill -STOP "$knot_child"
ok "nothing waits for the name server" eventually 5 eval '! unread'
: >"$T/fetch"
ok "and is asked when the letter is" eventually 10 unread
generations() { log_count "$log" 'tls\.generation'; }
newer() { [ "$(generations)" -gt "$before" ]; }
before=$(generations)
rm "$W/trust/second.pem" "$W/crls/second.pem"
tests/world reload "$W" oms a.example
ok "meanwhile its CA is no longer trusted" eventually 10 newer
kill -CONT "$knot_child"
: >"$T/noop"
wait $asks
like "b's server is refused" "$(sed -n 3p "$T/talk")" '^550 5.7.5 .certificate-untrusted'
is "and sent away" "$(sed -n '4,$p' "$T/talk")" closed
is "nothing was handed out" "$(log_count "$log" 'fetch\.letter .*word=ok')" 0
knot_stop
