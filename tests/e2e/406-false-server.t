#!/bin/sh
# The user's program before a server that is not its own: not one octet, and no way to say "anyway".
. tests/e2e/lib.sh
. tests/lib/peers.sh
plan 21

world_up --domains a.test
ok "alice has set up" as alice@a.test list
for daemon in oms ims; do tests/world stop "$W" $daemon a.test; done
letter alice@a.test alice@a.test false >"$T/letter"

heard() { sed -n 's/^a\.test octets //p' "$T/$1.heard"; }
# before WORD KIND...: mc meets a server with such a certificate in the place of its own.
before() {
	word=$1
	shift
	peers_take "$T/false" $(tests/world cert "$W" --domain a.test "$@")
	kinds=$*
	for protocol in mailbox submit; do
		[ $protocol = mailbox ] && at=$IMS_MAILBOX_a_test || at=$OMS_SUBMIT_a_test
		echo "a.test $at alpn=tillcalled-$protocol/1 cert=$T/false.pem key=$T/false.key" >"$T/$protocol.rows"
		tests/world enter "$W" "$peer" serve "$T/$protocol.rows" >"$T/$protocol.heard" 2>&1 &
		server=$! pids="$pids $!"
		eventually 5 grep -q ready "$T/$protocol.heard"
		if [ $protocol = mailbox ]; then as alice@a.test list >"$T/out" 2>&1
		else as alice@a.test send alice@a.test <"$T/letter" >"$T/out" 2>&1; fi
		status=$?
		eventually 5 [ -n "$(heard $protocol)" ]
		tests/world enter "$W" kill $server 2>/dev/null || kill $server 2>/dev/null
		wait $server 2>/dev/null
		like "$protocol, ${kinds:-another name}: $word" "$(cat "$T/out")" "\\[$word, status $status\\]"
		is "and not one octet" "$(heard $protocol | sort -un | tr '\n' ' ')" "0 "
	done
}
before certificate-selfsigned --selfsigned
before certificate-untrusted --ca elsewhere
before certificate-expired --expired
before certificate-revoked --revoked
before certificate-wildcard --wildcard
