# map — the house from its headers: first the rooms, then for each its doors (headers that
# another room includes) and what is inside (headers that only the room itself includes).
function dir(path) { sub(/\/[^\/]*$/, "", path); return path }
FNR == 1 {
	from = dir(FILENAME)
	if (FILENAME ~ /\.h$/) {
		line = $0; sub(/^\/\* /, "", line); sub(/ \*\/$/, "", line)
		what[FILENAME] = line; headers[++n] = FILENAME; rooms[from]++
	}
}
/^[ \t]*#[ \t]*include[ \t]*"/ { split($0, q, "\""); if (dir(q[2]) != from && from !~ /^tests/) used[q[2]]++; if (dir(q[2]) != from) used_by[dir(q[2])] = used_by[dir(q[2])] (index(" " used_by[dir(q[2])] " ", " " from " ") || from ~ /^tests/ ? "" : " " from) }
function sort(a, m,    i, j, t) { for (i = 2; i <= m; i++) { t = a[i]; for (j = i - 1; j > 0 && a[j] > t; j--) a[j + 1] = a[j]; a[j + 1] = t } }
function show(room, doors,    i, some) {
	for (i = 1; i <= n; i++)
		if (dir(headers[i]) == room && (headers[i] in used) == doors) {
			if (!some++) print doors ? "  doors" : "  inside"
			printf "%-34s %s\n", headers[i], what[headers[i]]
		}
}
END {
	sort(headers, n)
	for (r in rooms) list[++k] = r
	sort(list, k)
	for (i = 1; i <= k; i++) printf "%-14s %2d headers; used by%s\n", list[i], rooms[list[i]], used_by[list[i]] == "" ? " nobody above it" : used_by[list[i]]
	for (i = 1; i <= k; i++) { printf "\n%s\n", list[i]; show(list[i], 1); show(list[i], 0) }
}
