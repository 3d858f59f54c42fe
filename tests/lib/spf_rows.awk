# spf_rows — tests/spf/cases.txt for a test that sends them through NOTIFY.
#
#	awk -v world="NAME" -v zone=FILE -f tests/lib/spf_rows.awk tests/spf/cases.txt
#
# Writes the world's records to FILE, and of each case `CLIENT LOCAL-PART DOMAIN RESULT SECTION`; the
# null sender's is postmaster at HELO.  Left out: an IPv6 client, and what no notice can say: a name that
# is no domain, another local part than one of atoms, a record that looks at HELO (%{h}), which in
# NOTIFY is the sender's domain.
function is_domain(d, labels, n, i) {
	n = split(d, labels, ".")
	for (i = 1; i <= n; i++)
		if (length(labels[i]) > 63 || labels[i] !~ /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/) return 0
	return n > 1 && length(d) <= 253
}
/^world / { ours = substr($0, 7) == world; next }
!ours || /^#/ { next }
/^\t/ {
	sub(/^\t/, "")
	print > zone
	if ($1 ~ /^h+\.test\.$/) helo[substr($1, 1, length($1) - 1)] = 1
	next
}
/^[0-9]/ {
	split($0, f, / *\| */)
	split(f[1], name, " ")
	sub(/^::ffff:/, "", f[2])
	local = "postmaster"
	domain = f[3]
	if (f[4] != "<>") {
		at = index(f[4], "@")
		local = substr(f[4], 1, at - 1)
		domain = substr(f[4], at + 1)
	}
	domain = tolower(domain)
	if (f[2] ~ /:/ || !is_domain(domain) || domain in helo) next
	if (length(local) > 64 || local !~ /^[A-Za-z0-9!#$%&'*+\/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+\/=?^_`{|}~-]+)*$/) next
	print f[2], local, domain, f[5], name[1]
}
