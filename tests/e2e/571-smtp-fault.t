#!/bin/sh
# `tests/fault --smtp`, a short one: an oms and an ims are killed while letters pass their SMTP gateways.  Nothing that
# was acknowledged is lost, and a letter that comes twice is explained by a kill.
. tests/e2e/lib.sh
plan 3

status_is "four kills each way" 0 tests/fault --smtp --kills 4 --letters 20
like "letters went out" "$out" '^out: 4 kills, seed [0-9]+: [2-9][0-9]+ letters acknowledged, [0-9]+ came again and are explained by a kill, 0 lost, 0 twice, 0 wrong$'
like "and came in" "$out" '^in: 4 kills, seed [0-9]+: [1-9][0-9]+ letters acknowledged, [0-9]+ came again and are explained by a kill, 0 lost, 0 twice, 0 wrong$'
