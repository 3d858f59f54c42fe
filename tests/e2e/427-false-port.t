#!/bin/sh
# A domain that names another's host with a port where nobody listens: it delays nothing that goes to that
# host, and what waits for the port is not counted as tried.
. tests/e2e/lib.sh
plan 5

world_up --domains a.test,b.test --set 'workers = 1'
host=${IMS_NOTIFY_b_test%:*} i=0
while [ $i -lt 20 ]; do
	i=$((i + 1))
	echo "_ims._tcp.f$i.test. 60 IN SRV 0 1 1998 h.f$i.test."
	echo "h.f$i.test. 60 IN A $host"
done >"$T/zone"
tests/world zone "$W" "$(cat "$T/zone")"
log=$OMS_LOG_a_test
letter alice@a.test bob@b.test "to a false port" >"$T/letter"
ended() { log_has "$log" "notify\.ended .*peer=$1\.test"; }

as alice@a.test send bob@f1.test <"$T/letter" >/dev/null
ok "the false port is tried" eventually 20 ended f1
# rows: of each recipient that waits, "ADDRESS TRIES WORD TEXT".
rows() {
	as alice@a.test outbox --json | perl -MJSON::PP -ne '
	    for my $l (decode_json($_)) {
	        $_->{state} eq "waiting" and print "$_->{address} $_->{tries} $_->{word} $_->{text}\n" for @{$l->{recipients}}
	    }'
}
# Its pause grows with each failure: soon a domain's first attempt falls into one.
i=1 held=
while [ $i -lt 20 ] && [ -z "$held" ]; do
	i=$((i + 1))
	as alice@a.test send "bob@f$i.test" <"$T/letter" >/dev/null
	eventually 20 ended "f$i" || break
	eventually 20 says "^bob@f$i.test .* unreachable" rows
	held=$(rows | grep "^bob@f$i.test 0 .*lately")
done
like "then another domain's letter is held back without a try, and its sender told why" "$held" ' unreachable .*lately'
ok "while the port is left alone a letter goes to the host's own port" \
    as alice@a.test send --wait 20 bob@b.test <"$T/letter"
is "at the first attempt" "$(log_count "$log" 'notify\.ended .*peer=b\.test')" 0
log_count_is "in one session" "$log" 'notify\.ready .*peer=b\.test' 1
