# cycles — no file may include itself by way of others (x.c and x.h count as two).
FNR == 1 { files[++n] = FILENAME }
/^[ \t]*#[ \t]*include[ \t]*"/ { split($0, q, "\""); to[FILENAME] = to[FILENAME] " " q[2] }
function visit(f,    list, k, i) {
	if (seen[f] == 2) return
	if (seen[f] == 1) { printf "%s: includes itself by way of others\n", f; bad = 1; return }
	seen[f] = 1
	k = split(to[f], list, " ")
	for (i = 1; i <= k; i++) visit(list[i])
	seen[f] = 2
}
END { for (i = 1; i <= n; i++) visit(files[i]); exit bad }
