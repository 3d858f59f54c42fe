#!/bin/sh
# A reload tells the truth: each key of the configuration is in force afterwards, or is said to want a
# restart and is not; and one key file that cannot be read does not hold up the rest.
. tests/e2e/lib.sh
. tests/lib/peers.sh
. tests/lib/reload.sh
plan 62

world_up --domains a.test,b.test
setting() { sed -n "s/^[[:space:]]*$1 = \"\(.*\)\"/\1/p" "$2" | head -1; }
printf 'Subject: reload\n\nx\n' >"$T/letter"
sends() { as alice@a.test send --wait=5 bob@b.test <"${1:-$T/letter}" 2>&1; }

# -- a row: role, host, section, key, value; then whether it is late, or what proves that it is in force -----

held() { like "$key of $section: and counts" "$(as alice@a.test send --hold 3 bob@b.test <"$T/letter" 2>&1)" 'bad-hold'; }
cut() {
	sends >/dev/null
	like "$key of $section: and counts" "$(as bob@b.test --json list | grep -o '"hold_until":"[^"]*"')" \
	    "\"$(date -u -d '+1 hour' +%Y-%m-%dT%H)|\"$(date -u -d '+59 min' +%Y-%m-%dT%H)"
}
second() { sends >/dev/null; refused_as outbox-full; }
unfetched() { like "$key of $section: and counts" "$(as bob@b.test show 1 2>&1)" 'not-designated'; }
refused_as() { like "$key of $section: and counts" "$(sends "${2:-$T/letter}")" "$1"; }


mkdir "$T/trust" "$T/crls"
cp "$W"/trust/*.pem "$T/trust/"
cp "$W"/crls/* "$T/crls/"
cp "$W/zone" "$T/zone"
cp -L "$W/a.test/a.test.pem" "$T/own.pem"
cp -Lp "$W/a.test/a.test.key" "$T/own.key"
cp -p "$W/a.test/accounts" "$T/accounts"
chmod 755 "$T/trust" "$T/crls"
{ echo 'Subject: big'; echo; head -c 1500000 /dev/zero | tr '\0' x | fold -w 70; } >"$T/big"

tests/world zone "$W" '_ims._tcp.private.test. IN SRV 0 1 1471 host.private.test.'
tests/world zone "$W" 'host.private.test. IN A 10.1.2.3'
row oms a.test - user '"daemon"' late
row oms a.test - accounts "\"$T/accounts\"" late
row oms a.test - crl-refresh '"2 s"' late
row oms a.test - resolver "\"zone:$T/zone\"" late
row oms a.test - allow-private-crl-hosts false late
row oms a.test - log-level '"debug"' late
row oms a.test - workers 7 late
row oms a.test - allow-private-peers false 'logged private-address zoe@private.test'
row oms a.test domain keep '"1 days"' held
row oms a.test domain message-limit '"1 MiB"' "refused_as message-too-big $T/big"
row oms a.test oms spool "\"$T/spool\"" late
row oms a.test oms spool-size '"2 GiB"' late
row oms a.test oms listen-fetch '"none"' late
row oms a.test oms listen-submit '"none"' late
row oms a.test oms control "\"$T/sock\"" late
row oms a.test oms user-letters 1 second
row oms a.test oms user-size '"1 MiB"' "refused_as outbox-full|larger.than.the.limit $T/big"
row ims b.test ims store "\"$T/store\"" late
row ims b.test ims store-size '"2 GiB"' late
row ims b.test ims listen-notify '"none"' late
row ims b.test ims listen-mailbox '"none"' late
row ims b.test ims control "\"$T/sock\"" late
row ims b.test ims hold-limit '"1 hours"' cut
row ims b.test ims connect-from "\"$WORLD_NET.77\"" unfetched
row oms a.test oms connect-from "\"$WORLD_NET.77\"" 'logged spf-fail bob@b.test'

# Every key that there is has its row; version has one value.
for _role in oms ims; do
	tests/world enter "$W" "build/$MODE/$_role" -C "$W/a.test/tillcalled.conf" check -v
done | awk 'BEGIN { now = "-" } $NF == "{" && $2 != "=" { now = $1 } /^}/ { now = "-" }
    $2 == "=" && $1 != "version" && !seen[now "." $1]++ { print now "." $1 }' | sort >"$T/all"
# So many questions at once are asked in unit/share only.
{ row_cases tests/e2e/251-*.t tests/e2e/252-*.t tests/e2e/455-*.t tests/e2e/540-*.t tests/e2e/542-*.t tests/e2e/546-*.t tests/e2e/550-*.t tests/e2e/533-*.t; echo -.peer-questions; } | sort >"$T/tried"
is "every key was tried" "$(cat "$T/tried")" "$(cat "$T/all")"

# -- one key that cannot be read ---------------------------------------------------------------------------

role=oms host=a.test log=$OMS_LOG_a_test conf=$W/a.test/tillcalled.conf
cp "$conf" "$T/before"
with domain keep '"9 days"' <"$T/before" | with domain certificate "\"$T/own.pem\"" >"$conf"
cat >>"$conf" <<END
domain late.test {
	certificate = "$T/none.pem"
	key = "$T/none.key"
}
END
chmod 666 "$T/own.pem"
touch "$T/own.pem"
reloads
like "the rest is in force" "$(oms a.test check --running)" 'keep = "9 days"'
like "the domain keeps its certificate, and the log says why" "$(grep 'tls\.identity' "$log")" \
    'domain=a\.test kept=old why=.*chmod go-w'
like "a new domain without one is left out" "$(grep 'tls\.identity' "$log")" 'domain=late\.test kept=none'
ok "and mail goes on" as alice@a.test send bob@a.test <"$T/letter"

# -- each way in which one domain's files cannot be read -------------------------------------------------------

# The faulty file is the first of all domains', so that nothing comes before it.
first() {	# NAME WHY
	{ sed '/^domain /,$d' "$T/before"
	cat <<END
domain first.test {
	certificate = "$T/first.pem"
	key = "$T/first.key"
}
END
	sed -n '/^domain /,$p' "$T/before" | sed "s/keep = .*/keep = \"$days days\"/"; } >"$conf"
	grep -q 'keep = ' "$conf" || sed -i "/^domain a\.test/a keep = \"$days days\"" "$conf"
	reloads
	ok "$1: the rest is in force" in_rest
	like "$1: the log says why" "$(grep 'tls\.identity' "$log" | tail -1)" "domain=first\.test kept=none why=.*$2"
	days=$((days + 1))
}
in_rest() { oms a.test check --running | grep -q "keep = \"$days days\""; }
days=11
chmod 644 "$T/own.pem"
cp -p "$T/own.pem" "$T/first.pem"
: >"$T/first.key"
chmod 600 "$T/first.key"
[ "$(id -u)" != 0 ] || chown nobody "$T/first.key"
first "a file that holds no key" 'holds no PEM private key'
chmod 0 "$T/first.key"
[ "$(id -u)" != 0 ] || chown 0 "$T/first.key"
first "a key that the daemon may not read" 'first\.key: Permission denied'
echo broken >"$T/first.pem"
first "a certificate that cannot be read" 'first\.pem holds no PEM certificate'
ok "and mail still goes on" as alice@a.test send bob@a.test <"$T/letter"
