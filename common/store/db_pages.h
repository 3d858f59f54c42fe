/* db_pages — work over many rows in pages, each a write of its own.
 *
 * Space:   deleting copies pages of the trees first, and may use the reserve for that.  A page that
 *          does not fit is repeated with half as many rows, down to one; after a page that fits, the
 *          next may have twice as many.  Each page with several rows leaves room for one of one row,
 *          so there is always a page that fits.
 * Disk:    each page is durable before the next begins.  After a crash new work finds what is left.
 * Threads: `apply` and `follow` run on the writer's thread, `done` on `home`.
 * Closing: when the store is being closed the work ends early and without an error.
 */
#ifndef COMMON_STORE_DB_PAGES_H
#define COMMON_STORE_DB_PAGES_H

#include "common/store/db.h"

struct db_pages {
	/* Applies one page of at most `rows` rows, like that of a db_write: it may run several times for
	 * the same page. */
	bool (*apply)(struct db_txn *t, void *arg, size_t rows, struct err *e);
	bool (*follow)(void *arg); /* the page is durable; true: there is another one */
	void (*done)(void *arg, const struct err *e);
	void *arg;
	struct loop *home; /* NULL: done runs on the writer's thread */
	size_t most;       /* rows a page */
	/* db_pages's */
	size_t rows;
	struct db_write write;
	struct err why;
};

/* Takes p; the caller's `done` frees it. */
void db_pages_take(struct db *d, struct db_pages *p);

#endif
