#!/bin/sh
# CRLs come from where certificates say, stay fresh, and fail closed: nobody who was revoked is
# served, nobody is believed whose state is unknown, and no URL leads anywhere it should not.
. tests/e2e/lib.sh
. tests/lib/process.sh
plan 37

clock_movable
world_up --domains a.test,b.test --set 'crl-refresh = "2 s"'
# From here on new CRLs are published, and not put into the operators' folders.
rm "$W/ca/root/trusted"
mkdir "$T/crls"
cp "$CRL" "$T/crls"
export TILLCALLED_CRLS="$T/crls"	# mc's: people's software is not the question here
seen="$W/run/httpd.log"
cached() { ls "$W/$2/var/$1/crl-cache/"*.crl 2>/dev/null; }
number() { openssl crl -inform DER -in "$(cached "$1" "$2")" -noout -crlnumber; }
send() { letter alice@a.test bob@b.test "$1" | as alice@a.test send bob@b.test --wait "${2:-20}"; }
state() { as alice@a.test outbox --json | grep "\"subject\":\"$1\"" | tail -1; }
from() { wc -l <"$1"; }
since() { tail -n +"$(($2 + 1))" "$1"; }	# FILE LINE

# -- the first time ---------------------------------------------------------------------------

is "nothing is fetched while the operator's CRL will do" "$(cat "$seen")" ""
rm "$CRL"
eventually 10 log_has "$OMS_LOG_a_test" 'tls\.generation number=2 .*crls=0'
eventually 10 log_has "$IMS_LOG_b_test" 'tls\.generation number=2 .*crls=0'
ok "a letter goes" send first 30
like "after a temporary refusal" "$(cat "$OMS_LOG_a_test")" 'tls\.refused word=revocation-unknown side=connect'
like "on both sides" "$(cat "$IMS_LOG_b_test")" 'tls\.refused word=revocation-unknown side=accept'
like "the sender's server has fetched it" "$(cat "$OMS_LOG_a_test")" 'crl\.taken url=http://.*/root\.crl number=1 '
like "the recipient's too" "$(cat "$IMS_LOG_b_test")" 'crl\.taken url=http://.*/root\.crl number=1 '
like "it is kept, closed to others" "$(ls -l "$(cached ims b.test)")" '^-rw-------'
is "once" "$(cached ims b.test | wc -l)" 1
n=$(wc -l <"$seen")
more() { [ "$(wc -l <"$seen")" -gt $((n + 3)) ]; }
ok "and fetched again" eventually 10 more
is "the same again is no news" "$(log_count "$IMS_LOG_b_test" 'crl\.taken')" 1

# -- an older one -----------------------------------------------------------------------------

cp "$W/www/root.crl" "$T/old.crl"
tests/world crl "$W"
ok "a newer one is taken" eventually 10 log_has "$IMS_LOG_b_test" 'crl\.taken .*number=2 '
cp "$T/old.crl" "$W/www/.old" && mv "$W/www/.old" "$W/www/root.crl"
ok "an older one is not" eventually 10 log_has "$IMS_LOG_b_test" 'crl\.failed .*an older CRL: number 1 after 2'
is "the newer stays" "$(number ims b.test)" crlNumber=0x02
tests/world crl "$W"
ok "and one that is newer still is taken" eventually 20 log_has "$IMS_LOG_b_test" 'crl\.taken .*number=3 '

# -- the server of CRLs is away ---------------------------------------------------------------

tests/world stop "$W" ims b.test
pid_end "$W/run/httpd.pid"
tests/world start "$W" ims b.test
ok "after a restart, and with nobody to ask, what is kept will do" send second 20

# -- revoked in mid-connection ----------------------------------------------------------------

( . tests/lib/net.sh; . tests/lib/daemons.sh; dir=$(readlink -f "$W") top=$PWD mode=$MODE
  . "$dir/run/settings"; net_load "$dir"; crls_serve )
ok "a letter opens a connection" send third 20
sid=$(sed -n 's/.*notify\.hello sid=\([^ ]*\) .*/\1/p' "$IMS_LOG_b_test" | tail -1)
now=$(date +%s%N)
tests/world revoke "$W" a.test
took() { log_has "$IMS_LOG_b_test" 'crl\.taken .*number=4 '; }
ok "the sender is revoked; the CRL is here" eventually 30 took
took_ms=$((($(date +%s%N) - now) / 1000000))
ok "by crl-refresh of 2 s, not of an hour ($took_ms ms)" [ $took_ms -lt 30000 ]
log=$(from "$IMS_LOG_b_test")
send fourth 5 >/dev/null 2>&1
like "the next request on the connection that was open is refused" "$(since "$IMS_LOG_b_test" "$log")" \
    "sid=$sid .*word=certificate-revoked|notify\.refused sid=$sid .*certificate-revoked"
unlike "and nothing is believed" "$(since "$IMS_LOG_b_test" "$log")" 'notify\.statement .*word=ok'
like "the sender reads why" "$(as alice@a.test outbox --json)" 'certificate-revoked'
ok "the recipient hears nothing" lacks 'fourth' as bob@b.test list --json

# -- the state is unknown ---------------------------------------------------------------------

fresh=$(tests/world cert "$W" --domain a.test | head -1)
tests/world use "$W" a.test "$fresh"
tests/world reload "$W" oms a.test
tests/world reload "$W" ims a.test
ok "with a new certificate it goes" send fifth 30
tests/world crl "$W" root 0 60
ok "a CRL of short life is taken" eventually 10 log_has "$IMS_LOG_b_test" 'crl\.taken .*number=5 '
pid_end "$W/run/httpd.pid"
wall_move 61
log=$(from "$IMS_LOG_b_test") oms_log=$(from "$OMS_LOG_a_test")
out=$(send sixth 3 2>&1)
like "it comes to its end, and nobody has another: the letter waits" "$out" 'bob@b\.test +waiting'
like "refused for now" "$(since "$OMS_LOG_a_test" "$oms_log"; since "$IMS_LOG_b_test" "$log")" 'word=revocation-unknown'
unlike "nothing is believed" "$(since "$IMS_LOG_b_test" "$log")" 'notify\.statement .*word=ok'
like "and the log calls for help" "$(since "$IMS_LOG_b_test" "$log")" 'crl\.failed .*word=unreachable'
tests/world crl "$W"
( . tests/lib/net.sh; . tests/lib/daemons.sh; dir=$(readlink -f "$W") top=$PWD mode=$MODE
  . "$dir/run/settings"; net_load "$dir"; crls_serve )
gone() { as alice@a.test outbox --json | grep -q '"notified"' && lacks '"waiting"' as alice@a.test outbox --json; }
ok "once it is available again the letter goes by itself" eventually 60 gone

# -- where URLs must not lead -----------------------------------------------------------------

tests/world down "$W" --remove
W=$T/second
world_up --domains a.test,b.test --set 'crl-refresh = "1 s"' --set 'allow-private-crl-hosts = false'
mkdir "$T/www"
cp "$W/www/root.crl" "$T/www/root.crl"
: >"$T/private.log"
background tests/world enter "$W" "build/$MODE/tests/tools/httpd" 127.0.0.1 8099 "$T/www" "$T/private.log" >/dev/null
# A public address, where there is a network of our own to have it in.
public=11.1.2.3
if enter ip addr add $public/32 dev lo 2>/dev/null; then
	echo "http://127.0.0.1:8099/root.crl" >"$T/www/away.to"
	background tests/world enter "$W" "build/$MODE/tests/tools/httpd" $public 8098 "$T/www" "$T/public.log" >/dev/null
else
	public=
fi
evil=$(tests/world cert "$W" --domain a.test --cdp \
    "http://127.0.0.1:8099/root.crl,http://localhost:8099/root.crl,http://[::1]:8099/root.crl,http://127.0.0.1:22/,${public:+http://$public:8098/away.to,}ftp://127.0.0.1:8099/root.crl,file:///etc/passwd" | head -1)
tests/world use "$W" a.test "$evil"
tests/world zone "$W" 'localhost. 60 IN A 127.0.0.1'
rm "$CRL" "$W/ca/root/trusted"
tests/world stop "$W" oms a.test
tests/world start "$W" oms a.test
eventually 10 log_has "$IMS_LOG_b_test" 'tls\.generation number=[2-9] .*crls=0'
export TILLCALLED_CRLS="$T/none"
mkdir "$T/none"
cp "$W/ca/root/crl.pem" "$T/none/root.pem"
send private 4 >/dev/null 2>&1
ok "a distribution point at a private address is refused" \
    eventually 10 log_has "$IMS_LOG_b_test" 'crl\.failed url=http://127\.0\.0\.1:8099/.*word=private-address'
ok "by name too" eventually 10 log_has "$IMS_LOG_b_test" 'crl\.failed url=http://localhost:8099/.*word=private-address'
ok "and with IPv6" eventually 10 log_has "$IMS_LOG_b_test" 'crl\.failed url="?http://\[::1\]:8099/.*word=private-address'
ok "a port of another service" eventually 10 log_has "$IMS_LOG_b_test" 'crl\.failed url=http://127\.0\.0\.1:22/.*word=bad-port'
if [ -n "$public" ]; then
	ok "a redirect from a public address to a private one is not followed" eventually 10 log_has \
	    "$IMS_LOG_b_test" 'crl\.failed url=http://11\.1\.2\.3:8098/.*word=private-address'
	like "though the public one was asked" "$(cat "$T/public.log")" ' 302 /away\.to'
else
	skip "a redirect from a public address to a private one is not followed" "no network of our own"
	skip "though the public one was asked" "no network of our own"
fi
unlike "other schemes are not even tried" "$(cat "$IMS_LOG_b_test")" 'crl\..*url=(ftp|file)'
is "nobody has connected there" "$(cat "$T/private.log")" ""
