#!/bin/sh
# check peer: what another domain looks like from here, with HELLO and no letter.
. tests/e2e/lib.sh
plan 36
world_up --domains a.test,b.test --set 'crl-refresh = "1 s"'
tells() { like "$1" "$out" "$2"; }

status_is "oms: a peer as it should be" 0 oms a.test check peer b.test
tells "our own identity" '^ok +identity +a\.test'
tells "which hosts are designated" '^ok +designation +_ims\._tcp: ims\.b\.test port 1471, .*: '
tells "TLS" '^ok +connection .*:1471 \(ims\.b\.test\): TLS 1\.3'
tells "its certificate" '^ok +certificate +names b\.test; by CN=World root; until 20'
tells "the age of the CRL" '^ok +crl +number [0-9A-Fx]+, 0 h 0[0-9] min old, the next by 20'
tells "HELLO" '^ok +hello +.*:1471 welcomes a\.test'
tells "its SPF record" '^note +spf +v=spf1 ip4:'
tells "and what it says of where it sends from" '^ok +spf +.*oms\.b\.test\): pass'
unlike "nothing failed" "$out" FAIL
log_has "$IMS_LOG_b_test" 'notify\.hello .*domain=a\.test' && passed "the peer has heard it" ||
    failed "the peer has heard it"
unlike "and no letter" "$(cat "$IMS_LOG_b_test")" 'notify\.statement'

status_is "ims: the same to the hosts that letters come from" 0 ims a.test check peer b.test
tells "its designation" '^ok +designation +_oms\._tcp: oms\.b\.test port 1470'
tells "HELLO there" '^ok +hello +.*:1470 welcomes a\.test'

status_is "as JSON" 0 oms a.test check peer b.test --json
tells "an object a line" '^\{"peer":"b\.test","result":"ok","what":"hello","text":".*"\}$'

rm "$W/crls/root.pem"
eventually 20 log_has "$IMS_LOG_b_test" 'tls\.generation .*crls=0'
eventually 20 oms a.test check peer b.test	# the peer may have to fetch it too
status_is "a CRL that is not here yet" 0 oms a.test check peer b.test
tells "is fetched" '^note +crl +the daemon does not have it yet; fetched now'
tells "and good" '^ok +crl +number'
is "nothing of it is left" "$(ls -d /tmp/tillcalled-check.?????? 2>/dev/null | wc -l)" 0
tests/world crl "$W"

status_is "no such domain" 1 oms a.test check peer nope.test
tells "is said" '^FAIL +designation .*\[no-such-domain\]'
status_is "no domain at all" 64 oms a.test check peer not_a_domain
status_is "nor which" 64 oms a.test check peer
status_is "not one of ours" 64 oms a.test check peer b.test --as c.test

tests/world revoke "$W" a.test
refused() { ims a.test check peer b.test | grep -q '^FAIL'; }
eventually 10 refused
status_is "we who are revoked" 1 ims a.test check peer b.test
tells "learn it from the answer to HELLO" '^FAIL +hello .*refuses a\.test.*\[certificate-revoked\]'

tests/world revoke "$W" b.test
status_is "a peer whose certificate is revoked" 1 ims a.test check peer b.test
tells "is not talked to" '^FAIL +connection .*\[certificate-revoked\]'
tests/world zone "$W" --remove b.test TXT
status_is "no SPF record" 1 ims a.test check peer b.test
tells "none" '^FAIL +spf .*\[spf-none\]'
tests/world stop "$W" ims b.test
status_is "a server that is down" 1 oms a.test check peer b.test
tells "is unreachable" '^FAIL +connection .*\[unreachable\]'
tests/world zone "$W" --remove _ims._tcp.b.test SRV
tests/world zone "$W" '_ims._tcp.b.test. 60 IN SRV 0 1 22 ims.b.test.'
status_is "a port that is not allowed" 1 oms a.test check peer b.test
tells "is not connected to" '^FAIL +designation .*\[bad-port\]'
