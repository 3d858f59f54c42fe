#!/bin/sh
# One certificate with many names takes what it can of a store: the end of it is for others, status says who
# has the rest, and an operator drops all names at once.
. tests/e2e/lib.sh
. tests/lib/peers.sh
plan 13

world_up --domains b.test --ims-set 'store-size = "16 MiB"' --ims-set 'sender-share = 99' \
    --ims-set 'sender-mailbox-share = 100'
for d in s1.rot s2.rot carrot; do
	tests/world zone "$W" "$d.test. IN TXT \"v=spf1 ip4:$WORLD_NET.1 -all\""
	peers_take "$T/$d" $(tests/world cert "$W" --domain $d.test)
done
flood() {	# DOMAIN COUNT
	enter timeout 120 "build/$MODE/tests/bench/load" notices --trust "$W/trust" --crls "$W/crls" \
	    --connections 1 --to "$IMS_NOTIFY_b_test" --domain b.test --own "$1.test" \
	    --certificate "$T/$1.pem" --key "$T/$1.key" --from "$WORLD_NET.1" --recipient bob@b.test \
	    --count "$2" --per-seal 16 >"$T/load" 2>&1
}
unlike "a store with room names nobody" "$(ims b.test status)" 'nearly full'
unlike "... as JSON" "$(ims b.test status --json)" 'largest'
status_is "one name takes what it gets" 75 flood s1.rot 9000
like "... not the end of the store" "$(cat "$T/load")" 'sender-share'
unlike "... which is not full" "$(cat "$T/load")" 'system-full'
ok "another domain that holds little goes on" flood carrot 16
ok "so does the next name" flood s2.rot 16
flood s2.rot 800 || : # until little room is left
like "status says who has most" "$(ims b.test status)" '^  nearly full +s1\.rot\.test 1[0-9.]+ MiB, .*; this makes room:  ims -C .* drop --from s1\.rot\.test$'
like "... as JSON" "$(ims b.test status --json)" '"largest":\[\{"from":"s1\.rot\.test","octets":1[0-9]+\},'
ok "all names are dropped at once" ims b.test drop --from rot.test --subdomains
like "... all that they had" "$out" '^[0-9]{4} notices dropped$'
is "... and nobody else's" "$(ims b.test list | tr -s ' ')" "bob@b.test 16 notices"
unlike "there is room again" "$(ims b.test status)" 'nearly full'
