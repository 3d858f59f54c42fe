#!/bin/sh
# Where a domain's mail goes by SMTP, by a real name server with DNSSEC: MX, addresses, TLSA, and a certificate
# that is held against them.  Zone example is signed below the anchor; zone plain is below none.
. tests/e2e/lib.sh
. tests/lib/knot.sh
plan 28

world_up --domains a.example
ok "there is a name server" knot_have
set -- $(tests/world cert "$W" --domain mx1.example)
cert=$1
set -- $(tests/world cert "$W" --domain other.example)
other=$1
# tlsa NAME USAGE CERTIFICATE: a record for the public key of the first certificate of the file
tlsa() {
	_key=$(openssl x509 -in "$3" -pubkey -noout | openssl pkey -pubin -outform DER | sha256sum | cut -d' ' -f1)
	echo "_25._tcp.$1. 60 IN TLSA $2 1 1 $_key"
}
head='60 IN SOA ns.example. hostmaster.example. 1 3600 600 86400 1'
mkdir -p "$T/knot"
cat >"$T/knot/example.zone" <<END
example. $head
example. 60 IN NS ns.example.
ns.example. 60 IN A $WORLD_NET.53
good.example. 60 IN MX 20 mx2.example.
good.example. 60 IN MX 10 mx1.example.
mx1.example. 60 IN A 192.0.2.1
$(tlsa mx1.example 3 "$cert")
mx2.example. 60 IN A 192.0.2.2
mx2.example. 60 IN AAAA 2001:db8::2
null.example. 60 IN MX 0 .
address.example. 60 IN A 192.0.2.3
outside.example. 60 IN MX 10 mx.plain.
inside.example. 60 IN MX 10 inner.example.
inner.example. 60 IN A 10.0.0.1
alias.example. 60 IN CNAME mx1.example.
away.example. 60 IN CNAME mx.plain.
$(tlsa away.example 3 "$cert")
old.example. 60 IN A 192.0.2.4
$(tlsa old.example 1 "$cert")
END
cat >"$T/knot/plain.zone" <<END
plain. $head
plain. 60 IN NS ns.example.
plain. 60 IN MX 10 mx1.example.
mx.plain. 60 IN A 192.0.2.9
$(tlsa mx.plain 3 "$cert")
END
knot_zones="example plain"
ok "it signs the zones" knot_start on
knot_anchor example >"$T/anchor" 2>"$T/anchor.err"
chmod 644 "$T/anchor"

anchored="$WORLD_NET.53@5353,anchor=$T/anchor"
names() { enter "build/$MODE/tests/tools/smtp_names" "$anchored" "$@" 2>&1; }
all() { names "$@" | paste -sd' '; }

is "hosts by preference, all secure" "$(all exchange good.example)" \
    "word=- secure=yes vouched=no unsure=no 10 mx1.example secure=yes addresses=1 20 mx2.example secure=yes addresses=2"
is "null MX, vouched for" "$(all exchange null.example)" "word=null-mx secure=yes vouched=yes unsure=no"
is "an address is no MX" "$(all exchange address.example)" "word=no-mx secure=yes vouched=yes unsure=no"
is "no such domain" "$(all exchange nothing.example)" "word=no-such-domain secure=yes vouched=yes unsure=no"
is "a host in a zone without DNSSEC" "$(all exchange outside.example)" \
    "word=- secure=yes vouched=no unsure=no 10 mx.plain secure=no addresses=1"
is "a domain without DNSSEC, a host with it" "$(all exchange plain)" \
    "word=- secure=no vouched=no unsure=no 10 mx1.example secure=yes addresses=1"
is "an absence without DNSSEC is not vouched for" "$(all exchange nothing.plain)" \
    "word=no-such-domain secure=no vouched=no unsure=no"
is "an address that is not public" "$(all exchange inside.example)" \
    "word=private-address secure=yes vouched=yes unsure=no 10 inner.example secure=yes addresses=0"

is "TLSA records, and the certificate that they name" "$(all tlsa mx1.example "$cert")" \
    "word=- status=secure base=mx1.example records=1 dane=match-ee usable=1"
is "another certificate" "$(all tlsa mx1.example "$other")" \
    "word=- status=secure base=mx1.example records=1 dane=mismatch usable=1"
is "by a secure alias" "$(all tlsa alias.example "$cert")" \
    "word=- status=secure base=mx1.example records=1 dane=match-ee usable=1"
is "by a secure alias into a zone without DNSSEC: the alias's own" "$(all tlsa away.example "$cert")" \
    "word=- status=secure base=away.example records=1 dane=match-ee usable=1"
is "usage 1 does not count" "$(all tlsa old.example "$cert")" \
    "word=- status=secure base=old.example records=1 dane=unusable usable=0"
is "no records, and that is vouched for" "$(all tlsa mx2.example "$cert")" \
    "word=- status=absent base=- records=0 dane=none usable=0"
is "records in a zone without DNSSEC do not count" "$(all tlsa mx.plain "$cert")" \
    "word=- status=insecure base=- records=0 dane=none usable=0"

# serves_broken NAME TYPE
serves_broken() {
	knot_stop
	knot_breaks "$1" "$2" && knot_start off
}
knot_stop
knot_signed
ok "a broken signature over TLSA records" serves_broken _25._tcp.mx1.example TLSA
is "makes the host of no use for now" "$(all tlsa mx1.example "$cert")" \
    "word=tlsa-unknown status=failed base=- records=0 dane=none usable=0"
ok "over the host's address" serves_broken mx1.example A
is "makes it of no use" "$(all tlsa mx1.example)" "word=tlsa-unknown status=failed base=- records=0"
is "and others are left" "$(all exchange good.example)" \
    "word=- secure=yes vouched=no unsure=yes 10 mx1.example secure=no addresses=0 20 mx2.example secure=yes addresses=2"
ok "over the MX records" serves_broken good.example MX
is "is a reason to wait" "$(all exchange good.example)" "word=dns-bogus secure=no vouched=no unsure=no"
knot_stop
cp "$T/knot/signed.zone" "$T/knot/example.zone"
ok "all is right again" knot_start off

anchored="$WORLD_NET.53@5353,anchor=none"
is "without an anchor nothing is secure" "$(all exchange good.example)" \
    "word=- secure=no vouched=no unsure=no 10 mx1.example secure=no addresses=1 20 mx2.example secure=no addresses=2"
is "nor vouched for" "$(all exchange null.example)" "word=null-mx secure=no vouched=no unsure=no"
is "and no record counts" "$(all tlsa mx1.example "$cert")" "word=- status=insecure base=- records=0 dane=none usable=0"
