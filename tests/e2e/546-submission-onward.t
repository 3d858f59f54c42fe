#!/bin/sh
# What mail programs submit goes on by SMTP, too: whole, from whom MAIL said, and nothing is promised that is not kept.
. tests/e2e/lib.sh
. tests/lib/submission.sh
. tests/lib/smtp.sh
. tests/lib/reload.sh
plan 30

submission_up --domains a.test,b.test --oms-set 'smtp-out = "mx"'
ok "a domain elsewhere" outside old.test "$WORLD_NET.70"
mx_up good "$WORLD_NET.70" on=old.test
lines() { printf '%s\r\n' "$@"; }
lines 'From: Alice <alice@a.test>' 'To: bob@old.test' 'Subject: x' 'Date: Mon, 30 Nov 2026 10:00:00 +0000' 'Message-ID: <o@a.test>' '' '.x' 'für' >"$T/letter"
came() { [ "$(letters_of good)" -ge "$1" ]; }

status_is "a letter" 0 smtplib 465 alice@a.test bob@old.test "$T/letter" mail=BODY=8BITMIME
id=$(printf '%s\n' "$out" | sed -n 's/.*kept as \([0-9A-Z]\{26\}\).*/\1/p')
ok "goes on" eventually 60 came 1
like "from its author" "$(cat "$T/good/1.envelope")" '^MAIL FROM:<alice@a\.test>'
tail -c "$(wc -c <"$T/letter")" "$T/good/1.letter" >"$T/arrived"
same "whole" "$T/arrived" "$T/letter"
unlike "without the address of the user's machine" "$(head -c -"$(wc -c <"$T/letter")" "$T/good/1.letter")" '192\.0\.2\.1[^0-9]|localhost'
ok "the outbox says so" eventually 30 says 'bob@old\.test +by SMTP' as alice@a.test outbox "$id"
status_is "one from nobody" 0 smtplib 465 alice@a.test bob@old.test "$T/letter" from=
ok "goes on, too" eventually 60 came 2
like "from nobody" "$(cat "$T/good/2.envelope")" '^MAIL FROM:<>'
status_is "REQUIRETLS, which nothing on that way keeps, is no parameter" 1 smtplib 465 alice@a.test bob@old.test "$T/letter" mail=REQUIRETLS
like "by its word" "$out" '^555 5\.5\.4 \[bad-parameter\]'
status_is "a domain without mail: refused at RCPT" 1 smtplib 465 alice@a.test bob@nothing.test "$T/letter"
like "by its word" "$out" '^550.*\[(no-mx|no-such-domain|no-designation)\]'

{ head -6 "$T/letter"; perl -e 'print "x" x 998, "\r\n"'; } >"$T/just"
{ head -6 "$T/letter"; perl -e 'print "x" x 999, "\r\n"'; } >"$T/wide"
status_is "a line that SMTP does not carry: refused before it is kept" 1 smtplib 465 alice@a.test bob@old.test,bob@b.test "$T/wide"
like "by its word" "$out" '^554.*5\.6\.0 \[smtp-line\] a line of the letter has 999 octets'
status_is "to one whose server is ours it goes" 0 smtplib 465 alice@a.test bob@b.test "$T/wide"
status_is "mc is told, too" 65 as alice@a.test send --wait 0 bob@old.test <"$T/wide"
like "by its word" "$err" 'smtp-line, status 65'
status_is "998 octets are no fault" 0 smtplib 465 alice@a.test bob@old.test "$T/just"
ok "and go on" eventually 60 came 3

# -- a list manager -------------------------------------------------------------------------------------------

lines 'From: Zoe <zoe@far.example>' 'To: list@a.test' 'Subject: to all' '' 'x' >"$T/all"
status_is "another's From" 1 smtplib 465 carol@a.test bob@old.test "$T/all"
like "by its word" "$out" '\[bad-from\]'
listed() {
	status_is "a list may" 0 smtplib 465 carol@a.test bob@old.test "$T/all"
	ok "and it goes on" eventually 60 came 4
	like "in its own name" "$(cat "$T/good/4.envelope")" '^MAIL FROM:<carol@a\.test>'
	status_is "not from nobody" 1 smtplib 465 carol@a.test bob@old.test "$T/all" from=
	status_is "nor may others" 1 smtplib 465 alice@a.test bob@old.test "$T/all"
}
row oms a.test oms may-send-as-list '{ "carol@a.test" }' listed
status_is "nor itself, once it is no list" 1 smtplib 465 carol@a.test bob@old.test "$T/all"
