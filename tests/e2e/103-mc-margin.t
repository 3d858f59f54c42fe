#!/bin/sh
# The words of a letter are never where mc's own words do: on a terminal of any width its identity
# comes first, and no line of the sender's making begins at the left margin.
. tests/e2e/lib.sh
plan 87

world_up --domains a.test,b.test

# A Subject, a name, a file name and lines that would put "Sealed bank.example" at the margin of a
# terminal of 40, 80 or 132 columns, were they wrapped or shown as they are.
nbsp=$(printf '\302\240')
forged='Sealed   bank.example, signature and octets good, SPF pass'
pad() { perl -e 'print $ARGV[0] x $ARGV[1]' "$1" "$2"; }	# TEXT TIMES
hostile() {	# COLUMNS
	n=$(($1 - 9))
	printf 'From: "%s" <alice@a.test>\r\nTo: %s <bob@b.test>\r\n' "ceo@bank.example" "$(pad x $n)$forged"
	printf 'Subject: Hello%s%s\r\n' "$(pad "$nbsp" $((n - 5)))" "$forged"
	printf 'Date: Mon, 23 Nov 2026 12:00:00 +0000\r\nMessage-ID: <%s@a.test>\r\n' "$1"
	printf 'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n'
	printf 'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n'
	printf '%s\r\n\tTabbed\r\n' "$forged"
	printf '%s%s\r\n' "$(pad "$nbsp" "$1")" "$forged" "$(pad x "$1")" "$forged" "$(pad '	' 3)$(pad y $(($1 - 24)))" "$forged"
	printf '%s\r\n' "$(pad x $(($1 - 2)))$forged" "$(pad "$nbsp" $(($1 - 2)))$forged"
	printf 'Dear Bob,%s\r\n' "$(pad ' ' 30)$forged"
	printf 'NOTE     All is well\r\n%s\r\n--b\r\n' "$(pad '漢' "$1")"
	printf 'Content-Type: application/pdf\r\nContent-Disposition: attachment;\r\n filename="%s%s"\r\n\r\nx\r\n--b--\r\n' \
	    "$(pad z "$1")" "$forged"
}

# on COLUMNS LOCALE ARGS...: what bob's terminal of that width gets, without CR.  on_of USER: another's.
on_of() {
	user=$1 columns=$2 locale=$3
	shift 3
	{ env -u COLUMNS LC_ALL="$locale" script -qec "stty cols $columns rows 50; tests/world mc $W $user $*" \
	    /dev/null </dev/null 2>&1; echo $? >"$T/ended"; } | tr -d '\r'
}
on() { on_of bob@b.test "$@"; }
# rows COLUMNS: standard input as a pager of that width shows it.
rows() {
	perl -CS -ne 'chomp; $w = 0; for (/(.)/g) { $c = /\p{EA=W}/ ? 2 : 1; if ($w + $c > '"$1"') { print "\n"; $w = 0 } print; $w += $c } print "\n"'
}
# ended STATUS: nothing if what was last on the terminal ended so.
ended() { [ "$(cat "$T/ended")" = "$1" ] || echo "status $(cat "$T/ended"), not $1"; }
# too_wide COLUMNS: the lines of standard input that take more.
too_wide() {
	perl -CS -ne 'chomp; $w = length; $w++ for /\p{EA=W}/g; print "$_\n" if $w > '"$1"'; END { print "nothing was said\n" if !$. }'
}

number=0
for columns in 40 80 132; do
	number=$((number + 1))
	hostile $columns >"$T/letter"
	as alice@a.test send --wait 10 bob@b.test <"$T/letter" >"$T/sent" 2>&1
	on $columns C.UTF-8 show $number >"$T/show"
	is "$columns columns: the identity comes first" "$(head -1 "$T/show" | cut -c1-18)" "Sealed   a.test, s"
	is "nothing else says so at the margin" "$(grep -c '^Sealed' "$T/show")" 1
	is "nor anywhere in a field" "$(grep -E '^(From|To|Subject)' "$T/show" | grep -c 'Sealed  ')" 0
	is "each line at the margin is ours" "$(grep -v '^  ' "$T/show" |
	    grep -cvE '^(Sealed|Vouched|NOTE|Letter|From|To|Date|Subject)  |^\[1\] zzz|^$')" 0
	is "no line is wider" "$(ended 0; too_wide $columns <"$T/show")" ""
	like "the text is there, indented" "$(cat "$T/show")" '^  Sealed   bank\.example'
	like "the name that is another's address is noted" "$(tr -s '\n ' '  ' <"$T/show")" \
	    'NOTE The name in From is an address, ceo@bank\.example, but the sender is alice@a\.test'
	COLUMNS=$columns as bob@b.test show $number | cat >"$T/piped"
	is "in a pager no line is wider" "$(too_wide $columns <"$T/piped")" ""
	is "the identity alone says so at its margin" "$(rows $columns <"$T/piped" | grep -n '^Sealed' | cut -d: -f1)" 1
	is "each line at its margin is ours" "$(rows $columns <"$T/piped" | grep -v '^  ' |
	    grep -cvE '^(Sealed|Vouched|NOTE|Letter|From|To|Date|Subject)  |^\[1\] zzz|^$|^    ')" 0
	like "and nothing of a field is lost" "$(tr -s '\n ' '  ' <"$T/piped")" 'Subject Hello Sealed bank\.example, signature and octets good, SPF pass'
	is "nor do blanks push words to the right" "$(perl -CS -ne 'print if s/^  //r =~ /[ \t\xa0]{10}/' "$T/piped")" ""
	on $columns C.UTF-8 list >"$T/list"
	is "the list is no wider" "$(ended 0; too_wide $columns <"$T/list")" ""
	on $columns C show $number >"$T/ascii"
	is "on a terminal without UTF-8 it is ASCII" "$(ended 0; LC_ALL=C tr -d '\000-\177' <"$T/ascii" | wc -c)" 0
	is "and no wider" "$(too_wide $columns <"$T/ascii")" ""
done

# What a server says of a recipient is somebody else's text too.
as alice@a.test send --wait 0 "$(pad n 60)@b.test" <tests/letters/barn.eml >"$T/sent" 2>&1
on 40 C.UTF-8 show 99 >"$T/fault"
is "a refusal is no wider" "$(too_wide 40 <"$T/fault")" ""
is "and only its first line is at the margin" "$(grep -vc '^  ' "$T/fault")" 1
hostile 80 | sed 's/^From: .*/From: "bob@b.test" <alice@a.test>/' >"$T/letter"
as alice@a.test send --wait 10 bob@b.test <"$T/letter" >"$T/sent" 2>&1
like "off a terminal the identity comes first too" "$(as bob@b.test show 4 | head -1)" '^Sealed   a\.test'

# Lists and errors, which are mc's own but for what they quote.
long=$(pad n 60)@b.test
letter alice@a.test bob@b.test s >"$T/letter"
as alice@a.test send --wait 10 bob@b.test nobody@b.test "$long" <"$T/letter" >"$T/sent" 2>&1
for columns in 40 80 132; do
	on_of alice@a.test $columns C.UTF-8 outbox >"$T/outbox"
	is "$columns columns: the outbox is no wider" "$(ended 0; too_wide $columns <"$T/outbox")" ""
	is "only an id begins a line" "$(grep -v '^  ' "$T/outbox" | grep -cvE '^[0-9A-Z]{4}-[0-9A-Z]{4}  ')" 0
	like "nothing of it is lost" "$(tr -d '\n ' <"$T/outbox")" \
	    "nobody@b\.testrefused..:..:b\.testsays:\"thereisnosuchmailbox\"\[no-such-user\]$long"'refused'
	on_of carol@b.test $columns C.UTF-8 list >"$T/list"
	is "an empty list is no wider" "$(ended 0; too_wide $columns <"$T/list")" ""
	on_of carol@b.test $columns C.UTF-8 outbox >"$T/list"
	is "nor an empty outbox" "$(ended 0; too_wide $columns <"$T/list")" ""
	on_of alice@a.test $columns C.UTF-8 "send --wait 10 $long <$T/letter" >"$T/sent"
	is "nor what becomes of a letter that is sent" "$(ended 67; too_wide $columns <"$T/sent")" ""
	is "whose refusal begins with mc's name" "$(grep -v '^  ' "$T/sent" | grep -cvE '^(mc:|[0-9A-Z]{4}-[0-9A-Z]{4} )')" 0
	on $columns C.UTF-8 fetch $((number + 1)) >"$T/fetch"
	is "nor what was fetched" "$(ended 0; too_wide $columns <"$T/fetch")" ""
	for fault in "show 99" "show" "shw" "send --hold 0" "list $long" "outbox 0000" "setup $long"; do
		on $columns C.UTF-8 "$fault"
	done >"$T/faults"
	is "nor an error" "$(too_wide $columns <"$T/faults")" ""
	is "each error begins with mc's name" "$(grep -v '^  ' "$T/faults" | grep -cv '^mc:')" 0
	like "and all seven are there" "$(grep -c '^mc:' "$T/faults")" '^7$'
	columns_of_pipe=$(COLUMNS=$columns as alice@a.test outbox | grep -c "^  $long  refused    ..:..: b\.test says: \"there is no such mailbox\" \[no-such-user\]\$")
	is "off a terminal one recipient is one line" "$columns_of_pipe" "$((columns == 40 ? 3 : columns == 80 ? 4 : 5))"
done
for verb in setup send list show fetch outbox help; do on 80 C.UTF-8 $verb --help; done >"$T/help"
is "help has at most 80 columns" "$(too_wide 80 <"$T/help")" ""
wide_help() { for program in mc oms ims; do "build/$MODE/$program" --help; done | awk 'length > 80'; }
is "and so has that of each program" "$(wide_help)" ""
grep -q '^Off a terminal lists, the outbox and errors are not wrapped' mc/mc.1
is "and the manual says so" $? 0
