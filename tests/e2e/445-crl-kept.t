#!/bin/sh
# A CRL is issued anew every few days: what is kept of one letter's serves the next letter as long as it is
# in force, and evidence holds all the same.
. tests/e2e/lib.sh
plan 10

world_up --domains a.test,b.test
ims=$PWD/build/$MODE/ims
papers() { ims b.test --json status | sed 's/.*"papers":\([0-9]*\).*/\1/'; }
announce() {
	letter alice@a.test bob@b.test "$1" >"$T/letter"
	as alice@a.test send -q --wait 20 bob@b.test <"$T/letter" >"$T/id"
}
verified() {	# NUMBER
	ims b.test evidence show bob@b.test "$1" >"$T/evidence"
	env -i PATH="$PATH" "$ims" evidence verify --trust "$CA" "$T/evidence" >"$T/verdict"
}
crls() { openssl cms -cmsout -print -inform PEM -in "$T/evidence" -noout 2>/dev/null | grep 'lastUpdate\|Last Update' | sort; }

ok "a letter is announced" announce one
ok "its evidence holds" verified 1
first=$(crls)
n=$(papers)
sleep 1		# the CRL's date has whole seconds
tests/world crl "$W"
tests/world reload "$W" ims b.test
ok "the new CRL is in force" eventually 20 log_has "$IMS_LOG_b_test" 'reload'
ok "another letter under it" announce two
is "no CRL was kept for it" "$(papers)" "$n"
ok "its evidence holds" verified 2
is "... by the CRL of the first" "$(crls)" "$first"
like "... not revoked then" "$(cat "$T/verdict")" '^ok   revocation '

# -- over ----------------------------------------------------------------------------------------

ok "the mailbox's letters are dropped" ims b.test drop --from a.test --opened
is "... their papers stay until their time has passed" "$(papers)" "$n"
