#!/bin/sh
# System calls that fail: one that serves a peer ends that peer's connection and nothing else, and all
# is well as soon as it works again.  One that fails at start is named by its cause.
. tests/e2e/lib.sh
# LeakSanitizer does not work in a process that is traced.
ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0
export ASAN_OPTIONS

# DAEMON CALL ERRORS...: what the failure may end.
#
#   accept4, fcntl (of the acceptor)   nothing: it pauses, and looks again half a second later
#   epoll_ctl                          the connection, or the pause of the acceptor goes on
#   recvfrom, sendto                   the connection
#   setsockopt, shutdown               nothing
#   epoll_wait                         nothing: it is tried again
#   read, write                        nothing: a waking of a loop by another is seen all the same; a line
#                                      of the log is lost
#   socket, bind, connect              one attempt to reach a server: it is repeated
#   getsockopt                         the same
#   openat, sync_file_range, fsync, renameat
#                                      the one letter whose body is kept in a file: it is refused for now
#   pwrite64, lseek, writev, fdatasync (of the database)
#                                      the daemon, with status 74: LMDB would go on as if nothing had been
#                                      lost.  A lack of space refuses the write alone.  (unit/db_full, 215)
#   getrandom, and memory              the daemon: no id and no key can be made without
table="ims epoll_ctl ENOMEM ENOSPC
ims accept4 EMFILE ENOMEM ECONNABORTED
ims fcntl EMFILE
ims recvfrom ENOMEM ECONNRESET
ims sendto ENOMEM EPIPE
ims setsockopt ENOMEM
ims shutdown ENOTCONN
ims epoll_wait EINVAL
ims read ENOMEM
ims write ENOMEM
oms epoll_ctl ENOMEM ENOSPC
oms socket EMFILE ENOMEM
oms bind EADDRINUSE
oms connect ENOMEM
oms getsockopt ENOMEM
oms write ENOMEM
oms openat EMFILE
oms sync_file_range EIO
oms fsync EIO
oms renameat EIO"
# At start: DAEMON CALL ERROR WORDS
starts="ims flock EIO Input/output.error
ims eventfd2 EMFILE eventfd.*Too.many.open.files
ims signalfd4 ENOMEM signalfd.*Cannot.allocate.memory
ims listen EADDRINUSE Address.already.in.use
ims clone3 EAGAIN Resource.temporarily.unavailable"
rows=$(echo "$table" | awk '{ n += NF - 2 } END { print n }')
files=4	# rows of a letter that is kept in a file
plan $((4 * rows + files + 2 * $(echo "$starts" | wc -l)))

if ! strace -qq -e trace=none true 2>/dev/null; then
	while [ $tap_count -lt $tap_planned ]; do skip "a failing call" "strace may not trace here"; done
	exit 0
fi

world_up --domains a.test,b.test
pid() { tests/world status "$W" | sed -n "s/^$1-$2 \([0-9]*\)$/\1/p"; }
# failing PID CALL ERROR: from now on, until `working`.
failing() {
	strace -f -qq -e trace="$2" -e inject="$2:error=$3" -o "$T/trace" -p "$1" 2>"$T/strace" &
	strace_pid=$!
	pids="$pids $strace_pid"
	eventually 20 traced "$1"
}
# Each thread has its tracer.
traced() { ! grep -q '^TracerPid:	0$' /proc/"$1"/task/*/status; }
working() {
	kill $strace_pid
	wait $strace_pid 2>/dev/null
	! traced "$1" || sleep 0.1
}
hit() { [ "$(grep -c INJECTED "$T/trace")" -ge "$1" ]; }
hit_again_or_over() { hit 2 || [ -s "$T/asked" ]; }
listed() { timeout 20 tests/world mc "$W" bob@b.test list; }
number=0
# A large one is kept in a file, and more than 8 MiB of it are written before its end.
large() {
	case $1 in
	openat | fsync | renameat) cat "$T/large" ;;
	sync_file_range) for _i in $(seq 24); do cat "$T/large"; done ;;
	esac
}
send() { letter alice@a.test bob@b.test another "$(large "${1:-}")" | timeout 20 tests/world mc "$W" alice@a.test send bob@b.test; }
has() { [ "$(listed 2>/dev/null | grep -c 'alice@a\.test')" = $number ]; }
head -c 300000 /dev/urandom | base64 >"$T/large"
as bob@b.test list >"$T/out" 2>&1
send >"$T/out" 2>&1 && number=1
eventually 20 has
oms_pid=$(pid oms a.test) ims_pid=$(pid ims b.test)

echo "$table" >"$T/table"
while read -r daemon call errors; do
	for error in $errors; do
		# So that a server is connected to anew.
		if [ "$daemon" = oms ]; then
			tests/world stop "$W" ims b.test
			tests/world start "$W" ims b.test
			ims_pid=$(pid ims b.test)
		fi
		eval "traced_pid=\$${daemon}_pid"
		ok "$daemon, $call $error: begins to fail" failing "$traced_pid" "$call" "$error"
		rm -f "$T/asked"
		{
			case $daemon in
			ims) listed ;;
			oms) send "$call" ;;
			esac >"$T/out" 2>&1
			echo $? >"$T/asked"
		} &
		asks=$!
		pids="$pids $asks"
		ok "it was hit" eventually 20 hit 1
		# An attempt that failed is repeated after two seconds, and after four if that failed too.  A letter
		# that is kept in a file is refused meanwhile: what was hit first may be the look at the folder of
		# the roots, once a second, and not the letter.
		case $daemon-$call in
		ims-* | oms-epoll_ctl) eventually 20 hit_again_or_over ;;
		*-openat | *-fsync | *-renameat | *-sync_file_range) eventually 20 test -s "$T/asked" ;;
		esac
		working "$traced_pid"
		# A letter that was taken comes; one that was refused counts for nothing.
		wait $asks
		case $call in
		openat | fsync | renameat | sync_file_range) like "the letter is refused for now" "$(cat "$T/out")" "\\[storage" ;;
		esac
		[ "$daemon" = oms ] && [ "$(cat "$T/asked")" = 0 ] && number=$((number + 1))
		ok "all is well when it works again" eventually 60 has
		is "neither daemon has ended" "$(pid oms a.test) $(pid ims b.test)" "$oms_pid $ims_pid"
		[ $tap_failed -eq 0 ] || exit 1 # without a daemon each row that follows would only wait
	done
done <"$T/table"

tests/world stop "$W" ims b.test
echo "$starts" >"$T/starts"
while read -r daemon call error words; do
	enter timeout 20 strace -f -qq -e trace="$call" -e inject="$call:error=$error" -o "$T/trace" \
	    "build/$MODE/$daemon" -C "$CONF_b_test" run >"$T/out" 2>&1
	is "$daemon does not start when $call fails with $error" $(($? != 0 && $? != 124)) 1
	like "and names the cause" "$(tail -2 "$T/out")" "$words"
done <"$T/starts"
