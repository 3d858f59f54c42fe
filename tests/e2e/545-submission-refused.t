#!/bin/sh
# Submission refuses, by its word: strangers, senders that are not the user's, recipients that cannot be, letters that are
# no letters.
. tests/e2e/lib.sh
. tests/lib/submission.sh
plan 55

submission_up --domains a.test+c.test,b.test --domain-set 'message-limit = "64 KiB"'
lines() { printf '%s\r\n' "$@"; }
lines 'From: alice@a.test' 'To: bob@b.test' 'Subject: x' '' 'x' >"$T/good"

# refused NAME PATTERN WORDS-OF-smtplib...
refused() {
	_name=$1 _pattern=$2
	shift 2
	status_is "$_name: refused" 1 smtplib "$@"
	like "$_name: by its word" "$out" "$_pattern"
}
to_bob() { _p=$1; shift; echo "$_p alice@a.test bob@b.test" "$@"; }

refused "AUTH before TLS" '^530 5\.7\.0 \[starttls-required\]' 587 alice@a.test bob@b.test "$T/good" tls=none auth=utf-8
refused "MAIL before AUTH" '^530 5\.7\.0 \[auth-required\]' 465 alice@a.test bob@b.test "$T/good" auth=none
for auth in PLAIN LOGIN CRAM-MD5; do
	case $auth in CRAM-MD5) want='^504 5\.5\.4 \[auth-mechanism\]' ;; *) want='^535 5\.7\.8 \[auth-failed\]' ;; esac
	refused "a wrong password, $auth" "$want" 465 alice@a.test bob@b.test "$T/good" "auth=$auth" password=wrong
done
ok "the log says who it was not" log_has "$OMS_LOG_a_test" 'signin\.refused protocol=submission .*word=auth-failed'
refused "another's address in MAIL" '^550-?5?.*5\.7\.1 \[bad-from\] carol@a\.test is not an address of alice@a\.test' \
    465 alice@a.test bob@b.test "$T/good" from=carol@a.test
refused "an address elsewhere in MAIL" '\[bad-from\]' 465 alice@a.test bob@b.test "$T/good" from=alice@b.test
sed 's/alice/carol/' "$T/good" >"$T/carol"
refused "another's address in From" '^550.*5\.7\.1 \[bad-from\] the letter.s From is not an address of alice@a\.test' 465 alice@a.test bob@b.test "$T/carol"
refused "the same after MAIL FROM:<>" '\[bad-from\]' 465 alice@a.test bob@b.test "$T/carol" from=
{ lines 'From: carol@a.test'; cat "$T/good"; } >"$T/two"
refused "two From" '^554.*5\.6\.0 \[bad-message\] the letter has 2 From fields, not one' 465 alice@a.test bob@b.test "$T/two"
refused "nobody of ours" '^550.*5\.1\.1 \[no-such-user\]' 465 alice@a.test zoe@a.test "$T/good"
refused "a domain that is not there" '^550.*\[(no-such-domain|no-designation|no-mx)\]' 465 alice@a.test bob@nowhere.test "$T/good"
refused "a literal" '\[address-literal\]' 465 alice@a.test 'bob@[192.0.2.1]' "$T/good"
refused "a quoted local part, which our protocols have not" '^553.*\[bad-address\]' 465 alice@a.test '"b o b"@b.test' "$T/good"
refused "a bare LF" '^500 .*\[bare-lf\]' 465 alice@a.test bob@b.test tests/lib/submit.py raw
{ cat "$T/good" | head -3; perl -e 'print "X-Long: ", "x" x 900, "\r\n" for 1 .. 120'; lines '' 'x'; } >"$T/long"
status_is "no limit but that of the letter's size for b.test's users" 1 smtplib 465 alice@a.test bob@b.test "$T/long" mail=SIZE=1
like "a header that is too long, or a letter" "$out" '^55[24] .*\[(bad-message|message-too-big)\]'
size=$(wc -c <"$T/good")
{ cat "$T/good"; perl -e 'print "y" x 62, "\r\n" for 1 .. 1023'; perl -e "print 'z' x (65536 - $size - 1023 * 64 - 2), \"\\r\\n\""; } >"$T/full"
is "a letter of just the limit" "$(wc -c <"$T/full")" 65536
status_is "is taken" 0 smtplib 465 alice@a.test bob@b.test "$T/full"
ok "and comes" received bob@b.test "$T/got"
without_trace <"$T/got" | sed '/^Date:/d; /^Message-ID:/d' >"$T/got.whole"
same "whole" "$T/got.whole" "$T/full"
{ printf 'X: y\r\n'; cat "$T/full"; } >"$T/more"
refused "one that is longer, by its SIZE" '^552 .*5\.3\.4 \[message-too-big\]' 465 alice@a.test bob@b.test "$T/more"
awk '$1 == "domain" { on = $2 == "c.test" } on && $1 == "message-limit" { sub(/"64 KiB"/, "\"1 MiB\"") } { print }' \
    "$CONF_a_test" >"$T/conf" && cat "$T/conf" >"$CONF_a_test"
ok "another domain of the host takes more" tests/world reload "$W" oms a.test
refused "the limit is that of the sender's domain" '^552.*5\.3\.4 \[message-too-big\] a letter may have at most 65536 octets' \
    465 alice@a.test bob@b.test "$T/more"
unlike "and said before there is a recipient" "$out" '250 2\.1\.'
refused "and without it" '^552 5\.3\.4 \[message-too-big\]' 465 alice@a.test bob@b.test "$T/more" mail=BODY=8BITMIME
status_is "100,000 RCPT" 0 smtplib 465 alice@a.test bob@b.test "$T/good" flood=100000
like "are ended after 200: a letter has 100 recipients, and a session 100 refusals" "$out" '^counts 250=100 452=[0-9]+ *(421=1)?$|^counts 250=1[0-9]* '
{ head -3 "$T/good"; perl -e 'print "X: y\r\n" for 1 .. 100000'; lines '' x; } >"$T/fields"
refused "100,000 fields" '^55[24] .*\[(bad-message|message-too-big)\]' 465 alice@a.test bob@b.test "$T/fields" mail=SIZE=1
{ head -3 "$T/good"; lines ''; perl -e 'print "x" x 10485760, "\r\n"'; } >"$T/line"
refused "a line of 10 MB" '\[(line-too-long|message-too-big)\]|Connection unexpectedly closed' 465 alice@a.test bob@b.test "$T/line" mail=SIZE=1
ok "the server goes on" smtplib 465 alice@a.test bob@b.test "$T/good"
status_is "one recipient of two" 1 smtplib 465 alice@a.test bob@b.test,zoe@a.test "$T/good"
like "is refused alone" "$(echo "$out" | tr '\n' ' ')" '250 2\.1\.5 recipient noted 550 .*no-such-user.* 250 2\.0\.0 kept as '
is "nothing that was refused was kept" "$(grep -c 'submission\.letter .*word=ok' "$OMS_LOG_a_test")" 3
