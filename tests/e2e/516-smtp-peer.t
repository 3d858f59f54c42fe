#!/bin/sh
# The peers of other tests, between themselves: what a server of tests/tools/smtp_peer takes, what it does wrong when
# it is told to, and what smtp_talk sends.
. tests/e2e/lib.sh
. tests/lib/smtp.sh
plan 52

world_up --domains a.test,b.test+c.test --smtp mx --oms-set 'user-letters = 99' --ims-set 'connect-from = "%IMS%" # of %HOST%, beside %OMS%'
at=$WORLD_NET.70
ok "a domain elsewhere" outside old.test $at
ok "another" outside other.test $WORLD_NET.71
says_all() { talk "$@" | paste -sd'|'; }
up() { mx_up "$@" || failed "$1 is up"; }
# script LINE...: after EHLO in TLS
script() { smtp_begin mx.other.test; [ $# -eq 0 ] || printf '%s\n' "$@"; }
letter_of() { script 'MAIL FROM:<eve@other.test>' 'RCPT TO:<bob@old.test>' DATA "!letter $1" QUIT; }

# -- a letter --------------------------------------------------------------------------------------------------

up good $at on=old.test
printf 'Subject: dots\r\n\r\n.\r\n..\r\n.a\r\n..\r\n\r\nend' >"$T/dots"
letter_of "$T/dots" | talk $at as=other.test >"$T/said"
ok "the letter is taken" grep -qx '250 2.0.0 kept as 1' "$T/said"
like "in TLS, with a certificate" "$(cat "$T/said")" '^tls TLSv1\.3 .* /CN=mx\.old\.test$'
printf '\r\n' >>"$T/dots"
same "octet for octet, with a line end after its last line" "$T/good/1.letter" "$T/dots"
is "and its envelope" "$(sed 's/TLSv1.3 [^ ]*/T/' "$T/good/1.envelope" | paste -sd'|')" \
    "client 192.0.2.1|hello mx.other.test|tls T /CN=mx.other.test|MAIL FROM:<eve@other.test>|RCPT TO:<bob@old.test>"
head -c 10000000 /dev/urandom | base64 -w 900 | sed 's/$/\r/' >"$T/ten"
letter_of "$T/ten" | talk $at >"$T/said"
same "ten megabytes" "$T/good/2.letter" "$T/ten"
like "without a certificate, from an address of one's own" \
    "$(letter_of "$T/dots" | talk $at from=$WORLD_NET.72 >/dev/null; paste -sd'|' "$T/good/3.envelope")" "client $WORLD_NET\.72\|.* none\|MAIL"
printf '%s\n' '&EHLO x' '&NOOP' '&MAIL FROM:<>' '&RCPT TO:<a@b>' '&RCPT TO:<c@d>' 'DATA' '=a\r\n\x2e.b\r\n\0\r\n.\n.\r.\r\n' '=.\r\n' '&RSET' \
    '!send' 'QUIT' | talk $at >"$T/said"
is "commands in one write, and octets as they are" "$(grep -c '^250 \|^354 ' "$T/said")" 8
is "only a dot between CRLFs is the end" "$(od -An -c "$T/good/4.letter" | tr -d ' \n')" 'a\r\n.b\r\n\0\r\n\n.\r.\r\n'
printf '%s\n' 'MAIL FROM:<>' '!repeat 250 RCPT TO:<x@b>' | talk $at >"$T/said"
is "the same many times" "$(tail -1 "$T/said")" "250 x 250 2.1.5 recipient ok"
printf '%s\n' '!fill 100000 y' '=\r\n' '!send' '!hear' | talk $at >"$T/said"
like "a long line" "$(cat "$T/said")" '^500 '
like "TLS 1.2, if it is to be" "$(script QUIT | talk $at tls=1.2)" '^tls TLSv1\.2 '
printf '%s\n' 'EHLO x' '&STARTTLS' '=NOOP\r\n' '!send' '!tls' 'EHLO x' | talk $at >"$T/said"
ok "octets before the handshake are noticed" grep -q ' early 6$' "$T/good.log"
script "MAIL FROM:<eve@other.test>" "RCPT TO:<bob@old.test>" "!run touch '$T/ran'" DATA '=half\r\n' '!send' '!close' | talk $at >"$T/said"
ok "a command between two lines" test -e "$T/ran"
ok "a letter without an end is none" eventually 10 grep -q ' unfinished 5 6$' "$T/good.log"
is "so many were taken" "$(letters_of good)" 4
mx_down good

# -- faults ----------------------------------------------------------------------------------------------------

n=0
# faulty NAME PATTERN WORD [SCRIPT-LINE...]
faulty() {
	n=$((n + 1)) _name=$1 _pattern=$2 _fault=$3
	shift 3
	up fault$n $at on=old.test "$_fault"
	like "$_name" "$(script "$@" | says_all $at patience=1)" "$_pattern"
	mx_down fault$n
}
faulty "421 at the banner" '^421 4\.3\.2 later\|closed$' 'banner=421 4.3.2 later'
faulty "a banner that never comes" '^closed$' banner=stall
faulty "554 at EHLO" '^220 [^|]*\|554 no\|' 'ehlo=554 no'
faulty "no STARTTLS" '250-8BITMIME\|250 HELP\|' offers=8BITMIME QUIT
faulty "no TLS after STARTTLS" '\|454 4\.7\.0 not now\|tls failed ' 'starttls=454 4.7.0 not now'
faulty "octets after the 220" '\|220 2\.0\.0 go on\|early 24\|tls failed' starttls=trailing
faulty "a handshake that stalls" '\|220 2\.0\.0 go on\|tls failed' handshake=stall
faulty "another EHLO in TLS" '\|tls [^|]*\|250-x\|250 STARTTLS$' 'ehlo2=250-x\n250 STARTTLS'
faulty "MAIL is refused once" '\|451 4\.7\.1 grey\|250 2\.1\.0 sender ok$' 'mail=451 4.7.1 grey|ok' 'MAIL FROM:<>' 'MAIL FROM:<>'
faulty "552 at RCPT" '\|552 5\.5\.3 many$' 'rcpt=552 5.5.3 many' 'MAIL FROM:<>' 'RCPT TO:<a@b>'
faulty "by address" '\|550 no\|250 2\.1\.5 recipient ok$' 'rcpt/Carl@old.test=550 no' 'MAIL FROM:<>' 'RCPT TO:<carl@old.test>' 'RCPT TO:<bob@old.test>'
faulty "554 after refused recipients" '\|550 no\|554 5\.5\.1 no valid recipients$' 'rcpt=550 no' 'MAIL FROM:<>' 'RCPT TO:<a@b>' DATA
up lone $at on=old.test 'rcpt=550 no' data=ok
like "354 after refused recipients" "$(script 'MAIL FROM:<>' 'RCPT TO:<a@b>' DATA . QUIT | says_all $at)" '\|354 go on\|250 2\.0\.0 kept as 1\|221 '
is "and the letter is empty" "$(cat "$T/lone/1.letter")" ""
mx_down lone
faulty "a letter is not sent where nobody takes it" '\|554 5\.5\.1 no valid recipients\|221 2\.0\.0 bye$' 'rcpt=550 no' 'MAIL FROM:<>' 'RCPT TO:<a@b>' DATA "!letter $T/dots" QUIT
up end $at on=old.test 'end=452 4.3.1 full|550 never|ok'
for i in 1 2 3; do letter_of "$T/dots" | talk $at >"$T/said"; done
is "what is not taken is no letter" "$(cd "$T/end" && echo *.letter *.refused)" "3.letter 1.refused 2.refused"
mx_down end
faulty "content that stalls" '\|354 go on\|closed$' content=stall 'MAIL FROM:<>' 'RCPT TO:<a@b>' DATA .
faulty "an end that closes" '\|354 go on\|closed$' end=close 'MAIL FROM:<>' 'RCPT TO:<a@b>' DATA .
up huge $at on=old.test mail=big
script 'MAIL FROM:<>' | talk $at >"$T/said"
is "a reply of ten megabytes" "$(tail -1 "$T/said" | head -c 7)" '250 xxx'
like "all of it" "$(cat "$T/huge.log")" '> 250 x{390}'
mx_down huge
faulty "a line of 513 octets" '\|250 x{507}$' mail=wide 'MAIL FROM:<>'
faulty "101 lines" '\|250-line 99\|250 line 100$' mail=lines 'MAIL FROM:<>'
faulty "no end of a line" '\|250 ok\|closed$' mail=endless 'MAIL FROM:<>'
faulty "two digits" '\|25 ok$' mail=two-digits 'MAIL FROM:<>'
faulty "two codes" '\|250-ok\|550 no$' mail=mixed 'MAIL FROM:<>'
faulty "no code" '\|all is well$' mail=words 'MAIL FROM:<>'
up nul $at on=old.test mail=nul 'rset=lf'
like "as it is" "$(script 'MAIL FROM:<>' RSET | talk $at >"$T/said"; grep ' > 250 o' "$T/nul.log" | paste -sd'|')" '> 250 o\\x00k\|[0-9]+ > 250 ok$'
mx_down nul
up few $at on=old.test most=1
mkfifo "$T/fifo"
talk $at <"$T/fifo" >"$T/first" &
pids="$pids $!"
exec 6>"$T/fifo"
ok "one connection" eventually 10 grep -q '^220 ' "$T/first"
like "and no more at once" "$(echo QUIT | says_all $at)" '^421 4\.3\.2 too many connections\|closed$'
exec 6>&-
ok "then another" eventually 10 sh -c "echo QUIT | tests/world enter '$W' build/$MODE/tests/tools/smtp_talk $at:25 | grep -q '^220'"
mx_down few
up inside $at:465 on=old.test wrapper=yes
like "TLS from the first octet" "$(echo QUIT | says_all $at:465 wrapper=yes)" '^tls [^|]*\|220 mx\.old\.test ESMTP\|221 '
mx_down inside

# -- hosts of the world with a name in SMTP ----------------------------------------------------------------------

ok "a host of the world has a name in SMTP" oms a.test check
ok "which is that of all its domains" ims c.test check
like "as MX" "$(cat "$W/zone")" '^c\.test\. 60 IN MX 10 mx\.b\.test\.$'
like "its addresses are written into its configuration" "$(cat "$CONF_b_test")" "connect-from = \"$WORLD_NET\.22\" # of b\.test, beside $WORLD_NET\.21$"
