/* store_job_private — work over many notices in pages (db_pages.h).
 *
 * Threads: pages run on the writer's thread, where the store exists until it is closed; progress and done
 *          run on the caller's loop.
 */
#ifndef IMS_STORE_STORE_JOB_PRIVATE_H
#define IMS_STORE_STORE_JOB_PRIVATE_H

#include "common/store/db_pages.h"
#include "ims/store/store_private.h"

#define IMS_JOB_PAGE 200 /* rows a write, at most */

struct ims_job;

/* Applies one page.  May run several times for the same page, so it changes only `staged`.  Sets staged.more where
 * rows are left. */
typedef bool ims_job_page(struct db_txn *t, struct ims_job *j, struct err *e);

struct ims_job {
	ims_job_page *const *pages; /* kinds of pages, run one after the other; ends with NULL */
	struct domain from_domain;  /* "": of all */
	char user[IMS_STORE_USER_BYTES]; /* "": of all */
	bool opened;
	int64_t now_s, keep_s;
	size_t rows;      /* that this page may have */
	struct db_key at; /* the last row of the page before this one */
	uint64_t notices; /* dropped so far */
	struct {
		bool more;
		struct db_key at;
		uint64_t notices;
		size_t n_files;
		char file[IMS_JOB_PAGE][BODY_NAME_BYTES];
	} staged;
	struct loop *loop; /* NULL: done runs on the writer's thread */
	void (*progress)(void *arg, uint64_t notices);
	void (*done)(void *arg, uint64_t notices, const struct err *e);
	void *arg;
	/* store_job's */
	struct db_pages run;
	struct ims_store *store;
	struct bodies *bodies;
};

/* The caller fills in the job and starts it. */
struct ims_job *ims_job_new(struct ims_store *s, ims_job_page *const *pages);
void ims_job_start_take(struct ims_job *j);

/* Converts a store of an earlier version; see store_upgrade.c. */
void ims_store_upgrade(struct ims_store *s);

#endif
