#!/bin/sh
# A removed user's sessions end, the next user of the address finds nothing of the former one, and
# --restore gives the former one everything back.
. tests/e2e/lib.sh
plan 25

world_up --domains a.test,b.test
password=$W/home/bob@b.test/password
accounts=$W/b.test/accounts
session() {	# NAME REQUEST...: as bob, in the background
	_name=$1; shift
	tests/world enter "$W" tests/lib/mailbox.pl "$IMS_MAILBOX_b_test" bob@b.test "$password" "$@" >"$T/$_name" 2>&1 &
	pids="$pids $!"
}

letter alice@a.test bob@b.test First | as alice@a.test send bob@b.test >/dev/null
ok "bob has a letter" eventually 20 says alice@a.test as bob@b.test list
letter bob@b.test alice@a.test Mine | as bob@b.test send alice@a.test >/dev/null
like "and has sent one" "$(as bob@b.test outbox)" 'alice@a\.test'

session open NOOP '!closed'
ok "bob is signed in" eventually 60 grep -q '^250' "$T/open"
ok "another password" sh -c 'echo "another one" | tests/world ims "$1" b.test user password bob@b.test' sh "$W"
ok "ends the session of the old one" eventually 60 grep -q 'closed by the server' "$T/open"
ok "the log says why" log_has "$IMS_LOG_b_test" 'signin\.ended .*user=bob@b\.test word=auth-failed'
ok "the old one again" tests/world ims "$W" b.test user password bob@b.test <"$password"

session open2 NOOP '!closed'
ok "bob is signed in again" eventually 60 grep -q '^250' "$T/open2"
ok "bob is removed" ims b.test user remove bob@b.test
ok "the session ends" eventually 60 grep -q 'closed by the server' "$T/open2"
ok "the log says why" log_has "$IMS_LOG_b_test" 'signin\.ended .*user=bob@b\.test word=no-such-user'
status_is "nobody signs in by that name" 77 as bob@b.test list

for role in oms ims; do
	like "$role lists the removed user and how long he can come back" "$($role b.test user list --removed)" '^bob@b\.test  kept until 20[0-9]{2}-[0-9]{2}-[0-9]{2}$'
done
like "... as JSON" "$(ims b.test user list --removed --json)" '^\{"removed":"bob@b\.test","generation":[0-9]+,"until":"20[^"]*Z"\}$'
unlike "... not among the users" "$(ims b.test user list)" 'bob@b'

ok "another person gets the address" tests/world ims "$W" b.test user add bob@b.test <"$password"
ok "and finds nothing in the mailbox" lacks 'alice@a\.test' as bob@b.test list
ok "nor in the outbox" lacks 'alice@a\.test' as bob@b.test outbox
ims b.test user remove bob@b.test >/dev/null
tests/world ims "$W" b.test user add --restore bob@b.test <"$password" >/dev/null
ok "the newest of the two is restored" lacks 'alice@a\.test' as bob@b.test list
ims b.test user remove bob@b.test >/dev/null
# The former one is the older of two.
sed -i "\$d" "$accounts"
tests/world ims "$W" b.test user add --restore bob@b.test <"$password" >/dev/null
like "and the first is as he was" "$(as bob@b.test list 2>&1; as bob@b.test outbox)" 'alice@a\.test'

# -- when the time is over ---------------------------------------------------------------------------
letter bob@b.test alice@a.test Again | as bob@b.test send alice@a.test >/dev/null
like "the outbox is not empty" "$(as bob@b.test outbox)" 'alice@a\.test'
ims b.test user remove bob@b.test >/dev/null
sed -i 's/^\(removed bob@b\.test [0-9]*\) .*/\1 1700000000/' "$accounts"
ok "the letters are forgotten" eventually 20 log_has "$OMS_LOG_b_test" 'user\.forgotten user=.*bob@b\.test [0-9]+'
ok "nothing of them is in the queue" eventually 10 lacks '"from":"bob@b\.test"' oms b.test --json queue
status_is "and --restore says that it is too late" 67 tests/world ims "$W" b.test user add --restore bob@b.test <"$password"
