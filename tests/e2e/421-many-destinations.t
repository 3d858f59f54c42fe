#!/bin/sh
# Letters wait for many domains, and all but one are dead: after a restart the live one is told at once, and
# none of the others is forgotten.  The figure: MANY=4200 WITHIN=10.
. tests/e2e/lib.sh
plan 7

within=${WITHIN:-60} many=${MANY:-300} # of dead domains; more than one page, one seal and the attempts of one class
world_up --domains a.test,b.test
shared=$WORLD_NET.98 closed=$WORLD_NET.99

# A third hangs at a host of its own, a third at one host, a third at one host that refuses connections.
i=0
while [ $i -lt "$many" ]; do
	case $((i % 3)) in
	0) at=127.$((1 + i / 60000)).$((i / 250 % 250)).$((1 + i % 250)) port=1999 ;;
	1) at=$shared port=1999 ;;
	2) at=$closed port=1998 ;;
	esac
	echo "_ims._tcp.d$i.test. 60 IN SRV 0 1 $port h.d$i.test."
	echo "h.d$i.test. 60 IN A $at"
	i=$((i + 1))
done >>"$W/zone"
tests/world zone "$W" 'c.test. 60 IN TXT "here"'
background tests/world enter "$W" perl -MIO::Socket::INET -e '
    my $s = IO::Socket::INET->new(Listen => 4096, ReuseAddr => 1, LocalAddr => "0.0.0.0:1999") or die;
    my @all; while (my $c = $s->accept) { push @all, $c }'
eventually 5 enter sh -c "ss -ltn | grep -q ':1999 '"

letter alice@a.test bob@b.test first >"$T/letter"
ok "b answers" as alice@a.test send --wait 20 bob@b.test <"$T/letter"
tests/world stop "$W" ims b.test
i=0
: >"$T/refused"
while [ $i -lt "$many" ]; do
	to=
	n=0
	while [ $n -lt 100 ] && [ $i -lt "$many" ]; do
		to="$to bob@d$i.test"
		i=$((i + 1)) n=$((n + 1))
	done
	letter alice@a.test bob@d0.test dead | as alice@a.test send $to >"$T/sent" 2>&1 || cat "$T/sent" >>"$T/refused"
done
is "letters to all of them are taken" "$(cat "$T/refused")" ""
as alice@a.test send bob@b.test <"$T/letter" >/dev/null
# rows: of each recipient "ADDRESS STATE TRIES WORD".  A letter that was held back, since the port failed others
# lately, has a word and no try more.
rows() {
	as alice@a.test outbox --json | perl -MJSON::PP -ne '
	    for my $l (decode_json($_)) {
	        print join(" ", @$_{qw(address state tries)}, $_->{word} // "-"), "\n" for @{$l->{recipients}}
	    }'
}
dead() { rows | grep '^bob@d'; }
counted() { dead | grep -Ec "$1"; }	# REGULAR-EXPRESSION
ok "each of them is tried, or held back" eventually 120 says '^0$' counted ' -$'
is "and waits" "$(counted ' waiting ')" "$many"
ok "as the live one does" eventually 20 says '^bob@b.test waiting [1-9]' rows

tests/world stop "$W" oms a.test
tests/world start "$W" ims b.test
began=$(date +%s%N) logged=$(wc -c <"$OMS_LOG_a_test")
tests/world start "$W" oms a.test
ok "after a restart the live one is told" eventually "$within" says '^bob@b.test notified' rows
diag "after $((($(date +%s%N) - began) / 1000000)) ms, with $many dead ones"
ended() { tail -c "+$((logged + 1))" "$OMS_LOG_a_test" | grep -o 'notify\.ended .*peer=d[0-9]*\.test' | sed 's/.*=//' | sort -u | wc -l; }
ok "and each of the others has its turn" eventually 150 eval '[ "$(ended)" = "$many" ]'
