#!/bin/sh
# The accounts file is not there: check, the log and the status say so with the cure, and nobody is refused for
# good as unknown.
. tests/e2e/lib.sh
plan 13

world_up --domains a.test,b.test
file=$(sed -n 's/^accounts = "\(.*\)"/\1/p' "$CONF_b_test")
says_missing="there is no accounts file $file, so nobody can sign in"

mv "$file" "$T/accounts"
ok "of a running daemon" ims b.test status
like "the status says that it is lost" "$out" "accounts file $file is gone; its last reading is in force"
as alice@a.test send --wait 20 bob@b.test <tests/letters/barn.eml >"$T/sent"
is "and it goes on with what it read" $? 0

tests/world stop "$W" ims b.test
ok "check is no fault: the first user may be added later" ims b.test check
like "but says it" "$out" "$says_missing"
cure=$(printf '%s\n' "$out" | sed -n 's/.*make a new one:  //p')
is "with a whole command" "$cure" "ims -C $CONF_b_test user add postmaster@b.test"
tests/world start "$W" ims b.test
ok "a daemon starts" ims b.test status --json
like "and its status says it" "$out" "\"accounts_missing\":\"$says_missing"
ok "so does its log" log_has "$IMS_LOG_b_test" "accounts\\.missing text=\"$says_missing"

as alice@a.test send bob@b.test carol@b.test <tests/letters/barn.eml >"$T/sent" 2>&1
words() { as alice@a.test outbox --json | grep -o '"word":"[^"]*"' | sort | uniq -c | tr -s ' '; }
ok "both recipients wait" eventually 20 says '^ 2 "word":"internal"$' words
mv "$T/accounts" "$file"
unlike "once the file is back it is not said any more" "$(ims b.test status)" 'accounts'
notified() { [ "$(as alice@a.test outbox --json | grep -o '"state":"notified"' | wc -l)" = 3 ]; }
ok "and both are notified" eventually 60 notified

rm "$file"
command=${cure#ims }
printf 'canary-7f3a\n' >"$T/password"
ok "the cure makes one" sh -c "tests/world enter '$W' build/$MODE/ims $command <'$T/password'"
