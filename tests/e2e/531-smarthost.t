#!/bin/sh
# All letters by SMTP go to one smarthost, which our rules judge like any other host: at port 587 with STARTTLS or at 465
# in TLS from the first octet, signed in by PLAIN or SCRAM.
. tests/e2e/lib.sh
. tests/lib/smtp.sh
plan 16

printf 'a password of ours\n' >"$T/password"
world_up --domains a.test,b.test --smtp mx --oms-set 'smtp-out = "via mx.smart.test:587"' \
    --oms-set 'listen-submissions = { "%IMS%" }'
smart=$WORLD_NET.90
log=$OMS_LOG_a_test
became() { log_has "$log" "recipient\\.state id=[^ ]* to=bob@$1\\.test state=$2 word=$3\$"; }
attempt() { grep " smtp\\.attempt .*peer=$1\\.test " "$log" | tail -1; }
send() { letter alice@a.test bob@$1.test "$1" | as alice@a.test send --wait 0 bob@$1.test >"$T/sent" 2>&1; }
up() { mx_up "$@" || failed "$1 is up"; }
# set LINE...: the configuration of a.test's oms, in force at once
set_out() {
	sed -i '/^[[:space:]]*smtp-out/d' "$CONF_a_test"
	for _line in "$@"; do sed -i "s|^oms {|&\n    $_line|" "$CONF_a_test"; done
	tests/world reload "$W" oms a.test
}
# far NAME: a domain with an MX where nobody answers: its letters go to the smarthost
far() { tests/world zone "$W" "$1.test. 60 IN MX 10 mx.$1.test.
mx.$1.test. 60 IN A $WORLD_NET.99"; }

outside smart.test $smart
for name in first refused silent plain tls scram; do far $name; done
up first $smart:587 on=smart.test
send first
ok "without signing in: the letter goes" eventually 4 became first by-smtp -
like "to the smarthost" "$(attempt first)" 'peer=first\.test host=mx\.smart\.test address='"$smart"' tls=TLSv1\.3 .* wanted=ca reached=ca '
is "which gets it for its recipient" "$(grep -c '^RCPT TO:<bob@first.test>' "$T/first/1.envelope")" 1
mx_down first

cp "$T/password" "$W/a.test/smart.password"
chown --reference="$(readlink -f "$KEY_a_test")" "$W/a.test/smart.password"
chmod --reference="$(readlink -f "$KEY_a_test")" "$W/a.test/smart.password"
set_out 'smtp-out = "via mx.smart.test:587"' 'smtp-out-user = "alice"' "smtp-out-password = \"$W/a.test/smart.password\""
up plain $smart:587 on=smart.test 'offers=STARTTLS,AUTH PLAIN LOGIN,8BITMIME'
send plain
ok "PLAIN: the letter goes" eventually 4 became plain by-smtp -
is "the password was said inside TLS alone" "$(sed -n 's/^1 < AUTH PLAIN //p' "$T/plain.log" | base64 -d | tr '\0' '|')" "|alice|a password of ours"
ok "after the handshake" awk '/ tls TLS/ { tls = 1 } / < AUTH/ { exit !tls }' "$T/plain.log"
mx_down plain
up refused $smart:587 on=smart.test 'offers=STARTTLS,AUTH PLAIN' 'auth=535 5.7.8 no'
send refused
ok "a password that is wrong: the letter waits" eventually 4 became refused waiting refused
like "at AUTH" "$(attempt refused)" ' stage=AUTH .* code=535 '
is "and nothing was given" "$(grep -c '< MAIL' "$T/refused.log")" 0
mx_down refused
up silent $smart:587 on=smart.test 'offers=STARTTLS,AUTH LOGIN'
send silent
ok "no mechanism of ours: the letter waits" eventually 4 became silent waiting auth-mechanism
mx_down silent

set_out 'smtp-out = "via mx.smart.test"' 'smtp-out-user = "alice"' "smtp-out-password = \"$W/a.test/smart.password\""
up tls $smart:465 on=smart.test wrapper=yes 'offers=AUTH PLAIN'
send tls
ok "TLS from the first octet, port 465: the letter goes" eventually 4 became tls by-smtp -
mx_down tls

# A real server with SCRAM: another domain's submission.
cat "$W/home/alice@b.test/password" >"$W/a.test/smart.password"
set_out 'smtp-out = "via mx.b.test"' 'smtp-out-user = "alice@b.test"' "smtp-out-password = \"$W/a.test/smart.password\""
send scram
ok "SCRAM: the smarthost knows us, and says which senders it takes" eventually 4 became scram refused refused
like "as to any user" "$(attempt scram)" ' tls=TLSv1\.3 .* stage=QUIT letters=1 '
like "by SCRAM" "$(grep ' signin\.user ' "$OMS_LOG_b_test" | tail -1)" 'user=alice@b\.test'
printf 'wrong password\n' >"$W/a.test/smart.password"
far wrong
send wrong
ok "with a wrong password the letter waits" eventually 4 became wrong waiting '(refused|auth-failed)'
like "at AUTH" "$(attempt wrong)" ' stage=AUTH .* code=535 '
