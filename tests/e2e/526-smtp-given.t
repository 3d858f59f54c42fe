#!/bin/sh
# A letter by SMTP whose fate is not known says so and goes again: after a connection that broke after the dot, and after
# kill -9.  A letter that the server puts off goes again in minutes, or when a missing CRL comes, until smtp-give-up.
# Once the domain has a native road, it goes there.
. tests/e2e/lib.sh
. tests/lib/smtp.sh
. tests/lib/process.sh
plan 36

clock_movable
world_up --domains a.test,b.test --smtp mx --set 'crl-refresh = "2 s"' --oms-set 'smtp-out = "mx"'
log=$OMS_LOG_a_test
at=$WORLD_NET.70
outside old.test $at || failed "a domain elsewhere"
# sends TO
sends() {
	letter alice@a.test "$1" "to $1" | as alice@a.test send --wait 0 "$1" >"$T/sent" 2>&1
	case $? in 0 | 67) ;; *) return 1 ;; esac
	id=$(sed -n '1s/^\([0-9A-Z]\{4\}-[0-9A-Z]\{4\}\) .*/\1/p' "$T/sent")
}
# became TO STATE WORD [TIMES]
became() { [ "$(log_count "$log" "recipient\\.state id=$id to=$1 state=$2 word=$3\$")" -ge "${4:-1}" ]; }
row() { as alice@a.test outbox --json | grep -F "\"$1\"" | head -1; }
# later SECONDS: the oms finds out when it is woken.
later() {
	clock_move "$1"
	letter alice@a.test wake@old.test "wakes it" | as alice@a.test send --wait 0 wake@old.test >"$T/out" 2>&1
}
tried() { log_count "$log" 'smtp\.attempt .*peer=old\.test'; }

# -- the connection breaks after the dot -----------------------------------------------------------------------

mx_up breaks $at on=old.test 'end=close|ok'
ok "a letter whose server breaks the connection after the dot" sends bob@old.test
ok "says that the answer is not known" eventually 30 became bob@old.test waiting answer-unknown
attempted() { log_has "$log" 'smtp\.attempt .*peer=old\.test'; }
ok "the attempt is over" eventually 30 attempted
ok "it waits, and may be there" eventually 30 says '"state":"waiting".*"word":"answer-unknown".*"recall":false' row bob@old.test
like "in words" "$(row bob@old.test)" '"text":"mx\.old\.test was given the letter, and its answer is not known'
like "for minutes" "$(oms a.test queue)" 'bob@old\.test +waiting +in ([345] min|[0-9]+ s)'
later 310
ok "it is given again, in time" eventually 30 became bob@old.test by-smtp -
is "so its server has it twice" "$(grep -l 'RCPT TO:<bob@old.test>' "$T/breaks/"*.envelope | wc -l)" 2
like "and the outbox knows" "$(row bob@old.test)" '"state":"by-smtp","since":"[^"]*","next":null.*"word":null'
mx_down breaks

# -- kill -9 between the dot and its answer ---------------------------------------------------------------------

mx_up stalls $at on=old.test end=stall
ok "a letter whose server does not answer the dot" sends carl@old.test
ok "is given" eventually 30 became carl@old.test waiting answer-unknown
has_it() { grep -q ' stall' "$T/stalls.log"; }
ok "its server has all of it" eventually 30 has_it
tests/world kill "$W" oms a.test
mx_down stalls
tests/world start "$W" oms a.test
like "after the crash the outbox says so" "$(row carl@old.test)" '"state":"waiting".*"word":"answer-unknown".*"recall":false'
later 320 # its clock has begun anew
unavailable() { says '"tries":1,"word":"answer-unknown","text":"mx\.old\.test was given .*since then: ' row carl@old.test; }
ok "a try that fails leaves that unknown" eventually 30 unavailable
mx_up good $at on=old.test 'rcpt/grey@old.test=451 4.7.1 come again'
later 310
ok "until a server takes it" eventually 30 became carl@old.test by-smtp -

# -- what is put off ------------------------------------------------------------------------------------------------

ok "one who is put off" sends grey@old.test
ok "waits" eventually 30 became grey@old.test waiting refused-for-now
seen() { [ "$(log_count "$T/good.log" 'grey@old.test')" -ge "$1" ]; }
later 200
is "for five minutes" "$(log_count "$T/good.log" 'grey@old.test')" 1
later 110
ok "and is tried then" eventually 30 seen 2
later 320
is "then for ten" "$(log_count "$T/good.log" 'grey@old.test')" 2

# -- a CRL is missing ---------------------------------------------------------------------------------------------------

mkdir "$T/crls"
cp "$CRL" "$T/crls"
export TILLCALLED_CRLS="$T/crls" # mc's: people's software is not the question here
rm "$W/ca/root/trusted"
pid_end "$W/run/httpd.pid"
rm "$CRL"
ok "without CRLs" eventually 20 log_has "$log" 'tls\.generation number=[0-9]* .*crls=0'
ok "a letter" sends dora@old.test
ok "waits for one" eventually 30 became dora@old.test waiting revocation-unknown
( . tests/lib/net.sh; . tests/lib/daemons.sh; dir=$(readlink -f "$W") top=$PWD mode=$MODE
  . "$dir/run/settings"; net_load "$dir"; crls_serve )
ok "and goes as soon as it is here" eventually 60 became dora@old.test by-smtp -
ok "with all that waits there" eventually 30 seen 3
sleeps() { n=$(log_count "$log" 'tls\.generation '); tests/world crl "$W" && eventually 20 newer; }
newer() { [ "$(log_count "$log" 'tls\.generation ')" -gt "$n" ]; }
ok "another CRL comes" sleeps
ok "and another letter" sends dora@old.test
ok "goes" eventually 30 became dora@old.test by-smtp -
is "but hurries nobody, for none was missing" "$(log_count "$T/good.log" 'grey@old.test')" 3

# -- the end ----------------------------------------------------------------------------------------------------------------

later 432000
ok "after five days it is given up" eventually 30 says '"state":"refused".*"word":"given-up"' row grey@old.test
like "with the last words" "$(row grey@old.test)" 'given up after [0-9]+ tries: old\.test says: .*451 4\.7\.1 come again'

# -- the native road ------------------------------------------------------------------------------------------------------------

tests/world stop "$W" oms a.test
tests/world start "$W" oms a.test # its clock begins anew
mx_down good
for i in 1 2 3; do
	sends breaks@old.test && sends "other$i@old.test" || failed "letters while their server is down"
done
ok "they wait" eventually 30 became other3@old.test waiting unreachable
mx_up good $at on=old.test 'rcpt/breaks@old.test=close' 'rcpt/grey@old.test=451 4.7.1 come again'
later 310
# All are due together, in an order by chance.
gone() { for _i in 1 2 3; do says '"state":"by-smtp"' row "other$_i@old.test" || return 1; done; }
ok "letters at which the session breaks keep no others back" eventually 30 gone

ok "one who is put off again" sends grey@old.test
ok "waits" eventually 30 became grey@old.test waiting refused-for-now
tests/world zone "$W" '_ims._tcp.old.test. 60 IN SRV 0 1 1 mx.old.test.'
native() { later 310; log_has "$log" 'notify\.ended .*peer=old\.test '; }
ok "and goes the native way once there is one" eventually 30 native
