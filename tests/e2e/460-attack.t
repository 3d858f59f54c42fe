#!/bin/sh
# One certified domain takes of an ims whatever it can get, by many connections at full speed, while another
# domain's notices come: all of these are taken, and memory, log and storage stay bounded.
#
# A short form; ATTACK_SECONDS, ATTACK_CONNECTIONS and ATTACK_MIB make it longer (make attack).
. tests/e2e/lib.sh
. tests/lib/peers.sh
plan 13

seconds=${ATTACK_SECONDS:-5} connections=${ATTACK_CONNECTIONS:-200}
rss_most=${ATTACK_MIB:-50} log_most=10		# MiB; what the ims may grow, and may write
share_percent=10

world_up --domains b.test --ims-set "sender-share = $share_percent" --ims-set 'store-size = "256 MiB"' \
    --ims-set 'sender-mailbox-share = 100'
attacker=$WORLD_NET.101 other=$WORLD_NET.1
tests/world zone "$W" "c.test. IN TXT \"v=spf1 ip4:$attacker -all\""
tests/world zone "$W" "d.test. IN TXT \"v=spf1 ip4:$other -all\""
for d in c d; do peers_take "$T/$d" $(tests/world cert "$W" --domain $d.test); done
ims_pid=$(tests/world status "$W" | sed -n 's/^ims-b.test \([0-9]*\)$/\1/p')
kib() { awk -v key="$1:" '$1 == key { print $2 }' "/proc/$ims_pid/status"; }

# tool NAME DOMAIN FROM OPTIONS...: a program that speaks as that domain to the ims.
tool() {
	_tool=$1 _d=$2 _from=$3
	shift 3
	tests/world enter "$W" "build/$MODE/tests/bench/$_tool" "$@" --to "${to:-$IMS_NOTIFY_b_test}" --domain b.test \
	    --own "$_d.test" --certificate "$T/$_d.pem" --key "$T/$_d.key" --trust "$W/trust" --crls "$W/crls" \
	    --from "$_from"
}
honest() { tool load d "$other" notices --recipient bob@b.test --connections 4 --per-seal 4 --count 32; }
ok "before it, notices are taken" honest
# To her, of whom it is not to be held against it that others are unknown.
tool load c "$attacker" notices --recipient carol@b.test --connections 1 --count 1 >/dev/null 2>&1
rss=$(kib VmRSS) log=$(wc -c <"$IMS_LOG_b_test")

# As many notices as go, to one who is there and to one who is not, and the rest of it.
tool load c "$attacker" notices --recipient carol@b.test --connections 4 --window 4 --per-seal 64 --again \
    --seconds "$seconds" >"$T/stored" 2>&1 &
pids="$pids $!"
tool load c "$attacker" notices --recipient nobody@b.test --connections 4 --window 4 --per-seal 64 --again \
    --seconds "$seconds" >"$T/unknown" 2>&1 &
pids="$pids $!"
tool attack c "$attacker" --connections "$connections" --seconds "$seconds" >"$T/attack" 2>&1 &
raid=$! pids="$pids $!"

rounds=0 bad=
while kill -0 "$raid" 2>/dev/null; do
	rounds=$((rounds + 1))
	honest >"$T/honest" 2>&1 || bad="$bad$(cat "$T/honest")
"
	sleep 0.2
done
wait "$raid"
diag "another domain: $rounds rounds of 32 notices"
is "meanwhile each notice of another domain is taken" "$rounds rounds: $bad" "$rounds rounds: "
status=$(ims b.test status)
like "status says who is held back" "$status" 'held back +[a-z ]+ of "?c\.test'
unlike "and that the other one is not" "$status" 'held back .*d\.test'
for what in attack stored unknown; do diag "$what: $(tr '\n' ' ' <"$T/$what")"; done
ok "it was an attack" grep -q '^[1-9][0-9]* sessions, [1-9]' "$T/attack"

grown=$((($(kib VmHWM) - rss) / 1024)) written=$((($(wc -c <"$IMS_LOG_b_test") - log) / 1048576))
taken=$(ims b.test list --senders --json | sed -n '/"c\.test"/s/.*"octets": *\([0-9]*\).*/\1/p')
diag "$connections connections, $seconds s: memory grew by $grown MiB, the log by $written MiB; c.test keeps ${taken:-0} octets"
# A sanitizer keeps what was freed, to catch who uses it.
case $MODE in
asan | tsan) skip "memory grew by at most $rss_most MiB" "$MODE keeps what was freed" ;;
*) is "memory grew by at most $rss_most MiB" "$([ $grown -le $rss_most ] && echo yes)" yes ;;
esac
is "the log by at most $log_most MiB" "$([ $written -le $log_most ] && echo yes)" yes
is "the domain keeps no more than its share" \
    "$([ "${taken:-0}" -gt 0 ] && [ "$taken" -le $((256 * 1048576 / 100 * share_percent)) ] && echo yes)" yes
ok "and all is as before" honest

# One certificate with many names, each of which gathers all it can: by address it is one.
names="e.test f.test g.test h.test i.test j.test k.test l.test"
for d in $names; do tests/world zone "$W" "$d. IN TXT \"v=spf1 ip4:$attacker -all\""; done
peers_take "$T/names" $(tests/world cert "$W" --domain e.test --names "DNS:$(echo $names | sed 's/ /,DNS:/g')")
raids=
for d in $names; do
	cp "$T/names.pem" "$T/${d%.test}.pem"
	cp "$T/names.key" "$T/${d%.test}.key"
	tool attack "${d%.test}" "$attacker" --connections 40 --seconds "$seconds" >"$T/attack-$d" 2>&1 &
	raids="$raids $!" pids="$pids $!"
done
rounds=0 bad=
while kill -0 $raids 2>/dev/null; do
	rounds=$((rounds + 1))
	honest >"$T/honest" 2>&1 || bad="$bad$(cat "$T/honest")
"
	sleep 0.2
done
wait $raids
is "many names at once hold no other domain up" "$rounds rounds: $bad" "$rounds rounds: "
like "it is their address that is held back" "$(ims b.test status)" "held back +memory for notices of $attacker"
# Far from full speed: it is their number.
tool load c "$attacker" notices --recipient carol@b.test --connections 230 --per-seal 1 --pause 100 --again \
    --seconds 120 >"$T/many" 2>&1 &
pids="$pids $!"
many=$!
held_back() { ims b.test status | grep -Eq 'held back +connections of c\.test'; }
ok "and it has so many sessions and no more" eventually 60 held_back
kill $(descendants $many)
to=$OMS_FETCH_b_test tool attack c "$attacker" --connections 230 --seconds 120 --protocol fetch >"$T/fetch" 2>&1 &
pids="$pids $!"
oms_holds_back() { oms b.test status | grep -Eq 'held back +connections of c\.test'; }
ok "neither has it more at an oms" eventually 60 oms_holds_back
