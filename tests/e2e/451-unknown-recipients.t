#!/bin/sh
# A domain that names many unknown recipients learns no more, while those who had its mail go on to get it;
# and another domain notices nothing.
. tests/e2e/lib.sh
. tests/lib/peers.sh
plan 18

world_up --domains b.test
for d in c d; do
	tests/world zone "$W" "$d.test. IN TXT \"v=spf1 ip4:$WORLD_NET.1 -all\""
	peers_take "$T/$d" $(tests/world cert "$W" --domain $d.test)
done

# said DOMAIN ADDRESS...: the answers to one batch, a word each.
said() {
	_d=${1%.test}
	shift
	tests/lib/notice.pl "$T/$_d.key" "$_d.test" b.test "$@" >"$T/batch"
	printf '%s\n' "HELLO $_d.test" "@$T/batch" "+$(($# - 1))" | tests/world enter "$W" "$peer" talk "$IMS_NOTIFY_b_test" \
	    "from=$WORLD_NET.1" sni=b.test alpn=tillcalled-notify/1 "cert=$T/$_d.pem" "key=$T/$_d.key" 2>&1 |
	    sed -n 's/^250 2\.1\.5 \(.*\)\r*$/\1/p; s/^[45][0-9]* .*\[\([a-z-]*\)\].*/\1/p'
}
nobodies() { seq -f 'nobody%g@b.test' "$1" "$2"; }	# FIRST LAST
counted() { sort | uniq -c | tr -s ' \n' ' ' | sed 's/^ //; s/ $//'; }

is "a domain's first mail" "$(said c.test bob@b.test)" noticed
is "20 unknown recipients are said to be unknown, and no more" "$(said c.test $(nobodies 1 30) | counted)" \
    "20 no-such-user 10 recipient-share"
is "a recipient that had its mail gets more" "$(said c.test bob@b.test)" noticed
is "one that never had any is as good as unknown" "$(said c.test carol@b.test nobody@b.test)" "recipient-share
recipient-share"
is "in one batch with others too" "$(said c.test carol@b.test bob@b.test nobody@b.test dora@b.test | tr '\n' ' ')" \
    "recipient-share noticed recipient-share recipient-share "
like "the answers do not differ" "$(said c.test carol@b.test nobody@b.test | sort -u | wc -l)" '^1$'
is "another domain is told" "$(said d.test nobody@b.test carol@b.test | tr '\n' ' ')" "no-such-user noticed "

# A user who was added a moment ago is never unknown.
at_once() {
	for i in $(seq 20); do
		echo "a password of hers" | tests/world ims "$W" b.test user add "new$i@b.test" >/dev/null
		said d.test "new$i@b.test"
	done
}
is "20 new users get mail at once" "$(at_once | counted)" "20 noticed"

status=$(ims b.test status)
like "status says who is held back" "$status" 'held back +unknown recipients of c\.test: [0-9]+ refused'
unlike "and nobody else" "$status" 'held back .*d\.test'
like "as JSON" "$(ims b.test status --json)" '"held_back": ?\[\{"kind": ?"unknown recipients", ?"key": ?"c\.test"'

# Each accepted notice is worth a twentieth of an unknown recipient: 20 came by now, with those above.
is "accepted mail earns" "$(said c.test $(yes bob@b.test | head -20) | counted)" "20 noticed"
is "one answer more" "$(said c.test $(nobodies 40 42) | counted)" "1 no-such-user 2 recipient-share"
is "as often as there were 20" "$(said c.test $(yes bob@b.test | head -20) | counted)" "20 noticed"
is "also for one who never had mail" "$(said c.test carol@b.test)" noticed

# An operator gives each domain more; a reload is enough.
sed -i 's/^ims {/&\n\tunknown-recipients = 30/' "$W/b.test/tillcalled.conf"
tests/world reload "$W" ims b.test
ok "a reload takes the new share" eventually 10 log_has "$IMS_LOG_b_test" 'daemon\.reloaded'
like "... it is in force" "$(ims b.test check --running)" 'unknown-recipients = 30'
peers_take "$T/e" $(tests/world cert "$W" --domain e.test)
tests/world zone "$W" "e.test. IN TXT \"v=spf1 ip4:$WORLD_NET.1 -all\""
is "... and counts" "$(said e.test $(nobodies 1 40) | counted)" "30 no-such-user 10 recipient-share"
