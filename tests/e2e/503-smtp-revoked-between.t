#!/bin/sh
# A certificate that is revoked between two letters of one connection counts no longer with the second.
. tests/e2e/lib.sh
. tests/lib/smtp.sh
plan 6

world_up --domains a.test --smtp mx --ims-set 'listen-smtp = { "%IMS%" }'
at=$WORLD_NET.70 log=$IMS_LOG_a_test
ok "a domain elsewhere" outside old.test $at
set -- $(tests/world cert "$W" --domain mx.old.test)
cert=$1
cp "$1" "$T/old.test.pem" && cp "$2" "$T/old.test.key"
printf '%s\r\n' 'From: Eve <eve@old.test>' 'Subject: plums' '' 'Hello.' >"$T/letter"
one() { printf '%s\n' 'MAIL FROM:<eve@old.test>' 'RCPT TO:<bob@a.test>' DATA "!letter $T/letter"; }
{
	smtp_begin mx.old.test
	one
	printf '%s\n' 'MAIL FROM:<eve@old.test>' 'RCPT TO:<bob@a.test>'
	echo "!run tests/world revoke '$W' '$cert' >'$T/revoked' 2>&1"
	printf '%s\n' DATA RSET 'MAIL FROM:<eve@old.test>' 'RCPT TO:<bob@a.test>' QUIT
} | talk $SMTP_a_test as=old.test from=$at >"$T/said"
is "the first is kept" "$(grep -c 'kept as' "$T/said")" 1
like "then it is revoked: refused at DATA" "$(paste -sd'|' "$T/said")" '\|250 2\.1\.5 recipient noted\|550.5\.7\.5 \[certificate-revoked\]'
like "and at RCPT" "$(paste -sd'|' "$T/said")" '\|250 2\.1\.0 sender noted\|550.5\.7\.5 \[certificate-revoked\][^|]*(\|[^|]*)?\|221 '
is "one letter came" "$(as bob@a.test --json list | grep -o '"number"' | wc -l)" 1
is "both are logged" "$(grep -c 'smtp\.refused .*rcpt=bob@a\.test word=certificate-revoked' "$log")" 2
