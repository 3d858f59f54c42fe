#!/bin/sh
# make deps away from a terminal: it says what is going on while it goes on, and apt's own words only
# where it failed.  No package is touched: apt-get, dpkg-query and sudo are ours.
. tests/e2e/lib.sh
plan 11

mkdir "$T/bin"
export PATH="$T/bin:$PATH" T
mkfifo "$T/go"
cat >"$T/bin/dpkg-query" <<'END'
#!/bin/sh
exit 1		# none of them is there
END
cat >"$T/bin/sudo" <<'END'
#!/bin/sh
[ "$1" != -n ] || shift
exec "$@"
END
cat >"$T/bin/apt-get" <<'END'
#!/bin/sh
case " $* " in *" -s "*) exit 0 ;; *" update "*) exit 0 ;; esac
[ -z "${FAILS:-}" ] || { echo "Reading package lists..."; echo "E: Unable to fetch some archives"; exit 100; }
echo "0 upgraded, 30 newly installed, 0 to remove and 0 not upgraded."
for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do echo "Get:$n http://deb.invalid bookworm/main amd64 p$n amd64 1 [1 kB]"; done
[ ! -e "$T/waits" ] || read -r _ <"$T/go"
for n in 1 2 3 4 5 6 7 8 9 10 11 12; do echo "Unpacking p$n (1) ..."; done
for n in 1 2 3 4 5 6 7 8 9 10 11 12; do echo "Setting up p$n (1) ..."; done
echo "noise that nobody wants"
END
chmod +x "$T/bin"/*

: >"$T/waits"
background sh -c 'tests/deps >"$1/out" 2>"$1/err" </dev/null; echo $? >"$1/status"' deps "$T"
ok "how far it is, is said while apt works" eventually 60 log_has "$T/err" 'deps: fetching, 10 of 30$'
ok "and not before it is so" sh -c '! grep -q "setting up" "$0/err"' "$T"
echo >"$T/go"
ok "it ends" eventually 60 test -s "$T/status"
is "well" "$(cat "$T/status")" 0
like "it names what it installs" "$(cat "$T/err")" '^deps: installing [0-9]+ Debian packages: .*libssl-dev'
like "each step is said" "$(cat "$T/err")" '^deps: setting up, 10 of 30$'
like "and how long it took" "$(tail -1 "$T/err")" '^deps: installed in [0-9]+ s$'
unlike "apt's own words are not" "$(cat "$T/err" "$T/out")" 'noise|Get:'

rm "$T/waits"
status_is "where apt fails, so does it" 1 env FAILS=1 tests/deps
like "with apt's last words" "$err" '^E: Unable to fetch some archives'
like "and what is missing" "$err" 'could not install all of:.*libssl-dev'
