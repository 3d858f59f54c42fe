#!/bin/sh
# Mailboxes and aliases by the operators' verbs, and what a wrong command line or configuration is
# answered with.  No daemon runs.
. tests/e2e/lib.sh
plan 66

OMS=build/$MODE/oms IMS=build/$MODE/ims
TILLCALLED_CONF=$T/conf
export TILLCALLED_CONF
unset TILLCALLED_PASSWORD_FILE
conf() {	# LINES
	printf 'version = 1\naccounts = "%s/accounts"\n%s\n' "$T" "$1" >"$T/conf"
	echo 'domain b.test { certificate = "/c" key = "/k" }' >>"$T/conf"
}
conf ""
typing() { _line=$1; shift; printf '%s\n' "$_line" | "$@"; }

ok "an empty list" "$OMS" user list
like "says how to begin" "$err" "oms user add postmaster@b\.test"
ok "a mailbox, its password on standard input" typing "canary-7f3a" "$OMS" user add Bob@B.test
is "is named in its one form" "$out" "added bob@b.test"
is "nobody else may read the file" "$(stat -c %a "$T/accounts")" 640
unlike "nor is the password in it" "$(cat "$T/accounts")" "canary"
like "but keys of 100,000 rounds" "$(cat "$T/accounts")" "^user bob@b\.test scram-sha-256 100000 "
ok "both programs work on it" "$IMS" alias add bobby@b.test bob@b.test
ok "as a list" "$OMS" user list
is "with aliases" "$out" "bob@b.test  also bobby@b.test"
ok "as JSON" "$IMS" --json user list
is "of one object a line" "$out" '{"address":"bob@b.test","aliases":["bobby@b.test"],"iterations":100000}'

status_is "the same once more is refused" 64 typing xxxxxxxx "$OMS" user add bob@b.test
like "with the verb that is meant" "$err" "oms user password bob@b\.test"
status_is "so is an alias's address" 64 typing xxxxxxxx "$OMS" user add bobby@b.test
status_is "and a domain that is not ours" 68 typing xxxxxxxx "$OMS" user add bob@c.test
status_is "and what is no address" 65 typing xxxxxxxx "$OMS" user add bob
like "with how one is written" "$err" "bob is no address: write bob@b\.test"
status_is "an address literal" 65 typing xxxxxxxx "$OMS" user add 'bob@[192.0.2.1]'
status_is "an empty password" 64 typing "" "$OMS" user add zoe@b.test
status_is "one of seven characters" 64 typing "zürich1" "$OMS" user add zoe@b.test
like "with how many it takes" "$err" "fewer than 8 characters"
for blank in ' ' '\302\240'; do
	blanks=$(printf "$blank$blank$blank$blank$blank$blank$blank$blank")
	status_is "one of blanks only" 64 typing "$blanks" "$OMS" user add zoe@b.test
	like "says so" "$err" "contains blanks only"
done
status_is "one with a control character" 64 typing "$(printf 'eight\001more')" "$OMS" user add zoe@b.test
like "says so too" "$err" "controls, or broken UTF-8"
status_is "which a mailbox that is there does not get either" 64 typing "zürich1" "$OMS" user password bob@b.test
before=$(cat "$T/accounts")
ok "a new password" typing "another one" "$OMS" user password bob@b.test
unlike "changes the keys" "$(cat "$T/accounts")" "$(echo "$before" | awk '/^user/ { print substr($7, 1, 20) }')"
like "and keeps the aliases" "$(cat "$T/accounts")" "^alias bobby@b\.test bob@b\.test"
status_is "nobody's password" 67 typing xxxxxxxx "$OMS" user password zoe@b.test

(umask 022 && echo secret12 >"$T/password")
status_is "a password file that others can read" 78 env TILLCALLED_PASSWORD_FILE="$T/password" "$OMS" user add zoe@b.test
chmod 600 "$T/password"
ok "one that they cannot" env TILLCALLED_PASSWORD_FILE="$T/password" "$OMS" user add zoe@b.test </dev/null
for i in 1 2 3 4 5 6; do typing xxxxxxxx "$OMS" -q user add "u$i@b.test" & done
wait
is "writers at once lose nothing" "$("$OMS" user list | grep -c '^u[1-6]@')" 6
ok "an alias goes" "$OMS" alias remove bobby@b.test
ok "a mailbox goes" "$OMS" user remove bob@b.test
like "and may come back" "$out" "oms user add --restore bob@b\.test"
unlike "its keys do not stay" "$(cat "$T/accounts")" "^(user|alias) bob"
like "only until when its letters are kept" "$(cat "$T/accounts")" '^removed bob@b\.test [0-9]+ [0-9]+$'
number=$(sed -n 's/^removed bob@b\.test \([0-9]*\) .*/\1/p' "$T/accounts")
ok "the next user of the address" typing "canary-7f3a" "$OMS" user add bob@b.test
unlike "is another owner" "$(cat "$T/accounts")" "^user bob@b\.test .* $number\$"
ok "and bob is removed, too" "$OMS" -C "$T/conf" user remove bob@b.test
like "with the whole command that undoes it" "$out" "oms -C $T/conf user add --restore bob@b\.test"
ok "and is given it back" typing "canary-7f3a" "$OMS" user add --restore bob@b.test
is "by that name" "$out" "restored bob@b.test"
status_is "what was never there cannot be" 67 typing xxxxxxxx "$OMS" user add --restore yves@b.test
chmod 644 "$T/accounts"
status_is "a file open to others" 78 "$OMS" user list
chmod 640 "$T/accounts"

status_is "a misspelt command" 64 "$OMS" user ad x@b.test
like "is guessed" "$err" "did you mean  oms user add x@b\.test \?"
is "the program says what it is" "$("$IMS" --version)" "ims 0.1"

# -- on a new machine ---------------------------------------------------------------------------------

sed "s,^accounts = .*,accounts = \"$T/var/lib/new/accounts\"," "$T/conf" >"$T/conf new"
chmod 644 "$T/conf new"
ok "a mailbox before the first start" typing "canary-7f3a" "$OMS" -C "$T/conf new" user add bob@b.test
is "its folders are for everybody to pass" "$(stat -c %a "$T/var/lib" "$T/var/lib/new" | sort -u)" 755
status_is "the same once more" 64 typing xxxxxxxx "$OMS" -C "$T/conf new" user add bob@b.test
like "has a cure that is the whole command" "$err" "oms -C '$T/conf new' user password bob@b\.test"
status_is "there is no catch-all" 64 "$OMS" alias add '*@b.test' zoe@b.test
like "and it says so" "$err" 'no alias for all addresses'
status_is "nor a mailbox for all" 64 typing xxxxxxxx "$OMS" user add '*@b.test'
ok "a star among others is one of them" "$OMS" alias add 'z*e@b.test' zoe@b.test

conf 'acounts = "/x"'
status_is "a misspelt key" 78 "$OMS" user list
like "is guessed, with its line" "$err" "$T/conf:3: the file has no key acounts; did you mean accounts\?"
conf 'workers = "many"'
status_is "a wrong value" 78 "$OMS" --json user list
like "is JSON where that is wished" "$err" '^\{"error":\{"code":"config","status":78,'
conf ""
chmod 666 "$T/conf"
status_is "a configuration that others can write" 78 "$OMS" user list
like "names the cure" "$err" "chmod go-w $T/conf"
