#!/bin/sh
# What is asked in good form, by somebody who is whom they say, and is not theirs to ask.
. tests/e2e/lib.sh
. tests/lib/peers.sh
plan 22

clock_movable		# so that nobody waits for a TTL
world_up --domains a.test,b.test
letter alice@a.test bob@b.test honest >"$T/honest"
ok "a letter of one's own" as alice@a.test send --wait 15 bob@b.test <"$T/honest"
letter carol@a.test bob@b.test forged >"$T/forged"
as alice@a.test send --wait 5 bob@b.test <"$T/forged" >"$T/out" 2>&1
like "somebody else's From: refused" "$(cat "$T/out")" 'bad-from'
# load_as WORD=VALUE...: one letter of alice's with another sender in its envelope or its header.
load_as() {
	enter "build/$MODE/tests/bench/load" letters --trust "$W/trust" --crls "$W/crls" --to "$OMS_SUBMIT_a_test" \
	    --user alice@a.test --password-file "$W/home/alice@a.test/password" --recipient bob@b.test \
	    --connections 1 --count 1 "$@"
}
status_is "in the envelope alone: refused" 77 load_as --envelope carol@a.test
like "as such" "$err" 'bad-from.*carol@a\.test is not an address'
status_is "in the header alone: refused" 77 load_as --header carol@a.test
like "as such" "$err" "bad-from.*the letter's From is not an address"
as alice@a.test send --wait 5 nobody@b.test <"$T/honest" >"$T/out" 2>&1
like "to nobody: the outbox says so" "$(as alice@a.test outbox --json | grep nobody@)" '"state":"refused".*"word":"no-such-user"'
is "one letter has come" "$(as bob@b.test list --json | wc -l)" 1

say() {		# FROM: what a.test's OMS says to b.test from there
	printf 'HELLO b.test\n' | enter "$peer" talk "$OMS_FETCH_a_test" "from=$1" sni=a.test \
	    alpn=tillcalled-fetch/1 "cert=$CERT_b_test" "key=$KEY_b_test" 2>&1
}
like "b.test fetches from where its mail is received" "$(say "${IMS_NOTIFY_b_test%:*}")" '^250 '
like "and from where its SPF record says" "$(say "${OMS_FETCH_b_test%:*}")" '^250 '
like "from elsewhere, with the same certificate: not" "$(say "$WORLD_NET.99")" '^550 5.7.1 .not-designated'
tests/world zone "$W" '_ims._tcp.b.test. 60 IN SRV 9 1 1471 lost.b.test.
lost.b.test. 60 IN CNAME lost.b.test.'
like "nor known, while another server's address is unknown" "$(say "$WORLD_NET.99")" '^451 4.4.3 .dns-failed'
like "which is no matter to the first" "$(say "${IMS_NOTIFY_b_test%:*}")" '^250 '
tests/world zone "$W" --remove lost.b.test CNAME

# An id that is another's is answered as one that never was.
id=$(as bob@b.test list --json | sed 's/.*"id":"\([^"]*\)".*/\1/')
asks() {	# DOMAIN ID
	v=$(echo "$1" | tr . _)
	eval "c=\$CERT_$v k=\$KEY_$v at=\$IMS_NOTIFY_$v"
	printf 'HELLO %s\nFETCH %s\n' "$1" "$2" | enter "$peer" talk "$OMS_FETCH_a_test" "from=${at%:*}" sni=a.test \
	    alpn=tillcalled-fetch/1 "cert=$c" "key=$k" 2>&1 | sed -n 3p
}
like "a letter for b.test, asked for by a.test: unknown" "$(asks a.test "$id")" '^550 5.7.1 .unknown-id'
is "in the same words as one that never was" "$(asks a.test "$id")" "$(asks a.test 01JDZ5TPB4M4Q8W1RZ9H1V6K3C)"

# An address that its domain does not let send from here: judged even where another statement of the same
# sender, which another fault refuses, came before it.
address=$WORLD_NET.101
peers_take "$T/p1" $(tests/world cert "$W" --domain p1.test)
tests/world zone "$W" 'p1.test. 60 IN TXT "v=spf1 exists:%{l}.u.p1.test -all"'
tests/lib/notice.pl "$T/p1.key" p1.test b.test '!carol@b.test' carol@b.test >"$T/batch"
printf 'HELLO p1.test\n@%s\nNOOP\n' "$T/batch" | enter "$peer" talk "$IMS_NOTIFY_b_test" from=$address sni=b.test \
    alpn=tillcalled-notify/1 "cert=$T/p1.pem" "key=$T/p1.key" >"$T/talk" 2>&1
like "the first is refused by its own fault" "$(cat "$T/talk")" '^550 [0-9.]* .rcpt-hash'
like "the second by SPF" "$(cat "$T/talk")" '^550 5\.7\.23 .spf-fail'

# What DNS said of a server is believed for its time; a connection does not make it last longer.
for r in "_ims._tcp.b.test SRV" "ims.b.test A"; do tests/world zone "$W" --remove $r; done
tests/world zone "$W" "_ims._tcp.b.test. 1 IN SRV 0 1 1471 ims.b.test.
ims.b.test. 1 IN A ${IMS_NOTIFY_b_test%:*}"
handed() { log_count "$OMS_LOG_a_test" "fetch\.letter .*word=ok"; }
# after REQUEST [COMMAND...]: HELLO, the command, 11 s, and the request: what it is told, and whether
# that is all.  A TTL of less than 10 s is one of 10 s.
after() {
	request=$1
	shift
	rm -f "$T/after"	# the answer to an earlier HELLO is not to be taken for this one's
	{ printf 'HELLO b.test\n'; eventually 30 grep -q '^250' "$T/after"; "$@"; clock_move 11; printf '%s\nNOOP\n' "$request"; } |
	    enter "$peer" talk "$OMS_FETCH_a_test" "from=${IMS_NOTIFY_b_test%:*}" sni=a.test \
	    alpn=tillcalled-fetch/1 "cert=$CERT_b_test" "key=$KEY_b_test" >"$T/after" 2>&1
	sed -n '3,$p' "$T/after" | tr '\n' '|'
}
like "b.test asks again after that time, and is designated still" "$(after "SUMMARY $id" true)" '^250 2.0.0 \{'
before=$(handed)
like "and is refused when it is so no longer" "$(after "FETCH $id" tests/world zone "$W" --remove _ims._tcp.b.test SRV)" \
    '^550 5.7.1 .not-designated[^|]*\|closed\|$'
is "nothing was handed out" "$(handed)" "$before"
tests/world zone "$W" "_ims._tcp.b.test. 1 IN SRV 0 1 1471 ims.b.test."
like "nor is it noted what it says" "$(after "DECLINE $id" tests/world zone "$W" --remove _ims._tcp.b.test SRV)" \
    '^550 5.7.1 .not-designated[^|]*\|closed\|$'
tests/world zone "$W" "_ims._tcp.b.test. 1 IN SRV 0 1 1471 ims.b.test."
like "while it cannot be known: later" "$(after "SUMMARY $id" tests/world zone "$W" '_ims._tcp.b.test. 1 IN CNAME _ims._tcp.b.test.')" \
    '^451 4.4.3 .dns-failed[^|]*\|closed\|$'
