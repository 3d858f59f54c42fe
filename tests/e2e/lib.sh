# lib — what every end-to-end test uses: TAP, a folder and a world of its own, cleaned up whatever
# happens.
#
#	. tests/e2e/lib.sh
#	plan 3
#	world_up --domains a.test,b.test
#	ok "a letter is taken" as alice@a.test send bob@b.test <letter
#	like "it is listed" "$(as bob@b.test list)" 'alice@a\.test'
#
# Tests run from the tree's top.  $T is the test's own folder (gone at the end; kept with KEEP=1),
# $W the world's.

: "${MODE:=debug}"
export MODE
set -u
[ -n "${TMPDIR:-}" ] && T=$TMPDIR/test.XXXXXX || T=/tmp/tillcalled-test.XXXXXX
T=$(cd "$(mktemp -d "$T")" && pwd -P)
chmod 755 "$T"		# the daemons' user passes through it
W=$T/world
tap_count=0 tap_planned=0 tap_failed=0 pids= mounts=

# Those that are children of this shell still: the number of one that has ended may be another's by now.
children() {	# PID...
	for tap_child in $(ps -o pid= --ppid $$); do
		case " $* " in *" $tap_child "*) echo "$tap_child" ;; esac
	done
}

# The processes, and all that they have started: a shell that ends leaves its children running.
descendants() {
	for tap_pid; do
		echo "$tap_pid"
		descendants $(ps -o pid= --ppid "$tap_pid")
	done
}

at_end() {
	tap_status=$?
	trap '' INT TERM HUP PIPE
	trap - EXIT
	kill $(descendants $(children $pids)) 2>/dev/null
	[ ! -d "$W/run" ] || tests/world down "$W"
	for tap_mount in $mounts; do umount "$tap_mount"; done
	if [ "$tap_count" -ne "$tap_planned" ] || [ $tap_failed -gt 0 ]; then logs_show; fi
	if [ -n "${KEEP:-}" ]; then diag "kept: $T"; else world_forget; rm -rf "$T"; fi
	[ $tap_status -ne 0 ] || [ $tap_failed -eq 0 ] || tap_status=1
	exit $tap_status
}
trap at_end EXIT
trap 'exit 130' INT TERM HUP PIPE

# A world whose place did not fit is a link to another.
world_forget() { [ ! -d "$W" ] || rm -rf "$(readlink -f "$W")"; }

logs_show() {
	for log in "$W"/*/oms.log "$W"/*/ims.log; do
		[ -s "$log" ] && [ ! -L "$(dirname "$log")" ] || continue
		diag "${log#"$W"/}, the last lines:"
		tail -15 "$log" | sed 's/^/#   /'
	done
}

# -- TAP --------------------------------------------------------------------------------------

plan() {
	tap_planned=$1
	echo "1..$1"
}

diag() { printf '%s\n' "$*" | sed 's/^/# /'; }

passed() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1"
}

failed() {
	tap_count=$((tap_count + 1))
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_count - $1"
}

skip() {	# NAME WHY
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

# ok NAME COMMAND...: the command's status is 0.  What it says is shown if not.
ok() { status_is "$1" 0 "$@"; }

# status_is NAME STATUS [NAME] COMMAND...: ends with that status; $out and $err are what it said.
status_is() {
	tap_name=$1 tap_want=$2
	shift 2
	[ "$1" != "$tap_name" ] || shift
	"$@" >"$T/.out" 2>"$T/.err"
	tap_got=$?
	out=$(cat "$T/.out") err=$(cat "$T/.err")
	if [ $tap_got -eq "$tap_want" ]; then
		passed "$tap_name"
	else
		failed "$tap_name"
		diag "status $tap_got, not $tap_want: $*"
		diag "$(head -c 2000 "$T/.out")"
		diag "$(head -c 2000 "$T/.err")"
	fi
}

is() {		# NAME GOT WANTED
	if [ "$2" = "$3" ]; then
		passed "$1"
	else
		failed "$1"
		diag "got:    $2"
		diag "wanted: $3"
	fi
}

like() {	# NAME TEXT EXTENDED-REGULAR-EXPRESSION
	if printf '%s\n' "$2" | grep -Eq -- "$3"; then
		passed "$1"
	else
		failed "$1"
		diag "no match for: $3"
		diag "in: $2"
	fi
}

# Text that is empty proves nothing, so it fails.
unlike() {
	if [ -z "$2" ]; then
		failed "$1"
		diag "there is no text that could match: $3"
	elif printf '%s\n' "$2" | grep -Eq -- "$3"; then
		failed "$1"
		diag "matches: $3"
		diag "in: $2"
	else
		passed "$1"
	fi
}

# same NAME FILE FILE: octet for octet.
same() {
	if cmp "$2" "$3" >"$T/.cmp" 2>&1; then
		passed "$1"
	else
		failed "$1"
		diag "$(cat "$T/.cmp")"
	fi
}

# -- worlds -----------------------------------------------------------------------------------

# Ends the test where there is none.  From then on $W is the world's real place, which a link leads to where
# $T/world is too long for a socket: find and its like follow no link.
world_up() {
	if ! tests/world up "$W" --until $$ "$@" >"$T/.up" 2>&1; then
		diag "$(cat "$T/.up")"
		exit 1
	fi
	W=$(cd "$W" && pwd -P)
	. "$W/env"
}

# as USER@DOMAIN ARGS...: mc as that user.
as() { tests/world mc "$W" "$@"; }
oms() { tests/world oms "$W" "$@"; }
ims() { tests/world ims "$W" "$@"; }
enter() { tests/world enter "$W" "$@"; }

# eventually SECONDS COMMAND...: true as soon as the command is; asked again every 50 ms.  SECONDS is generous
# for an idle machine; a busy one has four times as many, but where a rule is switched off the test is to
# fail soon.
case $MODE in rules) tap_times=1 ;; *) tap_times=4 ;; esac
eventually() {
	tap_until=$(($(date +%s) + tap_times * $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt $tap_until ] || return 1
		sleep 0.05
	done
}

# says PATTERN COMMAND...: the command's output has a line like it; for use with eventually.
says() {
	tap_pattern=$1
	shift
	"$@" 2>&1 | grep -Eq -- "$tap_pattern"
}

# lacks PATTERN COMMAND...: its status is 0, and no line of what it says is like the pattern; for use with ok and
# eventually.
lacks() {
	tap_pattern=$1
	shift
	tap_said=$("$@" 2>&1) || { printf '%s\n' "$tap_said"; return 1; }
	printf '%s\n' "$tap_said"
	! printf '%s\n' "$tap_said" | grep -Eq -- "$tap_pattern"
}

log_has() { grep -Eq -- "$2" "$1"; }	# FILE PATTERN
log_count() { grep -Ec -- "$2" "$1"; }
# log_count_is NAME FILE PATTERN WANTED: FILE comes to have WANTED such lines, and no more.  A daemon may
# log after it has answered, so the lines are waited for.
log_count_is() {
	reached() { [ "$(log_count "$1" "$2")" -ge "$3" ]; }
	eventually 30 reached "$2" "$3" "$4"
	is "$1" "$(log_count "$2" "$3")" "$4"
}

# clock_movable: daemons that are started from now on have a monotonic clock that clock_move S moves on by
# S seconds, and a wall clock that wall_move S moves on.  A daemon that sleeps finds it out when it wakes.
# The files are written over and never cut: one that reads beside must not find an empty one.
clock_movable() {
	tap_preload=$PWD/build/$MODE/tests/tools/clock_shift.so
	case $MODE in asan | tsan) tap_preload="$(gcc -print-file-name=lib$MODE.so) $tap_preload" ;; esac
	for tap_clock in moved wall; do
		echo 0 >"$T/$tap_clock"
		chmod 644 "$T/$tap_clock"
	done
	UNDER="env MONO_SHIFT=$T/moved CLOCK_SHIFT=$T/wall LD_PRELOAD=$(echo $tap_preload | tr ' ' :)"
	export UNDER
}
clock_move() { echo $(($(cat "$T/moved") + $1)) 1<>"$T/moved"; }
wall_move() { echo $(($(cat "$T/wall") + $1)) 1<>"$T/wall"; }

# background COMMAND...: ended with the test; its pid in $!.
background() {
	"$@" &
	pids="$pids $!"
}

# letter FROM TO SUBJECT [BODY]: a small one, CRLF, on standard output.
letter() {
	printf 'From: %s\r\nTo: %s\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: <%s@test.invalid>\r\n\r\n%s\r\n' \
	    "$1" "$2" "$3" "$(LC_ALL=C date -R)" "$(date +%s%N).$$" "${4:-Hello.}"
}
