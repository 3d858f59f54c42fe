#!/bin/sh
# DKIM: the records that `oms dkim` prints, served by a real name server, and what another implementation
# (python3-dkim) says of each signature; keys are changed without a letter that cannot be verified.
. tests/e2e/lib.sh
. tests/lib/knot.sh
plan 41

world_up --domains a.example
ok "there is a name server" knot_have
python=python3
$python -c 'import dkim' 2>/dev/null || python=/usr/bin/python3
ok "there is another verifier" $python -c 'import dkim, dns.resolver'
knot_zones=example
knot_zone 60

serves() {	# FILE...: these records are in the zone
	cp "$T/knot/plain.zone" "$T/knot/example.zone"
	cat "$@" >>"$T/knot/example.zone"
	[ -z "${knot_child:-}" ] || knot_stop
	knot_start off
}
cp "$T/knot/example.zone" "$T/knot/plain.zone"
serves
sed "s|^resolver = .*|resolver = \"$WORLD_NET.53@5353,anchor=none\"|" "$CONF_a_example" >"$T/conf"
cat "$T/conf" >"$CONF_a_example"
tests/world reload "$W" oms a.example
keys=$(sed -n '/^oms {/,/^}/s/.*spool = "\(.*\)"/\1/p' "$CONF_a_example")/dkim

dkim() { oms a.example dkim "$@"; }
signs() {	# FROM-FILE TO-FILE
	build/$MODE/tests/tools/dkim_sign "$keys" a.example <"$1" >"$2"
}
verdicts() { tests/world enter "$W" $python tests/lib/dkim_verify.py "$WORLD_NET.53" 5353 <"$1" | paste -sd' '; }
crlf() { sed 's/\r*$/\r/'; }

ok "list without keys" dkim list
like "says that letters go unsigned" "$out" 'go unsigned'
status_is "new for a domain that is not ours" 68 dkim new b.example
like "by its word" "$err" 'domain-not-served'
status_is "retire without keys" 78 dkim retire a.example 20260101
like "says that there are none" "$err" 'a\.example has no keys of the name 20260101'

mv "${keys%/dkim}" "$T/spool"
status_is "new before the daemon has started" 73 dkim new a.example
like "says what to do" "$err" 'start the daemon once'
mv "$T/spool" "${keys%/dkim}"

ok "new" dkim new a.example
printf '%s\n' "$out" >"$T/first"
first=$(sed -n 's/-rsa\..*//p' "$T/first")
is "prints two records" "$(wc -l <"$T/first")" 2
like "RSA of 2,048 bits in two strings" "$(cat "$T/first")" "^$first-rsa\._domainkey\.a\.example\. TXT \"v=DKIM1; k=rsa; p=MIIBIj[^\"]{231}\" \"[^\"]{155}\""
like "Ed25519 in one" "$(cat "$T/first")" "$first-ed25519\._domainkey\.a\.example\. TXT \"v=DKIM1; k=ed25519; p=[^\"]{43}=\""
is "no string is longer than 255 octets" "$(grep -oE '"[^"]{256,}"' "$T/first")" ""
like "and that they sign at once" "$err" 'sign from now on'
is "only their owner can read the keys" "$(stat -c %a "$keys"/a.example/*.pem | sort -u)" 600
status_is "list before they are published" 1 dkim list
like "says what is missing" "$out" "$first-rsa\._domainkey\.a\.example is not in DNS"
ok "the records are served as they were printed" serves "$T/first"
ok "list" dkim list a.example
is "says that both are published" "$(printf '%s\n' "$out" | grep -c 'is published$')" 2
like "and that they sign" "$out" "a\.example  $first  signs"

mkdir "$T/letters"
cp tests/letters/barn.eml tests/letters/foreign.eml "$T/letters"
each() { printf "$2" >"$T/letters/$1"; }
each empty-body 'From: anna@a.example\n\n'
each header-alone 'From: anna@a.example\n'
each empty-lines 'From: anna@a.example\n\n\n\none\n\n\n'
each blank-lines 'From: anna@a.example\n\n \n\t\none \t two\n  \n\t\n'
each no-last-end 'From: anna@a.example\n\none'
each utf8 'From: \303\204nna <anna@a.example>\nSubject: \303\244  \n\t\303\266\n\n\303\274 \377\n'
each doubled 'From: anna@a.example\nTo: a@b.test\nTo: c@d.test\nSUBJECT: one\nSubject:two\nsubject:\n\nx\n'
each lists 'From: anna@a.example\nSender: list@l.test\nList-Id: <l.test>\nList-Unsubscribe: <https://l.test/>,\n <mailto:x@l.test>\nX-Other: y\n\nx\n'
{ printf 'From: anna@a.example\nReferences:'; for i in $(seq 100); do printf ' <%s@a.example>\n' "$i"; done; printf '\n'; head -c 998 /dev/zero | tr '\0' x; printf '\n'; } >"$T/letters/long"
n=0 bad=
for letter in "$T"/letters/*; do
	grep -q '^From:' "$letter" || continue
	crlf <"$letter" >"$T/letter"
	signs "$T/letter" "$T/signed" || { bad="$bad ${letter##*/}:unsigned"; continue; }
	said=$(verdicts "$T/signed")
	[ "$said" = "good good" ] || bad="$bad ${letter##*/}:$said"
	n=$((n + 1))
done
is "each signature of each letter is good" "$bad" ""
is "of each letter" "$n" "$(ls "$T/letters" | wc -l)"

{ printf 'From: Anna <anna@a.example>\nSubject:  two  \n  lines\nTo: bob@b.test\n\n.a dot\n \nwords\t \n\n\n'; } | crlf >"$T/letter"
ok "a letter with blanks" signs "$T/letter" "$T/signed"
is "both are good" "$(verdicts "$T/signed")" "good good"
sed 's/words/Words/' "$T/signed" >"$T/other"
is "an octet of the body is another" "$(verdicts "$T/other")" "body body"
sed 's/^Subject:  two/Subject:  too/' "$T/signed" >"$T/other"
is "an octet of the subject" "$(verdicts "$T/other")" "bad bad"
sed 's/^\(From: .*\)/From: eve@a.example\r\n\1/' "$T/signed" >"$T/other"
is "a second From" "$(verdicts "$T/other")" "bad bad"

ok "new keys beside the old ones" dkim new a.example
printf '%s\n' "$out" >"$T/second"
second=$(sed -n 's/-rsa\..*//p' "$T/second")
like "wait" "$err" "Keys $first sign until they are retired"
like "list says so" "$(dkim list 2>&1)" "a\.example  $second  waits"
signs "$T/letter" "$T/signed"
is "the old ones sign, whose records are there" "$(verdicts "$T/signed")" "good good"
serves "$T/first" "$T/second"
ok "the old ones are retired" dkim retire a.example "$first"
like "and whose turn it is" "$err" "Keys $second sign from now on"
is "their files are gone" "$(ls "$keys/a.example" | grep -c "^$first-")" 0
is "what they signed is good still" "$(verdicts "$T/signed")" "good good"
signs "$T/letter" "$T/signed"
is "the new ones sign" "$(verdicts "$T/signed")" "good good"

chmod 640 "$keys/a.example/$second-rsa.pem"
status_is "a key that others may read" 78 dkim list
like "is told with its cure" "$err" "$second-rsa\.pem: others may read this key; its mode must be 0600"
knot_stop
