#!/bin/sh
# check cert: judges a chain in files as a peer's would be judged; no configuration, no daemon.
. tests/e2e/lib.sh
plan 64
ims=build/$MODE/ims
export TILLCALLED_CONF="$T/none.conf"
world_up --domains a.test

cert() { tests/world cert "$W" "$@" | head -1; }
judge() { "$ims" check cert --trust "$CA" --crl "$CRL" "$@"; }
verdict() {	# WORD STATUS ARGS...
	word=$1 status=$2
	shift 2
	status_is "$word" "$status" judge "$@"
	is "... is the first line ($*)" "$(printf '%s\n' "$out" | head -1)" "$word"
}

good=$(cert --domain x.test)
verdict accepted 0 --domain x.test --chain "$good"
like "why: who, by whom, until when" "$out" 'CN=x\.test, by CN=World root, until 20[0-9-]*T'
verdict accepted 0 --domain X.Test --chain "$good" --at "$(($(date +%s) + 86400))"
verdict accepted 0 --domain x.test --chain "$(cert --domain x.test --label)"
verdict certificate-name 1 --domain y.test --chain "$good"
verdict accepted 0 --name x.test --chain "$good"
verdict certificate-name 1 --name tillcalled.x.test --chain "$good"
verdict certificate-wildcard 1 --domain x.y.test --chain "$(cert --domain x.y.test --names 'DNS:*.y.test')"
verdict certificate-wildcard 1 --name x.y.test --chain "$(cert --domain x.y.test --names 'DNS:*.y.test')"
verdict accepted 0 --name 192.0.2.77 --chain "$(cert --domain x.test --names 'DNS:x.test,IP:192.0.2.77')"
verdict certificate-name 1 --name 192.0.2.78 --chain "$(cert --domain x.test --names 'DNS:192.0.2.78,IP:192.0.2.77')"
idn=$(cert --domain xn--bcher-kva.test)
verdict accepted 0 --domain bücher.test --chain "$idn"
verdict accepted 0 --name BÜCHER.test --chain "$idn"
sign=$(cert --domain x.test --names 'DNS:xx.test,DNS:xn--x-ngo.test')
status_is "a sign that no domain may hold" 64 judge --domain 'x＠x.test' --chain "$sign"
status_is "... as another name" 64 judge --name 'x＠x.test' --chain "$sign"
status_is "... composed" 64 judge --domain 'x≮.test' --chain "$sign"
status_is "... decoded" 64 judge --domain xn--x-ngo.test --chain "$sign"
verdict certificate-expired 1 --domain x.test --chain "$(cert --domain x.test --expired)"
verdict certificate-early 1 --domain x.test --chain "$good" --at 2001-01-01T00:00:00Z
verdict certificate-expired 1 --domain x.test --chain "$good" --at 2099-01-01T00:00:00.5+02:00
# notAfter itself is good, and nothing after it.
until=$(date -u -d "$(openssl x509 -in "$good" -noout -enddate | cut -d= -f2)" +%Y-%m-%dT%H:%M:%S)
verdict accepted 0 --domain x.test --chain "$good" --no-revocation --at "${until}Z"
verdict accepted 0 --domain x.test --chain "$good" --no-revocation --at "${until}.000Z"
verdict certificate-expired 1 --domain x.test --chain "$good" --no-revocation --at "${until}.001Z"
revoked=$(cert --domain x.test --revoked)
verdict certificate-revoked 1 --domain x.test --chain "$revoked"
verdict accepted 0 --domain x.test --chain "$revoked" --no-revocation
verdict certificate-selfsigned 1 --domain x.test --chain "$(cert --domain x.test --selfsigned)"

status_is "without a CRL" 1 "$ims" check cert --trust "$CA" --domain x.test --chain "$good"
is "... nothing is known" "$(printf '%s\n' "$out" | head -1)" revocation-unknown
like "... and this would help" "$out" '^CRL: http://.*/root\.crl$'

# Anchors that are no roots.
middle=$(cert --domain x.test --intermediate)
cp "$W/ca/intermediate/cert.pem" "$T/middle.pem"
sed '/END CERT/q' "$middle" >"$T/leaf.pem"
status_is "an intermediate may be the anchor" 0 "$ims" check cert --no-revocation --domain x.test \
    --trust "$T/middle.pem" --chain "$T/leaf.pem"
status_is "the leaf may not" 1 "$ims" check cert --no-revocation --domain x.test --trust "$T/leaf.pem" \
    --chain "$T/leaf.pem"
is "... it vouches for nothing" "$(printf '%s\n' "$out" | head -1)" certificate-untrusted
status_is "one of several anchors" 0 "$ims" check cert --no-revocation --domain x.test \
    --trust "$T/leaf.pem" --trust "$CA" --chain "$middle"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$T/v1.key" 2>/dev/null
openssl req -new -key "$T/v1.key" -subj /CN=v1 2>/dev/null |
    openssl x509 -req -signkey "$T/v1.key" -days 30 -out "$T/v1.pem" 2>/dev/null
cat >"$T/ext" <<'END'
subjectAltName = DNS:y.test
extendedKeyUsage = serverAuth
keyUsage = critical, digitalSignature
basicConstraints = critical, CA:FALSE
subjectKeyIdentifier = hash
2.5.29.35 = DER:301680140102030405060708090a0b0c0d0e0f1011121314
END
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$T/y.key" -subj /CN=y \
    -out "$T/y.csr" 2>/dev/null
openssl x509 -req -in "$T/y.csr" -CA "$T/v1.pem" -CAkey "$T/v1.key" -days 20 -set_serial 7 \
    -out "$T/y.pem" -extfile "$T/ext" 2>"$T/y.err" || diag "$(cat "$T/y.err")"
status_is "an anchor of version 1" 0 "$ims" check cert --no-revocation --domain y.test --trust "$T/v1.pem" \
    --chain "$T/y.pem"

status_is "as JSON" 1 judge --json --domain x.test --chain "$revoked"
like "... with the word" "$out" '^\{"result":"certificate-revoked","why":".*"temporary":false,"fingerprint":"[0-9a-f]{64}"'
status_is "no such file" 66 judge --domain x.test --chain "$T/none.pem"
status_is "nor trust" 66 "$ims" check cert --trust "$T/none.pem" --domain x.test --chain "$good"
status_is "nor CRL" 66 judge --crl "$T/none.pem" --domain x.test --chain "$good"
status_is "no domain" 64 judge --chain "$good"
status_is "no time" 64 judge --domain x.test --chain "$good" --at yesterday
printf -- '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' >"$T/bad.pem"
status_is "a damaged certificate is a bad peer's" 1 judge --domain x.test --chain "$T/bad.pem"
is "... certificate-form" "$(printf '%s\n' "$out" | head -1)" certificate-form
