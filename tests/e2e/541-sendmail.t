#!/bin/sh
# mc sendmail, as the programs of a machine call it, where an oms runs on it: cron, mail programs, PHP, git send-email.
. tests/e2e/lib.sh
. tests/lib/submission.sh
plan 52

mkdir -m 755 "$T/run" "$T/bin"
[ "$(id -u)" != 0 ] || chown nobody "$T/run"
login=$(id -un)
submission_up --domains a.test,b.test --oms-set "local-socket = \"$T/run/%HOST%.sock\"" \
    --oms-set "local-user = { \"$login = alice@a.test\", \"carol = carol@a.test\" }"
TILLCALLED_LOCAL_SOCKET=$T/run/a.test.sock
HOME=$T/home
mkdir "$HOME"
export TILLCALLED_LOCAL_SOCKET HOME
for name in sendmail mailq newaliases; do ln -s "$PWD/build/$MODE/mc" "$T/bin/$name"; done
PATH=$T/bin:$PATH

# comes NAME USER INPUT ARGUMENT...: sendmail takes it, and USER has it as $T/got, without trace.
comes() {
	_name=$1 _user=$2 _input=$3
	shift 3
	printf "$_input" >"$T/input"
	status_is "$_name" 0 sendmail "$@" <"$T/input"
	ok "$_name: it comes" received "$_user" "$T/got.all"
	without_trace <"$T/got.all" | tr -d '\r' >"$T/got"
}
flat() { tr '\n' '|' <"$T/got"; }

comes mutt bob@b.test 'From: Alice <alice@a.test>\nTo: bob@b.test\nDate: Mon, 30 Nov 2026 10:00:00 +0000\nMessage-ID: <m@a.test>\n\nx\n.\ny\n' \
    -oem -oi -f alice@a.test -- bob@b.test carol@b.test
is "mutt: the whole letter, with its dot" "$(flat)" \
    'From: Alice <alice@a.test>|To: bob@b.test|Date: Mon, 30 Nov 2026 10:00:00 +0000|Message-ID: <m@a.test>||x|.|y|'
ok "mutt: its second recipient" received carol@b.test "$T/got.all"
comes cron alice@a.test 'From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@host> date\n\nMon\n' -FCronDaemon -i -B8BITMIME -oem "$login"
like "cron: from the login's user, by the name that it gives" "$(flat)" '^From: "CronDaemon" <alice@a\.test>\|Date: .*To: root\|Subject: Cron <root@host> date\|\|Mon\|$'
comes "cron without -F" alice@a.test 'From: root (Cron Daemon)\nTo: root\n\nMon\n' -i "$login"
like "cron without -F: the name is that of the comment" "$(flat)" '^From: "Cron Daemon" <alice@a\.test>\|'
comes php bob@b.test 'To: bob@b.test\nSubject: from php\nX-PHP: 1\n\nx\n' -t -i
like "php: From is added" "$(flat)" '^From: alice@a\.test\|Date: .*\|Message-ID: .*\|To: bob@b\.test\|Subject: from php\|X-PHP: 1\|\|x\|$'
comes "php with -f" bob@b.test 'To: bob@b.test\nFrom: alice@a.test\n\nx\n' -t -i "-f$login"
comes mdadm alice@a.test "From: mdadm monitoring <$login>\nTo: $login\nSubject: Fail\n\nx\n" -t
like "mdadm: from the login" "$(flat)" '^From: alice@a\.test\|'
comes smartd carol@a.test 'Subject: SMART\n\nx\n' carol
comes "Bcc alone" bob@b.test 'Bcc: bob@b.test\nSubject: hidden\n\nx\n' -t
unlike "Bcc alone: it is taken out" "$(flat)" '[Bb]cc'
comes "a line of a dot, without -i" bob@b.test 'Subject: dot\n\nx\n.\nnot this\n' bob@b.test
like "a line of a dot ends the letter" "$(flat)" '\|\|x\|$'
comes "without a last line end" bob@b.test 'Subject: end\n\nx' -i bob@b.test
like "without a last line end: it is added" "$(flat)" '\|\|x\|$'
comes "from nobody" bob@b.test 'Subject: nobody\n\nx\n' -f '<>' bob@b.test

perl -e 'print "Subject: wide\n\n", "w\xc3\xbc=", "x" x 1200, " \nend \n\r\nlast"' >"$T/wide"
status_is "lines that SMTP does not carry" 0 sendmail -i bob@b.test <"$T/wide"
ok "lines that SMTP does not carry: it comes" received bob@b.test "$T/got.all"
ok "lines that SMTP does not carry: none is left" sh -c '! grep -q "^.\{999\}" "$1"' - "$T/got.all"
perl -MMIME::QuotedPrint -0777 -ne '/\r\nMIME-Version: 1\.0\r\nContent-Type: text\/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n(.*)/s
    or die; $_ = decode_qp($1); s/\r\n/\n/g; print' "$T/got.all" >"$T/decoded"
perl -0777 -pe 's/.*?\n\n//s; s/\r\n/\n/g; $_ .= "\n" if !/\n$/' "$T/wide" >"$T/want"
same "lines that SMTP does not carry: the text is the same" "$T/decoded" "$T/want"

printf '%s\r\n' 'EHLO localhost' 'MAIL FROM:<alice@a.test>' 'RCPT TO:<bob@b.test>' >"$T/begin"
said=$(python3 tests/lib/stdin_smtp.py sendmail -bs -odb -oem <"$T/begin")
like "alpine: SMTP on standard input" "$(echo "$said" | tr -d '\r')" '^220 mail\.a\.test ESMTP'
like "alpine: the letter is kept" "$said" '^250 2\.0\.0 kept as'
ok "alpine: it comes" received bob@b.test "$T/got.all"

git init -q "$T/git" && (cd "$T/git" && git config user.name Alice && git config user.email alice@a.test && echo x >x &&
    git add x && git commit -qm 'x: begin' && git format-patch -q --root HEAD)
status_is "git send-email" 0 git -C "$T/git" send-email --quiet --confirm=never --suppress-cc=all --from 'Alice <alice@a.test>' \
    --to bob@b.test --sendmail-cmd "$T/bin/sendmail" "$T/git/0001-x-begin.patch"
ok "git send-email: it comes" received bob@b.test "$T/got.all"
like "git send-email: the patch" "$(cat "$T/got.all")" '^Subject: \[PATCH\] x: begin'

# -- what is refused ------------------------------------------------------------------------------------------

printf 'Subject: x\n\nx\n' >"$T/input"
status_is "a refused recipient" 67 sendmail bob@b.test zoe@a.test <"$T/input"
like "is named" "$err" 'zoe@a\.test: there is no such mailbox'
status_is "another's address" 77 sendmail -f carol@a.test bob@b.test <"$T/input"
status_is "nobody to send it to" 64 sendmail -t <"$T/input"
like "is told here" "$err" 'no recipient was named'
status_is "more than any letter" 65 sh -c 'head -c 269000000 /dev/zero | sendmail bob@b.test'
like "is refused before it is sent" "$err" 'more than 268435456 octets'
status_is "an option that nobody knows" 64 sendmail -bd
status_is "a recipient that is none" 65 sendmail 'b ob@b.test' <"$T/input"
is "none of these was kept" "$(mailq)" "Mail queue is empty"
status_is "newaliases has nothing to do" 0 newaliases
