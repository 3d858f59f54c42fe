#!/bin/sh
# Every command that README.md shows, as it is there, and the configuration.
#
# The blocks marked sh are run one after the other, each line a test.  Only these are read in another
# way: `make demo` runs the demo of the build that is being tested, `make check` and its kinds are
# what runs this, and goals that are long, change the tree or need tools of their own must merely
# exist.
. tests/e2e/lib.sh

awk '/^```/ { inside = $0 == "```sh"; next } inside && !/^[ \t]*(#|$)/' README.md >"$T/commands"
plan $(($(wc -l <"$T/commands") + 2))
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

# The configuration that it shows, with a certificate and a user that are here.
awk '/^```/ { inside = $0 == "```conf"; next } inside' README.md >"$T/shown"
openssl req -x509 -newkey ed25519 -nodes -subj /CN=example.org -keyout "$T/privkey.pem" -out "$T/fullchain.pem" 2>/dev/null
sed "s|/etc/letsencrypt/live/example.org|$T|; s|^user = .*|accounts = \"$T/accounts\"|" "$T/shown" >"$T/conf"
ok "the configuration has no fault" "build/$MODE/oms" -C "$T/conf" user list
like "and is that of example.org" "$err" 'user add postmaster@example\.org'
