# names — what the comments of headers and the tables of lint name must exist: each `name(` of a header's
# comment is a function or macro of the tree (or of a library that the tree calls), and each path
# of the tree in a comment, in tests/lint, README.md or SPEC.md is a file or folder.  A manual's page, read(2), and a
# width in a record's layout, id(16), are neither.  A word within a string or a character literal makes no
# name exist.  `tree` lists the tree's files and folders.  A function that a header declares is named in
# its definition and in one more place at least.
BEGIN { k = split(tree, list); for (i = 1; i <= k; i++) { known[list[i]]; stem = list[i]; sub(/\.[a-z0-9]+$/, "", stem); known[stem] } }
FNR == 1 { inside = 0 }
{
	code = ""; comment = ""; rest = $0
	while (rest != "") {
		if (inside) {
			i = index(rest, "*/")
			comment = comment " " (i ? substr(rest, 1, i - 1) : rest)
			rest = i ? substr(rest, i + 2) : ""
			inside = !i
		} else {
			i = index(rest, "/*")
			code = code (i ? substr(rest, 1, i - 1) : rest)
			rest = i ? substr(rest, i + 2) : ""
			inside = i > 0
		}
	}
	if (FILENAME ~ /\.h$/ && code ~ /^[a-z][^(]*[ *][a-z_][a-z0-9_]*\(/ && code !~ /^(static|typedef) / && match(code, /[a-z_][a-z0-9_]*\(/)) {
		declared[++d] = substr(code, RSTART, RLENGTH - 1); declared_at[d] = FILENAME ":" FNR
	}
	if (code !~ /^#[ \t]*include/) {
		gsub(/\\./, "", code)
		gsub(/'"'/, "", code)
		gsub(/"[^"]*"/, " ", code)
	}
	while (match(code, /[A-Za-z_][A-Za-z0-9_]*/)) {
		exists[substr(code, RSTART, RLENGTH)]++
		code = substr(code, RSTART + RLENGTH)
	}
	at = FILENAME ":" FNR
	if (comment ~ /DECISIONS|THREATS|ARCHITECTURE|PROTOCOL(\.md| ")|STYLE\.md/) { printf "%s: cites a document that is not in the tree\n", at; bad = 1 }
	if (FILENAME ~ /\.h$/) {
		text = comment
		while (match(text, /[a-z_][a-z0-9_]*\([^0-9)]/) || match(text, /[a-z_][a-z0-9_]*\(\)/)) {
			name = substr(text, RSTART, RLENGTH); sub(/\(.*/, "", name)
			named[++n] = name; where[n] = at
			text = substr(text, RSTART + RLENGTH)
		}
	}
	text = FILENAME ~ /^tests\/lint\/|\.md$/ ? $0 : comment
	while (match(text, /(common|proto|oms|ims|mc|tests)\/[a-z0-9_\/]+(\.[a-z][a-z0-9]*)?/)) {
		path = substr(text, RSTART, RLENGTH)
		before = RSTART > 1 ? substr(text, RSTART - 1, 1) : " "
		after = substr(text, RSTART + RLENGTH, 1)
		text = substr(text, RSTART + RLENGTH)
		if (before ~ /[A-Za-z0-9_\/.-]/ || after ~ /[*%{-]/ || path ~ /_$/) continue
		paths[++m] = path; path_at[m] = at
	}
}
function is_there(path) {
	sub(/\/$/, "", path)
	return path in known
}
END {
	for (i = 1; i <= n; i++)
		if (!(named[i] in exists)) { printf "%s: %s( is named, and there is none\n", where[i], named[i]; bad = 1 }
	for (i = 1; i <= m; i++)
		if (!is_there(paths[i])) { printf "%s: %s is named, and there is none\n", path_at[i], paths[i]; bad = 1 }
	for (i = 1; i <= d; i++)
		if (exists[declared[i]] < 3) { printf "%s: %s( is declared, and nobody calls it\n", declared_at[i], declared[i]; bad = 1 }
	exit bad
}
