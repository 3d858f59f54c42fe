#!/bin/sh
# No acknowledgement before the disk has it, and no letter handed out before that is on record: seen from the
# order of system calls, since a kill cannot show it.  The same judgement must reject a build that does not wait
# for the disk.
. tests/e2e/lib.sh
plan 33

CALLS=read,recvfrom,write,writev,sendto,pwrite64,fdatasync,fsync,openat,renameat
if ! strace -qq -e trace=none true 2>/dev/null; then
	for name in $(seq $tap_planned); do skip "the order of system calls" "strace may not trace here"; done
	exit 0
fi

# traced DAEMON DOMAIN COMMAND...: runs the command while every call of the daemon is written to
# $T/trace, from its start to its end.
traced() {
	_daemon=$1 _domain=$2
	shift 2
	tests/world stop "$W" "$_daemon" "$_domain"
	rm -f "$T/trace"
	UNDER="env ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 strace -D -f -qq -yy -s 8 -e trace=$CALLS -o $T/trace" \
	    tests/world start "$W" "$_daemon" "$_domain" || return
	"$@"
	_status=$?
	tests/world stop "$W" "$_daemon" "$_domain"
	tests/world start "$W" "$_daemon" "$_domain"
	return $_status
}
load() {
	_kind=$1
	shift
	enter "build/$MODE/tests/bench/load" "$_kind" --trust "$W/trust" --crls "$W/crls" \
	    --connections 2 "$@"
}
letters() {
	load letters --to "$OMS_SUBMIT_a_test" --user alice@a.test \
	    --password-file "$W/home/alice@a.test/password" --recipient bob@b.test "$@"
}
notices() {
	load notices --to "$IMS_NOTIFY_b_test" --domain b.test --own c.test --certificate "$certificate" \
	    --key "$key" --from "$WORLD_NET.1" --recipient bob@b.test "$@"
}
judge() { awk -f tests/lib/durable.awk "$@" "$T/trace"; }
# is_durable NAME HOW-MANY ARGS...: so many were judged, and none was too early.  is_early: all were.
is_durable() {
	_name=$1 _n=$2
	shift 2
	is "$_name" "$(judge "$@" | tail -3)" "$_n judged, 0 too early"
}
is_early() {
	_name=$1 _n=$2
	shift 2
	is "$_name" "$(judge "$@" | tail -1)" "$_n judged, $_n too early"
}
# A little more than the letter: its envelope and TLS add to it, and the answer to TO, which waits for
# DNS, may leave while the last of them are still to be read.
small=65600 large=300400

# -- bob's requests, one after the other ------------------------------------------------------------

mailbox() {	# REQUEST...
	enter timeout 120 tests/lib/mailbox.pl "$IMS_MAILBOX_b_test" bob@b.test "$W/home/bob@b.test/password" "$@"
}
# The numbers of his notices, in the order in which the letters were sent.
numbers() {
	load list --to "$IMS_MAILBOX_b_test" --user bob@b.test --password-file "$W/home/bob@b.test/password" |
	    sort -k3 | cut -d' ' -f1
}
has_notices() { numbers >"$T/numbers" && [ "$(wc -l <"$T/numbers")" = "$1" ]; }
nth() { sed -n "$1p" "$T/numbers"; }	# FIRST,LAST
settled() { log_count "$OMS_LOG_a_test" 'recipient\.state .*state=(fetched|refused) '; }
more_settled() { [ "$(settled)" -gt "$1" ]; }
# Its DONE or DECLINE is on record before the next letter is asked for.
acknowledged() {	# REQUEST NUMBER...
	_verb=$1
	shift
	for _number; do
		_settled=$(settled)
		mailbox "$_verb $_number" >"$T/answer" && eventually 60 more_settled "$_settled" || return
	done
}

a_world() {
	world_up --domains a.test,b.test
	tests/world zone "$W" 'c.test. IN TXT "v=spf1 ip4:'"$WORLD_NET"'.1 -all"'
	set -- $(tests/world cert "$W" --domain c.test)
	certificate=$1 key=$2
}

a_world
ok "40 letters, while the oms is traced" traced oms a.test letters --count 40 --size 65536
is "no answer to one left before the disk had it" "$(judge -v at="$OMS_SUBMIT_a_test" -v octets=$small | tail -3)" "40 judged, 0 too early"
ok "10 letters that are kept in files" traced oms a.test letters --count 10 --size 300000 --connections 1
is "nor before the disk had file, name and record" "$(judge -v at="$OMS_SUBMIT_a_test" -v octets=$large -v file=1 | tail -3)" "10 judged, 0 too early"
# -- letters are called for -----------------------------------------------------------------------

# Small letters are sent first: 1 to 40 of `numbers`, then the large ones.
ok "bob has a notice of each" eventually 60 has_notices 50
handed_out() { acknowledged READ $(nth 1,5) && acknowledged DECLINE $(nth 6,10); }
ok "5 letters are fetched and 5 declined, while the oms is traced" traced oms a.test handed_out
is_durable "no octet of one left before the disk had it that it may" 5 -v rule=body -v at="$OMS_FETCH_a_test"
# A record of 55 octets is DONE; one of 56 is FETCH, on a session that is there already.
is_durable "no DONE was answered before the disk had it" 5 -v at="$OMS_FETCH_a_test" -v octets=50 -v most=55
is_durable "no DECLINE was" 5 -v rule=decline -v at="$OMS_FETCH_a_test" -v octets=600
changes() {
	acknowledged READ $(nth 11,15) && acknowledged DECLINE $(nth 16,20) &&
	    for _number in $(nth 21,25); do mailbox "MARK $_number +flagged" "DROP $_number" >"$T/answer" || return; done
}
ok "5 letters are fetched and 15 notices changed, while the ims is traced" traced ims b.test changes
is_durable "no DONE was sent before the disk had the letter" 5 -v rule=done -v at="$OMS_FETCH_a_test" -v octets=65536
is_durable "no answer to READ, DECLINE, MARK, DROP left before the disk had it" 20 -v at="$IMS_MAILBOX_b_test" -v octets=30 -v most=60
mv "$T/trace" "$T/good"
awk '!/fdatasync/' "$T/good" >"$T/trace"
is_early "the judge misses fdatasync before DONE" 5 -v rule=done -v at="$OMS_FETCH_a_test" -v octets=65536
ok "3 letters that are kept in files are fetched" traced ims b.test acknowledged READ $(nth 41,43)
is_durable "no DONE was sent before the disk had file, name and record" 3 -v rule=done -v at="$OMS_FETCH_a_test" -v octets=300000 -v file=1
mv "$T/trace" "$T/good"
awk '!/rename/' "$T/good" >"$T/trace"
is_early "the judge misses the rename before DONE" 3 -v rule=done -v at="$OMS_FETCH_a_test" -v octets=300000 -v file=1

ok "20 batches of notices, while the ims is traced" traced ims b.test notices --count 320 --per-seal 16
is "no answer to one left before the disk had it" "$(judge -v at="$IMS_NOTIFY_b_test" -v octets=8192 | tail -3)" "20 judged, 0 too early"

# The judge judges: a trace that lacks what it looks for.
mv "$T/trace" "$T/good"
awk '!/fdatasync/' "$T/good" >"$T/trace"
like "without fdatasync all are too early" "$(judge -v at="$IMS_NOTIFY_b_test" -v octets=8192 | tail -1)" '^20 judged, 20 too early$'
awk '!/O_DSYNC/' "$T/good" >"$T/trace"
like "without O_DSYNC too" "$(judge -v at="$IMS_NOTIFY_b_test" -v octets=8192 | tail -1)" '^20 judged, 20 too early$'

# -- a build that does not wait -------------------------------------------------------------------

tests/world down "$W"
rm -rf "$(readlink -f "$W")" "$W"
MODE=$MODE/nosync
a_world
ok "letters for a build without fsync" traced oms a.test letters --count 10 --size 65536
like "are acknowledged too early, all" "$(judge -v at="$OMS_SUBMIT_a_test" -v octets=$small | tail -1)" '^10 judged, 10 too early$'
ok "10 notices of them" eventually 60 has_notices 10
early_handed_out() { acknowledged READ $(nth 1,2) && acknowledged DECLINE $(nth 3,4); }
ok "letters are fetched from it" traced oms a.test early_handed_out
is_early "they leave too early, all" 2 -v rule=body -v at="$OMS_FETCH_a_test"
is_early "DONE is answered too early, always" 2 -v at="$OMS_FETCH_a_test" -v octets=50 -v most=55
is_early "DECLINE is" 2 -v rule=decline -v at="$OMS_FETCH_a_test" -v octets=600
early_changes() {
	acknowledged READ $(nth 5,6) && acknowledged DECLINE $(nth 7) && _number=$(nth 8) &&
	    mailbox "MARK $_number +flagged" "DROP $_number" >"$T/answer"
}
ok "letters are fetched by it" traced ims b.test early_changes
is_early "DONE is sent too early, all" 2 -v rule=done -v at="$OMS_FETCH_a_test" -v octets=65536
is_early "READ, DECLINE, MARK, DROP are answered too early, all" 5 -v at="$IMS_MAILBOX_b_test" -v octets=30 -v most=60
ok "notices for a build without fsync" traced ims b.test notices --count 80 --per-seal 16
like "are acknowledged too early, all" "$(judge -v at="$IMS_NOTIFY_b_test" -v octets=8192 | tail -1)" '^5 judged, 5 too early$'
is "that build is no program people run" "$(readlink -f build/oms | grep -c nosync)" 0
