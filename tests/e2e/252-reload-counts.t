#!/bin/sh
# A reload counts where a configuration says whom to believe and how much each may take: what was changed
# decides the next time that it is asked.
. tests/e2e/lib.sh
. tests/lib/peers.sh
. tests/lib/reload.sh
plan 30

world_up --domains a.test,b.test --ims-set 'store-size = "32 MiB"'
printf 'Subject: reload\n\nx\n' >"$T/letter"
for d in c d e; do
	tests/world zone "$W" "$d.test. IN TXT \"v=spf1 ip4:$WORLD_NET.1 -all\""
	peers_take "$T/$d" $(tests/world cert "$W" --domain $d.test)
done
talks() {	# DOMAIN: what an ims answers to the lines of standard input
	enter "$peer" talk "$IMS_NOTIFY_b_test" "from=$WORLD_NET.1" sni=b.test alpn=tillcalled-notify/1 \
	    "cert=$T/${1%.test}.pem" "key=$T/${1%.test}.key" 2>&1
}

# -- how much ------------------------------------------------------------------------------------------

sessions() {	# N of c.test at once; how many are welcome
	rm -f "$T"/over "$T"/session.*
	_open=
	for _n in $(seq 1 "$1"); do
		{ echo HELLO c.test; until [ -e "$T/over" ]; do sleep 0.1; done; } | talks c.test >"$T/session.$_n" &
		_open="$_open $!" pids="$pids $!"
	done
	all_answered() { [ "$(grep -l '^[245]' "$T"/session.* | wc -l)" -eq "$1" ]; }
	eventually 20 all_answered "$1"
	touch "$T/over"
	wait $_open
	grep -l '^250' "$T"/session.* | wc -l
}
users() {	# N sessions of bob at once; how each is answered
	enter timeout 120 perl -Itests/lib -MSession -e 'my $n = shift;
	    for (1 .. $n) { my $s = eval { Session->start(@ARGV, "tillcalled-mailbox/1") }; print $s ? "in\n" : $@; push @s, $s // () }
	    $_->quit() for @s' "$1" "$IMS_MAILBOX_b_test" bob@b.test "$W/home/bob@b.test/password" >"$T/users" 2>&1
	grep -c '^in$' "$T/users"
}
is "six sessions of a domain are welcome" "$(sessions 6)" 6
is "and six of a user" "$(users 6)" 6
four() {
	is "$key: four sessions of a user are let in" "$(users 6)" 4
	is "$key: and the others too many" "$(grep -c '\[too-many-connections\]' "$T/users")" 2
	is "$key: four sessions are welcome" "$(sessions 6)" 4
	is "$key: and the others too many" "$(grep -l '\[too-many-connections\]' "$T"/session.* | wc -l)" 2
}
row ims b.test - peer-connections 4 four

guesses() {	# COUNT: how many of them are checked
	enter "build/$MODE/tests/tools/guess" "$IMS_MAILBOX_b_test" b.test tillcalled-mailbox/1 "$WORLD_NET.77" \
	    "$2" "$1" 10 | sed -n 's/^535 //p'
}
few() { _checked=$(guesses 24 carol@b.test); [ "$_checked" -gt 0 ] && [ "$_checked" -lt 20 ]; }
ok "not all of 24 wrong passwords are checked" few
all() { is "$key: all are" "$(guesses 24 dora@b.test)" 24; }
row ims b.test - password-guesses 2000 all

unknown() {	# DOMAIN: how many of five it is told of
	tests/lib/notice.pl "$T/${1%.test}.key" "$1" b.test $(seq -f 'nobody%g@b.test' 5) >"$T/batch"
	printf '%s\n' "HELLO $1" "@$T/batch" +4 | talks "$1" >"$T/said"
	echo "$(grep -c '\[no-such-user\]' "$T/said") $(grep -c '\[recipient-share\]' "$T/said")"
}
is "a domain is told of five unknown recipients" "$(unknown d.test)" "5 0"
two() { is "$key: of two" "$(unknown e.test)" "2 3"; }
row ims b.test ims unknown-recipients 2 two

flood() {	# COUNT
	enter timeout 120 "build/$MODE/tests/bench/load" notices --trust "$W/trust" --crls "$W/crls" --connections 1 \
	    --to "$IMS_NOTIFY_b_test" --domain b.test --own c.test --certificate "$T/c.pem" --key "$T/c.key" \
	    --from "$WORLD_NET.1" --recipient bob@b.test --count "$1" --per-seal 16 >"$T/load" 2>&1
}
ok "notices of less than 5 % of the store are taken" flood 320
mailbox_share() {
	status_is "$key: no more are" 75 flood 320
	like "$key: for that reason" "$(cat "$T/load")" '[ \[]sender-mailbox-share'
}
row ims b.test ims sender-mailbox-share 1 mailbox_share
share() {
	status_is "$key: no more are" 75 flood 320
	like "$key: for that reason" "$(cat "$T/load")" '[^-]sender-share'
}
row ims b.test ims sender-share 1 share

# -- whom to believe -----------------------------------------------------------------------------------

# Another certificate of the same key, and another key.
peers_take "$T/own" $(tests/world cert "$W" --domain a.test)
chmod 600 "$T/own.key"
[ "$(id -u)" != 0 ] || chown nobody "$T/own.key"
serial() { openssl x509 -noout -serial; }
shown() {
	enter timeout 80 openssl s_client -connect "$OMS_SUBMIT_a_test" -servername a.test \
	    -alpn tillcalled-submit/1 </dev/null 2>/dev/null | serial
}
misfit() { ok "$key: it is read" eventually 10 log_has "$log" "tls\.identity .*domain=a\.test kept=old why=.*$1"; }
row oms a.test domain key "\"$T/own.key\"" 'misfit .'
both() {
	with domain key "\"$T/own.key\"" <"$conf" >"$T/both"
	cat "$T/both" >"$conf"
	reloads
	is "$key: it is shown with its key" "$(shown)" "$(serial <"$T/own.pem")"
}
row oms a.test domain certificate "\"$T/own.pem\"" both

mkdir -m 755 "$T/trust" "$T/crls" "$T/old"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$T/other.key" -subj /CN=other -days 9 \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
    -out "$T/trust/other.pem" 2>/dev/null
ok "b is believed" as alice@a.test send --wait 20 bob@b.test <"$T/letter"
row oms a.test - trust "\"$T/trust\"" 'logged notify\.ended.*peer=b\.test.*word=certificate-untrusted bob@b.test'

cp "$W"/crls/* "$T/old/"
role=oms host=a.test conf=$W/a.test/tillcalled.conf
with - crls "\"$T/old\"" <"$conf" >"$T/with" && cat "$T/with" >"$conf"
tests/world reload "$W" oms a.test
tests/world revoke "$W" b.test
cp "$W"/crls/* "$T/crls/"
ok "b is believed, though a CRL that a does not have revokes it" as alice@a.test send --wait 20 bob@b.test <"$T/letter"
row oms a.test - crls "\"$T/crls\"" 'logged notify\.ended.*peer=b\.test.*word=certificate-revoked bob@b.test'
