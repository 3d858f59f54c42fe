#!/bin/sh
# mc sendmail where no oms runs on the machine: the user's account takes the letter; when it cannot, the letter waits in a
# folder, durable, until mc flush, and is sent once.
. tests/e2e/lib.sh
. tests/lib/submission.sh
plan 36

world_up --domains a.test,b.test
TILLCALLED_LOCAL_SOCKET=$T/none
export TILLCALLED_LOCAL_SOCKET
home=$W/home/alice@a.test
queue=$home/.local/share/tillcalled/queue
as alice@a.test setup alice@a.test >/dev/null
printf 'Subject: one\nTo: bob@b.test\n\nx\n' >"$T/one"
status_is "the account takes it" 0 as alice@a.test sendmail -t <"$T/one"
ok "it comes" received bob@b.test "$T/got"
ok "nothing waits" test ! -e "$queue"
status_is "a login is at the account's domain" 0 as alice@a.test sendmail carol <"$T/one"
ok "and gets it" received carol@a.test "$T/got"
status_is "a refused recipient" 67 as alice@a.test sendmail bob@nowhere.test <"$T/one"
status_is "another's address" 77 as alice@a.test sendmail -f carol@a.test bob@b.test <"$T/one"

# -- the oms is away -------------------------------------------------------------------------------------------

tests/world stop "$W" oms a.test
status_is "the server is away: taken all the same" 0 as alice@a.test sendmail -t -oi <"$T/one"
is "without a word" "$out$err" ""
is "in a file of its own, for nobody else" "$(stat -c %a "$queue"/0*)" 600
is "in a folder of the same kind" "$(stat -c %a "$queue")" 700
like "mailq says for how long, how big, and to whom" "$(as alice@a.test mailq)" '^[0-9A-Z]{26}  31  for (now|[0-9]+ min)  -t -oi$'
mv "$(ls "$queue"/0*)" "$queue/01GM7G7W00$(ls "$queue" | cut -c11-)"
like "a letter of 2022" "$(as alice@a.test mailq)" ' for [0-9]+ days '
status_is "the list of letters says so, too" 0 as alice@a.test list
like "with the cure" "$out" '^1 of yours has not been handed in, the oldest for [0-9]+ days: mc.* mailq$'
status_is "it is tried: still away" 75 as alice@a.test flush
is "and stays" "$(ls "$queue" | wc -l)" 1
status_is "another one, which will be refused" 0 as alice@a.test sendmail bob@nowhere.test <"$T/one"
printf 'rubbish' >"$queue/01GM7G7W000000000000000000"
tests/world start "$W" oms a.test
status_is "the server is there again" 0 as alice@a.test sendmail -q15m
ok "it comes from the queue" received bob@b.test "$T/got"
like "with the date at which it was written" "$(cat "$T/got")" '^Date: .* 2022 '
like "what was refused, and what cannot be read, are told" "$(as alice@a.test mailq | tr '\n' '|')" \
    '^01GM7G7W000000000000000000  .*cannot be read, or is damaged\|[0-9A-Z]{26}  31  for (now|[0-9]+ min)  bob@nowhere\.test\|    refused: .*nowhere\.test\|$'
had=$(as bob@b.test list --json | wc -l)
status_is "once more" 0 as alice@a.test flush
is "nothing comes twice" "$(as bob@b.test list --json | wc -l)" "$had"

# A flush whose answer is lost: the same token, no second letter.
tests/world stop "$W" oms a.test
status_is "one more waits" 0 as alice@a.test sendmail bob@b.test <"$T/one"
saved=$(ls "$queue"/01M* "$queue"/0[1-9]* 2>/dev/null | grep -v '01GM\|\.why' | sort | tail -1)
cp -p "$saved" "$T/saved"
tests/world start "$W" oms a.test
status_is "is sent" 0 as alice@a.test flush
ok "and comes" received bob@b.test "$T/got"
cp -p "$T/saved" "$saved"
status_is "as if the answer had been lost: sent again" 0 as alice@a.test flush
is "and kept once" "$(grep -c 'submit\.letter .*word=ok' "$OMS_LOG_a_test")" 5

# -- nowhere to keep it -------------------------------------------------------------------------------------------

tests/world stop "$W" oms a.test
mkdir "$T/ro"
: >"$T/ro/file"
status_is "neither server nor folder" 75 enter env HOME="$home" XDG_DATA_HOME="$T/ro/file" "$PWD/build/$MODE/mc" sendmail bob@b.test <"$T/one"
like "both are told" "$err" 'nor could it be kept for later'
mkdir "$T/empty"
status_is "no account, and no oms here" 75 enter env HOME="$T/empty" "$PWD/build/$MODE/mc" sendmail bob@b.test <"$T/one"
ok "nothing is made" test ! -e "$T/empty/.local"

# -- durable --------------------------------------------------------------------------------------------------------

if strace -qq -e trace=none true 2>/dev/null; then
	# LeakSanitizer does not work in a process that is traced.
	enter env HOME="$home" ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" strace -qq -f -yy -e trace=fsync,fdatasync,rename,renameat,renameat2 -o "$T/trace" \
	    "$PWD/build/$MODE/mc" sendmail bob@b.test <"$T/one"
	is "the file is synced, named, and its folder synced" \
	    "$(sed -n 's/^[0-9]* *\([a-z]*\)(.*tillcalled\/queue.*/\1/p' "$T/trace" | tr '\n' ' ')" "fsync rename fsync "
else
	skip "the order of system calls" "strace may not trace here"
fi

# -- a socket at which nobody answers -----------------------------------------------------------------------------

TILLCALLED_LOCAL_SOCKET=$T/dead
python3 -c 'import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1])' "$T/dead"
status_is "the oms of this machine is away" 0 enter env HOME="$T/empty" "$PWD/build/$MODE/mc" sendmail root <"$T/one"
like "the letter waits" "$(enter env HOME="$T/empty" "$PWD/build/$MODE/mc" mailq)" '^[0-9A-Z]{26}  31  for (now|[0-9]+ min)  root$'
