# layers — one table of rooms and their levels.  Fails where a file includes one of another room that
# is not on a lower level, where a private header is included from another room, and where a name has
# no subject.  A row may name one file of a room that has a level of its own.
BEGIN {
	level("common/base", 0)
	level("common/loop common/text common/share", 1)
	level("common/pki common/dns common/conf common/store", 2)
	level("common/tls common/spf common/http common/dkim", 3)
	level("common/net common/revoke", 4)
	level("common/auth common/sts", 5)
	level("common/daemon", 6)
	level("proto", 6)		# includes common/base only, see below
	level("proto/smtp", 7)		# includes proto and common/base only, see below
	level("oms/policy ims/policy", 7)	# includes proto and common/base only, see below
	level("oms/oms.h ims/ims.h", 7)
	level("oms/store ims/store", 8)
	level("oms/fetch oms/notify oms/smtp ims/notify ims/fetch ims/evidence", 9)
	level("oms/queue ims/mailbox ims/smtp", 10)
	level("oms/submit", 11)
	level("oms/submission", 12)
	level("oms ims mc", 13)
	level("tests", 14)
	level("tests/unit tests/fuzz tests/bench tests/tools", 15)
	level("tests/fixtures", 16)	# compiled in a copy of an earlier commit: tests/fixtures/make
}
function level(rooms, n,    list, i, k) { k = split(rooms, list, " "); for (i = 1; i <= k; i++) rank[list[i]] = n }
function dir(path) { sub(/\/[^\/]*$/, "", path); return path }
function room(path) { return path in rank ? path : dir(path) }
function role(path) { return path ~ /^(oms|ims|mc)(\/|$)/ ? substr(path, 1, index(path "/", "/") - 1) : "" }
function allowed(from, to) {
	if (!(from in rank) || !(to in rank)) return 0
	if (from == to) return 1
	if (from == "proto") return to == "common/base"
	if (from ~ /^(proto\/smtp|(oms|ims)\/policy)$/) return to == "common/base" || to == "proto"
	if (to ~ /^proto(\/|$)/ && from ~ /^common\//) return 0
	if (role(from) != "" && role(to) != "" && role(from) != role(to)) return 0
	return rank[to] < rank[from]
}
FNR == 1 && FILENAME ~ /(^|\/)(util|utils|misc|helpers?|common)\.[ch]$/ {
	printf "%s: a file without a subject\n", FILENAME; bad = 1
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, q, "\""); from = room(FILENAME); to = room(q[2])
	if (!allowed(from, to)) {
		printf "%s:%d: %s may not include %s\n", FILENAME, FNR, from, q[2]; bad = 1
	}
	if (q[2] ~ /_private\.h$/ && dir(q[2]) != dir(FILENAME)) {
		printf "%s:%d: %s is private to %s\n", FILENAME, FNR, q[2], dir(q[2]); bad = 1
	}
}
END { exit bad }
