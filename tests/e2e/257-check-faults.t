#!/bin/sh
# check says what a start, or a peer, would refuse, with its cure; and what will be a fault soon.
. tests/e2e/lib.sh
. tests/lib/peers.sh
plan 33

world_up --domains a.test
conf=$T/conf
check() { "build/$MODE/oms" -C "$conf" check "$@"; }
fresh() { cp "$CONF_a_test" "$conf"; }
faulty() {	# NAME WHAT CURE
	status_is "$1: refused" 78 check
	like "$1: by what is wrong" "$err" "$2"
	like "$1: and its cure" "$err" "$3"
}
# The domain's certificate is one made by these words of tests/world cert.
shows() {
	peers_take "$T/own" $(tests/world cert "$W" "$@")
	chmod 600 "$T/own.key"
	fresh
	sed -i "s,certificate = .*,certificate = \"$T/own.pem\"," "$conf"
	sed -i "s,key = .*,key = \"$T/own.key\"," "$conf"
}

fresh
ok "nothing is wrong" check
sed -i '/^oms {/,/^}/d' "$conf"
faulty "no section" 'there is no section oms' 'write: oms \{ \.\.\. \}'
fresh
sed -i '/listen-fetch/d' "$conf"
faulty "no listen" 'oms has no listen-fetch' 'write: listen-fetch = '
fresh
sed -i '/^user = /d' "$conf"
sed -i '1a user = "nosuchuser"' "$conf"
faulty "no such user" 'there is no user nosuchuser' 'adduser --system --group nosuchuser'
shows --domain a.test
cp "$(sed -n 's/^[[:space:]]*key = "\(.*\)"/\1/p' "$CONF_a_test")" "$T/own.key"
faulty "a key that does not fit" 'the key .*/own\.key does not fit' 'own\.pem'
shows --domain a.test --names DNS:b.test
faulty "another domain's certificate" 'certificate-name' 'it names b\.test; get one for a\.test or tillcalled\.a\.test'
shows --domain a.test --expired
faulty "an expired one" 'certificate-expired' 'renew it'
shows --domain a.test --intermediate
openssl x509 -in "$T/own.pem" -out "$T/leaf.pem" && mv "$T/leaf.pem" "$T/own.pem"
faulty "one without its intermediate" 'certificate-untrusted' 'intermediate certificates after it'
shows --domain a.test
rm "$T/own.key"
faulty "a key that cannot be read" 'key of a\.test' 'own\.key'
fresh
sed -i "s,^resolver = .*,resolver = \"zone:$T/none\"," "$conf"
faulty "a zone that cannot be read" "$T/none" 'No such file'

shows --domain a.test --days 10
status_is "one that ends in ten days is no fault" 0 check
like "but said" "$out" 'the certificate of a\.test ends at .*, in (9|10) days: renew it'
shows --domain a.test --expired
sed -i '/listen-submit/d' "$conf"
status_is "two faults" 78 check
is "are both said" "$(echo "$err" | grep -c 'listen-submit\|certificate-expired')" 2
status_is "as JSON" 78 check --json
