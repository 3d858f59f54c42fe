#!/bin/sh
# The manual page and the program say the same: commands, options, exit statuses, keys of mc.conf.
. tests/e2e/lib.sh
plan 5

mc=build/$MODE/mc
section() { awk -v want="$1" '$1 == ".Sh" { on = $0 == ".Sh " want } on' mc/mc.1; }
# missing NAME SECTION WORD...: those words that the section has not.
missing() {
	section "$1" >"$T/section"
	shift
	[ $# -gt 1 ] || echo "no words"
	for word; do grep -Eq -- "(^|[^a-z0-9-])$word([^a-z0-9-]|\$)" "$T/section" || printf '%s ' "$word"; done
}

verbs=$($mc --help | awk '/^$/ { part++; next } part == 2 && $1 != "help" { print $1 }')
is "every command is in the synopsis" "$(missing SYNOPSIS $verbs)" ""
is "and described" "$(missing DESCRIPTION $verbs)" ""
options=$(for verb in $verbs; do $mc "$verb" --help | grep -o -- '--[a-z][a-z-]*'; done | sort -u |
    grep -vE -- '--(account|config|help|version|verbose|quiet|no-color|recipients)$' | sed 's/^-//')
is "every option too" "$(missing SYNOPSIS $options)" ""
statuses=$(grep -oE '"[0-9]\.[0-9]+\.[0-9]+", +[0-9]+|0, "", +[0-9]+' common/base/refusal.h |
    grep -oE '[0-9]+$' | sort -u)
is "every exit status is explained" "$(missing 'EXIT STATUS' 0 $statuses)" ""
keys=$(sed -n '/} keys\[\] = {/,/^};/s/.*{ "\([a-z-]*\)".*/\1/p' mc/config.c)
is "every key of mc.conf is named" "$(missing FILES $keys)" ""
