#!/bin/sh
# An IMS keeps its session with a sender's server: many letters come on it, also at once; a large one has its own.
# A sender's server that is good no longer, or that its domain no longer names, is asked nothing more on it.
. tests/e2e/lib.sh
plan 34

clock_movable
world_up --domains b.test,c.test+d.test+e.test+f.test --set 'crl-refresh = "10 s"'
brief_s=120
orphan=$(tests/world cert "$W" --domain d.test --ca second | head -1)
cp "$W/ca/second/cert.pem" "$W/trust/second.pem"
cp "$W/ca/second/crl.pem" "$W/crls/second.pem"
tests/world use "$W" d.test $orphan
tests/world use "$W" e.test $(tests/world cert "$W" --domain e.test --seconds $((3 * brief_s)) | head -1)
tests/world zone "$W" --remove _oms._tcp.f.test SRV
tests/world zone "$W" "_oms._tcp.f.test. 1 IN SRV 0 1 1470 oms.c.test."
tests/world zone "$W" --remove _oms._tcp.c.test SRV
tests/world zone "$W" "_oms._tcp.c.test. 1 IN SRV 0 1 1470 oms.c.test."
tests/world reload "$W" oms c.test
tests/world reload "$W" ims b.test

readies() { log_count "$IMS_LOG_b_test" "fetch\\.ready .*from=$1\\.test"; }
hellos() { log_count "$OMS_LOG_c_test" 'fetch\.hello .*domain=b\.test'; }
handed() { log_count "$OMS_LOG_c_test" 'fetch\.letter .*domain=b\.test .*word=ok'; }
settled() { log_count "$OMS_LOG_c_test" 'fetch\.settled .*domain=b\.test .*word=ok'; }
is_settled() { [ "$(settled)" -ge "$1" ]; }
mailbox() {	# USER REQUEST...
	_user=$1
	shift
	enter timeout 120 tests/lib/mailbox.pl "$IMS_MAILBOX_b_test" "$_user@b.test" "$W/home/$_user@b.test/password" "$@"
}
listed() { as bob@b.test list --json; }
are_listed() { [ "$(listed | wc -l)" -ge "$1" ]; }

# -- letters that share a session -------------------------------------------------------------------

for user in bob carol dora alice; do
	for n in 1 2 3 4; do
		letter alice@c.test $user@b.test "$user $n" | as alice@c.test send $user@b.test >/dev/null
	done
done
all_told() { [ "$(as alice@c.test outbox --json | grep -o '"state":"notified"' | wc -l)" = 16 ]; }
ok "four users have four letters each of one sender" eventually 60 all_told
reads() { mailbox $1 "READ 1" "READ 2" "READ 3" "READ 4" >"$T/$1.read" 2>&1; }
readers=
for user in bob carol dora alice; do
	background reads $user
	readers="$readers $!"
done
wait $readers
for user in bob carol dora alice; do
	is "$user has read all" "$(grep -c '^250 .*{' "$T/$user.read")" 4
done
ok "the sender hears of all" eventually 20 is_settled 16
is "they came on one session" "$(readies c) $(hellos)" "1 1"

# -- one that is as large as a shared one may be, and one beyond -------------------------------------

load() {
	enter "build/$MODE/tests/bench/load" letters --trust "$W/trust" --crls "$W/crls" --to "$OMS_SUBMIT_c_test" --connections 1 \
	    --user alice@c.test --password-file "$W/home/alice@c.test/password" --recipient bob@b.test --count 1 "$@"
}
at=4
for size in $((1024 * 1024 - 1)) $((1024 * 1024)) $((1024 * 1024 + 1)); do
	load --size $size >/dev/null 2>&1
	at=$((at + 1))
	ok "a letter of $size octets is announced" eventually 30 are_listed $at
done
own() { log_count "$IMS_LOG_b_test" "fetch\\.ready .*from=c\\.test .*for=one"; }
for case in 5:0 6:0 7:1; do
	like "letter ${case%:*} of bob's is here" "$(mailbox bob "READ ${case%:*}" 2>/dev/null | head -c 100)" '^(150|250) '
	is "over so many sessions of its own" "$(own)" "${case#*:}"
done
ok "DONE is said of them" eventually 20 is_settled 19

# -- its time ---------------------------------------------------------------------------------------

for n in 1 2 3 4; do
	letter alice@c.test carol@b.test "time $n" | as alice@c.test send --wait 20 carol@b.test >/dev/null
done
listed_by_carol() { [ "$(as carol@b.test list --json | wc -l)" = 8 ]; }
ok "carol has four more letters" eventually 30 listed_by_carol
reads_one() { mailbox carol "READ $1" 2>/dev/null | grep -aq '^250 '; }
ok "a letter is read" reads_one 5
then=$(readies c)
clock_move 12
ok "one after the time of the DNS answer" reads_one 6
is "on the same session, for DNS names the host still" "$(readies c)" "$then"
open_to() {
	_hex=$(echo "$OMS_FETCH_c_test" | awk -F '[.:]' '{ printf "%02X%02X%02X%02X:%04X", $4, $3, $2, $1, $5 }')
	enter cat /proc/net/tcp | awk -v to="$_hex" '$3 == to && $4 == "01" { n++ } END { print n + 0 }'
}
none_open() { for _n in 1 2 3 4; do as bob@b.test list >/dev/null; done; [ "$(open_to)" = 0 ]; }
ok "DONE is said" eventually 20 is_settled 21
clock_move 31
ok "half a minute later the session has ended" eventually 20 none_open
ok "a letter after it is read" reads_one 7
is "on a new session" "$(readies c)" $((then + 1))
tests/world stop "$W" oms c.test && tests/world start "$W" oms c.test
ok "when the server was started anew, a letter is read" reads_one 8

# -- a sender's server that is asked nothing more ----------------------------------------------------

for d in c d e f; do
	for n in first second; do
		letter alice@$d.test dora@b.test "$d $n" | as alice@$d.test send --wait 20 dora@b.test >/dev/null
	done
done
number_of() { as dora@b.test list --json | perl -MJSON::PP -e 'while (<STDIN>) { $o = decode_json($_);
    print "$o->{number}\n" if $o->{from} eq $ARGV[0] }' "alice@$1.test" | sort -n | tail -"$2" | head -1; }
for d in c d e f; do
	eval "second_$d=$(number_of $d 1)"
	mailbox dora "READ $(number_of $d 2)" >"$T/first.$d" 2>/dev/null
done
is "a letter of each of four senders came" "$(cat "$T"/first.? | grep -c '^250 .*{')" 4
was="$(readies c) $(readies d) $(readies e) $(readies f)"
before=$(handed)
generations() { log_count "$IMS_LOG_b_test" 'tls\.generation'; }
newer() { [ "$(generations)" -gt "$generations" ]; }
generations=$(generations)
tests/world revoke "$W" c.test
ok "a new CRL is in force" eventually 15 newer
generations=$(generations)
rm "$W/trust/second.pem" "$W/crls/second.pem"
tests/world zone "$W" --remove _oms._tcp.f.test SRV
tests/world zone "$W" "_oms._tcp.f.test. 1 IN SRV 0 0 0 ."
tests/world reload "$W" ims b.test
ok "and a new set of CAs" eventually 15 newer
wall_move $((3 * brief_s + 1))	# the end of e.test's certificate
clock_move 12		# a designation counts for ten seconds at least
not_from() {	# DOMAIN WORD
	eval "mailbox dora \"READ \$second_$1\"" >"$T/second.$1" 2>/dev/null
	like "$1.test: its next letter is not asked for: $2" "$(grep -v ^150 "$T/second.$1" | head -1)" "\\[$2\\]"
}
not_from c certificate-revoked
not_from d certificate-untrusted
not_from e certificate-expired
not_from f takes-no-mail
is "nothing left on the sessions that were there, nor on others" "$(readies c) $(readies d) $(readies e) $(readies f) $(handed)" "$was $before"
