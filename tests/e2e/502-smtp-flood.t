#!/bin/sh
# Too much of everything by SMTP: it is refused by word or the session ends, the server's memory does not grow with it,
# and others are served beside.
. tests/e2e/lib.sh
. tests/lib/smtp.sh
plan 22

world_up --domains a.test --smtp mx --set 'peer-connections = 4' --ims-set 'listen-smtp = { "%IMS%" }'
at=$WORLD_NET.70 log=$IMS_LOG_a_test
ok "a domain elsewhere" outside old.test $at
says() { talk $SMTP_a_test as=old.test from=$at "$@"; }
letters() { as bob@a.test --json list | grep -o '"number"' | wc -l; }
memory() { awk '/^VmHWM/ { print $2 }' "/proc/$(cat "$W/run/ims-a.test.pid" | awk '{ print $1 }')/status"; }
begin() { smtp_begin mx.old.test; echo 'MAIL FROM:<eve@old.test>'; }
printf '%s\r\n' 'From: Eve <eve@old.test>' 'Subject: plums' '' 'Hello.' >"$T/letter"
{ begin; printf '%s\n' 'RCPT TO:<bob@a.test>' DATA "!letter $T/letter" QUIT; } | says >"$T/said"
is "a letter comes" "$(letters)" 1
first=$(memory)

{ begin; echo '!repeat 100000 RCPT TO:<bob@a.test>'; } | says >"$T/said"
like "100,000 recipients: 100 are taken" "$(cat "$T/said")" '^100 x 250 '
like "then 452, until the session ends" "$(cat "$T/said")" 'too-many-recipients'
{ begin; echo '!repeat 100000 RCPT TO:<nobody@a.test>'; } | says >"$T/said"
like "100,000 unknown ones: the session ends" "$(cat "$T/said")" 'too-many-errors|recipient-share'
seq -f 'X-%.0f: y' 100000 | sed 's/$/\r/' >"$T/fields"
printf '\r\nbody\r\n' >>"$T/fields"
{ begin; printf '%s\n' 'RCPT TO:<bob@a.test>' DATA "!letter $T/fields" QUIT; } | says >"$T/said"
like "100,000 fields" "$(cat "$T/said")" '^554.5\.6\.0 \[bad-message\]'
{ begin; printf '%s\n' 'RCPT TO:<bob@a.test>' DATA '=From: eve@old.test\r\nX: ' '!fill 10000000 y' '=\r\n\r\n.\r\n' '!send' '!hear'; } | says >"$T/said"
like "a field of 10 MB" "$(cat "$T/said")" '^500 .*\[line-too-long\]'
{ begin; printf '%s\n' 'RCPT TO:<bob@a.test>' DATA '=From: eve@old.test\r\n\r\n' '!fill 10000000 y' '=\r\n.\r\n' '!send' '!hear'; } | says >"$T/said"
like "a line of 10 MB" "$(cat "$T/said")" '^500 .*\[line-too-long\]'
{ begin; printf '%s\n' '!fill 10000000 y' '=\r\n' '!send' '!hear'; } | says >"$T/said"
like "a command of 10 MB" "$(cat "$T/said")" '^500 .*\[line-too-long\]'
{ begin; printf '%s\n' "=RCPT TO:<bob@a.test> \\rX\\r\\n" '!send' '!hear'; } | says >"$T/said"
like "a CR within a path's line" "$(cat "$T/said")" '^500 '
{ begin; printf '%s\n' '!repeat 100000 NOOP'; } | says >"$T/said"
is "100,000 times nothing: the session ends" "$(tail -1 "$T/said") $(tail -1 "$log" | grep -o 'word=.*text')" 'closed word=too-many-errors text'
like "the log has few lines of it" "$(grep -c 'smtp\.refused' "$log")" '^[0-9]{1,4}$'
grew=$(($(memory) - first))
case $MODE in
asan | tsan) skip "the server has not grown" "a sanitizer keeps what was freed" ;;
*) ok "the server has not grown by 16 MiB ($grew KiB)" test $grew -lt 16384 ;;
esac
{ begin; printf '%s\n' 'RCPT TO:<bob@a.test>' DATA "!letter $T/letter" QUIT; } | says >"$T/said"
is "and takes letters" "$(letters)" 2

# -- connections ----------------------------------------------------------------------------------------------

# hold N HOST: a session of that host, which reads its script from $T/holdN
hold() {
	mkfifo "$T/hold$1"
	talk_on "$2" <"$T/hold$1" >"$T/held$1" 2>&1 &
	pids="$pids $!"
}
talk_on() { exec tests/world enter "$W" "build/$MODE/tests/tools/smtp_talk" $SMTP_a_test cert="$T/$1.pem" key="$T/$1.key" from=$at; }
script() { smtp_begin "mx.$1"; printf '%s\n' 'MAIL FROM:<eve@old.test>' 'RCPT TO:<bob@a.test>'; }
for i in 1 2 3 4 5; do hold $i old.test; done
exec 3>"$T/hold1" 4>"$T/hold2" 5>"$T/hold3" 6>"$T/hold4" 7>"$T/hold5"
for i in 1 2 3 4; do script old.test >&$((i + 2)); done
ready() { [ "$(cat "$T"/held[1-4] | grep -c '^250 2\.1\.5')" = 4 ]; }
ok "four sessions of a host" eventually 20 ready
script old.test >&7
ok "the fifth is told to wait" eventually 20 grep -q '^421.4\.7\.0 \[too-many-connections\]' "$T/held5"
exec 3>&- 4>&- 5>&- 6>&- 7>&-
free() { { begin; printf '%s\n' 'RCPT TO:<bob@a.test>' QUIT; } | says | grep -q '^250 2\.1\.5'; }
ok "then there is room again" eventually 20 free

set -- $(tests/world cert "$W" --domain mx.other.test)
cp "$1" "$T/other.test.pem" && cp "$2" "$T/other.test.key"
for i in 6 7 8; do hold $i old.test; done
for i in 9 10; do hold $i other.test; done
exec 3>"$T/hold6" 4>"$T/hold7" 5>"$T/hold8" 6>"$T/hold9" 7>"$T/hold10"
for i in 3 4 5; do { script old.test; echo DATA; } >&$i; done
{ script other.test; echo DATA; } >&6
ready() { [ "$(cat "$T"/held[6-9] | grep -c '^354')" = 4 ]; }
ok "four letters of a domain by two hosts" eventually 20 ready
{ script other.test; echo DATA; } >&7
ok "the fifth is told to wait" eventually 20 grep -q '^421.4\.7\.0 \[too-many-connections\]' "$T/held10"
exec 3>&- 4>&- 5>&- 6>&- 7>&-

# Before TLS nobody is known, so the address counts: twice as many.
plain() { exec tests/world enter "$W" "build/$MODE/tests/tools/smtp_talk" $SMTP_a_test from=$at; }
for i in $(seq 12); do
	printf '%s\n' 'EHLO x' "!run until [ -e '$T/go' ]; do sleep 0.1; done" | plain >"$T/plain$i" 2>&1 &
	pids="$pids $!"
done
answered() { [ "$(cat "$T"/plain* | grep -c '^250 \|^421 4\.7\.0 \[too-many-connections\]')" = 12 ]; }
ok "twelve sessions of an address" eventually 20 answered
served=$(cat "$T"/plain* | grep -c '^250 ')
ok "at most eight are served ($served)" test "$served" -ge 1 -a "$served" -le 8
: >"$T/go"

is "nothing was lost or added" "$(letters)" 2
