#!/bin/sh
# Evidence: what a sender promised is written as a file, and verified elsewhere, without network,
# configuration or daemon; altered, it is not.
. tests/e2e/lib.sh
. tests/lib/peers.sh
plan 34

world_up --domains a.test,b.test
ims=$PWD/build/$MODE/ims
letter alice@a.test bob@b.test barn >"$T/letter"
ok "a letter is announced" as alice@a.test send --wait 10 bob@b.test <"$T/letter"
ok "its evidence is written" ims b.test evidence show bob@b.test 1
cp "$T/.out" "$T/evidence"
id=$(as bob@b.test list --json | sed 's/.*"id":"\([0-9A-Z]*\)".*/\1/')
ok "by its id, too" ims b.test evidence show "$id"
same "... the same" "$T/.out" "$T/evidence"

# -- verified elsewhere ----------------------------------------------------------------------------

mkdir "$T/else"
cp "$CA" "$T/else/root.pem"
cp "$T/evidence" "$T/else/FILE"
offline() {
	if unshare -n true 2>"$T/.unshare"; then set -- unshare -n "$@"; fi
	(cd "$T/else" && env -i PATH="$PATH" TILLCALLED_CONF="$T/none" "$@")
}
verify() { offline "$ims" evidence verify --trust root.pem "$@"; }
status_is "it is verified in another place" 0 verify FILE
for check in file seal statement certificate revocation received spf; do
	like "... $check" "$out" "^ok   $check "
done
like "... who, when" "$out" "^ok   statement   $id of alice@a.test, $(wc -c <"$T/letter") octets"
like "... and whence" "$out" "^ok   received    on 20[0-9-]*T[0-9:]*Z from ${OMS_FETCH_a_test%:*}\$"
awk '/^## /{ on = $2 == 16 } on && /^```/ { show = !show; next } on && show' proto/SPEC.md >"$T/else/stock"
ok "with stock tools, as SPEC.md says" offline sh -eu stock
ok "... the statement is the one" grep -q "^Id: $id" "$T/else/statement"
status_is "others do not vouch for it" 1 sh -c "cd '$T/else' && openssl req -x509 -newkey rsa:2048 -nodes -keyout key \
    -subj /CN=other -days 2 -out other.pem 2>/dev/null; '$ims' evidence verify --trust other.pem FILE"
like "... says which check" "$out" '^FAIL certificate \[certificate-untrusted\]'
tests/world revoke "$W" a.test
tests/world reload "$W" ims b.test
ims b.test evidence show bob@b.test 1 >"$T/again"
same "revoked since: it is as it was" "$T/again" "$T/evidence"

# -- altered ---------------------------------------------------------------------------------------

cat >"$T/flip" <<'END'
my ($file, $step, @verify) = @ARGV;
open my $f, "<:raw", $file or die; local $/; my $good = <$f>;
my ($tried, @held) = 0;
for (my $i = 0; $i < length $good; $i += $step) {
	my $bad = $good;
	substr($bad, $i, 1) ^= chr(1 << $i % 8);
	open my $o, ">:raw", "flipped" or die; print $o $bad; close $o or die;
	$tried++;
	push @held, $i if system(@verify, "flipped") != 1 << 8;
}
print "$tried tried, held: @held\n";
END
flips=$(offline perl "$T/flip" FILE 11 "$ims" evidence verify -q --trust root.pem)
like "any octet flipped: it fails" "$flips" '^[2-9][0-9][0-9] tried, held: $'

# Somebody who makes the digest anew has to do with the sender's signature.
forged() {	# NAME CHECK SED-SCRIPT
	sed "$3" "$T/evidence" | head -n -1 >"$T/else/forged"
	echo "Digest: sha256:$(sha256sum <"$T/else/forged" | cut -c 1-64)" >>"$T/else/forged"
	status_is "$1: it fails" 1 verify forged
	like "... by that" "$out" "^FAIL $2 "
}
forged "received on another day" received 's/^Received: 20../Received: 2027/'
letter alice@a.test bob@b.test other >"$T/letter"
tests/world use "$W" a.test "$(tests/world cert "$W" --domain a.test | head -1)"
tests/world reload "$W" oms a.test
as alice@a.test send --wait 10 bob@b.test <"$T/letter" >"$T/out" 2>&1
ims b.test evidence show bob@b.test 2 >"$T/second"
between() { sed "/BEGIN $1/,/END $1/!d" "$2"; }
between CMS "$T/second" >"$T/cms"
between "TILLCALLED STATEMENT" "$T/second" >"$T/statement"
forged "another letter's statement" statement "/BEGIN TILLCALLED/,/END TILLCALLED/{/END TILLCALLED/r $T/statement
d}"
forged "another letter's seal" statement "/BEGIN CMS/,/END CMS/{/END CMS/r $T/cms
d}"

# -- judged by the sender ----------------------------------------------------------------------------

# The domain by itself would fail; eve passes.
address=$WORLD_NET.101
peers_take "$T/p1" $(tests/world cert "$W" --domain p1.test)
tests/world zone "$W" 'p1.test. 60 IN TXT "v=spf1 exists:%{l}.u.p1.test -all"'
tests/world zone "$W" 'eve.u.p1.test. 60 IN A 127.0.0.2'
tests/lib/notice.pl "$T/p1.key" p1.test b.test '!dora@b.test' dora@b.test dora@b.test >"$T/batch"
printf 'HELLO p1.test\n@%s\nNOOP\nNOOP\n' "$T/batch" | enter "$peer" talk "$IMS_NOTIFY_b_test" from=$address sni=b.test \
    alpn=tillcalled-notify/1 "cert=$T/p1.pem" "key=$T/p1.key" >"$T/talk" 2>&1
is "two notices of one who passes by name are taken" "$(grep -c '^250 2\.1\.5' "$T/talk")" 2
ims b.test evidence show dora@b.test 1 >"$T/else/eve"
ims b.test evidence show dora@b.test 2 >"$T/else/eve2"
status_is "their evidence has the result by which they were taken" 0 verify eve2
status_is "... each" 0 verify eve
like "... and the record" "$out" '^ok   spf         pass v=spf1 exists:'

# -- what is not there -------------------------------------------------------------------------------

status_is "no such letter" 66 ims b.test evidence show bob@b.test 9
status_is "no such id" 66 ims b.test evidence show 01JDZ5TPB4M4Q8W1RZ9H1V6K3C
status_is "no such mailbox" 67 ims b.test evidence show eve@b.test 1
status_is "no such file" 66 verify none
