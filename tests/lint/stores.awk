# stores — what is above common/store/kv knows no table, cursor or transaction.  Fails where a file of a role includes
# common/store/db*.h, or names what these headers or lmdb.h declare.  The exception: what opens a store of an older
# version.  The library itself has its door in doors.awk.
BEGIN {
	older["oms/store/store_migrate.c"] = older["oms/store/store_old.c"] = older["oms/store/store_old_private.h"] = 1
	older["ims/store/store_migrate.c"] = 1
}
function is_above(file) { return file ~ /^(oms|ims|mc)\// && !(file in older) }
/^[ \t]*#[ \t]*include[ \t]*"common\/store\/db[^\/"]*\.h"/ && is_above(FILENAME) {
	split($0, q, "\"")
	printf "%s:%d: a store is on kv, and may not include %s\n", FILENAME, FNR, q[2]; bad = 1
}
match($0, /(^|[^A-Za-z0-9_])(MDB_[A-Za-z_]+|mdb_[a-z_]+|db_(txn|write|writes|read|get|put|del|each|last|next_key|prev_key|entries|open|close|key)[a-z_]*)/) && is_above(FILENAME) {
	name = substr($0, RSTART, RLENGTH); sub(/^[^A-Za-z0-9_]/, "", name)
	printf "%s:%d: a store is on kv, and may not name %s\n", FILENAME, FNR, name; bad = 1
}
END { exit bad }
