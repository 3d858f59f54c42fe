# knot — a real name server with DNSSEC, from Debian's packages unpacked under build/, never installed.
# For tests that use e2e/lib.sh.
#
#	knot_have           gets the packages once; what fails is said, and the status is not 0
#	knot_zone TTL       zone example, of the world's records below it
#	knot_start SIGN     serves zone $T/knot/ZONE.zone for each ZONE in $knot_zones at NET.53, port
#	                    5353; SIGN on: signs them, writes the signed zone back; off: as the file is
#	knot_stop
#	knot_signed         keeps zone example as it is now, for:
#	knot_breaks NAME TYPE   the zone as it was kept, but one octet of the signature over these records
#	                    is another
#	knot_anchor ZONE    the zone's DNSKEY record

knot_root=build/knot/root
knot_pid=$T/knot.pid

# One at a time: tests run beside each other.
knot_have() {
	mkdir -p build
	exec 7>build/knot.lock
	flock 7
	knot_unpack
	_had=$?
	exec 7>&-
	return $_had
}

knot_unpack() {
	[ ! -e build/knot/had ] || return 0
	rm -rf build/knot
	mkdir -p build/knot/packages
	command -v apt-get >/dev/null || { echo "knot: no apt-get here to get its packages with"; return 1; }
	_names=$(apt-get -s install --no-install-recommends knot 2>"$T/apt.err" | sed -n 's/^Inst \([^ ]*\) .*/\1/p')
	case " $_names " in *"knot"*) ;; *) _names="knot $_names" ;; esac
	(cd build/knot/packages && apt-get download $_names) >"$T/apt.out" 2>&1 ||
	    { echo "knot: its packages cannot be unpacked:"; cat "$T/apt.err" "$T/apt.out"; return 1; }
	for _d in build/knot/packages/*.deb; do dpkg -x "$_d" $knot_root || return 1; done
	[ -x $knot_root/usr/sbin/knotd ] || { echo "knot: no knotd in its package"; return 1; }
	: >build/knot/had
}

knot_zone() {
	mkdir -p "$T/knot"
	{
		printf '%s\n' "example. $1 IN SOA ns.example. hostmaster.example. 1 3600 600 86400 1" \
		    "example. $1 IN NS ns.example." "ns.example. $1 IN A $WORLD_NET.53"
		sed -n "s/^\\([^ ]*\\.example\\.\\) 60 /\\1 $1 /p" "$W/zone"
	} >"$T/knot/example.zone"
}

knot_env() {
	echo "LD_LIBRARY_PATH=$(find "$PWD/$knot_root" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)"
}

knot_conf() {
	cat <<END
server:
    rundir: $W/knot
    listen: $WORLD_NET.53@5353
log:
  - target: stderr
    any: info
database:
    storage: $T/knot/db
policy:
  - id: one
    algorithm: ecdsap256sha256
    single-type-signing: on
    cds-cdnskey-publish: none
zone:
$(for _z in $knot_zones; do echo "  - domain: $_z.
    file: $T/knot/$_z.zone
    zonefile-sync: 0
    semantic-checks: off
    zonefile-load: whole
    journal-content: none
    dnssec-signing: $1
    dnssec-policy: one"; done)
END
}

knot_start() {
	mkdir -p "$T/knot/db" "$W/knot"	# whose control socket must have a short path
	knot_conf "$1" >"$T/knot/knot.conf"
	: >"$T/knot/log"
	background tests/world enter "$W" env "$(knot_env)" "$PWD/$knot_root/usr/sbin/knotd" \
	    -c "$T/knot/knot.conf" >"$T/knot/log" 2>&1
	knot_child=$!
	eventually 10 grep -q 'server started' "$T/knot/log" && eventually 10 knot_loaded "$1" ||
	    { echo "knot does not start:"; tail -5 "$T/knot/log"; return 1; }
}
knot_loaded() {
	for _z in $knot_zones; do
		grep -q "\[$_z\.\].*loaded" "$T/knot/log" || return 1
		[ "$1" = off ] || grep -q RRSIG "$T/knot/$_z.zone" || return 1
	done
}
knot_stop() { kill "$knot_child"; wait "$knot_child" 2>/dev/null; }

knot_signed() { cp "$T/knot/example.zone" "$T/knot/signed.zone"; }
knot_breaks() {
	awk -v n="$1." -v t="$2" '$1 == n && $3 == "RRSIG" && $4 == t {
	        c = substr($NF, 1, 1); $NF = (c == "A" ? "B" : "A") substr($NF, 2); done++ } { print }
	    END { exit done != 1 }' "$T/knot/signed.zone" >"$T/knot/example.zone"
}

knot_anchor() { env "$(knot_env)" $knot_root/usr/sbin/keymgr -c "$T/knot/knot.conf" "$1." dnskey; }
