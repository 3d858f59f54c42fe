#!/bin/sh
# A destination is away and has many letters: a failed attempt is recorded for some of them, so that the disk stays
# free for other letters.  None is forgotten: when the destination is there again, all are announced.
. tests/e2e/lib.sh
plan 5

many=8000	# several times what a failed attempt is recorded for (NOTIFIER_FAIL_MAX)
world_up --domains a.test,b.test
tests/world stop "$W" ims b.test
ok "letters are taken" enter timeout 120 "build/$MODE/tests/bench/load" letters --trust "$W/trust" --crls "$W/crls" \
    --to "$OMS_SUBMIT_a_test" --user alice@a.test --password-file "$W/home/alice@a.test/password" \
    --recipient bob@b.test --size 200 --window 16 --connections 10 --count "$many"
tests/world stop "$W" oms a.test
logged=$(wc -c <"$OMS_LOG_a_test")
tests/world start "$W" oms a.test
ended() { tail -c "+$((logged + 1))" "$OMS_LOG_a_test" | grep -c 'notify\.ended .*peer=b\.test'; }
# The second attempt begins after the first one is recorded.
ok "after a start the destination is tried, and again" eventually 60 eval '[ "$(ended)" -ge 2 ]'
tests/world oms "$W" a.test --json queue --all >"$T/queue"
untried() { perl -MJSON::PP -ne 'my $l = eval { decode_json($_) } or next; $n++ if exists $l->{tries} && $l->{tries} == 0;
    END { print $n + 0, "\n" }' "$1"; }
ok "not all letters have been told" [ "$(untried "$T/queue")" -gt 0 ]
tests/world start "$W" ims b.test
notices() { tests/world ims "$W" b.test --json status | sed -n 's/.*"notices":\([0-9]*\).*/\1/p'; }
ok "the destination is there again, and has a notice of each" eventually 120 says "^$many$" notices
is "... and no letter waits" "$(tests/world oms "$W" a.test --json queue | grep -c '"state":"waiting"')" 0
