#!/bin/sh
# A letter that comes by SMTP: taken of a host whose certificate, SPF and MX are good, and shown with the CA that vouches for it.
# All else is refused at RCPT, by word.
. tests/e2e/lib.sh
. tests/lib/smtp.sh
plan 67

world_up --domains a.test --smtp mx --ims-set 'listen-smtp = { "%IMS%" }'
at=$WORLD_NET.70 log=$IMS_LOG_a_test conf=$CONF_a_test
. tests/lib/reload.sh
with smtp contact '"https://a.test/mail"' <"$conf" >"$conf.new" && cat "$conf.new" >"$conf"
tests/world reload "$W" ims a.test
zone() { tests/world zone "$W" "$@"; }
says() { talk $SMTP_a_test as=old.test from=$at "$@"; }
# asks FROM TO: up to RCPT
asks() { printf '%s\n' "MAIL FROM:<$1>" "RCPT TO:<$2>"; }
letter_of() {	# FROM TO FILE
	smtp_begin mx.old.test
	asks "$1" "$2"
	printf '%s\n' DATA "!letter $3" QUIT
}
listed() { as "$1" --json list | grep -o '"number"' | wc -l; }

# -- the plain case -------------------------------------------------------------------------------------------

ok "a domain elsewhere" outside old.test $at
printf '%s\r\n' 'From: Eve <eve@old.test>' 'To: alice@a.test' 'Subject: plums' 'Date: Mon, 30 Nov 2026 12:00:00 +0100' '' \
    '.' '..' 'Hello.' >"$T/letter"
letter_of eve@old.test alice@a.test "$T/letter" | says >"$T/said"
like "it is kept" "$(cat "$T/said")" '^250 2\.0\.0 kept as [0-9A-Z]{26}$'
like "the list says how it came, and who vouches" "$(as alice@a.test --json list)" \
    '"road":"smtp","smtp":\{"host":"mx\.old\.test".*"spf":"pass".*"via":false,"unaccountable":null.*"vouched_by":"CN=World root"'
like "and its date" "$(as alice@a.test --json list)" '"sent":"2026-11-30T11:00:00Z"'
like "show says it in words" "$(as alice@a.test show 1 2>&1 | paste -sd' ')" '^By SMTP +from mx\.old\.test.* Vouched +CN=World root Checked +SPF pass'
as alice@a.test show 1 --raw >"$T/got" 2>"$T/err"
sed '/^From: Eve/,$!d' "$T/got" >"$T/tail"
same "octet for octet after the trace" "$T/tail" "$T/letter"
sed '/^From: Eve/,$d' "$T/got" | tr -d '\r' >"$T/trace"
dotted=$(echo $at | sed 's/\./\\./g')
like "the trace" "$(paste -sd' ' "$T/trace" | tr '\t' ' ')" "^Return-Path: <eve@old\.test> Authentication-Results: mx\.a\.test;  spf=pass smtp\.mailfrom=old\.test;  dkim=none;  dmarc=none header\.from=old\.test \
Received: from mx\.old\.test \(\[$dotted\]\)  by mx\.a\.test with ESMTPS  \(TLSv1\.3 [A-Z0-9_]+\) id [0-9A-Z]{26}  for <alice@a\.test>;  [A-Z][a-z]{2}, .* \+0000$"
like "the log" "$(cat "$log")" 'smtp\.kept .*peer=[0-9.]* ehlo=mx\.old\.test from=eve@old\.test id=.* rcpt=alice@a\.test rcpts=1 .*spf=pass'

# -- several recipients, other senders ------------------------------------------------------------------------

{ smtp_begin mx.old.test
    printf '%s\n' 'MAIL FROM:<eve@OLD.test> SIZE=200 BODY=8BITMIME' 'RCPT TO:<bob@A.test>' 'RCPT TO:<carol@a.test>' \
	'RCPT TO:<carol@a.test>' 'RCPT TO:<Nobody@a.test>' DATA "!letter $T/letter" QUIT; } | says >"$T/said"
like "to several, one of them unknown" "$(paste -sd'|' "$T/said")" \
    '(250 2\.1\.5 [^|]*\|){3}550-5\.1\.1 \[no-such-user\][^|]*\|550 5\.1\.1 https://a\.test/mail\|354 [^|]*\|250 2\.0\.0'
is "each has it once" "$(listed bob@a.test) $(listed carol@a.test)" "1 1"
unlike "and the trace names no recipient" "$(as bob@a.test show 1 --raw | tr -d '\r' | sed '/^From:/,$d')" 'for <'
{ smtp_begin mx.old.test
    for to in POSTMASTER@a.test abuse@A.TEST; do asks '' $to; printf '%s\n' DATA "!letter $T/letter"; done
    asks '' x | head -1; printf '%s\n' 'RCPT TO:<Postmaster>' DATA "!letter $T/letter" QUIT; } | says >"$T/said"
is "postmaster and abuse in any case, from nobody" "$(grep -c 'kept as' "$T/said")" 3
is "reach the person named at setup" "$(listed alice@a.test)" 4
like "nobody is no author's domain, so not via" "$(as alice@a.test --json list)" '"from":"","to":"postmaster@a\.test".*"via":false'
like "the trace says nobody" "$(as alice@a.test show 4 --raw | head -3 | tr -d '\r' | paste -sd' ')" '^Return-Path: <> .*spf=pass smtp\.helo=mx\.old\.test;$'
sed 's/^From: .*/From: Anna <anna@author.test>/' "$T/letter" >"$T/listed"
sed -i 's/$/\r/; s/\r\r$/\r/' "$T/listed"
letter_of 'bounces+"x y"@old.test' alice@a.test "$T/listed" | says >"$T/said"
like "a local part is no word" "$(cat "$T/said")" '^553 5\.1\.3 \[bad-address\]'
letter_of '"bounces x"@old.test' dora@a.test "$T/listed" | says >"$T/said"
like "another author is via" "$(as dora@a.test --json list)" '"from":"\\"bounces x\\"@old\.test".*"author":"anna@author\.test","via":true'

printf 'From: J\303\266rg <j\303\266rg@old.test>\r\nSubject: gr\303\274n\r\n\r\nx\377y\r\n' >"$T/utf8"
{ smtp_begin mx.old.test; printf 'MAIL FROM:<j\303\266rg@old.test> SMTPUTF8 BODY=8BITMIME\n'; printf '%s\n' 'RCPT TO:<dora@a.test>' DATA "!letter $T/utf8" QUIT; } |
    says tls=1.2 >"$T/said"
like "octets and characters outside ASCII" "$(cat "$T/said")" 'kept as'
as dora@a.test show 2 --raw >"$T/got"
sed '/^From: J/,$!d' "$T/got" >"$T/tail"
same "come as they are" "$T/tail" "$T/utf8"
like "by TLS 1.2, too, and the trace says both" "$(sed '/^From:/,$d' "$T/got" | tr -d '\r' | paste -sd' ')" 'with UTF8SMTPS .*\(TLSv1\.2 ECDHE-[A-Z0-9-]+\)'
like "AUTH before TLS" "$(printf '%s\n' 'EHLO mx.old.test' 'AUTH PLAIN AGEAYg==' | says | tail -1)" '^530 5\.7\.0 \[starttls-required\]'
like "nobody signs in here" "$({ smtp_begin mx.old.test; echo 'AUTH PLAIN AGEAYg=='; } | says | tail -1)" '^50[0-9] '

# -- the sender ------------------------------------------------------------------------------------------------

# refused NAME REPLY FROM [HELLO [TALK-WORD...]]: to alice, with the URL, and logged with both
refused() {
	_name=$1 _reply=$2 _from=$3 _hello=${4:-mx.old.test}
	[ $# -lt 4 ] || shift
	shift 3
	[ $# -gt 0 ] || set -- as=old.test from=$at
	{ smtp_begin "$_hello"; asks "$_from" alice@a.test; echo QUIT; } | talk $SMTP_a_test "$@" >"$T/said"
	_word=$(echo "$_reply" | sed 's/.* //')
	like "$_name" "$(paste -sd'|' "$T/said")" "\|250 2\.1\.0 [^|]*\|$(echo "$_reply" | sed "s/ [^ ]*\$//; s/ /-/; s/\./\\\\./g") \[$_word\][^|]*\|[0-9. ]* https://a\.test/mail\|221 "
	[ "$_from" ] || _from='<>'
	like "... logged" "$(grep smtp.refused "$log" | tail -1)" "ehlo=\"?$(echo "$_hello" | sed 's/[][]/./g')\"? from=\"?$_from\"? rcpt=alice@a\.test word=$_word "
}
eve=eve@old.test
refused "an address literal in EHLO" '553 5.1.3 address-literal' $eve "[$at]"
refused "no host's name" '550 5.7.1 bad-ehlo' $eve localhost
refused "another host's name" '550 5.7.5 ehlo-mismatch' $eve mx.other.test
refused "no certificate" '550 5.7.5 no-certificate' $eve mx.old.test from=$at
# shows NAME KIND...: a certificate
shows() {
	_kind=$1
	shift
	set -- $(tests/world cert "$W" --domain mx.old.test "$@")
	cp "$1" "$T/$_kind.pem" && cp "$2" "$T/$_kind.key"
}
certificate() {	# WORD CODE KIND...
	_w=$1 _c="$2"
	shift 2
	shows "$_w" "$@"
	refused "a certificate: $*" "$_c $_w" $eve mx.old.test as="$_w" from=$at
}
certificate certificate-expired '550 5.7.5' --expired
certificate certificate-selfsigned '550 5.7.5' --self-signed
certificate certificate-purpose '550 5.7.5' --client-auth
certificate certificate-revoked '550 5.7.5' --revoked
certificate ehlo-mismatch '550 5.7.5' --names DNS:old.test
refused "another address" '550 5.7.23 spf-fail' $eve mx.old.test as=old.test from=$WORLD_NET.71
zone 'soft.test. 60 IN TXT "v=spf1 ~all"
neutral.test. 60 IN TXT "v=spf1 ?all"
broken.test. 60 IN TXT "v=spf1 x:y"
none.test. 60 IN MX 10 mx.old.test.
slow.test. 60 IN TXT "v=spf1 include:dead.test -all"
dead.test. 60 IN NS ns.dead.test.
nomx.test. 60 IN TXT "v=spf1 +all"
nullmx.test. 60 IN TXT "v=spf1 +all"
nullmx.test. 60 IN MX 0 .'
refused "SPF softfail" '550 5.7.23 spf-softfail' eve@soft.test
refused "SPF neutral" '550 5.7.23 spf-neutral' eve@neutral.test
refused "no SPF" '550 5.7.23 spf-none' eve@none.test
refused "a broken record" '550 5.7.24 spf-permerror' eve@broken.test
refused "no MX" '550 5.1.8 no-mx' eve@nomx.test
refused "a null MX" '550 5.7.27 null-mx' eve@nullmx.test
refused "nobody from where SPF does not pass" '550 5.7.23 spf-fail' '' mx.old.test as=old.test from=$WORLD_NET.71
like "an address in MAIL" "$({ smtp_begin mx.old.test; asks "eve@[$at]" alice@a.test; } | says | tail -1)" '^503 '
like "nothing but STARTTLS before TLS" "$(printf '%s\n' 'EHLO mx.old.test' 'MAIL FROM:<>' | says | tail -1)" '^530 5\.7\.0 \[starttls-required\]'

# -- recipients and letters -----------------------------------------------------------------------------------

rcpt() { { smtp_begin mx.old.test; echo "MAIL FROM:<$eve>${2:-}"; echo "RCPT TO:<$1>"; } | says | tail -2 | paste -sd'|'; }
like "another domain" "$(rcpt bob@b.test)" '^550-5\.7\.1 \[relay\]'
like "a size beyond the limit" "$(rcpt bob@a.test ' SIZE=99999999999')" '^552 5\.3\.4 \[message-too-big\]'
kept=$(find "$W/a.test/var/ims" -type f | wc -l)
# bad NAME REPLY: the letter that $T/bad.txt has is refused
bad() {
	sed 's/\r*$/\r/' "$T/bad.txt" >"$T/bad"
	letter_of $eve bob@a.test "$T/bad" | says >"$T/said"
	like "$1" "$(grep -A1 '^354' "$T/said" | tail -1)" "^$2"
}
hops() { for _i in $(seq $1); do echo "Received: from x by y; Mon, 30 Nov 2026 12:00:00 +0000"; done; }
{ hops 51; cat "$T/letter"; } >"$T/bad.txt"
bad "too many hops" '554-5\.4\.6 \[too-many-hops\]'
like "... logged" "$(tail -1 "$log")" 'smtp\.refused .*from=eve@old\.test rcpt=bob@a\.test word=too-many-hops'
{ echo 'From: eve@old.test'; cat "$T/letter"; } >"$T/bad.txt"
bad "two From" '554-5\.6\.0 \[bad-message\]'
grep -v ^From "$T/letter" >"$T/bad.txt"
bad "no From" '554-5\.6\.0 \[bad-message\]'
{ echo 'no field'; cat "$T/letter"; } >"$T/bad.txt"
bad "a line that is no field" '554-5\.6\.0 \[bad-message\] .*no field'
is "none of these was kept" "$(listed bob@a.test) $(find "$W/a.test/var/ims" -type f | wc -l)" "1 $kept"
{ hops 50; printf '%s\n' 'Return-Path: <x@y>' 'Tillcalled-Mark: none' 'Authentication-Results: MX.a.test; spf=pass' \
    'Authentication-Results: (mx) mx.a.test/1; dkim=pass' 'Authentication-Results: mx.old.test; dkim=pass'; cat "$T/letter"; } |
    sed 's/\r*$/\r/' >"$T/forged"
letter_of $eve bob@a.test "$T/forged" | says >"$T/said"
as bob@a.test show 2 --raw | sed '1,10d' >"$T/got"
grep -v '^Return-Path\|^Tillcalled\|MX\.a\|(mx)' "$T/forged" >"$T/wanted"
same "what others may not say is removed, and nothing else" "$T/got" "$T/wanted"
