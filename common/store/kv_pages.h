/* kv_pages — work over many rows in pages, each an operation of its own.
 *
 * Space:   deleting copies pages of the file first, and may use the reserve for that.  A page that does not fit is
 *          repeated with half as many rows, down to one; after a page that fits, the next may have twice as many.
 *          Each page of several rows leaves space for one of one row, so there is always a page that fits.
 * Disk:    each page is durable before the next begins.  After a crash new work finds what is left.
 * Threads: `apply` as in an operation; `follow` and `done` on `home`.
 * Closing: when the store is being closed, the work ends early with an error (too_many_outstanding).
 */
#ifndef COMMON_STORE_KV_PAGES_H
#define COMMON_STORE_KV_PAGES_H

#include "common/store/kv.h"

struct kv_pages {
	struct kv_part part; /* of the next page; follow may set another one */
	/* Applies one page of at most `rows` rows; what else it counts as a row is its own matter. */
	bool (*apply)(struct kv_txn *t, void *arg, size_t rows, struct err *e);
	bool (*follow)(void *arg); /* the page is durable; true: there is another one */
	void (*done)(void *arg, const struct err *e);
	void *arg;
	struct loop *home;
	size_t most; /* rows a page */
	/* kv_pages's */
	struct kv *kv;
	struct kv_op op;
	size_t rows;
	struct err why;
};

/* Takes p; the caller's `done` frees it. */
void kv_pages_take(struct kv *k, struct kv_pages *p);

#endif
