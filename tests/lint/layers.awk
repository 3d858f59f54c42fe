# layers — fail when a file includes something above it, or a name has no subject.  One table.
BEGIN {
	rank["common/base"] = 0; rank["proto"] = 1; rank["common/svc"] = 1
	rank["oms"] = 2; rank["ims"] = 2; rank["mc"] = 2
	rank["tests"] = 3; rank["tests/unit"] = 4; rank["tests/fuzz"] = 4
	rank["tests/bench"] = 4; rank["tests/tools"] = 4
}
function dir(path) { sub(/\/[^\/]*$/, "", path); return path }
FNR == 1 && FILENAME ~ /(^|\/)(util|utils|misc|helpers?|common)\.[ch]$/ {
	printf "%s: a file without a subject\n", FILENAME; bad = 1
}
/^#[ \t]*include[ \t]+"/ {
	split($0, q, "\""); from = dir(FILENAME); to = dir(q[2])
	if (!(from in rank) || !(to in rank) || (from != to && rank[to] >= rank[from])) {
		printf "%s:%d: %s may not include %s\n", FILENAME, FNR, from, q[2]; bad = 1
	}
}
END { exit bad }
