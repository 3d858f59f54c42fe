#!/bin/sh
# Submission: the mail programs that people have send by 465 and 587; the letters arrive whole, and the outbox shows
# them like those of mc.
. tests/e2e/lib.sh
. tests/lib/submission.sh
. tests/lib/reload.sh
plan 50

submission_up --domains a.test,b.test
home=$W/home/alice@a.test
password=$(cat "$home/password")
ca=$W/trust/root.pem

# kept NAME COMMAND...: it ends well, and the newest letter of the outbox is bob's, by whom it is fetched whole.
kept() {
	status_is "$1" 0 "$@"
	said=$out
	ok "$1: it comes" received bob@b.test "$T/got"
	without_trace <"$T/got" >"$T/got.whole"
}

# -- the plain way, by Python's smtplib ----------------------------------------------------------------------

lines() { printf '%s\r\n' "$@"; }
lines 'From: Alice <alice@a.test>' 'To: bob@b.test' 'Bcc: carol@b.test,' '	dora@b.test' 'Subject: =?utf-8?q?gr=C3=BCn?=' \
    'Date: Mon, 30 Nov 2026 10:00:00 +0100' 'Message-ID: <one@a.test>' 'resent-bcc : x@b.test' '' 'Hello,' '.a dot' '..' '' \
    'Bcc: für' '' >"$T/one"
sed '/^Bcc: carol/d; /^	dora/d; /^resent-bcc/d' "$T/one" >"$T/one.want"
for port in 465 587; do
	status_is "$port: a letter is taken" 0 smtplib $port alice@a.test bob@b.test,carol@b.test "$T/one" mail=BODY=8BITMIME
	like "$port: over the newest TLS, with all ways to sign in" "$out" \
	    '^auth SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN$'
	id=$(printf '%s\n' "$out" | sed -n 's/.*kept as \([0-9A-Z]\{26\}\).*/\1/p')
	like "$port: kept, by its id" "$id" '^[0-9A-Z]{26}$'
	ok "$port: its outbox says so" eventually 30 says "bob@b\.test +(notified|fetched)" as alice@a.test outbox "$id"
	for user in bob carol; do
		ok "$port: $user has it" received $user@b.test "$T/$user"
		without_trace <"$T/$user" >"$T/$user.whole"
		same "$port: $user has it whole, and without Bcc" "$T/$user.whole" "$T/one.want"
	done
	like "$port: one field of trace, with TLS and no address of the user's" "$(trace <"$T/bob" | tr -d '\r\n')" \
	    '^Received: by mail\.a\.test with ESMTPSA \(TLSv1\.3 TLS_[A-Z0-9_]+\)	id [0-9A-Z]{26}; [A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} 20[0-9]{2} [0-9:]{8} \+0000$'
done

# -- what a letter lacks; how users sign in ------------------------------------------------------------------

lines 'From: alice@a.test' 'Subject: bare' '' 'x' >"$T/bare"
kept "a letter without Date and Message-ID" smtplib 587 alice@a.test bob@b.test "$T/bare" auth=LOGIN tls=1.2
like "signed in by LOGIN, over TLS 1.2, which binds nothing" "$(echo "$said" | tr '\n' ' ')" \
    '^220 .*tls TLSv1\.2 auth SCRAM-SHA-256 PLAIN LOGIN 235 '
like "they are added at the end of its header" "$(tr -d '\r' <"$T/got.whole" | tr '\n' '|')" \
    '^From: alice@a\.test\|Subject: bare\|Date: [A-Z][a-z]{2}, .* \+0000\|Message-ID: <[0-9A-Z]{26}@a\.test>\|\|x\|$'
kept "without a sender, after <>" smtplib 465 alice@a.test bob@b.test "$T/bare" auth=PLAIN from=
oms a.test alias add ally@a.test alice@a.test >/dev/null
lines 'From: Ally <ally@a.test>' 'To: carol@b.test' '' 'x' >"$T/ally"
kept "by an alias, with its password in other characters" smtplib 465 alice@a.test bob@b.test "$T/ally" auth=utf-8 from=ally@a.test \
    "password=$(echo "$password" | sed 's/^/\xc2\xad/')"

# -- the programs ----------------------------------------------------------------------------------------------

for mode in tls:587 tlsc:465; do
	kept "swaks, ${mode#*:}" by_name swaks --server mail.a.test --port "${mode#*:}" --"${mode%:*}" --auth PLAIN \
	    --auth-user alice@a.test --auth-password "$password" --from alice@a.test --to bob@b.test \
	    --header 'Subject: from swaks' --body 'swaks here' --silent
	like "swaks, ${mode#*:}: its words" "$(cat "$T/got.whole")" 'swaks here'
done

for auth in scram-sha-256 plain; do
	cat >"$T/msmtprc" <<END
account default
host mail.a.test
port 587
tls on
tls_trust_file $ca
auth $auth
user alice@a.test
passwordeval cat $home/password
from alice@a.test
END
	chmod 600 "$T/msmtprc"
	kept "msmtp, $auth" by_name msmtp -C "$T/msmtprc" bob@b.test <"$T/one"
	same "msmtp, $auth: the whole letter" "$T/got.whole" "$T/one.want"
done

cat >"$T/muttrc" <<END
set smtp_url = "smtps://alice%40a.test@mail.a.test:465/"
set smtp_pass = "$password"
set smtp_authenticators = "scram-sha-256"
set ssl_force_tls = yes
set certificate_file = "$ca"
set from = "alice@a.test"
set realname = "Alice"
set use_from = yes
set copy = no
END
# Without smtp_authenticators mutt 2.2 takes SCRAM-SHA-256-PLUS, for which it has no binding of TLS 1.3, and gives up.
echo 'from mutt' >"$T/body"
kept "mutt" by_name env HOME="$T" mutt -n -F "$T/muttrc" -s 'by mutt' -a "$T/one" -- bob@b.test <"$T/body"
like "mutt: with its attachment" "$(cat "$T/got.whole")" 'filename="?one'

git init -q "$T/git" && (cd "$T/git" && git config user.name Alice && git config user.email alice@a.test && echo x >x &&
    git add x && git commit -qm 'x: begin' && echo '.' >x && git commit -qam 'x: a dot' && git format-patch -q -1)
git_sends() {
	by_name env HOME="$T" git -C "$T/git" send-email --quiet --confirm=never --suppress-cc=all --from 'Alice <alice@a.test>' \
	    --to bob@b.test --smtp-server mail.a.test --smtp-server-port 465 --smtp-encryption ssl --smtp-user alice@a.test \
	    --smtp-pass "$password" --smtp-ssl-cert-path "$ca" "$T"/git/000*.patch
}
kept "git send-email" git_sends
like "git send-email: the patch" "$(cat "$T/got.whole")" '^\+\.'

# -- the configuration -----------------------------------------------------------------------------------------

row oms a.test oms listen-submission '"none"' late
row oms a.test oms listen-submissions '"none"' late
sed '/^smtp {/,/^}/d' "$CONF_a_test" >"$T/conf"
chmod 644 "$T/conf"
status_is "without the section smtp" 78 enter "build/$MODE/oms" -C "$T/conf" check
like "the fault is named" "$err" 'oms has listen-submission, and there is no section smtp, .*write: smtp \{'
