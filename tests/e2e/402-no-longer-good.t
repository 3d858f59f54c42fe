#!/bin/sh
# A peer that was good when it connected, and no longer is, is refused at its next request: revoked, expired,
# its CA no longer trusted, its SPF record gone.
. tests/e2e/lib.sh
. tests/lib/peers.sh
plan 32

clock_movable
world_up --domains b.test,c.test+d.test+e.test+f.test --set 'crl-refresh = "10 s"'
ims_at=$IMS_NOTIFY_b_test
address=$WORLD_NET.101 at="from=$WORLD_NET.101 sni=b.test alpn=tillcalled-notify/1"
peers_take "$T/doomed" $(tests/world cert "$W" --domain p1.test) && doomed=$(ls -t "$W"/certs/p1.test-*.pem | head -1)
peers_take "$T/orphan" $(tests/world cert "$W" --domain p1.test --ca second)
cp "$W/ca/second/cert.pem" "$W/trust/second.pem"
cp "$W/ca/second/crl.pem" "$W/crls/second.pem"
tests/world zone "$W" "p1.test. 60 IN TXT \"v=spf1 ip4:$address -all\""
tests/world zone "$W" "spf.test. 2 IN TXT \"v=spf1 ip4:$address -all\""
peers_take "$T/spf" $(tests/world cert "$W" --domain spf.test)
for daemon in oms ims; do tests/world reload "$W" $daemon b.test; done

# lasting NAME PROTOCOL WHERE: HELLO, then two words a second as long as it is heard.
lasting() {
	{ echo "HELLO p1.test"; while [ -d "$T" ] && echo NOOP; do sleep 0.5; done; } 2>/dev/null | enter "$peer" talk "$3" "from=$address" sni=b.test "alpn=tillcalled-$2/1" \
	    "cert=$T/$1.pem" "key=$T/$1.key" >"$T/$1-$2.talk" 2>&1
}
# Certificates that end by then have ended when the wall clock has moved on by one more: their last second
# counts.
brief_s=120
# The seal is begun while the certificate is good, and ends when it no longer is.
late() {
	peers_take "$T/late" $(tests/world cert "$W" --domain p1.test --seconds $brief_s)
	tests/lib/notice.pl "$T/late.key" p1.test b.test carol@b.test >"$T/late.batch"
	head -c -9 "$T/late.batch" >"$T/late.head"
	tail -c 9 "$T/late.batch" >"$T/late.tail"
	{ printf 'HELLO p1.test\r\n'; eventually 60 grep -q '^250' "$T/late.talk"; cat "$T/late.head"
	    : >"$T/late.begun"
	    eventually 120 [ -e "$T/expired" ]; cat "$T/late.tail"; eventually 30 grep -q '^550' "$T/late.talk"; } |
	    enter openssl s_client -quiet -connect "$ims_at" -bind "$address" -servername b.test \
	    -alpn tillcalled-notify/1 -cert "$T/late.pem" -key "$T/late.key" >"$T/late.talk" 2>/dev/null
}
background late
# Nobody in particular, with nothing to say.
silent() {
	enter timeout 60 openssl s_client -quiet -connect "$ims_at" -servername b.test \
	    -alpn tillcalled-notify/1 </dev/null >"$T/silent.talk" 2>/dev/null
}
background silent
peers_take "$T/brief" $(tests/world cert "$W" --domain p1.test --seconds $brief_s)
for name in brief doomed orphan; do
	background lasting $name notify "$ims_at"
	background lasting $name fetch "$OMS_FETCH_b_test"
done
{ echo HELLO spf.test
tests/lib/notice.pl "$T/spf.key" spf.test b.test dora@b.test >"$T/spf.1"; echo "@$T/spf.1"
eventually 60 [ -e "$T/spf.gone" ]
tests/lib/notice.pl "$T/spf.key" spf.test b.test dora@b.test >"$T/spf.2"; echo "@$T/spf.2"
} | enter "$peer" talk "$ims_at" $at "cert=$T/spf.pem" "key=$T/spf.key" >"$T/spf.talk" 2>&1 &
pids="$pids $!" spf_pid=$!
for name in brief-notify doomed-notify orphan-notify brief-fetch doomed-fetch orphan-fetch; do
	ok "$name: is heard at first" eventually 30 grep -q '^250 2.0.0 still' "$T/$name.talk"
done
ok "spf: its notice is taken" eventually 30 grep -q '^250 2.1.5' "$T/spf.talk"
tests/world zone "$W" --remove spf.test TXT
clock_move 11		# a verdict holds ten seconds
: >"$T/spf.gone"
# Beside what cannot be read the new CRL counts all the same.
echo "no certificate" >"$W/trust/README"
truncate -s 35000000 "$W/crls/vast.crl"
chmod 644 "$W/trust/README" "$W/crls/vast.crl"
tests/world revoke "$W" "$doomed"
for p in notify fetch; do
	ok "$p, revoked during: refused, without a word to the daemon" eventually 30 grep -q '^550 5.7.5 .certificate-revoked' "$T/doomed-$p.talk"
done
eventually 60 [ -e "$T/late.begun" ]
wall_move $((brief_s + 1))
: >"$T/expired"
for p in notify fetch; do
	ok "$p, expired during: refused" eventually 30 grep -q '^550 5.7.5 .certificate-expired' "$T/brief-$p.talk"
done
ok "what could not be read is in the log" grep -q 'tls.file-skipped file=.*/trust/README' "$IMS_LOG_b_test"
like "and in status" "$(ims b.test status --json)" '"trust_files_skipped":2[,}]'
rm "$W/trust/README" "$W/crls/vast.crl"
rm "$W/trust/second.pem" "$W/crls/second.pem"
for daemon in oms ims; do tests/world reload "$W" $daemon b.test; done
for p in notify fetch; do
	ok "$p, its CA no longer trusted: refused" eventually 30 grep -q '^550 5.7.5 .certificate-untrusted' "$T/orphan-$p.talk"
done
wait $spf_pid
like "SPF record gone during: the next notice is refused" "$(sed -n 4p "$T/spf.talk")" '^550 5.7.23 .spf-none'
is "one was taken, one was not" "$(as dora@b.test list --json | grep -c '"state"')" 1
for name in brief-notify doomed-notify orphan-notify brief-fetch doomed-fetch orphan-fetch; do
	ok "$name: after the refusal the end" eventually 30 says '^closed' sed '1,/^550/d' "$T/$name.talk"
done
ok "a seal that ends after the certificate's end: refused" eventually 30 grep -q '^550 5.7.5 .certificate-expired' "$T/late.talk"
ok "and its notice is not there" lacks . as carol@b.test list --json
ok "a client that never says HELLO is disconnected" eventually 60 grep -q '^421 4.4.2 .idle' "$T/silent.talk"

# -- and where we are the ones who connect ------------------------------------------------------------

statements() { log_count "$IMS_LOG_c_test" "notify\\.batch.*rcpt=bob@$1\\.test"; }
readies() { log_count "$OMS_LOG_b_test" "notify\\.ready.*peer=$1\\.test"; }
cp "$W/ca/second/cert.pem" "$W/trust/second.pem"
cp "$W/ca/second/crl.pem" "$W/crls/second.pem"
tests/world use "$W" d.test $(tests/world cert "$W" --domain d.test --ca second | head -1)
tests/world use "$W" e.test $(tests/world cert "$W" --domain e.test --seconds $((2 * brief_s)) | head -1)
tests/world zone "$W" --remove _ims._tcp.f.test SRV
tests/world zone "$W" "_ims._tcp.f.test. 1 IN SRV 0 1 1471 ims.c.test."
tests/world reload "$W" ims c.test
tests/world reload "$W" oms b.test
letter alice@b.test bob@c.test first >"$T/first"
everybody="bob@c.test bob@d.test bob@e.test bob@f.test"
ok "a letter to four domains" as alice@b.test send --wait 30 $everybody <"$T/first"
is "each has a connection" "$(readies c) $(readies d) $(readies e) $(readies f)" "1 1 1 1"
tests/world revoke "$W" c.test
rm "$W/trust/second.pem" "$W/crls/second.pem"
tests/world zone "$W" --remove _ims._tcp.f.test SRV
tests/world zone "$W" "_ims._tcp.f.test. 1 IN SRV 0 0 0 ."
tests/world reload "$W" oms b.test
wall_move $((brief_s + 1))	# the end of e.test's certificate
clock_move 12		# a designation counts for ten seconds at least
letter alice@b.test bob@c.test second >"$T/second"
as alice@b.test send --wait 5 $everybody <"$T/second" >"$T/out" 2>&1
as alice@b.test outbox --json >"$T/outbox"
not_to() {	# DOMAIN WORD
	is "$1.test: nothing of the next letter leaves on the connection: $2" "$(perl -MJSON::PP -e 'while (<STDIN>) {
	    for (@{decode_json($_)->{recipients}}) { print $_->{word} if $_->{address} eq $ARGV[0] && defined $_->{word} } }' \
	    "bob@$1.test" <"$T/outbox") $(statements $1) $(readies $1)" "$2 1 1"
}
not_to c certificate-revoked
not_to d certificate-untrusted
not_to e certificate-expired
not_to f designation-vanished
