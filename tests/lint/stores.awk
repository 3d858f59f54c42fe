# stores — what is above common/store/kv knows no table, cursor or transaction.  Fails where a file of a role includes
# common/store/db*.h.  Two exceptions: what opens a store of an older version, and a role whose store is not on kv yet.
# The library itself has its door in doors.awk.
BEGIN {
	split("oms/ mc/", roles, " ")	# ims/ joins them when its store is on kv
	older["oms/store/store_migrate.c"] = older["oms/store/store_old.c"] = 1
}
function is_above(file,    i) {
	for (i in roles) if (index(file, roles[i]) == 1) return !(file in older)
	return 0
}
/^[ \t]*#[ \t]*include[ \t]*"common\/store\/db[^\/"]*\.h"/ && is_above(FILENAME) {
	split($0, q, "\"")
	printf "%s:%d: a store is on kv, and may not include %s\n", FILENAME, FNR, q[2]; bad = 1
}
END { exit bad }
