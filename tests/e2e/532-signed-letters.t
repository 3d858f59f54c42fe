#!/bin/sh
# Letters that leave by SMTP bear the signatures of their author's domain: what arrives is verified by another
# implementation (python3-dkim) with the records that `oms dkim` prints, served by a real name server.
. tests/e2e/lib.sh
. tests/lib/smtp.sh
. tests/lib/knot.sh
plan 12

world_up --domains a.example --smtp mx --oms-set 'smtp-out = "mx"'
ok "there is a name server" knot_have
python=python3
$python -c 'import dkim' 2>/dev/null || python=/usr/bin/python3
ok "there is another verifier" $python -c 'import dkim, dns.resolver'
log=$OMS_LOG_a_example
verdicts() { tests/world enter "$W" $python tests/lib/dkim_verify.py "$WORLD_NET.53" 5353 <"$1" | paste -sd' '; }
has() { [ "$(letters_of mx)" -ge "$1" ]; }

outside old.example $WORLD_NET.70
mx_up mx $WORLD_NET.70 on=old.example || failed "the MX is up"
letter alice@a.example bob@old.example unsigned | as alice@a.example send --wait 0 bob@old.example >"$T/sent" 2>&1
ok "a letter before there are keys" eventually 20 has 1
is "goes unsigned" "$(grep -ci '^dkim-signature' "$T/mx/1.letter")" 0

oms a.example dkim new a.example >"$T/records" 2>"$T/new"
knot_zones=example
knot_zone 60
cat "$T/records" >>"$T/knot/example.zone"
ok "the records are served" knot_start off
{ printf 'From: Alice <alice@a.example>\r\nTo: bob@old.example\r\nSubject:  two  \r\n  lines\r\nMessage-ID: <1@a.example>\r\n\r\n.\r\n..\r\n. a dot\r\n \r\nwords\t \r\n\r\n\r\n'
    yes "$(printf 'a line of the letter\r')" | head -n 20000; } | as alice@a.example send --wait 0 bob@old.example carl@old.example >"$T/sent" 2>&1
ok "a letter with keys" eventually 20 has 2
is "bears two signatures" "$(grep -ci '^dkim-signature' "$T/mx/2.letter")" 2
is "by its author's domain" "$(grep -Eo '(^|[[:space:];])d=[^;]*' "$T/mx/2.letter" | sed 's/.*d=//' | sort -u)" a.example
like "after our trace" "$(head -1 "$T/mx/2.letter")" '^Received: by mx\.a\.example id '
is "both are good" "$(verdicts "$T/mx/2.letter")" "good good"
sed 's/a line of the letter/a line of a letter/' "$T/mx/2.letter" >"$T/other"
is "and are not for another letter" "$(verdicts "$T/other")" "body body"
unlike "nothing was left unsigned" "$(grep smtp "$log")" 'smtp\.unsigned'
