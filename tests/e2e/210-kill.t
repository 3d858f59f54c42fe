#!/bin/sh
# kill -9 of either daemon at any time: what was acknowledged is there, once, with its digest; what
# was not is there once or not at all.  The journal of what was acknowledged is the load client's.
. tests/e2e/lib.sh
plan 16

LETTERS=200 LARGE=20 KILLS=20
world_up --domains a.test,b.test
: >"$T/journal"

load() {
	_kind=$1
	shift
	enter "build/$MODE/tests/bench/load" "$_kind" --trust "$W/trust" --crls "$W/crls" "$@"
}
list() {	# USER
	load list --to "$IMS_MAILBOX_b_test" --user "$1@b.test" --password-file "$W/home/$1@b.test/password"
}
# below N: a random number from 0 to N - 1.
below() { echo $(($(od -An -N2 -tu2 /dev/urandom) % $1)); }
# The whole journal is in bob's list.
all_there() {
	list bob >"$T/list" 2>"$T/list.err" && [ "$(missing "$T/journal" "$T/list")" = 0 ]
}
# How many "ID DIGEST" of the journal are missing from the list.
missing() {
	awk 'NR == FNR { in_list[$3 " " $4] = 1; next } !(($1 " " $2) in in_list) { n++ } END { print n + 0 }' "$2" "$1"
}
repeated() { cut -d' ' -f"$1" <"$T/list" | sort | uniq -d | wc -l; }

# give RECIPIENT ARGS...: what it has to say, its status last.
give() {
	_to=$1
	shift
	load letters --to "$OMS_SUBMIT_a_test" --user alice@a.test \
	    --password-file "$W/home/alice@a.test/password" --recipient "$_to" --again "$@" 2>&1
	echo "status $?"
}
journaled() { give bob@b.test --pause 500 --journal "$T/journal" "$@"; }
journaled --count $((LETTERS - LARGE)) --connections 4 >"$T/load.small" &
pids="$pids $!"
journaled --count $LARGE --size 200000 --connections 1 >"$T/load.large" &	# these are kept in files
pids="$pids $!"
# So that something is being written whenever a daemon dies.
give carol@b.test --connections 4 --pause 15 --seconds 18 >"$T/load.more" &
pids="$pids $!"
ok "letters are being taken" eventually 20 [ -s "$T/journal" ]

killed_oms=0 killed_ims=0 broken=0
while [ $((killed_oms + killed_ims)) -lt $KILLS ]; do
	if [ "$(below 2)" = 0 ]; then
		killed_oms=$((killed_oms + 1))
		set -- oms a.test
	else
		killed_ims=$((killed_ims + 1))
		set -- ims b.test
	fi
	sleep "0.$(printf %03d "$(below 900)")"
	tests/world kill "$W" "$@" && tests/world start "$W" "$@" || broken=$((broken + 1))
done
diag "killed: oms $killed_oms times, ims $killed_ims times; $(wc -l <"$T/journal") letters acknowledged by then"
is "each was killed and came back" "$broken" 0
ok "letters went on being taken through it" eventually 90 grep -q status "$T/load.small"
ok "large ones too" eventually 30 grep -q status "$T/load.large"
diag "$(cat "$T/load.small" "$T/load.large")"
is "and all were, in the end" "$(cat "$T/load.small" "$T/load.large" | grep -c '^status 0$')" 2
is "the journal has them" "$(wc -l <"$T/journal")" $LETTERS
is "each with an id of its own" "$(cut -d' ' -f1 "$T/journal" | sort -u | wc -l)" $LETTERS
ok "every one is in bob's list, with its digest" eventually 90 all_there
is "nothing else is" "$(wc -l <"$T/list")" $LETTERS
is "no letter is there twice" "$(repeated 4)" 0
is "no number is given twice" "$(repeated 1)" 0

# The letters themselves, some of them.
wrong=0
for n in 1 $(($(below 198) + 2)) $(($(below 198) + 2)) $LETTERS; do
	digest=$(awk -v n="$n" '$1 == n { print $4 }' "$T/list")
	[ "$(as bob@b.test show --raw "$n" 2>"$T/show.err" | sha256sum | cut -d' ' -f1)" = "$digest" ] ||
	    { wrong=$((wrong + 1)); diag "letter $n: $(cat "$T/show.err")"; }
done
is "they can be read, and are what was announced" "$wrong" 0
tests/world kill "$W" ims b.test
tests/world start "$W" ims b.test
cp "$T/list" "$T/before"
list bob | cut -d' ' -f1,3,4 >"$T/list"
cut -d' ' -f1,3,4 "$T/before" >"$T/wanted"
same "one more kill changes nothing in the list" "$T/list" "$T/wanted"
is "the sender's queue knows them all" "$(oms a.test queue --all --json | grep -c bob@b.test)" $LETTERS

# Carol's were not journaled; but each of hers that was acknowledged is there, and none twice.
taken=$(sed -n 's/ letters acknowledged.*//p' "$T/load.more")
carols() { list carol >"$T/list" 2>/dev/null && [ "$(wc -l <"$T/list")" -ge "$taken" ]; }
ok "all of carol's are there" eventually 90 carols
diag "$taken were acknowledged, $(wc -l <"$T/list") are there"
is "none twice" "$(repeated 4)" 0
