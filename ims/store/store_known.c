/* store_known — the domains that each mailbox has ever had mail of; see store.h. */
#include "common/base/memory.h"
#include "common/base/record.h"
#include "ims/store/store_private.h"
#include "ims/store/store_share.h"

#define VERSION_1 1
#define DAY_S     86400

static struct db_key
key_of(const char *user, struct span from_domain)
{
	struct db_key k = ims_key_user(user);

	db_key_add_hash(&k, from_domain, IMS_DOMAIN_HASH);
	return k;
}

static int64_t
day_of(struct span value)
{
	struct reader r = reader_of(value);
	uint64_t day = read_u8(&r) == VERSION_1 ? read_u64(&r) : 0;

	return reader_done(&r) ? (int64_t)day : 0;
}

/* Writes at most once a day. */
void
ims_known_put(struct db_txn *t, const struct ims_store *s, const char *user,
    struct span from_domain, int64_t now_s)
{
	struct db_key k = key_of(user, from_domain);
	struct buf record = BUF_INIT;
	struct span value;

	if (db_get(t, KNOWN, db_key_span(&k), &value)) {
		if (day_of(value) == now_s / DAY_S)
			return;
	} else if (db_entries(t, KNOWN) >=
	    s->seen_max * IMS_STORE_SEEN_OCTETS / IMS_STORE_KNOWN_OCTETS) {
		return;
	}
	put_u8(&record, VERSION_1);
	put_u64(&record, (uint64_t)(now_s / DAY_S));
	db_put(t, KNOWN, db_key_span(&k), buf_span(&record));
	buf_clear(&record);
}

struct of_known {
	struct ims_question question;
	struct db_key known, sum;
	bool had;
	ims_store_knows_done *done;
	void *arg;
};

/* Both rows are read in either case: what is there must not change the work. */
static bool
look_for_known(struct db_txn *t, struct ims_question *question, struct err *e)
{
	struct of_known *q = (struct of_known *)question;
	struct span value;
	bool had = db_get(t, KNOWN, db_key_span(&q->known), &value),
	     has = db_get(t, SHARE, db_key_span(&q->sum),
		 &value); /* of a store from before this table existed */

	(void)e;
	q->had = had || has;
	return true;
}

static void
tell_known(struct ims_question *question, const struct err *e)
{
	struct of_known *q = (struct of_known *)question;

	q->done(q->arg, e == NULL && q->had);
}

struct ims_question *
ims_store_knows(struct ims_store *s, const char *user, struct span from_domain, struct loop *l,
    ims_store_knows_done *done, void *arg)
{
	struct of_known *q = memory_new(sizeof *q);

	q->question.look = look_for_known;
	q->question.tell = tell_known;
	q->known = key_of(user, from_domain);
	q->sum = ims_key_share_in(user, from_domain);
	q->done = done;
	q->arg = arg;
	return ims_ask(&q->question, s, l);
}
