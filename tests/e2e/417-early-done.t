#!/bin/sh
# An IMS stores the notice and dies before it answers; its user reads the letter before we repeat the notice.
# The DONE that falls between two attempts is not forgotten where one recipient has the letter.  Where several have it,
# it does not count for a notice that may have come later, and the domain says it again.
. tests/e2e/lib.sh
. tests/lib/peers.sh
plan 9

world_up --domains a.test
at=$WORLD_NET.101 own=p1.test
peers_take "$T/p" $(tests/world cert "$W" --domain $own)
tests/world zone "$W" "$own. 60 IN TXT \"v=spf1 ip4:$at -all\"
host.$own. 60 IN A $at
_ims._tcp.$own. 60 IN SRV 0 1 1471 host.$own."

# plays NAME HOW: an IMS, for one connection; what HOW NAME prints is said.
plays() {
	background ims "$@"
	eventually 10 enter sh -c "ss -ltn | grep -q '$at:1471 '"
}
ims() {
	"$2" "$1" | enter timeout 300 openssl s_server -quiet -naccept 1 -accept "$at:1471" \
	    -alpn tillcalled-notify/1 -cert "$T/p.pem" -key "$T/p.key" >"$T/$1.heard" 2>"$T/$1.err"
}
hears() { eventually 60 grep -aq "^$2" "$T/$1.heard"; }
welcomes() { hears "$1" HELLO && printf '250 2.0.0 welcome\r\n' && hears "$1" SEAL; }
dies() { welcomes "$1" && printf 'that was all\r\n'; } # no reply: the session is over
knows() {
	welcomes "$1" && for _to in $(grep -a '^RCPT' "$T/$1.heard" | cut -c 1-4); do
		printf '250 2.1.5 noticed before\r\n'
	done
	hears "$1" QUIT
}
# reads ID: the letter is fetched, and DONE said.
reads() {
	printf '%s\n' "HELLO $own" "FETCH $1" "DONE $1" QUIT | enter "$peer" talk "$OMS_FETCH_a_test" "from=$at" \
	    sni=a.test alpn=tillcalled-fetch/1 "cert=$T/p.pem" "key=$T/p.key" 2>&1
}
states() { as alice@a.test outbox --json | head -1 | grep -o '"state":"[a-z-]*"' | sort | uniq -c | tr -s ' \n' ' '; }
id_of() { grep -a '^Id: ' "$T/$1.heard" | head -1 | tr -d '\r' | cut -c 5-; }

letter alice@a.test bob@$own one >"$T/letter"
plays one dies
as alice@a.test send bob@$own <"$T/letter" >/dev/null
ok "the notice is sent, and not answered" hears one SEAL
ok "which the outbox shows" eventually 20 says '"state":"waiting".*"tries":[1-9]' as alice@a.test outbox --json
like "the letter is read meanwhile" "$(reads "$(id_of one)")" '^250 .*'
ok "the outbox says so at once" eventually 10 says '^ 1 "state":"fetched" $' states

plays two dies
letter alice@a.test bob@$own two | as alice@a.test send bob@$own carol@$own >/dev/null
ok "a notice for two is sent, and not answered" hears two SEAL
ok "the outbox shows it" eventually 20 says '"state":"waiting","since":[^}]*"tries":[1-9]' as alice@a.test outbox --json
reads "$(id_of two)" >"$T/read"
plays three knows
ok "both were noticed before" hears three SEAL
# An attempt may have fallen where nobody listened, so it is the second or a later one.
ok "which is no DONE" eventually 20 says '"state":"handed-out",[^}]*"tries":[2-9].*"state":"handed-out",[^}]*"tries":[2-9]' as alice@a.test outbox --json
reads "$(id_of two)" >"$T/read"
ok "the domain says DONE again, and the letter is fetched for both" eventually 20 says '^ 2 "state":"fetched" $' states
