#!/bin/sh
# What an MX host can do wrong: in each state, and in its replies.  No fault loses a letter, gives it twice, or lets it go
# to a host that nothing vouches for; the next MX is tried; the outbox says what was wrong.
. tests/e2e/lib.sh
. tests/lib/smtp.sh
plan 63

clock_movable
world_up --domains a.test --smtp mx --oms-set 'smtp-out = "mx"'
log=$OMS_LOG_a_test
up() { mx_up "$@" || failed "$1 is up"; }
send() { as alice@a.test send --wait 0 "$@" >"$T/sent" 2>&1; }
became() { log_has "$log" "recipient\\.state id=[^ ]* to=$1 state=$2 word=$3\$"; }
attempt() { grep " smtp\\.attempt .*peer=$1 " "$log" | tail -1; }

# -- one fault a domain ------------------------------------------------------------------------------------------

# The state and word that come of it, what is done wrong, and where the log says that it ended.
cat >"$T/cases" <<'CASES'
waiting refused banner=550 no
waiting refused-for-now banner=421 later
waiting refused ehlo=502 no
waiting no-starttls offers=PIPELINING,SIZE
waiting refused-for-now starttls=454 4.7.0 not now
waiting refused starttls=550 never
waiting octets-before-tls starttls=trailing
waiting refused ehlo2=550 no
refused refused mail=550 5.7.1 no
waiting refused-for-now mail=450 4.7.1 grey
refused refused rcpt=550 5.1.1 no
waiting refused-for-now rcpt=552 5.2.2 full
waiting refused-for-now rcpt=421 4.3.2 later
refused refused data=554 5.6.0 no
waiting refused-for-now data=451 4.3.0 later
waiting bad-reply data=250 fine
refused refused end=550 5.7.1 spam
waiting refused-for-now end=451 4.3.0 later
waiting answer-unknown end=close
waiting answer-unknown end=nul
waiting unreachable rcpt=close
waiting bad-reply banner=big
waiting bad-reply ehlo=nul
waiting bad-reply ehlo2=two-digits
waiting bad-reply mail=mixed
waiting bad-reply mail=lines
waiting bad-reply rcpt=wide
waiting bad-reply rcpt=lf
waiting bad-reply data=words
CASES
n=0
while read -r state word fault; do
	n=$((n + 1))
	outside f$n.test $WORLD_NET.$((100 + n))
	up f$n $WORLD_NET.$((100 + n)) on=f$n.test "$fault"
	letter alice@a.test bob@f$n.test "$fault" | send bob@f$n.test
done <"$T/cases"
n=0
while read -r state word fault; do
	n=$((n + 1))
	ok "$fault: $state, $word" eventually 8 became bob@f$n.test $state $word
	mx_down f$n
done <"$T/cases"
is "nobody has a letter whose dot was not answered by 250" "$(find "$T" -path '*/f[0-9]*/*.letter' -size +0 | grep -cv '/f\(19\|20\)/')" 0
like "the stage and the reply are in the log" "$(attempt f4.test)" ' stage=STARTTLS .* word=no-starttls code=0 '
like "and the code" "$(attempt f13.test)" ' stage=RCPT .* code=421 text="421 4\.3\.2 later"'

# -- silence -----------------------------------------------------------------------------------------------------

stages='endless banner ehlo starttls ehlo2 mail rcpt data content end'
for stage in $stages; do
	n=$((n + 1))
	outside $stage.test $WORLD_NET.$((100 + n))
	fault=$stage=stall
	[ $stage != endless ] || fault=banner=endless
	up $stage $WORLD_NET.$((100 + n)) on=$stage.test $fault
	{ letter alice@a.test bob@$stage.test stall; [ $stage != content ] || yes "$(printf '%060d\r' 0)" | head -n 50000; } |
	    send bob@$stage.test
	ok "$stage: the server has stalled" eventually 20 grep -Eq ' stall$|> .*endless' "$T/$stage.log"
done
for i in 1 2 3 4 5 6 7; do
	clock_move 100
	sleep 0.3
	letter alice@a.test alice@a.test wake | send alice@a.test	# a sleeping loop sees the clock when it wakes
done
for stage in $stages; do
	word='(idle|too-slow)'
	[ $stage != end ] || word=answer-unknown
	ok "$stage: silence is not waited for, and the letter waits" eventually 8 became bob@$stage.test waiting "$word"
	mx_down $stage
done

# -- certificates ------------------------------------------------------------------------------------------------

# certified DOMAIN LAST WORD KIND...
certified() {
	what=$1 last=$2 why=$3
	shift 3
	outside $what.test $WORLD_NET.$last "$@"
	tests/world reload "$W" oms a.test	# which reads the CRL that may have changed
	up $what $WORLD_NET.$last on=$what.test
	letter alice@a.test bob@$what.test "$why" | send bob@$what.test
	ok "$*: waits" eventually 8 became bob@$what.test waiting $why
	is "$*: and the host has heard of no letter" "$(grep -c '< MAIL' "$T/$what.log")" 0
	mx_down $what
}
certified expired 180 certificate-expired --expired
certified revoked 181 certificate-revoked --revoked
certified self 182 certificate-selfsigned --self-signed
certified other 183 certificate-name --names DNS:mx.elsewhere.test

# -- the next MX -------------------------------------------------------------------------------------------------

outside two.test $WORLD_NET.190
tests/world zone "$W" "two.test. 60 IN MX 20 mx.second.test."
outside second.test $WORLD_NET.191
up two $WORLD_NET.190 on=two.test 'banner=554 no'
up second $WORLD_NET.191 on=second.test
letter alice@a.test bob@two.test two | send bob@two.test
ok "a refusal at the banner: the next MX takes it" eventually 8 became bob@two.test by-smtp -
is "once" "$(letters_of second)" 1
like "in the words of the one that took it" "$(as alice@a.test outbox --json | head -1)" '"host":"mx\.second\.test"'
mx_down two
mx_down second
