#!/bin/sh
# The socket of an oms for the programs of its machine: who they are is told by the system, and local-user says whose
# addresses they have.
. tests/e2e/lib.sh
. tests/lib/submission.sh
. tests/lib/reload.sh
plan 24

mkdir -m 755 "$T/run"
[ "$(id -u)" != 0 ] || chown nobody "$T/run"
socket=$T/run/a.test.sock
login=$(id -un)
submission_up --domains a.test,b.test --oms-set "local-socket = \"$T/run/%HOST%.sock\"" --set "peer-connections = 8" --oms-set "local-user = { \"$login = alice@a.test\" }"
says_to() { python3 tests/lib/local.py "$socket" "$1"; }

script() {	# FROM-OF-MAIL RCPT LINE...
	printf '%s\n' 'EHLO localhost' "MAIL FROM:<$1>" "RCPT TO:<$2>" DATA
	shift 2
	printf '%s\n' "$@" . QUIT
}
like "everybody may connect" "$(stat -c %A "$socket")" '^srw-rw-rw-'
out=$(script "$login@mail.a.test" bob@b.test "From: Root of all <$login@mail.a.test>" 'To: bob@b.test' 'Bcc: x@b.test' '' 'x' | says_to -)
like "a letter is taken without a password, and nobody may sign in" "$out" '^250 2\.0\.0 kept as [0-9A-Z]{26}$'
unlike "nor is it offered" "$out" AUTH
ok "it comes" received bob@b.test "$T/got"
like "from the address of the login" "$(tr -d '\r' <"$T/got" | tr '\n' '|')" \
    "^Received: by mail\.a\.test with ESMTP \(login $login\)\|	id [^|]*\|From: Root of all <alice@a\.test>\|To: bob@b\.test\|Date: [^|]*\|Message-ID: <[0-9A-Z]{26}@a\.test>\|\|x\|"
ok "it is in the outbox of its user" eventually 20 says 'bob@b\.test +(notified|fetched)' as alice@a.test outbox
out=$(script "" "$login@mail.a.test" "From: ($login@mail.a.test) alice@a.test" '' 'x' | says_to -)
like "for the login itself, from nobody" "$out" 'kept as'
ok "it is its user's" received alice@a.test "$T/got"
like "and a comment stays as it is" "$(cat "$T/got")" "^From: \($login@mail\.a\.test\) alice@a\.test"
out=$(script carol@a.test bob@b.test 'From: alice@a.test' '' 'x' | says_to -)
like "another's address in MAIL: refused" "$out" '\[bad-from\] carol@a\.test is not an address of alice@a\.test'
out=$(script "" bob@b.test 'From: carol@a.test' '' 'x' | says_to -)
like "and in From" "$out" '\[bad-from\] the letter.s From is not an address of alice@a\.test'
like "somebody who is no login" "$(script "" zoe@mail.a.test 'From: alice@a.test' '' x | says_to -)" \
    '^55[0-9].*\[(no-such-domain|no-designation|no-mx|no-such-user)\]'
like "the log names the login" "$(grep 'submission\.refused .*to=zoe' "$OMS_LOG_a_test")" "login=$login user=alice@a\.test to=zoe@mail\.a\.test"

if [ "$(id -u)" = 0 ]; then
	out=$(script "" bob@b.test 'From: daemon@a.test' '' 'x' | says_to daemon)
	like "a login without an address: refused, with the cure" "$out" \
	    '\[bad-from\] the login daemon is daemon@mail\.a\.test here, and there is no such user: add local-user = \{ "daemon = ADDRESS" \}'
else
	skip "another login" "not root"
fi
named() {
	[ "$(id -u)" = 0 ] || { skip "another login" "not root"; return; }
	like "and is known by it" "$(script "" bob@b.test 'From: daemon@mail.a.test' '' x | says_to daemon)" 'kept as'
}
row oms a.test oms local-user "{ \"$login = alice@a.test\", \"daemon = carol@a.test\" }" named
is "a login has as many connections as a user" "$(python3 -c '
import socket, sys
all = [socket.socket(socket.AF_UNIX) for i in range(10)]
for s in all: s.connect(sys.argv[1])
print(sum(s.recv(100)[:4] == b"220 " for s in all))' "$socket")" 8
row oms a.test oms local-socket "\"$T/run/other\"" late
ok "the socket of a daemon that was killed" tests/world kill "$W" oms a.test
ok "is there still" test -S "$socket"
ok "and replaced" tests/world start "$W" oms a.test
like "and serves" "$(script "" bob@b.test 'From: alice@a.test' '' x | says_to -)" 'kept as'
tests/world stop "$W" oms a.test
ok "at its end the daemon removes it" test ! -e "$socket"
