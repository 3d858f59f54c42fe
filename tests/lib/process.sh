# process — processes that outlive the script which started them, known by pid and start time.
#
# A pid file holds both, so that a number which the system has given to somebody else since is
# never signalled.

# In clock ticks since boot: field 22 of /proc/PID/stat, counted after the name's bracket.
pid_started() {
	[ -r "/proc/$1/stat" ] && sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
}

pid_write() { echo "$2 $(pid_started "$2")" >"$1"; }

pid_of() { cut -d' ' -f1 "$1" 2>/dev/null; }

# Does the process of this file run (and is it no zombie)?  One reading tells both.  A leader that is a zombie
# while other threads of it end still has its sockets: it runs.
pid_alive() {
	[ -f "$1" ] || return 1
	read -r _pid _started <"$1" || return 1
	if [ ! -e /proc/self ]; then kill -0 "$_pid" 2>/dev/null; return; fi
	set -- $(sed 's/.*) //' "/proc/$_pid/stat" 2>/dev/null)
	[ "${20:-}" = "$_started" ] && { [ "${1:-Z}" != Z ] || [ "${18:-1}" -gt 1 ]; }
}

pid_signal() { pid_alive "$2" && kill "-$1" "$(pid_of "$2")" 2>/dev/null; }

# wait_until TENTHS PIDFILE COMMAND...: until the command says yes; no once the process has gone.
wait_until() {
	_left=$(($1 * 5)) _file=$2
	shift 2
	while ! "$@"; do
		_left=$((_left - 1))
		[ $_left -gt 0 ] || return 1
		if ! pid_alive "$_file"; then "$@"; return; fi
		sleep 0.02
	done
}

pid_gone() { ! pid_alive "$1"; }

# pid_end FILE...: a word to all, up to 15 s of patience, then force; the files of what has ended are
# removed.  No where one lives on; for what is not ours to end there is no patience.
pid_ours() { pid_alive "$1" && kill -0 "$(pid_of "$1")" 2>/dev/null; }
pid_end() {
	_living=
	for _f in "$@"; do pid_signal TERM "$_f" || :; done
	for _f in "$@"; do
		_n=0
		while pid_ours "$_f" && [ $_n -lt 750 ]; do sleep 0.02; _n=$((_n + 1)); done
		pid_signal KILL "$_f" || :
		_n=0
		while pid_ours "$_f" && [ $_n -lt 250 ]; do sleep 0.02; _n=$((_n + 1)); done
		if pid_alive "$_f"; then _living="$_living $(pid_of "$_f")"; else rm -f "$_f"; fi
	done
	[ -z "$_living" ] || { echo "world: still running:$_living" >&2; return 1; }
}
