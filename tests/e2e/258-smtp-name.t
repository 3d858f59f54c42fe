#!/bin/sh
# This host's name in SMTP: check says where DNS, the certificate, the key or the accounts do not agree with the
# section smtp, and the cure.
. tests/e2e/lib.sh
. tests/lib/peers.sh
. tests/lib/reload.sh
. tests/lib/knot.sh
plan 76

world_up --domains a.test
F=$W/files
mkdir "$F"
cp "$CONF_a_test" "$F/plain"
conf=$F/conf
own=${OMS_FETCH_a_test%:*}
back=$(echo "$own" | awk -F. '{ print $4 "." $3 "." $2 "." $1 ".in-addr.arpa" }')
inside() { _program=$1; shift; tests/world enter "$W" "build/$MODE/$_program" -C "$conf" "$@"; }
check() { inside oms check "$@"; }
zone() { tests/world zone "$W" "$@"; }
faulty() {	# NAME WHAT CURE
	status_is "$1: refused" 78 check
	like "$1: by what is wrong" "$err" "$2"
	like "$1: and its cure" "$err" "$3"
}
# The host's certificate is one made by these words of tests/world cert.
shows() {
	peers_take "$F/own" $(tests/world cert "$W" --domain mail.a.test "$@")
	chmod 600 "$F/own.key"
	[ "$(id -u)" != 0 ] || chown nobody "$F/own.key"
}
# The section is as it should be, but for KEY.
section() {	# [KEY VALUE]
	{ cat "$F/plain"; cat <<END; } >"$conf"
smtp {
	name = "mail.a.test"
	certificate = "$F/own.pem"
	key = "$F/own.key"
	connect-from = "$own"
	contact = "https://a.test/mail"
	postmaster = "alice@a.test"
}
END
	[ $# -eq 0 ] || { with smtp "$1" "$2" <"$conf" >"$conf.new" && cat "$conf.new" >"$conf"; }
}

shows
section
faulty "a name that is not in DNS" "name of smtp: mail\.a\.test leads to nowhere, not to connect-from $own" \
    "publish the record  mail\.a\.test\. A $own "
like "and the other way is told with it" "$err" "connect-from $own leads back to nowhere, not to mail\.a\.test: .* publish the record  $back\. PTR mail\.a\.test\."
zone "mail.a.test. IN A $own"
faulty "no way back" "name of smtp: connect-from $own leads back to nowhere" "publish the record  $back\. PTR mail\.a\.test\."
unlike "and nothing else is wrong" "$err" 'leads to'
zone "$back. IN PTR host.provider.test."
faulty "a way back to another name" "connect-from $own leads back to host\.provider\.test, not to mail\.a\.test" "$back\. PTR mail\.a\.test\."
zone "$back. IN PTR mail.a.test."
ok "one of several names is enough" check
ok "for the ims, too" inside ims check
zone --remove mail.a.test A
zone "mail.a.test. IN A $WORLD_NET.99"
faulty "a name of another host" "mail\.a\.test leads to $WORLD_NET\.99, not to connect-from $own" "A $own  or write the name's own address"
status_is "the ims: refused" 78 inside ims check
like "the ims: by what is wrong" "$err" "mail\.a\.test leads to $WORLD_NET\.99, not to connect-from $own"
zone "mail.a.test. IN A $own"
ok "one of several addresses is enough" check
section connect-from '"2001:db8::9"'
faulty "an IPv6 address" 'mail\.a\.test leads to nowhere, not to connect-from 2001:db8::9: publish the record  mail\.a\.test\. AAAA 2001:db8::9 ' \
    'publish the record  9(\.0){23}\.8\.b\.d\.0\.1\.0\.0\.2\.ip6\.arpa\. PTR mail\.a\.test\.'
section connect-from '"10.9.8.7"'
faulty "connect-from an address of another host" 'connect-from of smtp: cannot connect from 10\.9\.8\.7' 'write an address of this host'

# -- the certificate and its key ---------------------------------------------------------------------------

section
shows --names DNS:a.test
faulty "the domain's certificate" 'certificate of mail\.a\.test: peers would refuse it, .*certificate-name' 'it names a\.test; get one for mail\.a\.test( |$)'
shows --names 'DNS:*.a.test'
ok "a wildcard will do for a host" check
shows --expired
faulty "an expired one" 'certificate of mail\.a\.test: .*certificate-expired' 'renew it'
shows --days 10
status_is "one that ends in ten days is no fault" 0 check
like "but said" "$out" 'the certificate of mail\.a\.test ends at .*, in (9|10) days: renew it'
shows
cp "$KEY_a_test" "$F/own.key"
faulty "a key that does not fit" 'the key .*/own\.key does not fit the certificate .*/own\.pem' 'write the key that the certificate was requested with'
shows
chmod 644 "$F/own.key"
faulty "a key that others can read" 'key of mail\.a\.test: .*/own\.key is open to others' 'chmod 600'
status_is "a key that others can read: run: refused" 78 inside oms run
like "a key that others can read: run: by what is wrong" "$err" 'own\.key is open to others'
rm "$F/own.key"
faulty "a key that is not there" 'key of mail\.a\.test: the private key .*/own\.key: No such file' 'put the file there'
shows
if [ "$(id -u)" = 0 ]; then
	chown 0:0 "$F/own.key"
	status_is "a key that root alone can read is no fault" 0 check
	like "but said" "$out" "a renewed certificate of mail\.a\.test needs a restart: $F/own\.key is out of reach"
	shows
else
	for what in 1 2; do skip "a key that root alone can read" "not root"; done
fi

# -- the postmaster ----------------------------------------------------------------------------------------

section postmaster '"nobody@a.test"'
faulty "a postmaster whom nobody knows" 'postmaster of smtp: there is no user nobody@a\.test' 'oms -C .* user add nobody@a\.test'
oms a.test alias add pat@a.test alice@a.test >/dev/null
section postmaster '"Pat@A.test"'
ok "an alias will do" check
section postmaster '"alice@b.test"'
faulty "one elsewhere" 'postmaster = "alice@b\.test" is not at a domain of this file' 'write: postmaster = "postmaster@a\.test"'
section postmaster '""'
ok "nobody need be it" check

# -- a reload ----------------------------------------------------------------------------------------------

section
cat "$conf" >"$W/a.test/tillcalled.conf"
role=oms host=a.test log=$OMS_LOG_a_test
reloads
like "its certificate is read" "$(grep 'tls\.generation' "$log" | tail -1)" 'host=mail\.a\.test'
cp -p "$F/own.pem" "$F/first.pem"
cp -p "$F/own.key" "$F/first.key"
shows
mv "$F/own.pem" "$F/other.pem"
mv "$F/own.key" "$F/other.key"
mv "$F/first.pem" "$F/own.pem"
mv "$F/first.key" "$F/own.key"
counts() { ok "$key of $section: and counts" eventually 10 log_has "$log" "$1"; }
misfit='tls\.identity .*domain=mail\.a\.test kept=old why=.*'
row oms a.test smtp name '"mx.a.test"' 'counts tls\.generation.*host=mx\.a\.test'
row oms a.test smtp certificate "\"$F/other.pem\"" "counts ${misfit}other\.pem"
row oms a.test smtp key "\"$F/other.key\"" "counts ${misfit}other\.key"
row oms a.test smtp connect-from "\"$WORLD_NET.77\"" true
row oms a.test smtp contact '"https://a.test/why"' true
row oms a.test smtp postmaster '"bob@a.test"' true
conf=$F/conf
check -v | sed -n '/^smtp {/,/^}/s/^[[:space:]]*\([a-z-]*\) = .*/smtp.\1/p' | sort >"$T/all"
row_cases tests/e2e/258-*.t >"$T/tried"
is "every key was tried" "$(cat "$T/tried")" "$(cat "$T/all")"

# -- a real name server ------------------------------------------------------------------------------------

ok "there is a name server" knot_have
reverse=${back#*.}
knot_zones="a.test $reverse"
mkdir -p "$T/knot"
serves() {	# NAME ADDRESS: where it leads, and what the address leads back to
	for _z in $knot_zones; do
		printf '%s\n' "$_z. 60 IN SOA ns.test. hostmaster.test. 1 3600 600 86400 1" "$_z. 60 IN NS ns.test." \
		    >"$T/knot/$_z.zone"
	done
	echo "mail.a.test. 60 IN A $2" >>"$T/knot/a.test.zone"
	echo "$back. 60 IN PTR $1." >>"$T/knot/$reverse.zone"
}
serves mail.a.test "$own"
ok "it serves the names" knot_start off
section
sed -i "s|^resolver = .*|resolver = \"$WORLD_NET.53@5353,anchor=none\"|" "$conf"
ok "a name server's word is enough" check
knot_stop
serves other.a.test "$WORLD_NET.99"
knot_start off
faulty "it says something else" "mail\.a\.test leads to $WORLD_NET\.99, not to connect-from $own" "publish the record  mail\.a\.test\. A $own"
like "both ways" "$err" "connect-from $own leads back to other\.a\.test, not to mail\.a\.test"
knot_stop
faulty "it says nothing" 'name of smtp: .*mail\.a\.test' 'check again when DNS answers'
