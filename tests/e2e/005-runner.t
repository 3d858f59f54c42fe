#!/bin/sh
# The runner itself: what it counts, and everything that must make it fail.
. tests/e2e/lib.sh
plan 41

mkdir -p "$T/tree/tests/e2e" "$T/tree/tests/unit" "$T/tree/build/debug/tests/unit"
cp tests/run "$T/tree/tests/run"

# A tree with one test of these lines; $out is what the runner says, $ended its status.
with() {
	rm -f "$T/tree/tests/e2e/"* "$T/tree/tests/unit/"*
	printf '%s\n' "$@" >"$T/tree/tests/e2e/100-x.t"
	run
}
run() {
	out=$(cd "$T/tree" && env -u TILLCALLED_RUN MODE=debug JOBS=2 TEST_SECONDS=5 tests/run 2>&1 </dev/null)
	ended=$?
	last=$(printf '%s\n' "$out" | tail -1)
}

with 'plan() { echo 1..$1; }' 'plan 2' 'echo ok 1 - a; echo ok 2 - b'
is "all pass: the last line, and status 0" "$last, status $ended" "2 passed, 0 failed, status 0"
with 'echo 1..2; echo ok 1 - a; echo not ok 2 - b; echo words of mine >&2'
is "one fails" "$last, status $ended" "1 passed, 1 failed, status 1"
like "it is named" "$out" '^not ok 2 - b$'
like "beside the file's line, too" "$out" '^FAIL e2e/100-x .* 1 of 2 .*  first: not ok 2 - b$'
like "with what it said" "$out" 'words of mine'
with 'echo ok 1 - a'
is "no plan" "$last, status $ended" "1 passed, 1 failed, status 1"
like "which is said" "$out" 'no plan'
with 'echo 1..5; echo ok 1 - a'
is "fewer than planned" "$last, status $ended" "1 passed, 4 failed, status 1"
like "what never ran is counted" "$out" '^4 not run$'
with 'echo 1..1; echo ok 1 - a; echo ok 2 - b'
is "more than planned" "$last, status $ended" "1 passed, 1 failed, status 1"
with 'if false; then' 'plan 3' 'fi; echo 1..1; echo ok 1 - a'
is "fewer than the file lists" "$last, status $ended" "1 passed, 2 failed, status 1"
with 'echo 1..0 # SKIP no time'
is "skipped whole" "$last, status $ended" "0 passed, 1 failed, status 1"
with 'echo 1..4; echo ok 1 - a; for n in 2 3; do echo "ok $n - b # SKIP strace may not trace here"; done' \
    'echo "ok 4 - c # SKIP not root"'
is "a skipped test has not passed" "$last, status $ended" "1 passed, 0 failed, status 0"
like "the skipped are counted" "$out" '^3 skipped:$'
like "each reason has its line" "$out" '^  e2e/100-x: 2: strace may not trace here$'
like "and another one its own" "$out" '^  e2e/100-x: 1: not root$'
like "the file's line says so, too" "$out" '^ok +e2e/100-x +1 of 4 .* 3 skipped$'
with 'echo 1..1; echo "ok 1 - a # SKIP not root"'
is "where all are skipped nothing is proven" "$last, status $ended" "0 passed, 0 failed, status 1"
with 'echo 1..1; echo ok 1 - a; exit 3'
is "a bad end" "$last, status $ended" "1 passed, 1 failed, status 1"
with 'echo 1..1; echo ok 1 - a; kill -SEGV $$'
is "a crash" "$last, status $ended" "1 passed, 1 failed, status 1"
with 'echo 1..1; echo ok 1 - a; sleep 60'
is "no end" "$last, status $ended" "1 passed, 1 failed, status 1"
with 'echo 1..1; echo ok 1 - a; echo report >$(echo $ASAN_OPTIONS | sed "s/log_path=//;s/:.*//").1'
is "a sanitizer's report" "$last, status $ended" "1 passed, 1 failed, status 1"
like "which is shown" "$out" '^report$'

with "echo 1..1; echo ok 1 - a; setsid sleep 61.25 >/dev/null 2>&1 &"
is "something is left running" "$last, status $ended" "1 passed, 1 failed, status 1"
like "it is named" "$out" 'sleep 61\.25'
is "and ended" "$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' | grep -c 'sleep 61\.25')" 0

cat >"$T/tree/tests/unit/two.c" <<END
static const struct CMUnitTest tests[] = { cmocka_unit_test(a), /* cmocka_unit_test(b), */
	cmocka_unit_test_setup_teardown(c, x, y) };
END
printf '#!/bin/sh\necho 1..1; echo ok 1 - a\n' >"$T/tree/build/debug/tests/unit/two"
chmod +x "$T/tree/build/debug/tests/unit/two"
rm -f "$T/tree/tests/e2e/"*
run
is "a unit that runs fewer than its source lists" "$last, status $ended" "1 passed, 1 failed, status 1"

# What a unit test says before it skips.
cat >"$T/tree/build/debug/tests/unit/two" <<END
#!/bin/sh
echo 1..2; echo ok 1 - a; echo skipped: no mounts here; echo not ok 2 '#' SKIP c
END
run
like "a unit test that is skipped is named with its reason" "$out" '^  unit/two: 1: no mounts here$'

# What a test writes to its TMPDIR.
scratch() { (cd "$T/tree/build/debug/log" && find tmp -type f 2>/dev/null | wc -l); }
with 'echo 1..1; echo ok 1 - a; echo mine >$TMPDIR/left; (cd $TMPDIR && pwd -P; echo $TMPDIR) >tmpdir'
is "a test that passes leaves nothing" "$last, $(scratch)" "1 passed, 0 failed, 0"
like "though its folder was in the logs" "$(head -1 "$T/tree/tmpdir")" '/build/debug/log/tmp/1$'
is "by a short name" "$(sed -n '2{/^.\{6,30\}$/p}' "$T/tree/tmpdir" | wc -l)" 1
is "which is gone" "$(ls -d "$(dirname "$(tail -1 "$T/tree/tmpdir")")" 2>/dev/null)" ""
with 'echo 1..1; echo not ok 1 - a; echo mine >$TMPDIR/left'
is "that of one that fails is kept" "$last, $(cat "$T/tree/build/debug/log/tmp/1/left")" "0 passed, 1 failed, mine"
like "and named" "$out" 'what it left: build/debug/log/tmp/1'

# A run that is ended by kill -9 leaves its link, which the next run removes.
rm -f "$T/tree/tests/e2e/"* "$T/tree/link" "$T/tree/over"
echo 'echo 1..1; dirname $TMPDIR >link; until [ -e over ]; do sleep 0.05; done; echo ok 1 - a' >"$T/tree/tests/e2e/100-x.t"
(cd "$T/tree" && exec env -u TILLCALLED_RUN MODE=debug tests/run >/dev/null 2>&1 </dev/null) &
killed=$! pids="$pids $!"
ok "a run begins" eventually 60 [ -s "$T/tree/link" ]
kill -KILL $killed
wait $killed
touch "$T/tree/over"
link=$(cat "$T/tree/link") mine=/tmp/t.$$.99
is "is killed, and its link is there still" "$(readlink "$link" | grep -c 'log/tmp$')" 1
ln -s "$(readlink "$link")" "$mine"	# of a process that is alive
with 'echo 1..1; echo ok 1 - a'
is "the next run removes it, and no other" "$(ls -d "$link" "$mine" 2>/dev/null)" "$mine"
rm -f "$mine"

chmod 700 "$T/tree"	# the daemons' user may not pass
with 'echo 1..1; echo not ok 1 - a; echo mine >$TMPDIR/left; stat -c %A $TMPDIR/.. $TMPDIR >mode'
is "where not everybody reaches the logs, it is elsewhere" "$(tr '\n' ' ' <"$T/tree/mode")" "drwxr-xr-x drwxrwxrwt "
is "and kept in the logs all the same" "$(cat "$T/tree/build/debug/log/tmp/1/left")" mine
chmod 755 "$T/tree"

# What a test has begun ends with it; the number of a process that has ended may be another's by then.
sleep 621.75 &
other=$! pids="$pids $other"
sh -c '. tests/e2e/lib.sh; plan 1; pids=$1; background sh -c "sleep 622.75; :"; passed a' sh $other >"$T/out" 2>&1
is "a process that is not the test's child goes on" "$(tr '\0' ' ' <"/proc/$other/cmdline")" "sleep 621.75 "
gone() { ! cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' | grep -q 'sleep 622[.]75'; }
ok "a child's child ends with the test" eventually 20 gone
