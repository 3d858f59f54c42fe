#!/bin/sh
# Nothing from a letter, a name or a server reaches a terminal as it is.
. tests/e2e/lib.sh
plan 11

world_up --domains a.test,b.test

# on_terminal ARGS...: what mc writes to a terminal, as bob.
on_terminal() {
	LANG=C.UTF-8 LC_ALL=C.UTF-8 script -qec "tests/world mc $W bob@b.test $*" /dev/null </dev/null 2>&1
}
harmless() {	# NAME FILE
	if LC_ALL=C grep -qaP '\x1b|(?<![\xc2-\xf4\x80-\xbf])[\x80-\xbf]|\xc2[\x80-\x9f]|\x7f|\x07|\xe2\x80[\xaa-\xae]' "$2"; then
		failed "$1"
		diag "$(LC_ALL=C cat -v "$2" | head -40)"
	else
		passed "$1"
	fi
}

esc=$(printf '\033')
{
	printf 'From: "%s[2J%s]0;title\007" <alice@a.test>\n' "$esc" "$esc"
	printf 'To: %s[5n <bob@b.test>\nSubject: \302\2331m%s]52;c;aGk=\007 \342\200\256 \233 x\n' "$esc" "$esc"
	printf 'Date: %s[31m\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n' "$esc"
	perl -e 'print map { chr } 0 .. 12, 14 .. 255'	# a lone CR is refused by the server
	printf '\n%s[2J%s]8;;http://x\007%sPq#0\033\\%s_x\033\\\302\235\n' "$esc" "$esc" "$esc" "$esc"
	printf -- '--b\nContent-Type: application/x-%s[1m\nContent-Disposition: attachment; filename="%s[2J\302\233.pdf"\n\nx\n--b--\n' "$esc" "$esc"
} >"$T/letter"
ok "a hostile letter is taken" as alice@a.test send --wait 10 bob@b.test <"$T/letter"
on_terminal list >"$T/list"
like "the list shows it" "$(cat -v "$T/list")" 'alice@a\.test'
harmless "harmlessly" "$T/list"
on_terminal show 1 >"$T/show"
like "it is shown" "$(cat -v "$T/show")" '\\x1b\[2J'
harmless "harmlessly" "$T/show"
on_terminal list >"$T/list"
harmless "and listed with its subject" "$T/list"
on_terminal show 1 --headers >"$T/headers"
harmless "and its header fields" "$T/headers"
on_terminal show "$(printf '\033')[2J" >"$T/error"
harmless "errors too" "$T/error"
on_terminal show 1 --raw >"$T/raw"
like "a letter's octets never go to a terminal" "$(cat -v "$T/raw")" 'usage, status 64'

home=$W/home/carol@b.test
mv "$home/password" "$T/typed"
(eventually 80 grep -q "Password for" "$T/setup"; cat "$T/typed") | script -qec "tests/world mc $W carol@b.test setup carol@b.test" /dev/null >"$T/setup"
like "a password is asked for in a few words" "$(tr -d '\r' <"$T/setup")" '^Password for carol@b\.test: $'
like "and taken" "$(cat "$T/setup")" 'signed in at both servers'
