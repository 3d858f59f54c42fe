#!/bin/sh
# Where there is no room for a letter by SMTP: 452 at RCPT, where the room is known then; 451 after the content, where it is
# not.  Then nobody has the letter, and nothing of it stays.
. tests/e2e/lib.sh
. tests/lib/smtp.sh
plan 20

world_up --domains a.test+c.test --smtp mx --ims-set 'listen-smtp = { "%IMS%" }' --ims-set 'store-size = "16 MiB"' \
    --ims-set 'sender-share = 3' --ims-set 'sender-mailbox-share = 2'
at=$WORLD_NET.70 log=$IMS_LOG_a_test
ok "a domain elsewhere" outside old.test $at
says() { talk $SMTP_a_test as=old.test from=$at; }
letters() { for u in alice bob carol; do as $u@a.test --json list | grep -o '"number"'; done | wc -l; }
files() { find "$W/a.test/var/ims" -path '*/bodies/*-*' -type f | wc -l; }
rcpt() { { smtp_begin mx.old.test; printf '%s\n' "MAIL FROM:<eve@old.test> SIZE=$1" 'RCPT TO:<bob@a.test>'; } | says | tail -1; }
sized() { { printf 'From: eve@old.test\r\n\r\n'; yes 'all work and no play' | head -c "$1" | sed 's/$/\r/'; printf '\n'; } >"$T/letter"; }
gives() {	# SIZE-WORD TO...
	_size=$1
	shift
	{ smtp_begin mx.old.test; echo "MAIL FROM:<eve@old.test>$_size"; printf 'RCPT TO:<%s>\n' "$@"; printf '%s\n' DATA "!letter $T/letter" QUIT; } |
	    says >"$T/said"
}

like "more than the mailbox has for the sender" "$(rcpt 400000)" '^452.4\.5\.3 \[sender-mailbox-share\]'
like "more than the store has for it" "$(rcpt 600000)" '^452.4\.5\.3 \[sender-(mailbox-)?share\]'
like "what fits" "$(rcpt 100000)" '^250 2\.1\.5'
like "it is logged" "$(grep smtp.refused "$log" | tail -1)" 'from=eve@old\.test rcpt=bob@a\.test word=sender-'
sized 500000
gives '' bob@a.test carol@a.test
is "without a size it is taken at RCPT" "$(grep -c '^250 2\.1\.5' "$T/said")" 2
like "and refused at the end" "$(paste -sd'|' "$T/said")" '\|354 [^|]*\|451.4\.3\.0 \[storage\] nobody has the letter: \[sender-'
is "nobody has it" "$(letters) $(files)" "0 0"
sized 200000
gives '' bob@a.test carol@a.test
like "a letter that fits" "$(cat "$T/said")" 'kept as'
is "is there for both" "$(letters)" 2
gives '' bob@a.test carol@a.test
like "a second one does not fit one of them" "$(cat "$T/said")" '^451.4\.3\.0 \[storage\] nobody has the letter: \[sender-mailbox-share\]'
is "so neither has it" "$(letters)" 2
one_file() { [ "$(files)" = 1 ]; }
ok "and its file goes" eventually 20 one_file
gives '' alice@a.test
like "the next one comes" "$(cat "$T/said")" 'kept as'
is "all are there" "$(letters)" 3

# -- a domain whose letters may not be as large -----------------------------------------------------------------

conf=$CONF_a_test
awk '{ print } /^domain c\.test/ { print "\tmessage-limit = \"4 KiB\"" }' "$conf" >"$conf.new" && cat "$conf.new" >"$conf"
tests/world reload "$W" ims a.test
two() { { smtp_begin mx.old.test; printf '%s\n' "MAIL FROM:<eve@old.test>$1" 'RCPT TO:<dora@a.test>' 'RCPT TO:<dora@c.test>' QUIT; } | says | tail -4 | paste -sd'|'; }
like "the size that MAIL says is judged by domain" "$(two ' SIZE=5000')" '250 2\.1\.5 [^|]*\|552.5\.3\.4 \[message-too-big\]'
like "a small one" "$(two ' SIZE=4000')" '250 2\.1\.5 [^|]*\|250 2\.1\.5 '
sized 5000
gives '' dora@a.test dora@c.test
like "and what comes, too" "$(cat "$T/said")" '^552.5\.3\.4 \[message-too-big\]'
gives '' dora@a.test
like "for others it is not too much" "$(cat "$T/said")" 'kept as'
is "which have it alone" "$(as dora@a.test --json list | grep -o '"number"' | wc -l) $(as dora@c.test --json list | grep -o '"number"' | wc -l)" "1 0"
