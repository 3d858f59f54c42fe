#!/bin/sh
# DNSSEC by a real name server: a signed zone works end to end; a broken signature is a temporary
# refusal, and nobody is connected to on its word; a server that was there is believed to be gone only
# where the absence is signed.
. tests/e2e/lib.sh
. tests/lib/wire.sh
. tests/lib/knot.sh
plan 25

world_up --domains a.example,b.example
ok "there is a name server" knot_have
knot_zones=example
knot_zone 60
cp "$T/knot/example.zone" "$T/unsigned.zone"
ok "it signs the zone" knot_start on
knot_anchor example >"$T/anchor" 2>"$T/anchor.err"
chmod 644 "$T/anchor"
like "the trust anchor" "$(cat "$T/anchor")" '^example\. DNSKEY 257 3 13 '

# From now on everybody asks this server and no other.
export TILLCALLED_RESOLVER="$WORLD_NET.53@5353,anchor=$T/anchor"
asks() {	# RESOLVER
	for conf in "$CONF_a_example" "$CONF_b_example"; do
		sed "s|^resolver = .*|resolver = \"$1\"|" "$conf" >"$T/conf" && cat "$T/conf" >"$conf"
	done
}
asks "$TILLCALLED_RESOLVER"
again() {	# forgets earlier answers
	for _d in a.example b.example; do for _p in oms ims; do
		tests/world stop "$W" $_p $_d; tests/world start "$W" $_p $_d || failed "$_p of $_d starts"
	done; done
}
again

letter alice@a.example bob@b.example secure "All signed." >"$T/letter"
ok "secure answers: the letter is taken, and bob told" as alice@a.example send --wait 20 bob@b.example <"$T/letter"
like "secure answers: it is listed" "$(as bob@b.example list --json)" '"from":"alice@a.example".*"state":"held"'
like "secure answers: it is fetched" "$(as bob@b.example show 1 2>&1)" 'All signed'
is "SPF by signed records" "$(ims b.example check spf --ip "${OMS_FETCH_a_example%:*}" --helo oms.a.example \
    --from alice@a.example --resolver "$TILLCALLED_RESOLVER" | head -1 | cut -d' ' -f1)" pass

knot_stop
knot_signed
outbox() { as alice@a.example outbox --json | tail -1 | sed 's/.*"recipients"://'; }

ok "a broken signature over where b's server is" knot_breaks _ims._tcp.b.example SRV
ok "is served as it is" knot_start off
again
heard() { log_count "$IMS_LOG_b_example" 'notify\.(hello|refused|gone)|tls\.refused'; }
before=$(heard)
if wire_start; then wired=yes; else wired=; fi
# waits RECIPIENT WORD: the first attempt has ended with it.
waits() { eventually 60 says "$1@b\.example.*\"word\":\"$2\"" as alice@a.example outbox --json; }
as alice@a.example send bob@b.example <"$T/letter" >"$T/sent" 2>&1
waits bob dns-bogus
as alice@a.example outbox --json | grep -v '"fetched"' >"$T/outbox"
like "the outbox says so, and that it may pass" "$(cat "$T/outbox")" '"state":"waiting".*"word":"dns-bogus"'
like "the log too" "$(grep notify.ended "$OMS_LOG_a_example" | tail -1)" 'peer=b.example .*word=dns-bogus'
is "nobody has come to b's server" "$(heard)" "$before"
if [ -n "$wired" ]; then
	is "not even a SYN" "$(wire_connections "${OMS_FETCH_a_example%:*}" "$IMS_NOTIFY_b_example")" 0
	wire_stop
else
	skip "not even a SYN" "raw sockets are not allowed"
fi

knot_stop
knot_breaks ims.b.example A
knot_start off
again
letter alice@a.example carol@b.example address >"$T/letter2"
as alice@a.example send carol@b.example <"$T/letter2" >"$T/sent" 2>&1
waits carol dns-bogus
like "a broken signature over its address: the same" "$(as alice@a.example outbox --json | grep carol@)" '"word":"dns-bogus"'

knot_stop
knot_breaks a.example TXT
ok "a broken signature over the sender's SPF record" knot_start off
again
letter alice@a.example dora@b.example spf >"$T/letter3"
as alice@a.example send dora@b.example <"$T/letter3" >"$T/sent" 2>&1
waits dora spf-temperror
like "b's server refuses for now" "$(as alice@a.example outbox --json | grep dora@)" '"state":"waiting".*"word":"spf-temperror"'
ok "and her mailbox is empty" lacks . as dora@b.example list --json

knot_stop
cp "$T/knot/signed.zone" "$T/knot/example.zone"
ok "all signatures are right again" knot_start off
again
ok "and all that waited goes out by itself" \
    eventually 90 lacks '"state":"waiting"' as alice@a.example outbox --json
is "to everybody" "$(for u in bob carol dora; do as $u@b.example list --json; done | grep -c '"state"')" 4

# b's domain names no server any more, and the zone is signed anew.
knot_stop
grep -v '^_ims\._tcp\.b\.example\. ' "$T/unsigned.zone" >"$T/knot/example.zone"
ok "the server is taken out of the zone" knot_start on
knot_anchor example >"$T/anchor2" 2>"$T/anchor.err"
same "by the same key" "$T/anchor" "$T/anchor2"
asks "$WORLD_NET.53@5353,anchor=none"
again
letter alice@a.example bob@b.example vanished >"$T/letter4"
as alice@a.example send bob@b.example <"$T/letter4" >"$T/sent" 2>&1
ok "an absence that nobody vouches for is not believed" \
    eventually 20 says '"state":"waiting".*"word":"designation-vanished"' as alice@a.example outbox --json
ok "for no letter" lacks '"state":"refused"' as alice@a.example outbox --json
asks "$TILLCALLED_RESOLVER"
again
ok "one that DNSSEC vouches for is" \
    eventually 30 says '"state":"refused".*"word":"no-designation"' as alice@a.example outbox --json
