#!/bin/sh
# A slow disk holds up one letter, not the others of its loop: no thread with a loop opens, reads, writes, syncs,
# closes or removes the file of a body.  Seen from the system calls of both daemons.
. tests/e2e/lib.sh
plan 21

CALLS=recvfrom,sendto,openat,unlinkat,renameat,read,write,pread64,preadv2,fsync,close
if ! strace -qq -e trace=none true 2>/dev/null; then
	for name in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21; do skip "who opens files" "strace may not trace here"; done
	exit 0
fi

trace() {	# DAEMON DOMAIN
	tests/world stop "$W" "$1" "$2"
	UNDER="env ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 strace -D -f -qq -yy -s 8 -e trace=$CALLS -o $T/$1" \
	    tests/world start "$W" "$1" "$2"
}
pid() { tests/world status "$W" | sed -n "s/^$1-$2 \([0-9]*\)$/\1/p"; }
bodies() { find "$W/$2/var/$1" -path "*/bodies/*" -type f ! -name '*.tmp'; }
none_left() { [ "$(bodies "$@" | wc -l)" -eq 0 ]; }
forget_cached() { bodies "$@" | while read -r f; do dd of="$f" oflag=nocache conv=notrunc count=0 2>/dev/null; done; }
judge() { awk -f tests/lib/off_loops.awk -v main="$2" "$T/$1" "$T/$1"; }

world_up --domains a.test,b.test
ok "the oms is traced" trace oms a.test
ok "the ims too" trace ims b.test
oms=$(pid oms a.test) ims=$(pid ims b.test)
letter alice@a.test bob@b.test large >"$T/letter"
head -c 1500000 /dev/urandom | base64 >>"$T/letter"
status_is "a letter of 2 MB" 0 as alice@a.test send --wait 20 bob@b.test <"$T/letter"
is "is kept in a file" "$(bodies oms a.test | wc -l)" 1
forget_cached oms a.test
ok "bob opens it" as bob@b.test show --raw 1
sed 's/\r*$/\r/' "$T/letter" >"$T/crlf"
same "it is as it was sent" "$T/.out" "$T/crlf"
is "his server keeps it in a file" "$(bodies ims b.test | wc -l)" 1
ok "its sender's keeps it no longer" eventually 20 none_left oms a.test
forget_cached ims b.test
ok "he opens it again" as bob@b.test show --raw 1
same "it is as it was sent" "$T/.out" "$T/crlf"
forget_cached ims b.test
ok "his operator exports it" ims b.test mailbox export bob@b.test "$T/export"
ok "and drops it" ims b.test drop --from a.test --opened
ok "now it is nowhere" eventually 20 none_left ims b.test
# The second is given up half way.
head -c 400000 /dev/urandom | base64 | head -c 300000 >>"$T/letter"
printf 'one\rtwo\n' >>"$T/letter"
status_is "a letter that is refused" 65 as alice@a.test send bob@b.test <"$T/letter"
ok "leaves nothing" eventually 20 sh -c "[ -z \"\$(ls '$W/a.test/var/oms/bodies')\" ]"
tests/world stop "$W" oms a.test
tests/world stop "$W" ims b.test

is "no thread of the oms with a loop waited for a file" "$(judge oms "$oms" | tail -3)" \
    "0 on loops; elsewhere: openat write fsync renameat pread64 unlinkat close; at once: preadv2"
is "no thread of the ims with a loop either" "$(judge ims "$ims" | tail -3)" \
    "0 on loops; elsewhere: openat write fsync renameat pread64 unlinkat close; at once: preadv2"

# The judge judges: the same calls, by a thread that speaks TCP.
worker=$(sed -n 's/^\([0-9]*\) *recvfrom([0-9]*<TCP.*/\1/p' "$T/oms" | sort | uniq -c | sort -n | tail -1 | awk '{ print $2 }')
for call in openat pread64 unlinkat close; do
	sed "s|^[0-9]* *\($call([0-9]*<[^>]*/oms/bodies[/>]\)|$worker \1|" "$T/oms" >"$T/moved"
	like "$call by a worker is noticed" "$(judge moved "$oms" | tail -1)" '^[1-9][0-9]* on loops'
done
