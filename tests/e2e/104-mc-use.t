#!/bin/sh
# mc in daily use: refusals at once, several accounts, short ids, pipes that close, progress.
. tests/e2e/lib.sh
plan 84

world_up --domains a.test,b.test
conf=$W/home/alice@a.test/.config/tillcalled

# -- refused at once ---------------------------------------------------------------------------

printf 'Subject: s\n\nx\n' >"$T/letter"
send() { as alice@a.test send --wait 10 "$@" <"$T/letter"; }
status_is "a recipient that is not there" 67 send nobody@b.test
like "is shown as refused" "$out" '^  nobody@b\.test +refused'
like "and said" "$err" 'nobody@b\.test will not get the letter'
like "with the status" "$err" '\[no-such-user, status 67\]'
once() { is "the sentence is there once" "$(printf '%s' "$err" | tr -s '\n ' '  ' | grep -o "$1" | wc -l)" 1; }
once 'there is no such mailbox'
status_is "a recipient whose domain is not there" 68 send bob@none.invalid
once 'there is no such domain'
status_is "beside one that is there" 67 send bob@b.test nobody@b.test
like "both are counted" "$(printf '%s' "$err" | tr -s '\n ' '  ')" '1 of 2 recipients will not get the letter: nobody@b\.test'
status_is "as JSON" 67 send --json nobody@b.test
is "the object has the status" "$(printf '%s' "$out" | grep -o '"status":67')" '"status":67'
is "so has the error" "$(printf '%s' "$err" | grep -o '"code":"no-such-user"')" '"code":"no-such-user"'
status_is "with -q the id is all that is printed" 0 send -q bob@b.test
like "and it is whole" "$out" '^[0-9A-HJKMNP-TV-Z]{26}$'
id=$out

# -- all recipients or none --------------------------------------------------------------------

kept() { as alice@a.test outbox --json | wc -l; }
found() { as alice@a.test send -t <"tests/letters/found/$1.eml"; }
before=$(kept)
status_is "To with a semicolon" 65 found to-semicolon
like "is refused by its item" "$err" 'in To: bob@b\.test;: .*'
status_is "To with addresses that cannot be" 65 found to-dots
like "names each of them" "$err" 'd\.\.ora@b\.test, taro\.@b\.test: '
is "and nothing was sent" "$(kept)" "$before"

# -- addresses on the command line -------------------------------------------------------------

flat() { printf '%s' "$err" | tr -s '\n ' '  '; }
status_is "commas separate addresses there too" 67 send --json bob@b.test "carol@b.test, nobody@b.test"
is "all three are recipients" "$(printf '%s' "$out" | grep -o '"address"' | wc -l)" 3
like "and whoever refused is named in JSON" "$err" '"host":"b\.test"'
status_is "an address may have a name" 0 send 'Bob <bob@b.test>'
before=$(kept)
status_is "a domain with a blank" 65 send bob@b.test 'carol@b test'
like "is named with its sign" "$(flat)" 'carol@b test: a domain cannot have the character " "'
status_is "an empty label" 65 send --json dora@b..test
like "names the address in JSON" "$err" '"text":"dora@b\.\.test: a label is empty'
status_is "an empty argument" 65 send bob@b.test ' '
like "is no address" "$err" 'an address is empty'
status_is "no domain at all" 65 send bob@b.test dora
like "names it too" "$(flat)" 'dora: the address has no @'
is "and nothing was sent for them" "$(kept)" "$before"

# -- an interrupt --------------------------------------------------------------------------------

# interrupted ARGS...: mc send whose input stays open, then ^C; its status is $?.
interrupted() {
	mkfifo "$T/input"
	# A shell lets what runs in the background ignore ^C.
	perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' tests/world mc "$W" alice@a.test send "$@" \
	    <"$T/input" 2>"$T/err" &
	exec 7>"$T/input"
	cat "$T/letter" >&7
	eventually 20 sh -c "readlink /proc/$!/exe | grep -q '/mc$'"
	eventually 20 grep -q '^SigCgt:.*[2367abef]$' "/proc/$!/status"
	kill -INT $!
	wait $!
	tap_ended=$?
	exec 7>&-
	rm "$T/input"
	return $tap_ended
}
status_is "^C before the letter is read" 130 interrupted bob@b.test
is "says that nothing was sent" "$(cat "$T/err")" "mc: cancelled: nothing was sent"
status_is "as JSON" 130 interrupted --json bob@b.test
like "too" "$(cat "$T/err")" '^\{"error":\{"code":"cancelled","status":130,.*"text":"nothing was sent"'
is "and nothing was" "$(kept)" "$before"
like "the manual has it" "$(cat mc/mc.1)" 'An interrupt'

# -- ids ---------------------------------------------------------------------------------------

three=$(printf '%s' "$id" | tail -c 3)
status_is "three letters of an id" 64 as alice@a.test outbox "$three"
like "are too few, and it says so" "$err" 'too short: the last 4 letters of an id are needed'
status_is "four will do" 0 as alice@a.test outbox "$(printf '%s' "$id" | tail -c 4)"

# -- bounds of --hold --------------------------------------------------------------------------

status_is "--hold 0" 64 send --hold 0 bob@b.test
like "is out of its bounds" "$err" 'from 1 to 366'
status_is "--hold 367" 64 send --hold 367 bob@b.test
like "too, and they are said alike" "$err" 'from 1 to 366'
like "as in the help" "$(as alice@a.test send --help)" '1 to 366'
like "and the manual" "$(cat mc/mc.1)" 'from 1 to 366 days'
status_is "--hold 366, which is more than this server allows" 64 send --hold 366 bob@b.test
like "its own bounds are said" "$err" 'a letter is held for 1 to [0-9]+ days here'
like "with a cure" "$err" 'ask for fewer days, or leave out --hold'

# -- From ---------------------------------------------------------------------------------------

from() { printf '%s\nTo: bob@b.test\n\nx\n' "$1" | as alice@a.test send -t; }
status_is "From with two addresses" 65 from 'From: alice@a.test, Carol <carol@a.test>'
like "is refused by its name, with what to do" "$(printf '%s' "$err" | tr -s '\n ' '  ')" \
    'From names 2 addresses: leave only your own, or leave out From'
status_is "two From fields" 65 from "$(printf 'From: alice@a.test\nFrom: carol@a.test')"
like "too" "$(printf '%s' "$err" | tr -s '\n ' '  ')" 'there are 2 From fields: leave only one'

# -- a pipe that closes ------------------------------------------------------------------------

closed() { { "$@" 2>"$T/err"; echo $? >"$T/status"; } | :; }	# whose reader is gone before it writes
closed as alice@a.test outbox
is "a reader that has had enough is no error" "$(cat "$T/err" "$T/status")" 0
closed as bob@b.test list --json
is "nor is it with JSON" "$(cat "$T/err" "$T/status")" 0

# -- accounts ----------------------------------------------------------------------------------

cp "$conf/mc.conf" "$T/before"
status_is "another address does not replace the account" 64 as alice@a.test setup bob@b.test
like "with what is so" "$err" 'another account is set up here.*'
like "and its address" "$(printf '%s' "$err" | tr -s '\n ' '  ')" 'mc\.conf is the account of alice@a\.test'
unlike "the command is not at fault" "$err" 'malformed'
like "one cure is an option" "$err" 'mc setup bob@b\.test --replace'
like "the other keeps both" "$(printf '%s' "$err" | tr -s '\n ' '  ')" 'keep both: mc -A bob setup bob@b\.test'
same "nothing was changed" "$conf/mc.conf" "$T/before"
(eventually 20 grep -q 'y/N' "$T/asked" && echo n) |
    script -fqec "tests/world mc $W alice@a.test setup bob@b.test" "$T/asked" >/dev/null 2>&1
like "on a terminal it asks" "$(tr -d '\r' <"$T/asked" | tr -s '\n ' '  ')" "is the account of alice@a\.test\. Replace it\? \[y/N\]"
same "and no is no" "$conf/mc.conf" "$T/before"
like "which is not called a mistake" "$(tr -d '\r' <"$T/asked")" 'account-exists, status 64'
status_is "the same address is set up again without asking" 0 as alice@a.test setup alice@a.test
bob=$W/home/bob@b.test/password
status_is "a second account, by its name" 0 env TILLCALLED_PASSWORD_FILE="$bob" \
    tests/world mc "$W" alice@a.test setup bob@b.test -A bob
like "has a file of its own" "$(cat "$conf/bob.conf")" 'password-file = ".*/bob\.password"'
status_is "both read" 0 as alice@a.test -A bob list
like "the second's letters are bob's" "$out" 'alice@a\.test'
like "what to do next is for the same account" "$out" 'mc -A bob show'
status_is "a letter that is not there" 66 as alice@a.test -A bob show 99
like "the cure too" "$err" 'mc -A bob list'
status_is "an account that was never set up" 78 as alice@a.test -A nobody list
like "is not called wrong" "$(flat)" 'your configuration: no account is set up here there is no .*nobody\.conf'
like "and the cure is setup" "$err" 'begin with:  mc -A nobody setup( |$)'
status_is "a name that leads elsewhere" 64 as alice@a.test -A ../x list

# -- a subject that is longer than what is announced -------------------------------------------------

{ printf 'To: bob@b.test\nSubject: Begins'; perl -e 'print "\n abcdefghi" x 7000'; printf '\n\nx\n'; } |
    as alice@a.test send --wait 10 -t >"$T/sent" 2>&1
number=$(as bob@b.test list --json | sed -n '1s/.*"number":\([0-9]*\).*/\1/p')
as bob@b.test fetch "$number" >"$T/fetched" 2>&1
like "its beginning is in the list" "$(as bob@b.test list --json | head -1)" '"subject":"Begins abcdefghi abcdefghi.*"'
is "which is no wider elsewhere for it" "$(as bob@b.test list | awk 'length($0) > 200' | wc -l)" 1

# -- words that people try ---------------------------------------------------------------------

status_is "mc inbox" 64 as alice@a.test inbox
like "means list" "$err" 'did you mean  mc list'
status_is "mc delete" 64 as alice@a.test delete 1
like "is not there yet" "$err" 'mc cannot do that yet'
