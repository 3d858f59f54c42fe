#!/bin/sh
# What SMTP inward takes where a rule is only reported: the letter is marked with the word, in mailbox, log and header.
. tests/e2e/lib.sh
. tests/lib/smtp.sh
. tests/lib/reload.sh
plan 39

world_up --domains a.test --smtp mx --ims-set 'listen-smtp = { "%IMS%" }'
at=$WORLD_NET.70 log=$IMS_LOG_a_test conf=$CONF_a_test
ok "a domain elsewhere" outside old.test $at
tests/world zone "$W" 'nomx.test. 60 IN TXT "v=spf1 +all"
nobody.test. 60 IN MX 10 mx.old.test.'
printf '%s\r\n' 'From: Eve <eve@old.test>' 'Subject: plums' '' 'Hello.' >"$T/letter"
cp "$conf" "$T/conf"
# has KEY VALUE...: of the section ims
has() {
	cp "$T/conf" "$T/new"
	while [ $# -gt 0 ]; do
		with ims "$1" "\"$2\"" <"$T/new" >"$T/newer"
		mv "$T/newer" "$T/new"
		shift 2
	done
	cat "$T/new" >"$conf"
	tests/world reload "$W" ims a.test
}
gives() {	# FROM TO HELLO [TALK-WORD...]
	_from=$1 _to=$2 _hello=$3
	shift 3
	{ smtp_begin "$_hello"; printf '%s\n' "MAIL FROM:<$_from>" "RCPT TO:<$_to>"; printf '%s\n' DATA "!letter $T/letter" QUIT; } |
	    talk $SMTP_a_test "$@" >"$T/said"
	grep -A1 '^250 2\.1\.0' "$T/said" | tail -1
}
marked() {	# NAME WORD GIVES-ARGUMENT...
	_name=$1 _word=$2
	shift 2
	gives "$@" >"$T/rcpt"
	like "$_name: taken" "$(paste -sd'|' "$T/said")" 'kept as'
	like "... and marked" "$(as alice@a.test --json list | grep -o '"unaccountable":[^}]*' | head -1)" "\"$_word\""
}
eve=eve@old.test

has smtp-in-certificate report-only
marked "no certificate" no-certificate $eve alice@a.test mx.old.test from=$at
like "in the log" "$(cat "$log")" 'smtp\.kept .*unaccountable=no-certificate issuer=""?$'
like "in the header" "$(as alice@a.test show 1 --raw)" '^Tillcalled-Mark: unaccountable \(no-certificate\)'
like "in words" "$(as alice@a.test list)" 'unaccountable'
marked "another host's name" ehlo-mismatch $eve alice@a.test mx.other.test as=old.test from=$at
marked "no host's name" bad-ehlo $eve alice@a.test localhost as=old.test from=$at
like "SPF still refuses" "$(gives $eve alice@a.test mx.old.test from=$WORLD_NET.71)" '^550.*\[spf-fail\]'
like "so does a literal" "$(gives $eve alice@a.test "[$at]" from=$at)" '^553.*\[address-literal\]'
has smtp-in-spf report-only
marked "SPF alone" spf-fail $eve alice@a.test mx.old.test as=old.test from=$WORLD_NET.71
like "a certificate still counts" "$(gives $eve alice@a.test mx.old.test from=$at)" '^550.*\[no-certificate\]'
has smtp-in-mx report-only
marked "no MX" no-mx eve@nomx.test alice@a.test mx.old.test as=old.test from=$at
has smtp-in-open 'postmaster abuse'
marked "postmaster is open" no-certificate eve@nobody.test postmaster@a.test elsewhere from=$WORLD_NET.71
like "nobody else is" "$(gives eve@nobody.test alice@a.test elsewhere from=$WORLD_NET.71)" '^550.*\[no-certificate\]'
has
printf 'peer old.test {\n\tsmtp-in-certificate = "report-only"\n}\npeer nobody.test {\n\tsmtp-in-certificate = "report-only"\n}\n' >>"$conf"
tests/world reload "$W" ims a.test
marked "a domain's exception" no-certificate $eve alice@a.test mx.old.test from=$at
like "which wants SPF all the same" "$(gives $eve alice@a.test mx.old.test from=$WORLD_NET.71)" '^550.*\[no-certificate\]'
like "of that domain" "$(gives eve@nobody.test alice@a.test mx.old.test from=$at)" '^550.*\[no-certificate\]'
has
printf 'peer old.test {\n\tsmtp-in = "off"\n}\n' >>"$conf"
tests/world reload "$W" ims a.test
like "a domain that is not wanted" "$(gives $eve alice@a.test mx.old.test as=old.test from=$at)" '^550.*\[smtp-off\]'
has
like "and again" "$(gives $eve alice@a.test mx.old.test as=old.test from=$at)" '^250 2\.1\.5'

# -- hosts whose certificate bears another name ------------------------------------------------------------------

like "a host of a pair, without it" "$(gives $eve alice@a.test a1.old.test as=old.test from=$at)" '^550.*\[ehlo-mismatch\]'
with ims smtp-in-name '{ "*.old.test = mx.old.test" }' <"$T/conf" >"$conf"
tests/world reload "$W" ims a.test
like "with it" "$(gives $eve alice@a.test a1.old.test as=old.test from=$at)" '^250 2\.1\.5'

# -- each key of the section counts from a reload on, but for the listener --------------------------------------

cat "$T/conf" >"$conf"
tests/world reload "$W" ims a.test
row ims a.test ims listen-smtp '"none"' late
row ims a.test ims smtp-in-certificate '"report-only"' true
row ims a.test ims smtp-in-spf '"report-only"' true
row ims a.test ims smtp-in-mx '"report-only"' true
row ims a.test ims smtp-in-name '{ "mx.old.test = old.test" }' true
taken_from() { like "$key of $section: and counts" "$(gives '' abuse@a.test elsewhere from=$at)" '^250 2\.1\.5'; }
row ims a.test ims smtp-in-open '"postmaster abuse"' taken_from

# -- somebody is postmaster ---------------------------------------------------------------------------------------

cat "$T/conf" >"$conf"
ok "a postmaster is named" ims a.test check
with smtp postmaster '""' <"$T/conf" >"$conf"
status_is "none is" 78 ims a.test check
like "which is said, with the cure" "$err" 'postmaster of smtp: nobody reads .* write: postmaster = "USER@a\.test"'
