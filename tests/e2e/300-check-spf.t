#!/bin/sh
# check spf: RFC 7208's word first, status 0 for pass alone; no configuration, no daemon.
. tests/e2e/lib.sh
plan 27
ims=build/$MODE/ims
export TILLCALLED_CONF="$T/none.conf"

cat >"$T/zone" <<'END'
pass.test. TXT "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all"
soft.test. TXT "v=spf1 ~all"
neutral.test. TXT "v=spf1 ?all"
broken.test. TXT "v=spf1 nonsense:x -all"
none.test. A 192.0.2.1
user.test. TXT "v=spf1 exists:%{l}.ok.test -all"
alice.ok.test. A 127.0.0.2
helo.test. TXT "v=spf1 ip4:192.0.2.9 -all"
local.test. TXT "v=spf1 -all"
temp.test. TXT "v=spf1 include:loop1.test -all"
END
i=1
while [ $i -le 20 ]; do
	echo "loop$i.test. CNAME loop$((i + 1)).test."
	i=$((i + 1))
done >>"$T/zone"

spf() {	# IP FROM [HELO]
	"$ims" check spf --ip "$1" --helo "${3:-mx.test}" --from "$2" --resolver "zone:$T/zone"
}
verdict() {	# WORD STATUS IP FROM [HELO]
	word=$1 status=$2
	shift 2
	status_is "$word for $*" "$status" spf "$@"
	is "... is the first line" "$(printf '%s\n' "$out" | head -1)" "$word"
}
verdict pass 0 192.0.2.1 a@pass.test
verdict pass 0 ::ffff:192.0.2.1 a@pass.test
verdict fail 1 127.0.0.1 a@local.test
verdict softfail 1 192.0.2.1 a@soft.test
verdict neutral 1 192.0.2.1 a@neutral.test
verdict none 1 192.0.2.1 a@none.test
verdict permerror 1 192.0.2.1 a@broken.test
verdict temperror 1 192.0.2.1 a@temp.test
verdict pass 0 192.0.2.9 '<>' helo.test
like "with its reason" "$out" 'SPF pass for .*helo\.test'

status_is "as JSON" 0 "$ims" check spf --json --ip 192.0.2.1 --helo h.test --from alice@user.test \
    --resolver "zone:$T/zone"
like "... with the record" "$out" '^\{"result":"pass",.*"record":"v=spf1 exists.*"depends_on_local_part":true'
status_is "no address" 64 "$ims" check spf --ip 192.0.2 --helo h --from a@b.test --resolver "zone:$T/zone"
status_is "no --from" 64 "$ims" check spf --ip 192.0.2.1 --helo h
like "... says so" "$err" 'needs --from'
status_is "no such zone" 78 "$ims" check spf --ip 192.0.2.1 --helo h --from a@b.test --resolver "zone:$T/x"
status_is "no such configuration" 78 "$ims" -C "$T/x" check spf --ip 192.0.2.1 --helo h --from a@b.test
is "oms knows it too" "$("build/$MODE/oms" check spf --ip 192.0.2.1 --helo h --from a@pass.test \
    --resolver "zone:$T/zone" | head -1)" pass
