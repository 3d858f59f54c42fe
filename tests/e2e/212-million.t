#!/bin/sh
# `make million`, with 3,000 letters: the spool is filled, started, and asked for its queue.  How long that takes
# is no test here, where other tests run beside it.
. tests/e2e/lib.sh
plan 4

tests/million 3000 >"$T/said" 2>"$T/err"
like "it ends with a judgement, good or not" "$?" '^[01]$'
said=$(cat "$T/said" "$T/err")
like "the letters are there" "$said" 'filled with +3000 letters in [0-9.]+ s$'
is "four starts are measured, each until a letter is accepted" \
    "$(grep -Ec 'from start to the first accepted letter +[0-9]+\.[0-9]{3} s$' "$T/said")" 4
like "and the first page of the queue" "$said" 'oms queue: its first line after +[0-9.]+ s$'
