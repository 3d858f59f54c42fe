# doors — each library has one door: its headers are included there and nowhere else.
# proto/ and common/base include no library at all.  Tests may use any.
BEGIN {
	door["event2"] = "common/svc/loop.c common/svc/conn.c common/svc/fetchurl.c common/svc/dns.c"
	door["openssl/ssl"] = "common/svc/tls.c common/svc/conn.c common/svc/tls_internal.h"
	door["openssl"] = "common/svc/"
	door["lmdb"] = "common/svc/db_internal.h"
	door["spf2"] = "common/svc/spf_evaluate.c"
	door["unbound"] = "common/svc/dns.c common/svc/dns_context.c"
	door["confuse"] = "common/svc/conf.c"
	door["gsasl"] = "common/svc/auth_internal.h"
	door["jansson"] = "common/svc/json.c"
	door["idn2"] = "common/svc/idn.c"
	door["zlib"] = "common/svc/db_txn.c"
	door["gmime"] = "mc/mime.c"
	door["ncurses"] = "mc/tui.c"
}
FILENAME ~ /^tests\// { next }
/^#[ \t]*include[ \t]+</ {
	name = $0; sub(/^[^<]*</, "", name); sub(/>.*/, "", name)
	key = ""
	for (k in door) if (index(name, k) == 1 && length(k) > length(key)) key = k
	if (key == "") next
	n = split(door[key], files, " "); ok = 0
	for (i = 1; i <= n; i++)
		if (FILENAME == files[i] || (files[i] ~ /\/$/ && index(FILENAME, files[i]) == 1)) ok = 1
	if (!ok) { printf "%s:%d: <%s> is included only in %s\n", FILENAME, FNR, name, door[key]; bad = 1 }
}
END { exit bad }
