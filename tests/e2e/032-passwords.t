#!/bin/sh
# A thousand wrong passwords by 200 connections: a few are checked, the owner elsewhere gets in, and
# whoever guesses is held back even with the right one.
. tests/e2e/lib.sh
plan 13

world_up --domains b.test
guess() {	# FROM USER COUNT [CONNECTIONS]
	tests/world enter "$W" "build/$MODE/tests/tools/guess" "$IMS_MAILBOX_b_test" b.test tillcalled-mailbox/1 \
	    "$1" "$2" "$3" "${4:-200}"
}
count() { sed -n "s/^$1 //p" "$T/said" | grep . || echo 0; }

guess "$WORLD_NET.77" bob@b.test 1000 >"$T/said" 2>&1 &
guessing=$! pids="$pids $!"
ok "while they are tried" eventually 20 log_has "$IMS_LOG_b_test" 'signin\.refused .*word=password-share'
ok "the owner signs in from elsewhere" as bob@b.test list
ok "all are tried" wait $guessing
checked=$(count 535) held=$(count 454)
ok "of a thousand at most 14 were checked, not $checked" [ "$checked" -le 14 ]
ok "but some" [ "$checked" -ge 5 ]
ok "and the others held back: $held" [ "$held" -ge 900 ]
like "the operator sees whom it concerns" "$(ims b.test status)" 'held back .*passwords of bob@b\.test: [0-9]+ refused'

# By one address at as many accounts.
n=1
while [ $n -le 40 ]; do guess "$WORLD_NET.78" "u$n@b.test" 4 & n=$((n + 1)); done >"$T/said" 2>&1
wait
checked=$(awk '$1 == 535 { n += $2 } END { print n + 0 }' "$T/said")
ok "one address has its bound, whoever it is about: $checked" [ "$checked" -le 31 ]
ok "and others are not held back by it" as alice@b.test list

# A thousand by several addresses at one account.
guessing=
for n in 81 82 83 84 85; do
	guess "$WORLD_NET.$n" carol@b.test 200 40 >"$T/said.$n" 2>&1 &
	guessing="$guessing $!" pids="$pids $!"
done
held_back() { ims b.test status | grep -q 'passwords of carol@b\.test'; }
ok "several addresses are held back together" eventually 20 held_back
ok "while the owner signs in from elsewhere" as carol@b.test list
ok "all are tried" wait $guessing
checked=$(cat "$T"/said.8? | awk '$1 == 535 { n += $2 } END { print n + 0 }')
ok "of a thousand at most 10 and 3 for each address were checked, not $checked" [ "$checked" -le 30 ]
