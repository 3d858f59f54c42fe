#!/bin/sh
# A policy of MTA-STS that comes after the attempt has ended is no part of the attempt, nor of the next one.
. tests/e2e/lib.sh
. tests/lib/smtp.sh
plan 4

world_up --domains a.test --smtp mx --oms-set 'smtp-out = "mx"'
log=$OMS_LOG_a_test
at=$WORLD_NET.200
tests/world zone "$W" "late.test. 60 IN MX 10 none.late.test.
_mta-sts.late.test. 60 IN TXT \"v=STSv1; id=1;\"
mta-sts.late.test. 60 IN A $at"
# A web server that says nothing, and goes after 5 seconds.
silent() {
	exec tests/world enter "$W" perl -MIO::Socket::INET -e '
		my $l = IO::Socket::INET->new(LocalAddr => $ARGV[0], Listen => 5, ReuseAddr => 1) or die;
		while (my $c = $l->accept) { sleep 5; close $c }' "$at:443" >"$T/web" 2>&1
}
silent &
pids="$pids $!"
eventually 10 enter sh -c "ss -ltn | grep -q '$at:443 '" || failed "the web server is there"

letter alice@a.test bob@late.test Late | as alice@a.test send --wait 0 bob@late.test >"$T/sent" 2>&1
ok "the attempt ends before the policy has come" eventually 5 log_has "$log" "recipient\\.state id=[^ ]* to=bob@late\\.test state=waiting word=unreachable$"
ok "nobody waits for the policy any more" eventually 12 log_has "$log" "sts\\.failed domain=late\\.test"
sleep 1
ok "oms serves on" oms a.test queue
is "one attempt was told once" "$(grep -c 'to=bob@late\.test state=waiting' "$log")" 1
