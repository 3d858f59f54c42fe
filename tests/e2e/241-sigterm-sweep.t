#!/bin/sh
# SIGTERM while the letters of removed users are being forgotten: a clean end, and the rest is forgotten after
# the restart.
. tests/e2e/lib.sh
plan 6

if ! strace -qq -e trace=none true 2>/dev/null; then
	for name in 1 2 3 4 5 6; do skip "SIGTERM during a sweep" "strace may not trace here"; done
	exit 0
fi

world_up --domains a.test,b.test
accounts=$W/a.test/accounts
forgotten() { log_count "$OMS_LOG_a_test" 'user\.forgotten '; }
any_forgotten() { [ "$(forgotten)" -gt 0 ]; }

for user in alice carol; do
	letter $user@a.test bob@b.test Last | as $user@a.test send bob@b.test >/dev/null
	like "$user has sent a letter" "$(as $user@a.test outbox)" 'bob@b\.test'
done
# Commits are slow, so that the end comes while the first user's letters are being forgotten.
tests/world stop "$W" oms a.test
UNDER="env ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 strace -D -f -qq -e trace=fdatasync -e inject=fdatasync:delay_enter=4000000 -o $T/trace" \
    tests/world start "$W" oms a.test
for user in alice carol; do
	ims a.test user remove $user@a.test >/dev/null
done
sed -i 's/^\(removed [^ ]* [0-9]*\) .*/\1 1700000000/' "$accounts"
ok "the first user's letters are being forgotten" eventually 60 any_forgotten
ok "the daemon is ended meanwhile" tests/world stop "$W" oms a.test
like "in order" "$(tail -1 "$OMS_LOG_a_test") $(forgotten)" 'daemon\.stopped status=0 1$'
tests/world start "$W" oms a.test
both_forgotten() { [ "$(forgotten)" -eq 2 ]; }
ok "the other user's letters are forgotten after the restart" eventually 40 both_forgotten
