#!/bin/sh
# The load of tests/bench/load is divided: letters among users, letters and notices among recipients; and a letter
# that is refused as it should be counts.
. tests/e2e/lib.sh
plan 13

world_up --domains a.test,b.test
tests/world zone "$W" 'c.test. IN TXT "v=spf1 ip4:'"$WORLD_NET"'.1 -all"'
set -- $(tests/world cert "$W" --domain c.test)
certificate=$1 key=$2
export TILLCALLED_PASSWORD_FILE="$W/home/alice@a.test/password"
for n in 1 2 3 4; do tests/world oms "$W" a.test user add "s$n@a.test" >/dev/null; done
load() {	# KIND OPTIONS...
	_kind=$1
	shift
	enter timeout 120 "build/$MODE/tests/bench/load" "$_kind" --trust "$W/trust" --crls "$W/crls" "$@"
}
letters() {
	load letters --to "$OMS_SUBMIT_a_test" --user s%@a.test --password-file "$TILLCALLED_PASSWORD_FILE" --size 200 "$@"
}
has() { tests/world oms "$W" a.test user list --json | sed -n "s/.*\"address\":\"$1\".*\"letters\":\([0-9]*\).*/\1/p"; }
have() { for _n in 1 2 3 4; do printf '%s ' "$(has "s$_n@a.test")"; done; }

tests/world stop "$W" ims b.test		# so that letters stay where they are
ok "two connections, each with a user" letters --recipient bob@b.test --connections 2 --users 2 --count 20
is "... whose letters they are" "$(($(has s1@a.test) + $(has s2@a.test)))" 20
ok "... and both have some" [ "$(has s1@a.test)" -gt 0 -a "$(has s2@a.test)" -gt 0 ]
ok "one connection, 5 letters of each user" letters --recipient bob@b.test --connections 1 --users 4 --per-user 5 --count 17
before=$(have)
status_is "no user is left for the last letter" 75 \
    letters --recipient bob@b.test --connections 1 --users 4 --per-user 5 --count 21
like "... which it says" "$err" 'each of 4 users has sent 5 letters'
is "... 20 have been sent before" "$(echo "$before $(have)" | awk '{ print $5 - $1, $6 - $2, $7 - $3, $8 - $4 }')" "5 5 5 5"
status_is "letters to no domain are refused" 68 letters --recipient bob@nowhere.test --connections 1 --count 3
ok "... or counted, where that is what they are for" letters --recipient bob@nowhere.test --connections 1 --count 3 \
    --refused no-such-domain
like "... all of them" "$out" '^3 letters acknowledged'
tests/world start "$W" ims b.test
for n in 1 2; do tests/world oms "$W" b.test user add "r$n@b.test" >/dev/null; done
load notices --to "$IMS_NOTIFY_b_test" --domain b.test --own c.test --certificate "$certificate" --key "$key" \
    --from "$WORLD_NET.1" --recipient r%@b.test --recipients 2 --connections 1 --per-seal 4 --count 12 >"$T/notices" 2>&1
is "notices go to both recipients in turn" "$(tests/world ims "$W" b.test --json list |
    sed -n 's/.*"mailbox":"\(r[12]@b.test\)","notices":\([0-9]*\).*/\1 \2/p' | sort | tr '\n' ' ')" "r1@b.test 6 r2@b.test 6 "
status_is "notices come from two addresses in turn, of which one is not the sender's" 77 load notices --to "$IMS_NOTIFY_b_test" \
    --domain b.test --own c.test --certificate "$certificate" --key "$key" --from "$WORLD_NET.%" --addresses 2 \
    --recipient r1@b.test --connections 2 --per-seal 4 --count 40
like "... so a session is refused and the other one is not" "$err $out" "1 refused, the first: \[spf-fail\] .* 40 notifications acknowledged"
