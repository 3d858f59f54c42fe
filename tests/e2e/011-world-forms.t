#!/bin/sh
# The world, as strangers use it: revocation that is known at once, records and certificates in every
# form, users who came later, an end that is one.
. tests/e2e/lib.sh
. tests/lib/process.sh
plan 35

world_up --domains a.test,b.test,c.test
seconds() { date +%s; }
hello() {	# what an ims says to c.test
	printf 'HELLO c.test\r\n' | enter timeout 80 openssl s_client -quiet -bind "${OMS_FETCH_c_test%:*}" -connect "$IMS_NOTIFY_b_test" \
	    -servername b.test -alpn tillcalled-notify/1 -cert "$CERT_c_test" -key "$KEY_c_test" 2>/dev/null
}

# -- certificates ---------------------------------------------------------------------------------

before=$(seconds)
strange=$(tests/world cert "$W" --domain x.test --ca other --revoked | head -1)
ok "to revoke what nobody trusts does not wait" [ $(($(seconds) - before)) -lt 8 ]
ok "and has a certificate" openssl x509 -in "$strange" -noout
crls() { grep -c 'tls\.generation' "$IMS_LOG_b_test"; }
had=$(crls)
ok "a new CRL" tests/world crl "$W"
is "is known when the command returns" "$(crls)" $((had + 1))
had=$(crls)
ok "a certificate that is born revoked" tests/world cert "$W" --domain a.test --revoked
is "is known to be when it is printed" "$(crls)" $((had + 1))
sleep 2		# two refreshes: makes it likely that nothing comes
is "and nothing more is read or told because of it" "$(crls)" $((had + 1))
ok "nor fetched" [ "$(wc -l <"$W/run/httpd.log")" -lt 20 ]

mallory=$CERT_c_test
like "c.test is heard" "$(hello)" '^250'
ok "revoked by the path that DIR/env gives" tests/world revoke "$W" "$mallory"
ok "and again" tests/world revoke "$W" "$mallory"
like "and is heard no more, with no reload" "$(hello)" '^550 .*\[certificate-revoked\]'
ok "b.test says why" eventually 3 grep -q 'tls\.refused.*word=certificate-revoked' "$IMS_LOG_b_test"
self=$(tests/world cert "$W" --domain a.test --selfsigned | head -1)
status_is "what nobody issued nobody revokes" 64 tests/world revoke "$W" "$self"
like "in a sentence" "$err" '^world: .*self-signed'
ahead=$(tests/world cert "$W" --selfsigned --future --domain a.test | head -1)
status_is "not yet valid, signed by itself" 2 openssl verify -CAfile "$ahead" "$ahead"
like "for that" "$out$err" 'not yet valid'

# -- what is not whole -------------------------------------------------------------------------------

for words in use revoke zone "zone W --remove" "zone W --remove x.test" "use W a.test"; do
	set -- $words
	verb=$1
	[ $# -lt 2 ] || shift
	shift
	tests/world "$verb" "$W" "$@" 2>"$T/err" >&2
	[ $? = 64 ] && ! grep -q 'parameter not set' "$T/err" || echo "$words"
done >"$T/badly"
is "an argument left out is named in a sentence" "$(cat "$T/badly")" ""
status_is "a domain of nowhere" 1 tests/world use "$W" nowhere.test "$CERT_a_test"
status_is "a user of nowhere" 1 as alice@nowhere.test list
like "says so" "$err" 'no domain nowhere\.test'

# -- records ---------------------------------------------------------------------------------------

added() { tests/world zone "$W" "$@" 2>"$T/err" && tail -1 "$W/zone"; }
is "the last dot" "$(added 'r1.test 60 IN A 192.0.2.77')" "r1.test. 60 IN A 192.0.2.77"
is "class before TTL, letters of any size" "$(added ' r2.test. in 60 aaaa 2001:db8::1')" "r2.test. 60 IN AAAA 2001:db8::1"
is "neither" "$(added r3.test. MX 10 r1.test.)" "r3.test. MX 10 r1.test."
is "a text with quotes and blanks" "$(added 'r4.test. TXT "a  b" "c"')" 'r4.test. TXT "a  b" "c"'
cp "$W/zone" "$T/zone"
for record in '' '; nothing' 'r5.test.' 'r5.test. 60 IN A' 'r5.test. A 999.1.1.1' 'r5.test. TXT "open' '$INCLUDE /etc/passwd'; do
	tests/world zone "$W" "$record" 2>"$T/err"
	[ $? = 65 ] && [ -s "$T/err" ] || echo "$record"
done >"$T/badly"
is "a malformed record is refused in a sentence" "$(cat "$T/badly")" ""
same "and leaves the zone as it was" "$T/zone" "$W/zone"
tests/world zone "$W" --remove r1.test a
unlike "removed by its name" "$(cat "$W/zone")" '^r1\.'
n=1
while [ $n -le 6 ]; do tests/world zone "$W" "p$n.test. A 192.0.2.7" & n=$((n + 1)); done
wait
is "six at once are six" "$(grep -c '^p[1-6]\.test' "$W/zone")" 6

# -- users who came later ----------------------------------------------------------------------------

echo 'correct horse' | oms a.test user add eve@a.test >/dev/null 2>&1
status_is "half a name is nobody's" 1 as ve@a.test list
status_is "a password that is not known" 64 as eve@a.test list
like "may be named" "$err" 'TILLCALLED_PASSWORD_FILE'
set_up() { echo 'correct horse' | as eve@a.test setup eve@a.test >"$T/setup" 2>&1; }
eventually 5 set_up
ok "a user with an account needs no more words" as eve@a.test list

# -- its end -----------------------------------------------------------------------------------------

# A process that is not ours to end: pid 1, or anybody's where we are not root.
ends() {
	pid_write "$T/other.pid" 1
	chmod 644 "$T/other.pid"
	set -- sh -s "$T/other.pid"
	[ "$(id -u)" != 0 ] || set -- setpriv --reuid nobody --clear-groups "$@"
	{ cat tests/lib/process.sh; echo 'pid_end "$1"'; } | "$@"
}
status_is "what cannot be ended is not said to have ended" 1 ends
like "and is named" "$err$(ls "$T/other.pid")" 'still running: 1.*other\.pid|other\.pid'
