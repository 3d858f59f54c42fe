#!/bin/sh
# The letters of one sender that come at once take a bounded part of the server's memory: 70 of them are more than that.
. tests/e2e/lib.sh
. tests/lib/smtp.sh
plan 6

world_up --domains a.test --smtp mx --ims-set 'listen-smtp = { "%IMS%" }'
at=$WORLD_NET.70
ok "a domain elsewhere" outside old.test $at
# Each has sent 360 kB when it waits for the others.
{
	smtp_begin mx.old.test
	printf '%s\n' 'MAIL FROM:<eve@old.test>' 'RCPT TO:<bob@a.test>' DATA '=From: eve@old.test\r\n\r\n'
	for i in 1 2 3 4 5 6; do printf '%s\n' '!fill 60000 y' '=\r\n'; done
	printf '%s\n' '!send' "!run echo >>'$T/there'; until [ -e '$T/go' ]; do sleep 0.1; done" '=.\r\n' '!send' '!hear'
} >"$T/script"
sends() { exec tests/world enter "$W" "build/$MODE/tests/tools/smtp_talk" $SMTP_a_test cert="$T/old.test.pem" key="$T/old.test.key" from=$at; }
for i in $(seq 70); do
	sends <"$T/script" >"$T/held$i" 2>&1 &
	pids="$pids $!"
done
all() { [ "$(wc -l <"$T/there")" = 70 ]; }
ok "seventy come at once" eventually 30 all
held() { ims a.test --json status | grep -q '"memory[^}]*old\.test'; }
ok "some are held back" eventually 30 held
: >"$T/go"
answered() { [ "$(cat "$T"/held* | grep -c 'kept as\|^421')" = 70 ]; }
ok "each has an answer" eventually 30 answered
like "some are to wait" "$(cat "$T"/held*)" '^421.4\.5\.3 \[batch-share\]'
kept=$(cat "$T"/held* | grep -c 'kept as')
is "the others are kept, and no more" "$(as bob@a.test --json list | grep -o '"number"' | wc -l)" "$kept"
