#!/bin/sh
# DANE outward, by a real name server with DNSSEC: TLSA records count besides the CA's word, never in its place unless the
# operator says so for that domain, and never for a certificate that is revoked.
. tests/e2e/lib.sh
. tests/lib/smtp.sh
. tests/lib/knot.sh
plan 23

world_up --domains a.example --smtp mx --oms-set 'smtp-out = "mx"' \
    --set 'peer enough.example { smtp-out-dane = "enough" }' --set 'peer revoked.example { smtp-out-dane = "enough" }'
ok "there is a name server" knot_have
log=$OMS_LOG_a_example
became() { log_has "$log" "recipient\\.state id=[^ ]* to=bob@$1\\.example state=$2 word=$3\$"; }
attempt() { grep " smtp\\.attempt .*peer=$1\\.example " "$log" | tail -1; }
# tlsa NAME USAGE CERTIFICATE: a record for the public key of the first certificate of the file
tlsa() {
	_key=$(openssl x509 -in "$3" -pubkey -noout | openssl pkey -pubin -outform DER | sha256sum | cut -d' ' -f1)
	tests/world zone "$W" "_25._tcp.mx.$1.example. 60 IN TLSA $2 1 1 $_key"
}
n=0
# host NAME USAGE WHOSE KIND...
host() {
	n=$((n + 1)) _host=$1 _usage=$2 _whose=$3
	shift 3
	outside $_host.example $WORLD_NET.$((100 + n)) "$@" || failed "$_host is there"
	[ $_usage = none ] || tlsa $_host $_usage "$T/$_whose.example.pem"
	mx_up $_host $WORLD_NET.$((100 + n)) on=$_host.example || failed "$_host is up"
}
host plain none -
host good 3 good
host wrong 3 plain
host old 1 plain
host self 3 self --self-signed
host enough 3 enough --self-signed
host revoked 3 revoked --revoked
host expired 3 expired --expired
host other 3 other --names DNS:mx.elsewhere.example
host broken 3 broken
host second none -
tests/world zone "$W" "broken.example. 60 IN MX 20 mx.second.example."

knot_zones=example
knot_zone 60
ok "it signs the zone" knot_start on
knot_anchor example >"$T/anchor" 2>"$T/anchor.err"
chmod 644 "$T/anchor"
knot_stop
knot_signed
ok "a broken signature over the TLSA records of one host" knot_breaks _25._tcp.mx.broken.example TLSA
ok "is served as it is" knot_start off
sed "s|^resolver = .*|resolver = \"$WORLD_NET.53@5353,anchor=$T/anchor\"|" "$CONF_a_example" >"$T/conf"
cat "$T/conf" >"$CONF_a_example"
for daemon in oms ims; do
	tests/world stop "$W" $daemon a.example
	tests/world start "$W" $daemon a.example || failed "$daemon starts"
done

send() { letter alice@a.example bob@$1.example "$1" | as alice@a.example send --wait 0 bob@$1.example >"$T/sent" 2>&1; }
# goes NAME REACHED WANTED
goes() {
	send $1
	ok "$1: the letter goes" eventually 20 became $1 by-smtp -
	like "$1: by $2" "$(attempt $1)" " wanted=$3 reached=$2 "
}
# waits NAME WORD
waits() {
	send $1
	ok "$1: $2" eventually 20 became $1 waiting $2
}
goes plain ca ca
goes good "ca\\+dane" "ca\\+dane"
goes old ca ca
goes enough dane dane
waits wrong dane-mismatch
waits self dane-only
waits expired dane-only
waits other dane-only
waits revoked certificate-revoked
is "nobody of these has heard of a letter" "$(cat "$T"/wrong.log "$T"/self.log "$T"/expired.log "$T"/other.log "$T"/revoked.log | grep -c '< MAIL')" 0
goes broken ca ca
like "a host whose records are bogus is left out" "$(grep ' smtp\.left_out ' "$log")" 'host=mx\.broken\.example word=tlsa-unknown'
is "and has not heard of us" "$(grep -c open "$T/broken.log")" 0
like "the outbox says what vouched" "$(as alice@a.example outbox --json)" '"host":"mx\.good\.example","secured":"ca\+dane"'
