#!/bin/sh
# What an operator does to mailboxes: lists them and their senders, drops a sender's notices, exports and
# removes a mailbox.  The next user of an address has a mailbox of his own.
. tests/e2e/lib.sh
plan 43

world_up --domains a.test,b.test
announce() {	# TO SUBJECT; the first is longer than any line of the control socket
	body=Hello.
	[ "$2" != 1 ] || body=$(perl -e 'print join "\r\n", map { sprintf "%05d %s", $_, "x" x 60 } 1 .. 6000')
	letter alice@a.test "$1" "$2" "$body" >"$T/letter.$2"
	as alice@a.test send -q --wait 20 "$1" <"$T/letter.$2" >"$T/id"
}
for i in 1 2 3; do announce bob@b.test $i; done
announce carol@b.test 4
ok "bob opens one letter" sh -c "tests/world mc '$W' bob@b.test show 1 >/dev/null"
ok "mailboxes are listed" ims b.test list
like "... with their notices" "$out" '^bob@b\.test +3 notices$'
like "... each" "$out" '^carol@b\.test +1 notice$'
ok "senders are listed" ims b.test list --senders
like "... with what they take" "$out" '^a\.test +4 notices, [0-9.]+ KiB, 0 % of its share$'

# -- drop ----------------------------------------------------------------------------------------

status_is "nobody's notices are dropped" 64 ims b.test drop
like "... it says how one is named" "$err" 'all there are:  ims .* list --senders'
status_is "what is no domain" 65 ims b.test drop --from 'a..test'
ok "a sender's notices go" ims b.test drop --from A.test --mailbox bob@b.test
is "... those that were not opened" "$out" "2 notices dropped"
like "... from one mailbox" "$(ims b.test list)" '^carol@b\.test +1 notice$'
is "the opened letter is there" "$(as bob@b.test list --json | grep -c '"state":"here"')" 1
ok "the rest, as JSON" ims b.test --json drop --from a.test
like "... with its end" "$out" '^\{"dropped":1,"all":true\}$'
status_is "a mailbox that is not there" 67 ims b.test mailbox remove zoe@b.test

like "a mailbox's notices are listed by number" "$(ims b.test list bob@b.test)" '^ +1  here +20[0-9]{2}-[0-9]{2}-[0-9]{2}  alice@a\.test$'
like "... as JSON" "$(ims b.test list bob@b.test --json)" '^\{"number":1,"state":"here",.*"from":"alice@a\.test",.*"letter":true\}'
status_is "... of nobody" 67 ims b.test list zoe@b.test

# -- export --------------------------------------------------------------------------------------

announce bob@b.test 5
ok "a mailbox is exported" ims b.test mailbox export bob@b.test "$T/export"
is "... all of it" "$out" "2 notices, 1 letter in $T/export"
same "... the letter, octet for octet" "$T/export/1.eml" "$T/letter.1"
is "... and what is known of each" "$(grep -c '"from":"alice@a.test"' "$T/export/notices.json")" 2
is "... for nobody else" "$(stat -c %a "$T/export" "$T/export/1.eml" | tr '\n' ' ')" "700 600 "
status_is "never over what is there" 73 ims b.test mailbox export bob@b.test "$T/export"
like "... it says what helps" "$err" 'is there already: name a folder that is not'

# -- the next user of the address ------------------------------------------------------------------

status_is "a mailbox in use stays" 64 ims b.test mailbox remove bob@b.test
like "... it says what comes first" "$err" 'ims user remove bob@b\.test first'
ok "its user is removed" ims b.test user remove bob@b.test
accounts=$(sed -n 's/^accounts = "\(.*\)"/\1/p' "$CONF_b_test")
number=$(sed -n 's/^removed bob@b\.test \([0-9]*\) .*/\1/p' "$accounts")
old="bob@b.test $number"
ok "the daemon learns of it" eventually 20 says "^$old +2 notices, of a removed user, kept until 20" ims b.test list
ok "the address has another user" sh -c "echo 'another-9c1e' | tests/world ims '$W' b.test user add bob@b.test"
ok "... of whom the daemon learns" eventually 20 announce bob@b.test 6
like "... with a mailbox of his own" "$(ims b.test list)" '^bob@b\.test +1 notice$'
like "... beside the former one" "$(ims b.test list)" "^$old +2 notices, of a removed user"
mkdir -p "$T/next"
printf 'another-9c1e\n' >"$T/next/password"
chmod 600 "$T/next/password"
rm -rf "$W/home/bob@b.test/.config/tillcalled" "$W/home/bob@b.test/.local"
next() { TILLCALLED_PASSWORD_FILE=$T/next/password as bob@b.test "$@"; }
ok "he signs in" next list --json
is "... and sees his own letter alone" "$(printf '%s\n' "$out" | grep -c '"number"')" 1
ok "the former one's is exported by its name" ims b.test mailbox export "$old" "$T/former"
same "... with its letter" "$T/former/1.eml" "$T/letter.1"

# -- in the end ------------------------------------------------------------------------------------

tests/world stop "$W" ims b.test
sed -i "s/^removed bob@b\.test $number .*/removed bob@b.test $number 1000000000/" "$accounts"
tests/world start "$W" ims b.test
ok "when its time is over the former mailbox goes" eventually 30 lacks "^$old " ims b.test list
like "... the other stays" "$(ims b.test list)" '^bob@b\.test +1 notice$'
ok "... and the log says so" log_has "$IMS_LOG_b_test" 'mailbox\.removed .*notices=2 word=ok'
ok "a mailbox in use goes by force" ims b.test mailbox remove --in-use bob@b.test
is "... with its notice" "$out" "1 notice dropped"
