#!/bin/sh
# Slow DNS delays the author of a letter for some seconds in all.  The next letter of the session is checked
# again, and prompt answers do not add up to a slow one.
. tests/e2e/lib.sh
plan 7

MANY=60
world_up --domains a.example
conf=$CONF_a_example
sed "s|^resolver = .*|resolver = \"$WORLD_NET.53@5353,anchor=none\"|" "$conf" >"$T/conf" && cat "$T/conf" >"$conf"
tests/world stop "$W" oms a.example
tests/world start "$W" oms a.example
background enter tests/lib/slow_dns.pl "$WORLD_NET.53" 5353 60 >"$T/dns"
# The resolver may give up one of the silent domains before its time is over, but not three.
ok "there is a slow name server" eventually 20 grep -q ready "$T/dns"

letter='FROM <alice@a.example>'
recipients() { seq -f 'TO <bob@%g.example>' 1 $MANY; }
submit() {	# REQUEST...: in one session
	ALPN=tillcalled-submit/1 enter tests/lib/mailbox.pl "$OMS_SUBMIT_a_example" alice@a.example \
	    "$W/home/alice@a.example/password" "$@"
}
{
	IFS='
'
	submit "$letter" "TO <bob@silent1.example>" "TO <bob@silent2.example>" "TO <bob@silent3.example>" \
	    "TO <bob@0.example>" \
	    "$letter" $(recipients) >"$T/said"
	unset IFS
}
n() { sed -n "$1p" "$T/said"; }
like "a letter is begun" "$(n 1)" '^250 '
is "a domain that DNS does not answer about refuses nobody" "$(sed -n 2,4p "$T/said" | grep -c '^250 ')" 3
like "then no domain is asked about for that letter" "$(n 5)" '^250 '
like "another letter is begun" "$(n 6)" '^250 '
is "each recipient is answered" "$(sed 1,6d "$T/said" | wc -l)" $MANY
is "and was checked" "$(sed 1,6d "$T/said" | grep -c '\[no-such-domain\]')" $MANY
