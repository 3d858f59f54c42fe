#!/bin/sh
# A letter to a domain that names no server of ours and has an MX goes there by SMTP, and the outbox says so; and what
# refuses it at once, makes it wait, or ends it.
. tests/e2e/lib.sh
. tests/lib/smtp.sh
plan 45

world_up --domains a.test,b.test --smtp mx --oms-set 'smtp-out = "mx"'
log=$OMS_LOG_a_test
at=$WORLD_NET.70
# sends SUBJECT TO...: it may be known when mc asks that one was refused: 67.
sends() {
	_subject=$1
	shift
	letter alice@a.test "$1" "$_subject" >"$T/letter"
	as alice@a.test send --wait 0 "$@" <"$T/letter" >"$T/sent" 2>&1
	case $? in 0 | 67) ;; *) return 1 ;; esac
	id=$(sed -n '1s/^\([0-9A-Z]\{4\}-[0-9A-Z]\{4\}\) .*/\1/p' "$T/sent")
}
# became TO STATE WORD
became() { log_has "$log" "recipient\\.state id=$id to=$1 state=$2 word=$3\$"; }
newest() { as alice@a.test outbox --json | head -1; }

ok "a domain elsewhere" outside old.test $at
mx_up good $at on=old.test 'rcpt/nobody@old.test=550 5.1.1 nobody here' 'rcpt/grey@old.test=451 4.7.1 come again'

ok "a letter to two of it" sends first bob@old.test carol@old.test
ok "was given to its server" eventually 60 became bob@old.test by-smtp -
ok "for both" eventually 60 became carol@old.test by-smtp -
is "once" "$(letters_of good)" 1
is "with both in its envelope" "$(grep -c '^RCPT TO:<\(bob\|carol\)@old.test>' "$T/good/1.envelope")" 2
like "from the author" "$(cat "$T/good/1.envelope")" '^MAIL FROM:<alice@a\.test>'
ok "before the dot the spool said that the answer is not known" became bob@old.test waiting answer-unknown
tail -c "$(wc -c <"$T/letter")" "$T/good/1.letter" >"$T/arrived"
same "the letter is whole" "$T/arrived" "$T/letter"
like "the outbox says so" "$(newest)" '"address":"bob@old\.test","state":"by-smtp"'
like "in the server's words" "$(newest)" '"text":"250 [^"]*kept as 1'
like "with the server that vouched for itself" "$(newest)" '"road":"smtp","host":"mx\.old\.test","secured":"ca","recall":false'
like "and for people" "$(as alice@a.test outbox | tr -s ' \n' ' ')" \
    'bob@old\.test by SMTP [0-9:]+, accepted by mx\.old\.test; cannot be recalled: mx\.old\.test says: "250'
like "and the queue has nothing left" "$(oms a.test queue)" '^The queue is empty'

ok "one who is not known there" sends second nobody@old.test
ok "is refused" eventually 60 became nobody@old.test refused refused
like "in the server's words" "$(newest)" '"text":"550 5\.1\.1 nobody here'
ok "one who is put off" sends third grey@old.test
ok "waits" eventually 60 became grey@old.test waiting refused-for-now
like "for minutes" "$(newest)" '"state":"waiting".*"next":"[^"]*"'
tries() { log_count "$T/good.log" grey@old.test; }
n=$(tries)
tests/world stop "$W" oms a.test
tests/world start "$W" oms a.test
ok "after a restart another letter goes" sends fourth bob@old.test
ok "it arrives" eventually 60 became bob@old.test by-smtp -
is "and nothing has hurried the other" "$(tries)" "$n"

like "the queue of a domain" "$(oms a.test queue --domain old.test)" ' grey@old\.test +waiting'
like "of another" "$(oms a.test queue --domain b.test)" '^Nothing of that is in the queue\.$'
like "of a road" "$(oms a.test queue --road smtp --json)" '"to":"grey@old\.test".*"road":"smtp"'
is "of the other" "$(oms a.test queue --road native --json)" ""
status_is "of none" 64 oms a.test queue --road sea
ok "an operator has them tried again" oms a.test queue --domain OLD.test --now
again() { [ "$(tries)" -gt "$n" ]; }
ok "at once" eventually 20 again
ok "and wait again" eventually 20 says '"state":"waiting".*"tries":2' oms a.test queue --domain old.test --json

tests/world zone "$W" 'none.test. 60 IN TXT "here"
null.test. 60 IN MX 0 .'
sends no-mx bob@none.test
is "no MX: not taken" $? 1
like "with the reason" "$(cat "$T/sent")" '\[no-designation,'
sends null-mx bob@null.test
is "null MX: not taken" $? 1
like "with the reason" "$(cat "$T/sent")" '\[takes-no-mail,'
sends nowhere bob@nowhere.test
is "no such domain: not taken" $? 1
like "with the reason" "$(cat "$T/sent")" '\[no-such-domain,'

mx_down good
ok "a server that is down" sends fifth bob@old.test
ok "makes it wait" eventually 60 became bob@old.test waiting unreachable
unlike "and it is not given" "$(newest)" answer-unknown

# What DNS says of a letter that is kept may be forged.
now() { oms a.test queue --domain old.test --now >"$T/now"; }
tests/world zone "$W" --remove old.test MX
ok "no MX any more: tried again" now
ok "it waits" eventually 30 became bob@old.test waiting no-designation
tests/world zone "$W" 'old.test. 1 IN MX 0 .'
ok "null MX: tried again" now
ok "it waits" eventually 30 became bob@old.test waiting takes-no-mail
tests/world zone "$W" --remove old.test MX
tests/world zone "$W" 'old.test. 60 IN MX 10 mx.old.test.'
mx_up good $at on=old.test
goes() { now && became bob@old.test by-smtp -; }
ok "with an MX again it goes" eventually 60 goes
