#!/bin/sh
# `oms queue --now' is for one attempt: where that ends before SMTP, a later one does not hurry what a server put off.
. tests/e2e/lib.sh
. tests/lib/smtp.sh
. tests/lib/reload.sh
plan 4

world_up --domains a.test --smtp mx --oms-set 'smtp-out = "mx"'
log=$OMS_LOG_a_test
conf=$W/a.test/tillcalled.conf
role=oms host=a.test
outside grey.test $WORLD_NET.72
mx_up grey $WORLD_NET.72 on=grey.test 'rcpt/first@grey.test=450 4.7.1 later' || failed "grey is up"
sends() { letter alice@a.test $1@grey.test now | as alice@a.test send --wait 0 $1@grey.test >"$T/sent" 2>&1; }
tries() { grep -c 'RCPT TO:<first@grey' "$T/grey.log"; }
sends first
eventually 10 log_has "$log" "recipient\\.state id=[^ ]* to=first@grey\\.test state=waiting word=refused-for-now" || failed first
is "one try" "$(tries)" 1
cp "$conf" "$T/conf"
printf 'peer grey.test {\n\tsmtp-out = "off"\n}\n' >>"$conf"
reloads
oms a.test queue --now --domain grey.test >"$T/now" 2>&1
ok "the attempt fails" eventually 8 log_has "$log" 'notify\.ended .*peer=grey\.test .*word=smtp-off'
cp "$T/conf" "$conf"
reloads
sends second
ok "a second letter goes" eventually 10 log_has "$log" "recipient\\.state id=[^ ]* to=second@grey\\.test state=by-smtp"
is "and does not hurry the first" "$(tries)" 1
