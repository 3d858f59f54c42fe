#!/bin/sh
# One domain at full speed: it gets its share of a mailbox and of the store and no more, others get theirs,
# and an operator frees what it took.
. tests/e2e/lib.sh
plan 21

world_up --domains a.test,b.test --ims-set 'store-size = "32 MiB"' --ims-set 'sender-share = 15' \
    --ims-set 'sender-mailbox-share = 5'
tests/world zone "$W" 'c.test. IN TXT "v=spf1 ip4:'"$WORLD_NET"'.1 -all"'
set -- $(tests/world cert "$W" --domain c.test)
certificate=$1 key=$2
flood() {	# TO
	enter timeout 120 "build/$MODE/tests/bench/load" notices --trust "$W/trust" --crls "$W/crls" \
	    --connections 1 --to "$IMS_NOTIFY_b_test" --domain b.test --own c.test \
	    --certificate "$certificate" --key "$key" --from "$WORLD_NET.1" --recipient "$1" \
	    --count 3000 --per-seal 16 >"$T/load" 2>&1
}
notices() { ims b.test --json list | sed -n "s/.*\"mailbox\":\"$1\",\"notices\":\([0-9]*\).*/\1/p"; }
taken() { ims b.test --json list --senders | sed -n 's/.*"from":"c.test".*"octets":\([0-9]*\).*/\1/p'; }
used() { ims b.test --json status | sed 's/.*"store_used":\([0-9]*\).*/\1/'; }
within() { [ "$1" -ge "$2" ] && [ "$1" -le "$3" ]; }
share=$((32 * 1024 * 1024 / 100 * 15)) box=$((32 * 1024 * 1024 / 100 * 5))

status_is "3,000 notices to one address" 75 flood bob@b.test
like "... beyond the share of a mailbox are refused for now" "$(cat "$T/load")" 'sender-mailbox-share'
first=$(notices bob@b.test)
ok "... hundreds were taken ($first)" within "$first" 300 2000
# The papers and what is remembered of repeats count in the store, not in the mailbox.
ok "... which take about the share ($(taken))" within "$(taken)" $((box * 9 / 10)) $((box + 100000 + first * 600))
flood carol@b.test
flood dora@b.test
status_is "to a fourth address" 75 flood alice@b.test
like "... the share of the store is used up" "$(cat "$T/load")" '[^-]sender-share'
ok "... and not exceeded ($(taken))" within "$(taken)" $((share * 9 / 10)) $share
like "... as an operator sees" "$(ims b.test list --senders)" '^c\.test +[0-9]+ notices, [0-9.]+ [KM]iB, (9[0-9]|100) % of its share$'
ok "... nor by the database ($(used))" within "$(used)" 0 $((2 * share))
letter alice@a.test bob@b.test "others" >"$T/letter"
ok "a letter of another domain is announced" as alice@a.test send -q --wait 20 bob@b.test <"$T/letter"
is "... to the same mailbox" "$(notices bob@b.test)" $((first + 1))
like "and status says who is held back" "$(ims b.test status)" 'held back +storage of c\.test: [0-9]+ refused'
like "the log says the word" "$(cat "$IMS_LOG_b_test")" 'sender-share'

# -- freed ---------------------------------------------------------------------------------------

ok "what it sent to one mailbox is dropped" ims b.test drop --from c.test --mailbox bob@b.test
is "... all of it" "$out" "$first notices dropped"
is "... and nobody else's" "$(notices bob@b.test)" 1
ok "the rest, too" ims b.test drop --from c.test
ok "... nothing is kept of it but the CRL that others' evidence cites" lacks '^c\.test +[1-9]' ims b.test list --senders
flood bob@b.test
ok "it has its share again" within "$(notices bob@b.test)" 300 2000
before=$(taken)
tests/world kill "$W" ims b.test
tests/world start "$W" ims b.test
same_sum() { [ "$(taken)" = "$before" ]; }
ok "after a crash the sum is the same" eventually 30 same_sum
status_is "... and holds" 75 flood bob@b.test
