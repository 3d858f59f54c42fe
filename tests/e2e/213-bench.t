#!/bin/sh
# `make bench`, one second a row: two builds are measured in turn, and each measurement is a line of JSON.  How fast
# anything is, is no test here, where other tests run beside it.
. tests/e2e/lib.sh
plan 18

bench() { tests/bench/run --pairs 1 --seconds 1 --json "$T/lines" "$@" >"$T/said" 2>"$T/err"; }
lines() { perl -MJSON::PP -ne 'my $l = decode_json($_); my $r = $l->{result};
    print "$l->{row} $l->{side} ", $r->{fault} // (($r->{rate} // $r->{s}) > 0 ? "measured" : "nothing"), "\n"' "$T/lines"; }

bench --bin "build/$MODE" --row accept-1,fetch-1
is "it ends well" "$? $(cat "$T/err")" "0 "
is "each row is measured for both builds" "$(lines | sort)" "accept-1 other measured
accept-1 this measured
fetch-1 other measured
fetch-1 this measured"
said=$(cat "$T/said")
like "the table has how many letters a second" "$said" '^ +this +[0-9.]+/s +[0-9.]+ F +p50 '
like "and the machine's limits of the same minute" "$said" "beside it +F [0-9.]+/s, F' [0-9.]+/s, bare LMDB [0-9.]+"
like "and the ratio of the pairs" "$said" '[0-9.]+ x +median of 1 pairs'
is "a letter's CPU time and writes are counted" \
    "$(perl -MJSON::PP -ne 'my $r = decode_json($_)->{result}; print join(" ", map { $r->{$_} > 0 ? "yes" : "no" }
        qw(oms_cpu_us oms_writes oms_syncs)), "\n"' "$T/lines" | sort -u)" "yes yes yes"

bench --row list-1,show-1,notices-1x1,announced-50
is "lists, letters that are here and notices" "$(perl -MJSON::PP -ne 'my $l = decode_json($_); my $r = $l->{result};
    print "$l->{row} ", $r->{fault} // ($r->{rate} > 0 ? "measured" : "nothing"), "\n"' "$T/lines")" \
    "list-1 measured
show-1 measured
notices-1x1 measured
announced-50 measured"
# Of an earlier commit: without tools of today.
mkdir -p "$T/earlier/tests/bench"
for program in oms ims mc; do ln -s "$PWD/build/$MODE/$program" "$T/earlier/$program"; done
bench --bin "$T/earlier" --row restart-1000000,store-1 --letters 500
is "a build without tools is compared, too" "$? $(cat "$T/err")" "0 "
is "... its spool is filled by load; what needs a tool is left out" "$(lines | sort)" "restart-1000000 other measured
restart-1000000 this measured
store-1 this measured"
like "... which the table says" "$(cat "$T/said")" 'other +-  \(it has no tests/bench/kv\)'
printf '#!/bin/sh\n' >"$T/earlier/tests/bench/kv"
chmod +x "$T/earlier/tests/bench/kv"
bench --bin "$T/earlier" --row store-1
is "a row that cannot be measured: status 1" "$?" 1
like "... and its name" "$(tail -1 "$T/said")" '^failed: store-1 of other$'
bench --row list-1,accept-1 --runs 2
is "two runs, and what both measured in one table" "$? $(cat "$T/err") $(ls "$T" | grep -c '^lines-[12]\.jsonl$')" "0  2"
like "... beside the limits of each" "$(sed -n '/^2 runs$/,$p' "$T/said" | tr '\n' ' ')" \
    "\(accept-1\) +this +[0-9.]+ [0-9.]+/s, [0-9.]+ [0-9.]+ F, .* +beside it +F [0-9.]+ [0-9.]+/s"
status_is "a row that there is not" 64 tests/bench/run --row nothing
like "is named, with those that there are" "$err" 'no row nothing; there are: accept-50 '

tests/bench/profile --bin "build/$MODE" --row accept-1 --seconds 1 >"$T/said" 2>"$T/err"
is "a profile ends well" "$? $(cat "$T/err")" "0 "
if grep -q '^no profile by perf record' "$T/said"; then
	skip "it has the rooms of the tree and the system calls" "perf may not record here"
else
	like "it has the rooms of the tree and the system calls" "$(tr '\n' ' ' <"$T/said")" \
	    'oms: [0-9.]+ us of CPU time.* common/(store|net|loop) +(own code|lib|kernel).* (fdatasync|pwrite64|epoll_wait) '
fi
