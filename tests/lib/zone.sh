# zone — the world's DNS: one file, read again by every resolver when it changes.  Wants $dir, $net, $bin.

# Replaced in one step; the serial number counts up.
zone_write() {
	exec 8>"$dir/run/zone.lock"
	flock 8
	awk '/ SOA / { $7 = $7 + 1 } { print }' >"$dir/zone.new"
	chmod 644 "$dir/zone.new"
	if [ -e "$dir/zone" ] && ! zone_is_one "$dir/zone.new"; then
		rm "$dir/zone.new"
		exec 8>&-
		zone_refuses
		return
	fi
	mv "$dir/zone.new" "$dir/zone"
	exec 8>&-
}

zone_refuses() {
	echo "world: that is no record of a zone file: NAME [TTL] [IN] TYPE DATA" >&2
	return 65
}

# By the eyes of those who will read it.
zone_is_one() {
	"$bin/ims" check spf --resolver "zone:$1" --ip 192.0.2.1 --helo h.test --from a@h.test \
	    </dev/null >/dev/null 2>&1
	[ $? -ne 78 ]
}

zone_begin() {
	cat >"$dir/run/zone" <<END
. 60 IN SOA ns.test. hostmaster.test. 1 3600 600 86400 1
. 60 IN NS ns.test.
ns.test. 60 IN A $net.1
crl.test. 60 IN A $net.2
END
}

# zone_domain DOMAIN HOST OMS-ADDRESS IMS-ADDRESS: all that makes it a mail domain.
zone_domain() {
	_mx=ims _spf=
	[ -z "$smtp_label" ] || _mx=$smtp_label _spf=" ip4:$4"
	cat >>"$dir/run/zone" <<END
$1. 60 IN MX 10 $_mx.$2.
$1. 60 IN TXT "v=spf1 ip4:$3$_spf -all"
_oms._tcp.$1. 60 IN SRV 0 1 1470 oms.$2.
_ims._tcp.$1. 60 IN SRV 0 1 1471 ims.$2.
_oms-submit._tcp.$1. 60 IN SRV 0 1 1472 oms.$2.
_ims-mailbox._tcp.$1. 60 IN SRV 0 1 1473 ims.$2.
END
	[ "$1" = "$2" ] || return 0
	cat >>"$dir/run/zone" <<END
oms.$1. 60 IN A $3
ims.$1. 60 IN A $4
END
	[ -z "$smtp_label" ] || cat >>"$dir/run/zone" <<END
$smtp_label.$1. 60 IN A $4
$smtp_label.$1. 60 IN TXT "v=spf1 a -all"
$(echo "$4" | awk -F. '{ print $4 "." $3 "." $2 "." $1 }').in-addr.arpa. 60 IN PTR $smtp_label.$1.
END
}

zone_end() { zone_write <"$dir/run/zone"; }

# One record as resolvers read it: the name from the root, TTL before class.  A shell may have eaten
# the quotes of a text: it is one string all the same.
zone_record() {
	awk 'function word(w) {
		match(rest, /^[^ \t]*/)
		w = substr(rest, 1, RLENGTH)
		rest = substr(rest, RLENGTH + 1)
		sub(/^[ \t]+/, "", rest)
		return w
	    }
	    /^[ \t]*(;|$)/ { next }
	    {
		rest = $0
		gsub(/^[ \t]+|[ \t\r]+$/, "", rest)
		name = word()
		sub(/\.?$/, ".", name)
		ttl = class = ""
		while ((type = toupper(word())) ~ /^([0-9][0-9SMHDW]*|IN)$/)
			if (type == "IN") class = " IN"; else ttl = " " type
		if (type == "TXT" && rest != "" && rest !~ /"/) rest = "\"" rest "\""
		if (name ~ /^\$/ || type !~ /^[A-Z0-9]+$/ || rest == "" || gsub(/"/, "\"", rest) % 2) bad = 1
		records = records name ttl class " " type " " rest "\n"
	    }
	    END { if (!bad) printf "%s", records }'
}

zone_add() {
	_record=$(printf '%s\n' "$1" | zone_record)
	[ -n "$_record" ] || { zone_refuses; return; }
	{ cat "$dir/zone"; printf '%s\n' "$_record"; } | zone_write
}

# zone_remove NAME TYPE: all such records; nothing there is no fault.
zone_remove() {
	awk -v n="${1%.}." -v t="$(echo "$2" | tr a-z A-Z)" '{ hit = 0
	    for (i = 2; i <= 4; i++) if ($1 == n && $i == t) hit = 1 } !hit' "$dir/zone" | zone_write
}
