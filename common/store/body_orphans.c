/* body_orphans — compares the folder with the sorted names of the records; see body_orphans.h. */
#include "common/store/body_orphans.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"

struct names {
	char (*name)[BODY_NAME_BYTES];
	size_t n, cap;
	bool unsure; /* an unreadable record may name any file */
	bool (*file_of)(struct span record, char file[BODY_NAME_BYTES]);
};

static bool
note_name(void *arg, struct span key, struct span value)
{
	struct names *all = arg;
	char file[BODY_NAME_BYTES];

	(void)key;
	if (!all->file_of(value, file)) {
		all->unsure = true;
		return false;
	}
	if (file[0] == '\0')
		return true;
	if (all->n == all->cap) {
		all->cap = all->cap ? all->cap * 2 : 64;
		all->name = memory_resize(all->name, all->cap, sizeof *all->name);
	}
	memcpy(all->name[all->n++], file, BODY_NAME_BYTES);
	return true;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool
is_named(void *arg, const char *name)
{
	struct names *all = arg;
	char key[BODY_NAME_BYTES];

	return span_copy(span_str(name), key, sizeof key) && all->n > 0 &&
	    bsearch(key, all->name, all->n, sizeof *all->name, compare) != NULL;
}

bool
body_orphans_remove(struct bodies *s, struct db *d, unsigned table,
    bool (*file_of)(struct span record, char file[BODY_NAME_BYTES]), struct err *e)
{
	struct names all = { .file_of = file_of };
	struct db_txn *t;
	bool fault;

	if (!db_read(d, &t, e))
		return false;
	db_each(t, table, (struct span) { 0 }, (struct span) { 0 }, note_name, &all);
	all.unsure = all.unsure || db_passed_over(t) > 0;
	fault = db_fault(t, e);
	db_read_end(&t);
	if (!fault && !all.unsure) {
		if (all.n > 0)
			qsort(all.name, all.n, sizeof *all.name, compare);
		bodies_sweep(s, is_named, &all);
	}
	free(all.name);
	return !fault;
}
