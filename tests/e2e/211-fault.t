#!/bin/sh
# The short form of `make fault`: an oms and an ims are killed twelve times while letters are submitted, read,
# marked, dropped and declined; nothing is lost, nothing is there twice, and a recount finds each sum.
. tests/e2e/lib.sh
plan 6

tests/fault --kills 12 >"$T/said" 2>"$T/err"
is "the run ends well" $? 0
said=$(cat "$T/said")
like "it says its seed" "$said" '^seed [0-9]+$'
is "and the time of each kill" "$(grep -Ec '^kill [0-9]+: [oi]ms at [0-9.]+ s, back after [0-9.]+ s$' "$T/said")" 12
last=$(tail -1 "$T/said")
like "nothing is lost" "$last" '^12 kills .*: [1-9][0-9]* letters, 0 lost, '
like "nothing is there twice" "$last" ', 0 twice, '
like "a recount finds what the sums say" "$last" ', sums true$'
[ $tap_failed -eq 0 ] || diag "$said" "$(tail -20 "$T/err")"
