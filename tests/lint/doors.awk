# doors — each library has one door: its headers are included there and nowhere else.
# proto/ and common/base include no library at all.  Tests may use any.
BEGIN {
	door["event2"] = "common/loop/loop.c common/net/conn.c common/dns/dns.c"
	door["openssl/ssl"] = "common/tls/ common/net/conn.c common/http/http_tls.c"
	door["openssl"] = "common/text/ common/pki/ common/tls/ common/net/ common/http/ common/revoke/ common/auth/ common/daemon/ common/dkim/"
	door["lmdb"] = "common/store/db_private.h"
	door["spf2"] = "common/spf/spf_evaluate.c"
	door["unbound"] = "common/dns/dns.c common/dns/dns_context.c"
	door["confuse"] = "common/conf/conf.c"
	door["gsasl"] = "common/auth/auth_private.h"
	door["jansson"] = "common/text/json.c"
	door["idn2"] = "common/text/idn.c"
	door["curl"] = "common/http/"
	door["libpsl"] = "common/text/registrable.c"
	door["libdeflate"] = "common/store/db_txn.c"
	door["gmime"] = "mc/mime.c mc/form_private.h mc/address_list.c"
	door["gumbo"] = "mc/html_tree_private.h"
}
FILENAME ~ /^tests\// { next }
/^[ \t]*#[ \t]*include[ \t]*</ {
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
