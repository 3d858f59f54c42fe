#!/bin/sh
# check: what a start would refuse is refused, and what would be left out is told.
. tests/e2e/lib.sh
plan 16

world_up --domains a.test
ims=build/$MODE/ims
conf=$T/conf
cp "$CONF_a_test" "$conf"
check() { tests/world enter "$W" "$ims" -C "$conf" check "$@"; }
unlike "a daemon whose zone is a file misses no anchor" "$(cat "$IMS_LOG_a_test")" 'dns\.no-anchor'

status_is "nothing is wrong" 0 check
is "and nothing more is said" "$out$err" "$conf: no fault found"
echo "no CRL" >"$W/crls/README"
chmod 644 "$W/crls/README"
status_is "a CRL that cannot be read is no fault" 0 check
like "it is told that something is left out" "$out" '1 of the files and CRLs .*left out'
like "and what" "$err" 'tls\.file-skipped file=.*/crls/README'
status_is "as JSON" 0 check --json
like "it is counted" "$out" '"trust_files_skipped":1[,}]'
rm "$W/crls/README"

# What lies about in a folder of certificates.
mkdir "$W/trust/java"
echo "no certificate" >"$W/trust/.hidden"
ln -s nowhere "$W/trust/dangling.pem"
ln -s "$(ls "$W"/trust/*.pem | grep -v dangling | head -1)" "$W/trust/0a775a30.0"
status_is "subfolders, dot files and links do no harm" 0 check
is "in silence" "$out$err" "$conf: no fault found"
echo "no certificate" >"$W/trust/README"
status_is "a file without certificates in the trust folder is a fault" 78 check
like "and named" "$err" '/trust/README, in the trust folder, holds no PEM certificate'
rm "$W/trust/README"

# -- DNSSEC's root anchor ---------------------------------------------------------------------------

sed 's/^resolver = .*/resolver = "127.0.0.1@53"/' "$CONF_a_test" >"$conf"
# With or without one among the system's files, whatever this machine has.
without() { tests/world enter "$W" unshare -rm sh -c 'mount -t tmpfs none /usr/share && exec "$@"' sh "$@"; }
with() { tests/world enter "$W" unshare -rm sh -c 'mount -t tmpfs none /usr/share && mkdir /usr/share/dns &&
	: >/usr/share/dns/root.key && exec "$@"' sh "$@"; }
if [ -e /var/lib/unbound/root.key ] || [ -e /etc/unbound/root.key ] || ! without true 2>/dev/null; then
	for what in "it is told that DNSSEC is not judged" "with an anchor there is nothing to tell" \
	    "nor where it was chosen so" "a daemon's log says it"; do
		skip "$what" "the system's anchor cannot be hidden here"
	done
	exit
fi
like "it is told that DNSSEC is not judged" "$(without "$ims" -C "$conf" check 2>&1)" 'DNSSEC'
# In that namespace nobody can become the daemons' user, which check says.
rest() { grep -v 'only root can tell whether'; }
is "with an anchor there is nothing to tell" "$(with "$ims" -C "$conf" check 2>&1 | rest)" "$conf: no fault found"
sed -i 's/@53"/@53,anchor=none"/' "$conf"
is "nor where it was chosen so" "$(without "$ims" -C "$conf" check 2>&1 | rest)" "$conf: no fault found"
sed -i 's/,anchor=none//' "$conf"
if [ -e /usr/share/dns/root.key ]; then
	skip "a daemon's log says it" "this machine has an anchor"
	exit
fi
tests/world stop "$W" ims a.test
cat "$conf" >"$CONF_a_test"
tests/world start "$W" ims a.test
ok "a daemon's log says it" grep -q 'warn dns\.no-anchor' "$IMS_LOG_a_test"
