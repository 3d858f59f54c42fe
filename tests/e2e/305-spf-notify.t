#!/bin/sh
# RFC 7208's cases through a real NOTIFY: a notice is taken exactly where the result is pass, and
# refused by the word of its result else.
. tests/e2e/lib.sh
. tests/lib/peers.sh
plan 10

world_up --domains b.test
if [ "$WORLD_NET" != 192.0.2 ]; then
	while [ "$tap_count" -lt 10 ]; do skip "the cases of a world" "their addresses want a network namespace"; done
	exit 0
fi
cp "$W/zone" "$T/zone"

# The DNS of one world of cases, and nothing kept of another's.
zone_is() {
	tests/world stop "$W" ims b.test
	cat "$T/zone" "$1" >"$W/zone"
	chmod 644 "$W/zone"
	tests/world start "$W" ims b.test
}
# rows_say: each row's answers, the last of them, on a line with it.
rows_say() {
	tests/world enter "$W" sh -c 'while read -r client local domain result section; do
		ip addr add "$client/32" dev lo 2>/dev/null
		said=$({ echo "HELLO $domain"; echo "@$1/$local@$domain"; } | "$2" talk "$3" "from=$client" sni=b.test \
		    alpn=tillcalled-notify/1 "cert=$1.pem" "key=$1.key" 2>&1 | grep "^[2-5]" | tail -1)
		printf "%s|%s|%s\n" "$result" "$said" "$section $client $local@$domain"
	    done' sh "$1" "$peer" "$IMS_NOTIFY_b_test" <"$1.rows"
}
# A result that the RFC leaves open is given as word/word.
wrong() {
	awk -F'|' '{
		ok = 0
		n = split($1, words, "/")
		for (i = 1; i <= n; i++)
			ok = ok || (words[i] == "pass" ? $2 ~ /^250 2\.1\.5 noticed/ : index($2, "[spf-" words[i] "]") > 0)
		if (!ok) print $3 ": " $2 ", not " $1
	}' "$1"
}

judged=0
world_is_right() {
	base=$T/$(echo "$1" | tr -c 'a-z\n' -)
	mkdir "$base"
	awk -v world="$1" -v zone="$base.zone" -f tests/lib/spf_rows.awk tests/spf/cases.txt >"$base.rows"
	names=$(cut -d' ' -f3 "$base.rows" | sort -u | sed 's/^/DNS:/' | paste -sd,)
	peers_take "$base" $(tests/world cert "$W" --domain c.test --names "$names")
	while read -r _client local domain _rest; do
		[ -e "$base/$local@$domain" ] || SENDER="$local@$domain" tests/lib/notice.pl "$base.key" \
		    "$domain" b.test bob@b.test >"$base/$local@$domain"
	done <"$base.rows"
	zone_is "$base.zone"
	rows_say "$base" >"$base.said"
	judged=$((judged + $(wc -l <"$base.said")))
	is "$1: all $(wc -l <"$base.rows")" "$(wrong "$base.said")" ""
}
sed -n 's/^world //p' tests/spf/cases.txt >"$T/worlds"
while read -r name; do world_is_right "$name" </dev/null; done <"$T/worlds"
ok "$judged cases were judged" [ $judged -gt 250 ]
