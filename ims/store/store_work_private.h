/* store_work_private — many notices, page by page: what a sweep and a purge have in common; for ims/store alone.
 *
 * Work goes from mailbox to mailbox.  In each it reads a page of notices, looks at their letters, and has one operation end
 * those whose time has come.  Each page is durable before the next is read, so after a crash new work finds what
 * is left.
 */
#ifndef IMS_STORE_STORE_WORK_PRIVATE_H
#define IMS_STORE_STORE_WORK_PRIVATE_H

#include "ims/store/store_renew_private.h"

struct ims_work;

/* A notice of the page, as it was read, and its letter. */
struct ims_looked {
	struct ims_work *of;
	struct ims_notice_record notice;
	bool has_notice, has_letter;
	bool damaged; /* the notice or its letter is */
	bool goes;
	struct ims_letter_record letter;
};

struct ims_work {
	struct kv_question question; /* first; as long as the work */
	/* what is to be done */
	void (*read_things)(struct ims_work *w); /* the next page of them, then ims_work_next */
	bool sweeps;
	struct domain from_domain;       /* "": of all */
	char user[IMS_STORE_USER_BYTES]; /* "": of all */
	bool opened;
	int64_t now_s, keep_s;
	/* where it is */
	bool everywhere; /* in each mailbox, before the hours: they were told of a longer keep_s */
	int64_t hour, kept_s;
	unsigned shard;
	struct kv_key after; /* names of facts from this on: of an hour, a sender, a directory */
	struct kv_key next;  /* of the page that follows */
	struct ims_thing thing[IMS_THINGS];
	size_t n_before; /* of the page: found in shards before */
	size_t n_things, at;
	struct kv_part mailbox;
	struct ims_numbers numbers;
	struct kv_key remainder; /* where the page of what is remembered begins */
	struct ims_looked *looked;
	size_t most; /* rows of a page of a mailbox; fewer while space is short */
	/* the operation under way */
	struct ims_step {
		union { /* first: what is applied */
			struct ims_ending ending;
			int64_t cursor[2]; /* hour, keep_s */
		};
		struct kv_op op;
		struct ims_work *of;
		bool (*apply)(struct kv_txn *t, void *arg, struct err *e);
		void (*then)(struct ims_work *w);
		void (*again)(struct ims_work *w); /* with fewer rows; NULL: it has one */
		void (*skip)(struct ims_work *w);  /* its partition is damaged */
		bool damaged;
	} step;
	struct ims_ended ended[MAILBOX_PAGE];
	uint64_t notices; /* dropped so far */
	bool passed_over; /* something that is damaged */
	void (*progress)(void *arg, uint64_t notices);
	void (*purged)(void *arg, uint64_t notices, const struct err *e);
	ims_store_done *swept;
	void *arg;
};

/* tell: as that of a question.  The caller sets what is to be done, and asks. */
struct ims_work *ims_work_new(void (*tell)(struct kv_question *q, const struct err *e),
    void (*read_things)(struct ims_work *w), void *arg);
struct ims_work *ims_work_of(struct kv_question *q);

/* A look for a page of things may run several times: each begins where the page begins. */
void ims_work_begin_page(struct ims_work *w);
/* The page was read.  False: it is empty, and was the last. */
bool ims_work_has_things(struct ims_work *w);
/* Works on the next mailbox of the page; then, or where it has none, on what read_things finds. */
void ims_work_next(struct ims_work *w);
/* Works on this one, then on the next. */
void ims_work_begin_mailbox(struct ims_work *w, struct kv_part mailbox);

/* An operation of the work.  then: also where the partition is damaged, unless skips is false. */
void ims_work_take(struct ims_work *w, struct kv_part part,
    bool (*apply)(struct kv_txn *t, void *arg, struct err *e), size_t octets,
    void (*then)(struct ims_work *w), bool skips);

#endif
