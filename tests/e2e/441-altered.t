#!/bin/sh
# A notice of which one bit is another, or one field another notice's, or under whatever else the same key
# has signed, is refused by a real IMS, and nothing of it is kept.
. tests/e2e/lib.sh
. tests/lib/peers.sh
plan 9

world_up --domains b.test
tests/world zone "$W" 'c.test. IN TXT "v=spf1 ip4:'"$WORLD_NET"'.1 -all"'
peers_take "$T/c" $(tests/world cert "$W" --domain c.test)
at="$IMS_NOTIFY_b_test from=$WORLD_NET.1 sni=b.test alpn=tillcalled-notify/1 cert=$T/c.pem key=$T/c.key"

mkdir "$T/altered"
for n in 1 2; do
	tests/lib/notice.pl "$T/c.key" c.test b.test "bob@b.test" >"$T/batch$n"
	[ $n = 2 ] || sleep 1.1	# another second: another date
done
ok "an attacker has his choice" tests/lib/altered.pl "$T/c.key" "$T/batch1" "$T/batch2" "$T/altered"
say() { printf '%s\n' "HELLO c.test" "$@" | tests/world enter "$W" "$peer" talk $at 2>&1; }

# kinds KIND N: N to a connection; at the tenth fault it would be closed.
kinds() {
	find "$T/altered" -name "$1-*" | sort | sed 's/^/@/' >"$T/kind"
	tests/world enter "$W" sh -c 'split -a 4 -l "$4" "$1" "$1."
	    for f in "$1".*; do { echo "HELLO c.test"; cat "$f"; } | "$2" talk $3 2>&1 | sed -n "3,\$p"; rm "$f"; done' \
	    sh "$T/kind" "$peer" "$at" "$2" >"$T/said"
	tried=$(wc -l <"$T/kind")
}
# How many the log has told of: by a line of their own, or as missed.
told() {
	awk '/ notify\.refused / { n++ }
	    / (event=)?notify\.refused / && match($0, / missed=[0-9]+$/) { n += substr($0, RSTART + 8) }
	    END { print n + 0 }' "$IMS_LOG_b_test"
}
from=$(told)
all=0
for kind in "bit 9" "line 1" "field 9" "type 9"; do
	kinds $kind
	all=$((all + tried))
	is "${kind% *}: each of $tried is refused" "$(grep -Ec '^[45][0-9][0-9] [45]\.' "$T/said") $(grep -c '^2' "$T/said")" "$tried 0"
	[ "$tried" -eq "$(grep -Ec '^[45]' "$T/said")" ] || diag "$(grep -v '^[45]' "$T/said" | head)"
	diag "${kind% *}: $(sed -n 's/.*\[\([a-z-]*\)\].*/\1/p' "$T/said" | sort | uniq -c | sort -rn | tr -s ' \n' ' ')"
done
ok "nothing is kept" lacks . as bob@b.test list --json
all_told() { [ $(($(told) - from)) -eq $all ]; }
ok "the log tells of each of them" eventually 30 all_told
[ $(($(told) - from)) -eq $all ] || diag "$(told) - $from of $all"
out=$(say "@$T/batch1" "@$T/batch2")
is "and the two as they were are good" "$(echo "$out" | grep -c '^250 2.1.5 noticed')" 2
is "two notices are there" "$(as bob@b.test list --json | grep -c '"state"')" 2
