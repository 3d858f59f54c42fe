#!/bin/sh
# The world itself: what it says of itself, what it serves, and that it ends what it started.
. tests/e2e/lib.sh
. tests/lib/process.sh
plan 36

world_up --domains a.test,b.test+c.test --set 'crl-refresh = "10 s"'
is "four daemons, the CRLs' server, the network, the guard" "$(tests/world status "$W" | grep -vc gone)" \
    "$([ -s "$W/run/net.pid" ] && echo 7 || echo 6)"
like "an address for shells" "$OMS_FETCH_a_test $IMS_MAILBOX_c_test" '^[0-9.]+:1470 [0-9.]+:1473$'
is "one host serves two domains" "$CONF_b_test" "$CONF_c_test"
like "the zone designates" "$(cat "$W/zone")" '^_ims\._tcp\.c\.test\. 60 IN SRV 0 1 1471 ims\.b\.test\.$'
like "the caller's line is in the configuration" "$(cat "$CONF_a_test")" '^crl-refresh = "10 s"$'

ok "an empty spool" oms a.test queue
ok "and empty mailboxes" ims c.test list
ok "the operator sees the users" oms b.test user list
like "all four of both domains" "$(oms b.test user list | tr '\n' ' ')" 'alice@b\.test.*dora@c\.test'
ok "a daemon says how it is" oms a.test status

is "keys are not for others" "$(stat -Lc %a "$KEY_a_test" | cut -c3)" 0
ok "the leaf is good for a server, strictly, with CRL" openssl verify -x509_strict -crl_check \
    -purpose sslserver -verify_hostname a.test -CAfile "$CA" -CRLfile "$CRL" "$CERT_a_test"
status_is "and for no client" 2 openssl verify -purpose sslclient -CAfile "$CA" "$CERT_a_test"
like "it names where its CRL is" "$(openssl x509 -in "$CERT_a_test" -noout -ext crlDistributionPoints)" "URI:$CRL_URL"
fetched() { enter perl -MIO::Socket::INET -e '($h, $p, $f) = $ARGV[0] =~ m{//([\d.]+):?(\d*)(/.*)};
    $s = IO::Socket::INET->new(PeerAddr => $h, PeerPort => $p || 80, Timeout => 5) or die "no server\n";
    print $s "GET $f HTTP/1.0\r\n\r\n"; local $/; $_ = <$s>; s/.*?\r\n\r\n//s; print' "$CRL_URL"; }
serials() { openssl crl "$@" -noout -text | grep -c 'Serial Number'; }
fetched >"$T/crl"
is "which is served, and revokes nobody" "$(serials -inform DER -in "$T/crl")" 0
tests/world revoke "$W" a.test
fetched >"$T/crl"
is "until somebody is revoked" "$(serials -inform DER -in "$T/crl") $(serials -in "$CRL")" "1 1"

strange=$(tests/world cert "$W" --domain a.test --ca other --rsa | head -1)
status_is "another CA is not trusted" 2 openssl verify -CAfile "$CA" "$strange"

tests/world zone "$W" 'x.test. 60 IN A 192.0.2.99'
like "a record is added" "$(cat "$W/zone")" '^x\.test\. 60 IN A 192\.0\.2\.99$'

oms_pid() { cut -d' ' -f1 "$W/run/oms-a.test.pid"; }
before=$(oms_pid)
tests/world kill "$W" oms a.test
like "a killed daemon is gone" "$(tests/world status "$W" | tr '\n' ' ')" 'ims-a\.test [0-9]+ ims-b'
ok "and starts again" tests/world start "$W" oms a.test
unlike "as another process" "$(oms_pid)" "^$before\$"

# -- forms that are not quite right --------------------------------------------------------------------

status_is "a record that is none" 65 tests/world zone "$W" 'this is rubbish'
tests/world zone "$W" y.test. TXT v=spf1 -all
like "a text whose quotes the shell ate is one string" "$(cat "$W/zone")" '^y\.test\. TXT "v=spf1 -all"$'
status_is "a daemon of another kind" 64 tests/world stop "$W" foo a.test
status_is "a certificate for nobody" 64 tests/world cert "$W"
set -- $(tests/world cert "$W" --expired --domain=a.test --selfsigned)
status_is "kinds in any order, of a certificate that nobody signed" 1 openssl x509 -in "$1" -noout -checkend 0
ok "revoked once more is revoked" tests/world revoke "$W" a.test
status_is "what is no certificate" 1 tests/world revoke "$W" nothing
status_is "no domains" 64 tests/world up "$T/none" --domains ''
status_is "one domain twice" 64 tests/world up "$T/none" --domains a.test,a.test

printf 'correct horse\n' >"$T/password"
chmod 600 "$T/password"
TILLCALLED_PASSWORD_FILE=$T/password
export TILLCALLED_PASSWORD_FILE
ok "an operator adds a user" oms b.test user add eve@b.test
ok "and she can sign in at once" as eve@b.test list
status_is "with another's password nobody does" 77 as alice@b.test setup alice@b.test
unset TILLCALLED_PASSWORD_FILE

ok "a world in a place with blanks" tests/world up "$T/a b's" --domains d.test
ok "is used and ended like any" sh -c 'tests/world mc "$1" bob@d.test list && tests/world down "$1" --remove' sh "$T/a b's"

cp "$W"/run/*.pid "$T/"
tests/world kill "$W" ims b.test
tests/world down "$W"
left=
for file in "$T"/*.pid; do pid_alive "$file" && left="$left $file"; done
is "down leaves nothing running, even where one had died" "$left" ""
