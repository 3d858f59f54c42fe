#!/bin/sh
# Octets that another server could take for the end of a letter: never a second letter, and never one that its sender did
# not send.  A raw client sends them to the inbound gateway.
. tests/e2e/lib.sh
. tests/lib/smtp.sh
plan 38

world_up --domains a.test --smtp mx --ims-set 'listen-smtp = { "%IMS%" }'
at=$WORLD_NET.70 log=$IMS_LOG_a_test
ok "a domain elsewhere" outside old.test $at
says() { talk $SMTP_a_test as=old.test from=$at; }
letters() { as bob@a.test --json list | grep -o '"number"' | wc -l; }
inner='MAIL FROM:<admin@old.test>\r\nRCPT TO:<bob@a.test>\r\nDATA\r\nFrom: admin@old.test\r\n\r\nsmuggled\r\n.\r\n'
begin() {
	smtp_begin mx.old.test
	printf '%s\n' 'MAIL FROM:<eve@old.test>' 'RCPT TO:<bob@a.test>' DATA
}
# A whole letter follows each; the session must be over before it is.
refused() {	# NAME END-FORM WORD
	{ begin; printf '%s\n' "=From: eve@old.test\\r\\n\\r\\nHello$2$inner" '!send' '!hear' '!hear'; } | says >"$T/said"
	like "$1: refused" "$(grep -A1 '^354' "$T/said" | tail -1)" "^500 5\\.5\\.2 \\[$3\\]"
	is "$1: nobody has a letter" "$(letters)" 0
}
refused 'LF . LF' '\n.\n' bare-lf
refused 'LF . CRLF' '\n.\r\n' bare-lf
refused 'CRLF . LF' '\r\n.\n' bare-lf
refused 'CR . CR' '\r.\r' bare-lf
refused 'CR . CRLF' '\r.\r\n' bare-lf
refused 'CRLF . CR' '\r\n.\r' bare-lf
refused 'CR LF . CR CR LF' '\r\n.\r\r\n' bare-lf
refused 'CR CR LF . CR LF' '\r\r\n.\r\n' bare-lf
refused 'LF CR . LF CR' '\n\r.\n\r' bare-lf
refused 'CRLF NUL . CRLF' '\r\n\0.\r\n' bad-octet
refused 'CRLF . NUL CRLF' '\r\n.\0\r\n' bad-octet
refused 'NUL' '\0' bad-octet

# -- what is no end is content --------------------------------------------------------------------------------

content() {	# NAME OCTETS WANTED: after the header
	before=$(letters)
	{ begin; printf '%s\n' "=From: eve@old.test\\r\\n\\r\\n$2" '=\r\n.\r\n' '!send' '!hear' QUIT; } | says >"$T/said"
	is "$1: one letter" "$(letters) $(grep -c 'kept as' "$T/said")" "$((before + 1)) 1"
	as bob@a.test show $((before + 1)) --raw | sed '1,/^\r$/d' >"$T/got"
	printf "$3" >"$T/wanted"
	same "$1: as it came" "$T/got" "$T/wanted"
}
content 'two dots' '..\r\n..a\r\nx' '.\r\n.a\r\nx\r\n'
content 'a dot and a letter' '.a\r\nx' 'a\r\nx\r\n'
content 'a dot at the end of a line' 'x.\r\n y .' 'x.\r\n y .\r\n'
content 'dots in octets of their own' 'a\r\n..\r\n...' 'a\r\n.\r\n..\r\n'

# -- order ----------------------------------------------------------------------------------------------------

order() {	# NAME WORD SCRIPT-LINE...
	before=$(letters) name=$1 word=$2
	shift 2
	{ smtp_begin mx.old.test; printf '%s\n' "$@"; } | says >"$T/said"
	like "$name" "$(cat "$T/said")" "\\[$word\\]"
	is "... and no letter" "$(letters)" "$before"
}
order 'content before the 354' early-octets 'MAIL FROM:<eve@old.test>' 'RCPT TO:<bob@a.test>' \
    "=DATA\\r\\nFrom: eve@old.test\\r\\n\\r\\nx\\r\\n.\\r\\n" '!send' '!hear'
order 'a command after EHLO' early-octets '=EHLO mx.old.test\r\nNOOP\r\n' '!send' '!hear'
like 'a command after STARTTLS' "$(printf '%s\n' 'EHLO mx.old.test' '=STARTTLS\r\nEHLO mx.other.test\r\n' '!send' '!hear' | says)" '\[octets-before-tls\]'
