#!/bin/sh
# Every connection is judged from its first octet: on all four ports no ticket is given, no session
# taken up again, nothing read that came before the handshake's end, and TLS 1.3 is the oldest.  Keys
# are changed a few times a minute, and who changes them more often is cut off.
. tests/e2e/lib.sh
plan 63

world_up --domains a.test,b.test
tests/world zone "$W" 'c.test. IN TXT "v=spf1 ip4:'"$WORLD_NET"'.1 -all"
d.test. IN TXT "v=spf1 ip4:'"$WORLD_NET"'.1 -all"'
take() { cp "$2" "$T/$1.pem" && cp "$3" "$T/$1.key"; }
take c $(tests/world cert "$W" --domain c.test)
take d $(tests/world cert "$W" --domain d.test --revoked)
for daemon in "oms a.test" "ims b.test"; do tests/world reload "$W" $daemon; done
peer=build/$MODE/tests/tools/peer
own=$WORLD_NET.1 elsewhere=$WORLD_NET.1:4433
mkfifo "$T/silence"
exec 3<>"$T/silence"	# an input that says nothing and does not end

# client PROTOCOL ADDRESS SNI WHO [OPTIONS]: openssl's client shows that certificate and says what
# is in lines; all that it tells, in said.
client() {
	_alpn=tillcalled-$1/1 _to=$2 _sni=$3 _who=$4
	shift 4
	enter timeout 80 openssl s_client -connect "$_to" -bind "$own:0" -servername "$_sni" -alpn "$_alpn" \
	    -CAfile "$CA" -cert "$T/$_who.pem" -key "$T/$_who.key" -ign_eof "$@" \
	    <"$T/lines" >"$T/said" 2>&1
	tr -d '\r' <"$T/said" >"$T/said.lf" && mv "$T/said.lf" "$T/said"
}
lines() { printf '%s\r\n' "$@" >"$T/lines"; }
said() { grep -Ec -- "$1" "$T/said"; }

# -- a server that does all that ours must not, to have something to come back with ---------------

# session PROTOCOL SNI: in T/session, by a stranger's server that shows our domain's certificate; it
# ends with the second connection.
session() {
	_v=$(echo "$2" | tr . _)
	eval "_cert=\$CERT_$_v _key=\$KEY_$_v"
	enter timeout 200 openssl s_server -accept "$elsewhere" -naccept 2 -cert "$_cert" -key "$_key" -alpn "tillcalled-$1/1" \
	    -early_data -quiet <&3 >"$T/elsewhere" 2>&1 &
	rm -f "$T/session"
	eventually 10 enter sh -c "exec 2>/dev/null; ss -ltn | grep -q '$elsewhere '"
	( eventually 60 test -s "$T/session" ) | enter timeout 80 openssl s_client -connect "$elsewhere" -servername "$2" \
	    -alpn "tillcalled-$1/1" -CAfile "$CA" -msg -sess_out "$T/session" >"$T/said" 2>&1
	_tickets=$(said '^<<<.*NewSessionTicket')
	enter timeout 80 openssl s_client -connect "$elsewhere" -servername "$2" -alpn "tillcalled-$1/1" \
	    -CAfile "$CA" -sess_in "$T/session" </dev/null >"$T/said" 2>&1
	_reused=$(said '^Reused, TLSv1.3')
}

# -- one port -------------------------------------------------------------------------------------

# port PROTOCOL ADDRESS SNI LOG LINE: LINE is what is asked, and answered 250, each time.
port() {
	name=$1 at=$2 sni=$3 log=$4
	session "$1" "$sni"
	[ "$_tickets" -gt 0 ] && met=yes || met="$_tickets tickets"
	is "$name: a stranger's server gives tickets, and takes them" "$met, $_reused" "yes, 1"

	lines "$5" QUIT
	client "$1" "$at" "$sni" c -msg -sess_out "$T/ours"
	is "$name: no NewSessionTicket is seen" "$(said 'NewSessionTicket') $(said '^<<< .*Finished')" "0 1"
	is "$name: nothing is left to come back with" "$([ -e "$T/ours" ] || echo nothing)" nothing
	is "$name: it answers" "$(said '^250 ') $(said '^221 ')" "1 1"

	client "$1" "$at" "$sni" c -sess_in "$T/session"
	is "$name: a session from elsewhere is none" \
	    "$(said '^New, TLSv1\.3') $(said '^Reused') $(said '^250 ')" "1 0 1"

	printf 'QUIT\r\n' >"$T/early"
	client "$1" "$at" "$sni" c -msg -sess_in "$T/session" -early_data "$T/early"
	is "$name: what comes early is refused" "$(said '^Early data was rejected') $(said '^New, TLSv1\.3')" "1 1"
	is "$name: and not read, but what comes after it is" "$(said '^250 ') $(said '^221 ')" "1 1"

	for old in -tls1_2 -no_tls1_3; do
		from=$(log_count "$log" 'tls.refused word=tls-version side=accept')
		client "$1" "$at" "$sni" c $old
		is "$name: $old is refused" "$(said '^250 ') $(said 'alert protocol version')" "0 1"
		log_count_is "$name: and the log has it" \
		    "$log" 'tls.refused word=tls-version side=accept' $((from + 1))
	done

	out=$(printf '%s\n' '!keys 5' "$5" '!keys 3' NOOP QUIT | enter "$peer" talk "$at" "from=$own" \
	    "sni=$sni" "alpn=tillcalled-$1/1" "cert=$T/c.pem" "key=$T/c.key" 2>&1)
	is "$name: it answers after eight changes of keys" "$(echo "$out" | grep -c '^250 ')" 2
	out=$(printf '%s\n' "$5" '!keys 10000' NOOP QUIT | enter "$peer" talk "$at" "from=$own" \
	    "sni=$sni" "alpn=tillcalled-$1/1" "cert=$T/c.pem" "key=$T/c.key" 2>&1)
	is "$name: and not after ten thousand" "$(echo "$out" | grep -c '^250 ')" 1
}

# judged PROTOCOL ADDRESS SNI LOG: a peer that may not connect may not, however it comes back.
judged() {
	session "$1" "$3"
	lines "HELLO c.test" QUIT
	from=$(log_count "$4" "$1.hello .*domain=c\.test")
	for how in "" "-sess_in $T/session" "-sess_in $T/session -early_data $T/early"; do
		client "$1" "$2" "$3" c $how
	done
	log_count_is "$1: each of three connections is judged" "$4" "$1.hello .*domain=c\.test" $((from + 3))
	lines "HELLO d.test" QUIT
	from=$(log_count "$4" 'tls.refused word=certificate-revoked side=accept')
	for how in "" "-sess_in $T/session" "-sess_in $T/session -early_data $T/early"; do
		client "$1" "$2" "$3" d $how
		is "$1: a revoked peer is told so${how:+, with $how}" \
		    "$(said '\[certificate-revoked\]') $(said '^2[0-9][0-9] ')" "1 0"
	done
	log_count_is "$1: and the log says it each time" \
	    "$4" 'tls.refused word=certificate-revoked side=accept' $((from + 3))
}

running() { tests/world status "$W" | grep -E '^(oms|ims)-'; }
before=$(running)
port notify "$IMS_NOTIFY_b_test" b.test "$IMS_LOG_b_test" "HELLO c.test"
port fetch "$OMS_FETCH_a_test" a.test "$OMS_LOG_a_test" "HELLO c.test"
port submit "$OMS_SUBMIT_a_test" a.test "$OMS_LOG_a_test" NOOP
port mailbox "$IMS_MAILBOX_b_test" b.test "$IMS_LOG_b_test" NOOP
judged notify "$IMS_NOTIFY_b_test" b.test "$IMS_LOG_b_test"
judged fetch "$OMS_FETCH_a_test" a.test "$OMS_LOG_a_test"
is "the daemons are those that they were" "$(running)" "$before"
