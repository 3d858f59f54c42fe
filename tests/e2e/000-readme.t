#!/bin/sh
# Every command that README.md shows, as it is there.
#
# The blocks marked sh are run one after the other, each line a test.  Only these are read in another
# way: `make demo` runs the demo of the build that is being tested, `make check` and its kinds are
# what runs this, and goals that are long, change the tree or need tools of their own must merely
# exist.
. tests/e2e/lib.sh

awk '/^```/ { inside = $0 == "```sh"; next } inside && !/^[ \t]*(#|$)/' README.md >"$T/commands"
plan "$(wc -l <"$T/commands")"
mkdir "$T/at"
W=$T/at/world

while IFS= read -r line <&7; do
	command=$(printf '%s\n' "$line" | sed "s|  *#.*||; s|/tmp/world|$W|g")
	case $command in
	"make demo"*) command="tests/demo${command#make demo}" ;;
	"make check"* | "make bare" | "make tidy"* | "make fuzz"* | "make format" | make | "make MODE="*)
		goal=${command#make} goal=${goal%% T=*}
		command="make -n${goal} >/dev/null" ;;
	esac
	ok "$line" sh -c "$command"
done 7<"$T/commands"
