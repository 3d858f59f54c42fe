#!/bin/sh
# The main promise: nothing of a letter leaves its sender's server before a recipient asks; then it
# arrives octet for octet, whatever is in it, and no daemon holds it in memory.
. tests/e2e/lib.sh
. tests/lib/wire.sh
plan 33

world_up --domains a.test,b.test
from=${OMS_FETCH_a_test%:*} to=${IMS_NOTIFY_b_test%:*}
MIB=1048576

# letter_of OCTETS SUBJECT: exactly so many, 76 to a line and 8-bit throughout, CR LF.
letter_of() {
	perl -e '($n, $s) = @ARGV; binmode STDOUT;
	    print $h = "From: Alice <alice\@a.test>\r\nTo: bob\@b.test\r\nSubject: $s\r\n" .
	        "Date: Mon, 23 Nov 2026 12:00:00 +0000\r\nMessage-ID: <$s\@a.test>\r\n\r\n";
	    $n -= length $h; srand $n;
	    $c = join "", map { chr(32 + ($_ * 37 + $_ / 191) % 95 + 128 * ($_ % 3 == 0)) } 1 .. 7600;
	    while ($n > 0) { $k = $n < 78 ? $n : $n < 81 ? $n - 3 : 78; $k = $n if $n < 3;
	        print substr($c, rand 7000, $k > 2 ? $k - 2 : $k), $k > 2 ? "\r\n" : ""; $n -= $k }' "$1" "$2"
}

# member NAME: of the JSON object on standard input.
member() { perl -MJSON::PP -e '$o = decode_json(scalar <STDIN>); print $o->{$ARGV[0]}, "\n"' "$1"; }
# number_of ID: bob's number for it.
number_of() {
	as bob@b.test list --json | perl -MJSON::PP -e 'while (<STDIN>) { $o = decode_json($_);
	    print $o->{number}, "\n" if $o->{id} eq $ARGV[0] }' "$1"
}
# send NAME FILE [RECIPIENT...]: sets $number.
send() {
	_name=$1 _file=$2
	shift 2
	[ $# -gt 0 ] || set -- bob@b.test
	status_is "$_name: taken, and bob told" 0 as alice@a.test send --json --wait 20 "$@" <"$_file"
	id=$(printf '%s\n' "$out" | member id)
	number=$(number_of "$id")
}
# resident DAEMON DOMAIN FIELD: KiB.
resident() { sed -n "s/^$3:[[:space:]]*\([0-9]*\) kB/\1/p" "/proc/$(pid "$1" "$2")/status"; }
pid() { tests/world status "$W" | sed -n "s/^$1-$2 \([0-9]*\)$/\1/p"; }
all_resident() {
	for _d in "oms a.test" "ims a.test" "oms b.test" "ims b.test"; do
		set -- $_d "$1"
		echo "$1 $2 $(resident "$1" "$2" "$3")"
		set -- "$3"
	done
}

# -- what arrives -------------------------------------------------------------------------------

head='From: Alice <alice@a.test>\r\nTo: bob@b.test\r\nSubject: s\r\nDate: Mon, 23 Nov 2026 12:00:00 +0000\r\nMessage-ID: <m@a.test>\r\n\r\n'
arrives() {	# NAME FILE WANTED
	send "$1" "$2"
	ok "$1: shown" as bob@b.test show --raw "$number"
	as bob@b.test show --raw "$number" >"$T/got" 2>"$T/got.err"
	same "$1: as it was sent, octet for octet" "$T/got" "$3"
}
printf "${head}x" >"$T/one"
arrives "a body of one octet" "$T/one" "$T/one"
printf "$head" >"$T/none"
arrives "no body at all" "$T/none" "$T/none"
printf "$head.\r\n..\r\n.\r\nQUIT\r\n.\r\n\r\n.\r\n" >"$T/dots"
arrives "lines of dots" "$T/dots" "$T/dots"
printf "${head}\200\377 gr\303\274n \303\r\n\001\033[2J\t\r\n" >"$T/eight"
arrives "octets that are no text" "$T/eight" "$T/eight"
printf "${head}one\r\n\r\n.\r\nthree\r\n" >"$T/crlf"
tr -d '\r' <"$T/crlf" >"$T/lf"
arrives "LF only" "$T/lf" "$T/crlf"
letter_of 102400 hundred >"$T/hundred"
is "a letter of 100 KiB" "$(wc -c <"$T/hundred")" 102400
arrives "100 KiB" "$T/hundred" "$T/hundred"

# -- 50 MiB: where its octets are, and who remembers them ----------------------------------------

letter_of $((50 * MIB)) fifty >"$T/fifty"
is "a letter of 50 MiB" "$(wc -c <"$T/fifty")" $((50 * MIB))
all_resident VmRSS >"$T/before"
if wire_start; then wired=yes; else wired=; fi
send "50 MiB" "$T/fifty" bob@b.test carol@b.test
sleep 1		# makes it likely that nothing that would still come is missed
left() { echo $(($(wire_octets "$from" "") - $(wire_octets "$OMS_SUBMIT_a_test" ""))); }
if [ -n "$wired" ]; then
	before=$(left)
	is "told, the sender's server has given less than 16 KiB to anybody" "$([ "$before" -lt 16384 ] && echo yes || echo "$before")" yes
	is "but something: the notification" "$([ "$before" -gt 500 ] && echo yes || echo "$before")" yes
	is "and nobody has connected to where letters are fetched" "$(wire_connections "" "$OMS_FETCH_a_test")" 0
else
	for name in 1 2 3; do skip "what has left the sender's server" "raw sockets are not allowed"; done
fi
status_is "the list is no reason" 0 as bob@b.test list
like "the letter is held there" "$out" '50M +at sender'
[ -z "$wired" ] || listed=$(left)
ok "bob opens it" as bob@b.test show --raw "$number"
same "50 MiB: as it was sent, octet for octet" "$T/.out" "$T/fifty"
if [ -n "$wired" ]; then
	is "so nothing had left for the list" "$listed" "$before"
	crossed=$(wire_octets "$OMS_FETCH_a_test" "$to")
	is "now it has crossed, once, from where it was fetched" \
	    "$([ "$crossed" -gt $((50 * MIB)) ] && [ "$crossed" -lt $((51 * MIB)) ] && echo yes || echo "$crossed")" yes
else
	for name in 1 2; do skip "what has left the sender's server" "raw sockets are not allowed"; done
fi
as carol@b.test show --raw 1 >"$T/carols" 2>"$T/got.err"
same "carol reads the same copy" "$T/carols" "$T/fifty"
if [ -n "$wired" ]; then
	wire_stop
	crossed=$(wire_octets "$OMS_FETCH_a_test" "$to")
	is "which did not cross again" "$([ "$crossed" -lt $((51 * MIB)) ] && echo yes || echo "$crossed")" yes
else
	skip "it did not cross again" "raw sockets are not allowed"
fi
all_resident VmHWM >"$T/after"
grown=$(paste -d' ' "$T/before" "$T/after" | awk '{ by = $3 > 1000 ? $6 - $3 : 999999; if (by > most) most = by }
    END { print NR == 4 ? most + 0 : "?" }')
diag "KiB resident before, and the most since:" "$(paste -d' ' "$T/before" "$T/after" | cut -d' ' -f1-3,6)"
if [ "$MODE" = debug ] || [ "$MODE" = release ]; then
	is "no daemon has grown by 16 MiB" "$([ "$grown" -lt 16384 ] && echo yes || echo "$grown KiB")" yes
else
	skip "no daemon has grown by 16 MiB" "sanitizers keep what is freed"
fi
