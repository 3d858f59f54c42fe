#!/bin/sh
# A certificate that was renewed with another key: seals made then are accepted by a peer that
# knows the old one from a connection that is still open.
. tests/e2e/lib.sh
plan 6
world_up --domains a.test,b.test
sent() { as alice@a.test send --wait=5 bob@b.test <"$T/letter"; }
printf 'Subject: renewed\n\nx\n' >"$T/letter"
ok "a letter over the old certificate" sent
like "was noticed" "$out" 'bob@b\.test +notified'

set -- $(tests/world cert "$W" --domain a.test)
ln -sfn "$1" "$W/a.test/a.test.pem"
ln -sfn "$2" "$W/a.test/a.test.key"
tests/world reload "$W" oms a.test
status_is "one after the reload" 0 sent
like "was noticed too" "$out" 'bob@b\.test +notified'
log_count_is "over a session of its own" "$IMS_LOG_b_test" 'notify\.hello .*domain=a\.test' 2
is "each with a good seal" "$(log_count "$IMS_LOG_b_test" 'seal-bad')" 0
