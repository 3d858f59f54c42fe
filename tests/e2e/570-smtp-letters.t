#!/bin/sh
# Letters of every kind pass both SMTP gateways whole, none is lost and none comes twice; swaks, Python's smtplib and
# msmtp bring letters in, by a certificate.  The same with real servers is `make interop`.
. tests/e2e/lib.sh
. tests/lib/smtp.sh
plan 21

world_up --smtp mx --domain-set 'message-limit = "64 MiB"' --oms-set 'smtp-out = "mx"' --ims-set 'listen-smtp = { "%IMS%" }'
at=$WORLD_NET.70
ok "a domain elsewhere" outside old.test $at
ok "its server" mx_up mx $at on=old.test

# -- in --------------------------------------------------------------------------------------------------------

# all_of USER FILES: all letters of a mailbox, as files.
all_of() {
	for _number in $(as "$1" list --json | sed -n 's/.*"number": *\([0-9]*\).*/\1/p'); do
		as "$1" show "$_number" --raw >"$2.$_number" || return 1
	done
}

mkdir "$T/in" "$T/out"
tests/lib/matrix.pl make "$T/in" in eve@old.test bob@b.test >"$T/names"
n=$(wc -l <"$T/names")
{
	smtp_begin mx.old.test
	for name in $(cat "$T/names"); do
		printf '%s\n' "&MAIL FROM:<eve@old.test> BODY=8BITMIME SMTPUTF8" "&RCPT TO:<bob@b.test>" DATA "!letter $T/in/$name"
	done
	echo QUIT
} >"$T/script"
talk "$SMTP_b_test" as=old.test from=$at <"$T/script" >"$T/said"
is "letters of every kind are taken" "$(grep -c '^250 2\.0\.0 kept as ' "$T/said")" "$n"
unlike "and nothing is refused" "$(cat "$T/said")" '^[45][0-9][0-9]'
ok "they are here" all_of bob@b.test "$T/got"
is "whole, each once" "$(tests/lib/matrix.pl judge "$T/in" "$T"/got.*)" "$n letters"

# What is held against them can be wrong.
set -- "$T"/got.*
first=$1
judge() { tests/lib/matrix.pl judge "$T/in" "$@" | paste -sd'|'; }
cp "$first" "$T/kept"
printf '?' | dd of="$first" bs=1 seek=$(($(wc -c <"$first") - 3)) conv=notrunc 2>/dev/null
like "a letter that is changed is noticed" "$(judge "$@")" '^in\.[0-9]+: from octet [0-9]+ of [0-9]+ on: sent'
{ printf 'X-Scanned: yes\r\n'; cat "$T/kept"; } >"$first"
like "so is a field before it that is no trace" "$(judge "$@")" '^in\.[0-9]+: there is more before it than trace: "X-Scanned: yes"'
cp "$T/kept" "$first"
like "one that came twice" "$(judge "$@" "$first")" "^in\.[0-9]+ came twice\|$n letters\$"
shift
like "and one that is lost" "$(judge "$@")" "^in\.[0-9]+ is lost\|$((n - 1)) letters\$"

# -- out -------------------------------------------------------------------------------------------------------

tests/lib/matrix.pl make "$T/out" out alice@a.test bob@old.test >"$T/names"
for name in $(cat "$T/names"); do as alice@a.test send bob@old.test <"$T/out/$name" >>"$T/sent" 2>&1 || echo "$name is refused"; done >"$T/refused"
is "letters of every kind are sent" "$(cat "$T/refused")" ""
have() { [ "$(letters_of mx)" -ge "$1" ]; }
ok "they arrive" eventually 60 have "$n"
is "whole, each once" "$(tests/lib/matrix.pl judge "$T/out" "$T"/mx/*.letter)" "$n letters"
none_waits() { lacks waiting as alice@a.test outbox; }
ok "and the outbox says it" eventually 30 none_waits
is "none comes after that" "$(letters_of mx)" "$n"

# -- programs --------------------------------------------------------------------------------------------------

# newest_has TEXT: a letter of carol's
newest_has() {
	rm -f "$T"/carol.*
	all_of carol@b.test "$T/carol" && grep -q "$1" "$T"/carol.*
}
b_at=${SMTP_b_test%:*}
status_is "swaks" 0 enter swaks --server "$b_at" --local-interface $at --tls --tls-cert "$T/old.test.pem" --tls-key "$T/old.test.key" \
    --helo mx.old.test --from eve@old.test --to carol@b.test --header 'Subject: by swaks' --body 'swaks here' --silent
ok "its letter is here" newest_has 'swaks here'
cat >"$T/brings.py" <<'END'
import smtplib, ssl, sys
at, own, certificate, key, ca = sys.argv[1:]
tls = ssl.create_default_context(cafile=ca)
tls.load_cert_chain(certificate, key)
s = smtplib.SMTP(source_address=(own, 0), local_hostname="mx.old.test")
s._host = "mx.b.test"       # the name that its certificate must bear
s.connect(at, 25)
s._host = "mx.b.test"
s.starttls(context=tls)
s.sendmail("eve@old.test", ["carol@b.test", "dora@b.test"], b"From: eve@old.test\r\nTo: carol@b.test\r\nSubject: by Python\r\n\r\n.\r\nsmtplib here\r\n", ["BODY=8BITMIME"])
s.quit()
END
status_is "Python's smtplib" 0 enter python3 "$T/brings.py" "$b_at" $at "$T/old.test.pem" "$T/old.test.key" "$CA"
ok "its letter is here" newest_has 'smtplib here'
chmod 600 "$T/old.test.key"
printf 'From: eve@old.test\nTo: carol@b.test\nSubject: by msmtp\n\nmsmtp here\n' >"$T/letter"
status_is "msmtp" 0 enter msmtp --file=/dev/null --host="$b_at" \
    --port=25 --source-ip=$at --domain=mx.old.test --from=eve@old.test --tls=on --tls-starttls=on --tls-certcheck=off \
    --tls-cert-file="$T/old.test.pem" --tls-key-file="$T/old.test.key" carol@b.test <"$T/letter"
ok "its letter is here" newest_has 'msmtp here'
