/* store_work_private — work over many notices of many mailboxes: a question for a page of rows, then one write for
 * each mailbox that has some of them, then the next page.
 *
 * The writes of a page are queued together and share a commit.  A write that does not fit is repeated as two
 * with half of its rows each; a row alone always fits where anything does.
 *
 * Disk:    each page is durable before the next is asked for.  After a crash new work finds what is left.
 * Threads: look and tell as those of a question; `change` on the writer's thread; the rest on the caller's loop.
 * Closing: when the store is closed the work ends early and without an error.
 */
#ifndef IMS_STORE_STORE_WORK_PRIVATE_H
#define IMS_STORE_STORE_WORK_PRIVATE_H

#include "ims/store/store_private.h"

#define IMS_WORK_PAGE 200 /* rows */

struct ims_work;

/* A row of a page. */
struct ims_work_row {
	char user[IMS_STORE_USER_BYTES]; /* of its mailbox; "": that cannot be read */
	struct db_key key;               /* in the table that the page was read from */
};

/* What a write leaves to be done when it is durable. */
struct ims_work_done {
	uint64_t notices; /* dropped */
	size_t n_files;
	char file[IMS_WORK_PAGE][BODY_NAME_BYTES];
};

struct ims_work_kind {
	enum ims_table table;
	struct db_key (*prefix)(const struct ims_work *w);
	bool
	    alone; /* the one row with the key `prefix`, damaged or not; else all rows with the prefix */
	/* Is a row with this key in the range?  NULL: each with the prefix. */
	bool (*within)(const struct ims_work *w, struct span key);
	/* The mailbox of a row.  False: its records are damaged, and *user stays "". */
	bool (*user)(struct db_txn *t, const struct ims_work *w, struct span key,
	    char user[IMS_STORE_USER_BYTES]);
	/* What becomes of the row.  May run several times. */
	void (*change)(struct db_txn *t, const struct ims_work *w, const struct ims_work_row *row,
	    struct ims_work_done *d);
};

struct ims_work {
	const struct ims_work_kind *const *kinds; /* one after the other; ends with NULL */
	struct domain from_domain;                /* "": of all */
	char user[IMS_STORE_USER_BYTES];          /* "": of all */
	bool opened;
	int64_t now_s, keep_s;
	struct loop *loop;
	void (*progress)(void *arg, uint64_t notices);
	void (*done)(void *arg, uint64_t notices, const struct err *e);
	void *arg;
	/* store_work's */
	struct ims_store *store; /* a reference */
	struct bodies *bodies;
	struct db_key at; /* the last row of the page before this one */
	bool more;        /* rows follow the page */
	uint64_t notices; /* dropped so far */
	uint64_t before;  /* when the page began */
	struct ims_work_row *rows;
	size_t n;
	size_t waiting; /* writes that are not answered */
	struct err why;
};

/* The caller fills in the work and starts it. */
struct ims_work *ims_work_new(struct ims_store *s, const struct ims_work_kind *const *kinds);
void ims_work_start_take(struct ims_work *w);

#endif
