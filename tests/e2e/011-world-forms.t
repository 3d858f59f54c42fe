#!/bin/sh
# The world, as strangers use it: revocation that is known at once, records and certificates in every
# form, users who came later, an end that is one.
. tests/e2e/lib.sh
. tests/lib/process.sh
plan 17

world_up --domains a.test,b.test,c.test
seconds() { date +%s; }
hello() {	# what an ims says to c.test
	printf 'HELLO c.test\r\n' | enter timeout 10 openssl s_client -quiet -bind "${OMS_FETCH_c_test%:*}" -connect "$IMS_NOTIFY_b_test" \
	    -servername b.test -alpn tillcalled-notify/1 -cert "$CERT_c_test" -key "$KEY_c_test" 2>/dev/null
}

# -- certificates ---------------------------------------------------------------------------------

before=$(seconds)
strange=$(tests/world cert "$W" --domain x.test --ca other --revoked | head -1)
ok "who revokes what nobody trusts is not kept waiting" [ $(($(seconds) - before)) -lt 8 ]
ok "and has a certificate" openssl x509 -in "$strange" -noout
crls() { grep -c 'tls\.generation' "$IMS_LOG_b_test"; }
had=$(crls)
ok "a new CRL" tests/world crl "$W"
is "is known when the command returns" "$(crls)" $((had + 1))
had=$(crls)
ok "a certificate that is born revoked" tests/world cert "$W" --domain a.test --revoked
is "is known to be when it is printed" "$(crls)" $((had + 1))
sleep 3
is "and nothing more is read or told because of it" "$(crls)" $((had + 1))
ok "nor fetched" [ "$(wc -l <"$W/run/httpd.log")" -lt 20 ]

mallory=$CERT_c_test
like "c.test is heard" "$(hello)" '^250'
ok "revoked by the path that DIR/env gives" tests/world revoke "$W" "$mallory"
ok "and again" tests/world revoke "$W" "$mallory"
unlike "and is heard no more, with no reload" "$(hello)" '^250'
ok "b.test says why" eventually 3 grep -q 'tls\.refused.*word=certificate-revoked' "$IMS_LOG_b_test"
self=$(tests/world cert "$W" --domain a.test --selfsigned | head -1)
status_is "what nobody issued nobody revokes" 64 tests/world revoke "$W" "$self"
like "in a sentence" "$err" '^world: .*self-signed'
ahead=$(tests/world cert "$W" --selfsigned --future --domain a.test | head -1)
status_is "not yet valid, signed by itself" 2 openssl verify -CAfile "$ahead" "$ahead"
like "for that" "$out$err" 'not yet valid'
