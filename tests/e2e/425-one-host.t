#!/bin/sh
# Many domains at one host: each daemon opens four connections to it and no more, whatever they are for
# and whichever worker opens them; all have their turn.
. tests/e2e/lib.sh
plan 10

domains="c1.test c2.test c3.test c4.test c5.test c6.test"
world_up --domains "a.test,$(echo $domains | tr ' ' +)" --set 'workers = 3'
pid_of() { tests/world status "$W" | sed -n "s/^$1-$2 \([0-9]*\)$/\1/p"; }
# open_to ADDRESS:PORT: how many connections to there its host's kernel has taken.
open_to() {
	_hex=$(echo "$1" | awk -F '[.:]' '{ printf "%02X%02X%02X%02X:%04X", $4, $3, $2, $1, $5 }')
	enter cat /proc/net/tcp | awk -v to="$_hex" '$3 == to && $4 == "01" { n++ } END { print n + 0 }'
}
are_open() { [ "$(open_to "$1")" = "$2" ]; }
# holds NAME ADDRESS: four are open and stay, and no fifth comes.
holds() {
	ok "$1: four connections are open" eventually 20 are_open "$2" 4
	most=0
	for _i in 1 2 3 4 5; do
		sleep 0.2
		n=$(open_to "$2")
		[ "$n" -le $most ] || most=$n
	done
	is "and no fifth" $most 4
}

# The host's servers are halted, so what is opened stays open: its kernel takes it.
ims_c=$(pid_of ims c1.test) oms_c=$(pid_of oms c1.test)
kill -STOP "$ims_c"
all=
for d in $domains; do all="$all bob@$d"; done
letter alice@a.test bob@c1.test "to all" >"$T/letter"
as alice@a.test send $all <"$T/letter" >/dev/null & # it waits a moment for what becomes of its letter
sends=$!
holds "six domains are to be told" "$IMS_NOTIFY_c1_test"
kill -CONT "$ims_c"
wait $sends
told() { as alice@a.test outbox --json | grep -o '"state":"notified"' | wc -l; }
all_told() { [ "$(told)" = 6 ]; }
# Without a word from those who wait, a session stays for half a minute.
ok "then all are, for those who are done give way" eventually 25 all_told
log_count_is "each by its own session" "$OMS_LOG_a_test" 'notify.ready ' 6

# A session without anything to say gives way at once, too.
letter alice@a.test bob@c1.test "one more" >"$T/letter"
for d in $domains; do
	as alice@a.test send "bob@$d" <"$T/letter" >/dev/null
done
more_told() { [ "$(told)" = 12 ]; }
ok "six more are told" eventually 25 more_told

for d in $domains; do
	letter "alice@$d" bob@a.test "from $d" "Said at $d." >"$T/letter"
	as "alice@$d" send --wait 20 bob@a.test <"$T/letter" >/dev/null
done
is "bob has six letters" "$(as bob@a.test list --json | wc -l)" 6
kill -STOP "$oms_c"
# A handshake has ten seconds; on a busy machine the host may be halted for longer, so a reader may ask
# again.
shown() { as bob@a.test show $1 >"$T/read.$1" 2>&1 || as bob@a.test show $1 >"$T/read.$1" 2>&1; }
readers=
for n in 1 2 3 4 5 6; do
	shown $n &
	readers="$readers $!"
done
pids="$pids $readers"
holds "and wants them all" "$OMS_FETCH_c1_test"
kill -CONT "$oms_c"
failures=0
for p in $readers; do wait "$p" || failures=$((failures + 1)); done
is "all are read" "$failures $(cat "$T"/read.* | grep -c 'Said at')" "0 6"
is "no connection was refused at the host" \
    "$(cat "$OMS_LOG_c1_test" "$IMS_LOG_c1_test" | grep -c 'too-many-connections')" 0
