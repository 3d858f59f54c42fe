/* store_share — sums per sender's domain; see store_share.h. */
#include "ims/store/store_share.h"

#include <stdlib.h>

#include "common/base/memory.h"
#include "common/base/record.h"
#include "ims/store/store_private.h"

#define VERSION_1 1
#define PAGE      4096
#define NODE      24 /* overhead of LMDB and the checksum */
#define INLINE_MAX                                                                                 \
	2000 /* a longer record has overflow pages; pages of shorter ones are about 4/5 full */

uint64_t
ims_takes(size_t key, size_t value)
{
	if (key + value <= INLINE_MAX)
		return (key + value + NODE) * 5 / 4;
	return key + NODE + (value + NODE + PAGE - 1) / PAGE * PAGE;
}

struct db_key
ims_key_share(struct span from_domain)
{
	struct db_key k = { .n = 0 };

	db_key_add(&k, "d", 1);
	db_key_add(&k, from_domain.p, from_domain.n);
	return k;
}

struct db_key
ims_key_share_in(const char *user, struct span from_domain)
{
	struct db_key k = { .n = 0 }, domain = ims_key_domain(from_domain);

	db_key_add(&k, "m", 1);
	db_key_add(&k, domain.b, domain.n);
	db_key_add(&k, span_str(user).p, span_str(user).n);
	return k;
}

bool
ims_share_read(struct span value, struct ims_share *out)
{
	struct reader r = reader_of(value);
	bool good = read_u8(&r) == VERSION_1;

	out->octets = read_u64(&r);
	out->notices = read_u64(&r);
	return good && reader_done(&r);
}

/* A damaged sum starts anew: it must neither refuse the domain nor keep its notices from going. */
void
ims_share_get(struct db_txn *t, const struct db_key *k, struct ims_share *out)
{
	struct span value;

	if (!ims_get_spared(t, SHARE, k, &value) || !ims_share_read(value, out))
		*out = (struct ims_share) { .octets = 0 };
}

void
ims_share_change(struct db_txn *t, const struct db_key *k, int64_t octets, int64_t notices)
{
	struct buf value = BUF_INIT;
	struct ims_share s;

	if (octets == 0 && notices == 0)
		return;
	ims_share_get(t, k, &s);
	ims_share_add(&s, octets, notices);
	if (s.octets == 0 && s.notices == 0) {
		db_del(t, SHARE, db_key_span(k));
		return;
	}
	put_u8(&value, VERSION_1);
	put_u64(&value, s.octets);
	put_u64(&value, s.notices);
	db_put(t, SHARE, db_key_span(k), buf_span(&value));
	buf_clear(&value);
}

/* -- questions -------------------------------------------------------------------------------------- */

struct of_share {
	struct ims_question question;
	struct db_key key;
	struct ims_share sum;
	ims_store_share_done *done;
	void *arg;
};

static bool
look_for_share(struct db_txn *t, struct ims_question *question, struct err *e)
{
	struct of_share *q = (struct of_share *)question;

	(void)e;
	ims_share_get(t, &q->key, &q->sum);
	return true;
}

static void
tell_share(struct ims_question *question, const struct err *e)
{
	struct of_share *q = (struct of_share *)question;

	q->done(q->arg, &q->sum, e);
}

struct ims_question *
ims_store_share(struct ims_store *s, const char *from_domain, const char *user, struct loop *l,
    ims_store_share_done *done, void *arg)
{
	struct of_share *q = memory_new(sizeof *q);

	q->question.look = look_for_share;
	q->question.tell = tell_share;
	q->key = user == NULL ? ims_key_share(span_str(from_domain))
			      : ims_key_share_in(user, span_str(from_domain));
	q->done = done;
	q->arg = arg;
	return ims_ask(&q->question, s, l);
}

struct of_senders {
	struct ims_question question;
	struct db_key after;
	struct ims_sender *rows;
	size_t n, max;
	bool more;
	ims_store_senders_done *done;
	void *arg;
};

static bool
take_sender(void *arg, struct span key, struct span value)
{
	struct of_senders *q = arg;
	struct ims_sender row = { 0 };

	if (span_eq(key, db_key_span(&q->after)) ||
	    !span_copy(span_sub(key, 1, key.n), row.domain.text, sizeof row.domain.text) ||
	    !ims_share_read(value, &row.sum))
		return true;
	if (q->n == q->max) {
		q->more = true;
		return false;
	}
	q->rows[q->n++] = row;
	return true;
}

static bool
look_for_senders(struct db_txn *t, struct ims_question *question, struct err *e)
{
	struct of_senders *q = (struct of_senders *)question;

	(void)e;
	q->rows = memory_array(q->max, sizeof *q->rows);
	db_each(t, SHARE, db_key_span(&q->after), SPAN_LIT("d"), take_sender, q);
	return true;
}

static void
tell_senders(struct ims_question *question, const struct err *e)
{
	struct of_senders *q = (struct of_senders *)question;

	q->done(q->arg, q->rows, e == NULL ? q->n : 0, e == NULL && q->more, e);
}

static void
clear_senders(struct ims_question *question)
{
	free(((struct of_senders *)question)->rows);
}

struct ims_question *
ims_store_senders(struct ims_store *s, const char *after, size_t max, struct loop *l,
    ims_store_senders_done *done, void *arg)
{
	struct of_senders *q = memory_new(sizeof *q);

	q->question.look = look_for_senders;
	q->question.tell = tell_senders;
	q->question.clear = clear_senders;
	q->after = ims_key_share(span_str(after));
	q->max = max;
	q->done = done;
	q->arg = arg;
	return ims_ask(&q->question, s, l);
}
