#!/bin/sh
# Whoever cannot be held to account gets a word, and nothing else: each peer of tests/peers.txt
# that comes to our IMS, and to our OMS.
. tests/e2e/lib.sh
. tests/lib/peers.sh
plan 203

world_up --domains b.test
peers_make n
for daemon in oms ims; do tests/world reload "$W" $daemon b.test; done
ims_at=$IMS_NOTIFY_b_test oms_at=$OMS_FETCH_b_test

# meets PROTOCOL ADDRESS:PORT LOG WORD LINE...: the row's peer says them; is it told WORD, and no more?
meets() {
	_protocol=$1 _at=$2 _log=$3 _word=$4
	shift 4
	printf '%s\n' "$@" >"$T/lines"
	_from=$(wc -c <"$_log")
	out=$(enter "$peer" talk "$_at" $(peers_words "$_protocol") <"$T/lines" 2>&1)
	_what="$_protocol, $name: $_word"
	if [ "$_word" = ok ]; then
		is "$_what" "$(printf '%s\n' "$out" | grep -c '^250 ')" $#
	elif [ -n "$only_log" ]; then
		told=$(eventually 5 log_has "$_log" "tls.refused.* word=$_word side=accept peer=$address " && echo yes)
		is "$_what, in the log" "$told $(printf '%s\n' "$out" | grep -c '^[1-5][0-9][0-9] ')" "yes 0"
	else
		like "$_what" "$(printf '%s\n' "$out" | sed -n 2p)" "^(550|451) [45]\.[47]\.[0-9]+ \[$_word\] "
		unlike "$_protocol, $name: and no more" "$out" '^[123]'
	fi
	[ -z "${SHOW:-}" ] || diag "$out"
}

notifies() {
	case $where in *n*) ;; *) return ;; esac
	if [ "$kind" = - ]; then : >"$T/batch"; else
		tests/lib/notice.pl "$key" "$hello" b.test bob@b.test >"$T/batch" || printf 'NOOP\r\n' >"$T/batch"; fi
	[ "$word" != ok ] || good=$((good + 1))
	meets notify "$ims_at" "$IMS_LOG_b_test" "$word" "HELLO $hello" "@$T/batch"
}
fetches() {
	case $where in *f*) ;; *) return ;; esac
	meets fetch "$oms_at" "$OMS_LOG_b_test" "$at_fetch" "HELLO $hello" NOOP
}
good=0
peers_each notifies
is "kept are the good ones' notices and no others" "$(as bob@b.test list --json | grep -c '"state"')" $good
peers_each fetches
