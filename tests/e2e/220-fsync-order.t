#!/bin/sh
# No acknowledgement before the disk has it: seen from the order of system calls, since a kill
# cannot show it.  The same judgement must reject a build that does not wait for the disk.
. tests/e2e/lib.sh
plan 13

CALLS=read,recvfrom,write,writev,sendto,pwrite64,fdatasync,fsync,openat,renameat
if ! strace -qq -e trace=none true 2>/dev/null; then
	for name in 1 2 3 4 5 6 7 8 9 10 11 12 13; do skip "the order of system calls" "strace may not trace here"; done
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
# A little more than the letter: its envelope and TLS add to it, and the answer to TO, which waits for
# DNS, may leave while the last of them are still to be read.
small=65600 large=300400

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
ok "notices for a build without fsync" traced ims b.test notices --count 80 --per-seal 16
like "are acknowledged too early, all" "$(judge -v at="$IMS_NOTIFY_b_test" -v octets=8192 | tail -1)" '^5 judged, 5 too early$'
is "that build is no program people run" "$(readlink -f build/oms | grep -c nosync)" 0
