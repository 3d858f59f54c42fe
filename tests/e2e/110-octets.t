#!/bin/sh
# No octet of a letter leaves its sender's server before the recipient asks; then all of them come,
# exactly as they were, whatever their number, in bounded memory.  Seen on the wire.
. tests/e2e/lib.sh
. tests/lib/wire.sh
plan 31

world_up --domains a.test,b.test
oms_at=${OMS_FETCH_a_test%:*} ims_at=${IMS_NOTIFY_b_test%:*}
if wire_start; then wire=yes; else wire=; fi

head_of() {
	printf 'From: alice@a.test\nTo: %s@b.test\nSubject: %s\nDate: Mon, 23 Nov 2026 12:00:00 +0000\nMessage-ID: <%s@a.test>\n\n' \
	    "$1" "$2" "$2"
}
crlf() { LC_ALL=C sed 's/\r*$/\r/'; }

# The octets that a.test's server has sent to b.test's so far, and those from its fetch port.
over() { [ -n "$wire" ] && wire_octets "$oms_at" "$ims_at"; }
fetched() { [ -n "$wire" ] && wire_octets "$OMS_FETCH_a_test" ""; }
wired() {	# NAME COMMAND...
	if [ -n "$wire" ]; then ok "$@"; else skip "$1" "no raw sockets here"; fi
}
less() { [ "$1" -lt "$2" ]; }
at_least() { [ "$1" -ge "$2" ]; }

# The most that a daemon has ever used, in KiB.
peak() { sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$(cut -d' ' -f1 "$W/run/$1.pid")/status"; }
daemons="oms-a.test ims-b.test"

# a_letter NAME USER: $T/letter, as it is typed, goes to USER; $T/wanted is what must come.
a_letter() {
	size=$(wc -c <"$T/wanted")
	before=$(over)
	ok "$1: is taken" as alice@a.test send "$2@b.test" --wait 20 <"$T/letter"
	ok "$1: is announced" eventually 20 says '"state":"held"' as "$2@b.test" list --json
	like "$1: with its size" "$(as "$2@b.test" list --json)" "\"size\":$size[,}]"
	sleep 0.5
	announced=$(over)
	# A session that brought the letter before may end meanwhile: an answer to QUIT and a close_notify.
	wired "$1: nothing of it has been fetched" less "$(fetched)" 80
	wired "$1: less than 12 KiB went over" less $((announced - before)) 12288
	as "$2@b.test" show 1 --raw >"$T/raw" 2>"$T/raw.err" || diag "$(cat "$T/raw.err")"
	same "$1: comes octet for octet" "$T/raw" "$T/wanted"
}

{ head_of bob dots; printf '.\n..\n.\r\n.a\n\n \n\303\274 \377\200\n\t\nFrom x\n>From y\n.'; } >"$T/letter"
{ head_of bob dots; printf '.\n..\n.\n.a\n\n \n\303\274 \377\200\n\t\nFrom x\n>From y\n'; } | crlf >"$T/wanted"
printf . >>"$T/wanted"
# counted_anew N: once the sender has heard that N letters are kept.
told() { [ "$(as alice@a.test outbox | grep -c '@.*fetched')" = "$1" ]; }
counted_anew() { if [ -n "$wire" ]; then eventually 20 told "$1"; wire_stop; wire_start; fi; }
a_letter "dots and 8-bit" bob
wired "only now was there a fetch" at_least "$(fetched)" "$size"

# The counts begin anew, and so does nobody's acquaintance: another pair of people.
counted_anew 1
{ head_of carol small; printf x; } >"$T/letter"
head_of carol small | crlf >"$T/wanted"
printf x >>"$T/wanted"
a_letter "one octet" carol
wired "fetched now" at_least "$(fetched)" "$size"

counted_anew 2
{ head_of dora big; head -c 75000 /dev/urandom | base64 -w 76; } >"$T/letter"
crlf <"$T/letter" >"$T/wanted"
a_letter "100 KiB" dora
wired "fetched now" at_least "$(fetched)" "$size"

counted_anew 3
for d in $daemons; do peak $d >"$T/peak-$d"; done
{ head_of alice huge; head -c 38300000 /dev/zero | base64 -w 76; } >"$T/letter"
crlf <"$T/letter" >"$T/wanted"
a_letter "50 MiB" alice
wired "fetched now, once" less "$(fetched)" $((size * 102 / 100))
for d in $daemons; do
	grown=$(($(peak $d) - $(cat "$T/peak-$d")))
	diag "50 MiB: $d grew by $grown KiB"
	case $MODE in
	debug | release) ok "50 MiB: $d grew by less than 16 MiB" less $grown 16384 ;;
	*) skip "50 MiB: $d grew by less than 16 MiB" "sanitizers need memory of their own" ;;
	esac
done
ok "the outbox knows it all" eventually 20 told 4
