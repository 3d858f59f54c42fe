#!/bin/sh
# A file system without a block left: what puts is refused (system-full); reads, fetches, DONE, drops
# and restarts go on; all is well when space returns, and no daemon ends.
. tests/e2e/lib.sh
plan 72

load() {
	_kind=$1
	shift
	enter timeout 600 "build/$MODE/tests/bench/load" "$_kind" --trust "$W/trust" --crls "$W/crls" \
	    --connections 1 "$@" >"$T/load" 2>&1
}
letters() {
	load letters --to "$OMS_SUBMIT_a_test" --user alice@a.test \
	    --password-file "$W/home/alice@a.test/password" --recipient carol@b.test "$@"
}
notices() {
	load notices --to "$IMS_NOTIFY_b_test" --domain b.test --own c.test --certificate "$certificate" \
	    --key "$key" --from "$WORLD_NET.1" --recipient dora@b.test "$@"
}
mailbox() {
	enter timeout 60 tests/lib/mailbox.pl "$IMS_MAILBOX_b_test" bob@b.test \
	    "$W/home/bob@b.test/password" "$1" 2>/dev/null
}
pid() { tests/world status "$W" | sed -n "s/^$1-$2 \([0-9]*\)$/\1/p"; }
send() { letter alice@a.test bob@b.test "$1" | as alice@a.test send bob@b.test; }
listed() { as bob@b.test list 2>>"$T/list.err" | grep -c 'alice@a\.test'; }	# of bob's notices
has() { [ "$(listed)" = "$1" ]; }

# mounted KIND FOLDER: a file system of 64 MiB there, of which 16 are taken.
mounted() {
	case $1 in
	tmpfs) mount -t tmpfs -o size=64m none "$2" ;;
	ext4) truncate -s 64M "$T/image" && mkfs.ext4 -q -F "$T/image" && mount -o loop "$T/image" "$2" ;;
	esac || return 1
	mounts="$2 $mounts"
	chown nobody "$2" && chmod 700 "$2" && fallocate -l 16M "$2/ballast"
}
# Every block that is left of a file system of ours, never of the machine's disk.
fill() {
	mountpoint -q "$1" && [ "$(stat -f -c '%b * %S' "$1" | xargs expr)" -le 67108864 ] || return 1
	for _size in 65536 4096 512; do
		dd if=/dev/zero of="$1/ballast" bs=$_size oflag=append conv=notrunc,fsync 2>/dev/null
	done
	! dd if=/dev/zero of="$1/ballast" bs=4096 count=1 oflag=append conv=notrunc,fsync 2>/dev/null
}
unmounted() { umount "$1" && mounts=${mounts#"$1 "}; }

# can KIND: may we have such a file system?  Else says why not.
can() {
	if mounted "$1" "$T/mount" >"$T/why" 2>&1; then unmounted "$T/mount" && rm -f "$T/image"; return; fi
	umount "$T/mount" 2>/dev/null
	why="$why$1: $(tr '\n' ' ' <"$T/why")"
	return 1
}
mkdir "$T/mount"
kinds= why=
for kind in tmpfs ext4; do can $kind && kinds="$kinds $kind"; done
rest() {	# those of a kind that we may not have
	while [ $tap_count -lt $tap_planned ]; do skip "a full disk" "no file system of our own here: $why"; done
}
[ -n "$kinds" ] || { rest; exit 0; }

world_up --domains a.test,b.test --ims-set "sender-share = 100"
tests/world zone "$W" 'c.test. IN TXT "v=spf1 ip4:'"$WORLD_NET"'.1 -all"'
set -- $(tests/world cert "$W" --domain c.test)
certificate=$1 key=$2
tests/world stop "$W" oms a.test

held=0
for kind in $kinds; do
	spool=$W/a.test/var/oms store=$W/b.test/var/ims
	ok "$kind: mounted for the oms" mounted $kind "$spool"
	tests/world start "$W" oms a.test
	began=$(pid oms a.test)
	ok "a letter is taken" send "$kind before"
	ok "and told of" eventually 30 has $((held + 1))
	head -c 300000 /dev/urandom | base64 >"$T/large"
	letter alice@a.test bob@b.test "$kind large" "$(cat "$T/large")" | as alice@a.test send bob@b.test >"$T/sent" 2>&1
	ok "so is one that is kept in a file" eventually 30 has $((held + 2))

	ok "every block is taken" fill "$spool"
	letters --count 2000 --size 65536
	letters --count 4000 --size 200
	like "letters are taken until the disk is full" "$(cat "$T/load")" 'system-full'
	status_is "then a letter is refused, for now" 75 send "$kind full"
	like "and its sender is told why" "$err" 'storage is full'
	letter alice@a.test bob@b.test "$kind large2" "$(cat "$T/large")" >"$T/letter"
	status_is "a large one too" 75 as alice@a.test send bob@b.test <"$T/letter"
	ok "a letter taken before can be fetched" as bob@b.test show $((held + 1))
	ok "also out of its file" as bob@b.test show $((held + 2))
	ok "and the DONE is written down" eventually 30 says 'fetched' as alice@a.test outbox
	is "the oms lives on" "$(pid oms a.test)" "$began"
	tests/world stop "$W" oms a.test
	ok "it starts on a full disk" tests/world start "$W" oms a.test
	began=$(pid oms a.test)
	rm "$spool/ballast"
	ok "a letter is taken as soon as there is room" send "$kind after"
	is "without a restart" "$(pid oms a.test)" "$began"
	ok "and told of" eventually 30 has $((held + 3))

	held=$((held + 3))
	tests/world stop "$W" oms a.test
	unmounted "$spool"
	rm -f "$T/image"
done
tests/world start "$W" oms a.test

held=0
tests/world stop "$W" ims b.test
for kind in $kinds; do
	ok "$kind: mounted for the ims" mounted $kind "$store"
	tests/world start "$W" ims b.test
	began=$(pid ims b.test)
	send "$kind 1" >"$T/sent" 2>&1
	ok "its first notice is there" eventually 30 has 1
	letter alice@a.test bob@b.test "$kind large" "$(cat "$T/large")" | as alice@a.test send bob@b.test >"$T/sent" 2>&1
	ok "and that of a large letter" eventually 30 has 2
	for n in 3 4; do send "$kind $n" >"$T/sent" 2>&1; done
	ok "notices are taken" eventually 30 has 4
	ok "a letter is fetched" as bob@b.test show 1
	ok "every block is taken" fill "$store"
	notices --count 20000 --per-seal 16
	like "notices are taken until the disk is full" "$(cat "$T/load")" 'system-full'
	ok "the list is there" has 4
	ok "so is what was fetched" as bob@b.test show 1
	status_is "a letter is not fetched now" 75 as bob@b.test show 2
	like "and its reader is told why" "$err" 'storage is full'
	like "a notice is dropped" "$(mailbox "DROP 4")" '^250 '
	like "another declined" "$(mailbox "DECLINE 3")" '^250 '
	is "the first is gone" "$(listed)" 3
	is "the ims lives on" "$(pid ims b.test)" "$began"
	tests/world stop "$W" ims b.test
	ok "it starts on a full disk" tests/world start "$W" ims b.test
	began=$(pid ims b.test)
	rm "$store/ballast"
	ok "a letter is fetched as soon as there is room" as bob@b.test show 2
	send "$kind after" >"$T/sent" 2>&1
	ok "and a notice taken" eventually 30 has 4
	is "without a restart" "$(pid ims b.test)" "$began"
	tests/world stop "$W" ims b.test
	unmounted "$store"
	rm -f "$T/image"
done

# What a machine cannot have is named, and counts as not run.
rest
