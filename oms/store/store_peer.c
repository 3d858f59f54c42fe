/* store_peer — the OMS's spool: remembered domains; see store.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "oms/store/store_private.h"

#define VERSION_3 3 /* with its domain, and the version of its entry */

/* -- the row --------------------------------------------------------------------------------------- */

struct peer_row {
	struct domain domain;
	struct oms_peer peer;
	uint64_t version; /* of its entry in the directory */
};

static bool
read_row(struct span value, struct peer_row *p)
{
	struct reader r = reader_of(value);

	*p = (struct peer_row) { 0 };
	read_str(&r, p->domain.text, sizeof p->domain.text);
	if (read_u8(&r) != VERSION_3)
		return false;
	p->peer.until_s = (int64_t)read_u64(&r);
	p->peer.answered_s = (int64_t)read_u64(&r);
	p->version = read_u64(&r);
	return reader_done(&r);
}

/* False without a fault: there is none, or it is damaged and *damaged. */
static bool
get_row(struct kv_txn *t, struct peer_row *p, bool *damaged)
{
	struct span value;
	struct err e;

	*p = (struct peer_row) { 0 };
	*damaged = false;
	if (kv_get(t, SPAN_LIT("P"), &value)) {
		*damaged = !read_row(value, p);
		return !*damaged;
	}
	*damaged = kv_fault(t, &e);
	return false;
}

static void
put_row(struct kv_txn *t, const struct peer_row *p)
{
	struct buf value = BUF_INIT;

	put_span(&value, domain_span(&p->domain));
	put_u8(&value, VERSION_3);
	put_u64(&value, (uint64_t)p->peer.until_s);
	put_u64(&value, (uint64_t)p->peer.answered_s);
	put_u64(&value, p->version);
	kv_put(t, SPAN_LIT("P"), buf_span(&value));
	buf_clear(&value);
}

/* -- the directory --------------------------------------------------------------------------------- */

static bool
count_entry(void *arg, const struct kv_fact *f)
{
	(void)f;
	++*(uint64_t *)arg;
	return true;
}

/* A damaged count is made anew, of the entries before the first damaged one. */
static uint64_t
count_of(struct kv_txn *t)
{
	struct span value;
	struct reader r;
	struct err e;
	uint64_t n = 0;

	if (kv_get(t, SPAN_LIT("N"), &value)) {
		r = reader_of(value);
		return read_u64(&r);
	}
	if (kv_fault(t, &e)) {
		kv_pardon(t);
		kv_each_fact(t, OMS_FACT, SPAN_LIT(""), SPAN_LIT(""), count_entry, &n);
		kv_pardon(t);
	}
	return n;
}

/* Each shard has its part of the most that are remembered.  A new domain never displaces a remembered one, or
 * many new names would make us forget it. */
bool
oms_peers_receive(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	struct reader r = reader_of(now->value);
	uint64_t n, max;
	struct buf value = BUF_INIT;
	bool listed = was != NULL || kv_was_damaged(t);

	(void)from;
	(void)arg;
	read_u64(&r);
	max = read_u64(&r);
	if (listed != now->gone)
		return true;
	n = count_of(t);
	if (RULE(system_full) && !now->gone && n >= (max + KV_DIR_SHARDS - 1) / KV_DIR_SHARDS)
		return err_set(e, REFUSAL_system_full, "%llu domains are remembered already",
		    (unsigned long long)max);
	put_u64(&value, now->gone ? n - (n > 0) : n + 1);
	kv_put(t, SPAN_LIT("N"), buf_span(&value));
	buf_clear(&value);
	return true;
}

/* -- asking --------------------------------------------------------------------------------------- */

struct peer {
	struct kv_question question;
	struct peer_row row;
	bool damaged;
	oms_store_peer_done *done;
	void *arg;
};

static void
look_peer(struct kv_txn *t, void *arg)
{
	struct peer *p = arg;

	get_row(t, &p->row, &p->damaged);
}

static void
peer_read(struct kv_question *q)
{
	if (((struct peer *)q)->damaged)
		oms_damaged(&q->why);
	kv_question_answer(q);
}

static void
tell_peer(struct kv_question *q, const struct err *e)
{
	struct peer *p = (struct peer *)q;

	p->done(p->arg, &p->row.peer, e);
}

struct kv_question *
oms_store_peer(struct oms_store *s, const char *domain, struct loop *l, oms_store_peer_done *done,
    void *arg)
{
	struct peer *p = memory_new(sizeof *p);
	struct kv_part part = oms_part_peer(domain);

	p->question = (struct kv_question) { .next = peer_read, .tell = tell_peer };
	p->done = done;
	p->arg = arg;
	kv_question_begin(&p->question, &s->base, l);
	kv_question_look(&p->question, part, look_peer, p);
	return &p->question;
}

/* -- remembering --------------------------------------------------------------------------------- */

struct remember {
	struct kv_op op; /* first */
	struct oms_remembering what;
	oms_store_done *done;
	void *arg;
};

/* What the directory is told: the time, the most that it may list, and what is put back if it refuses.  Readers of the
 * directory need the time alone. */
static void
tell_directory(struct kv_txn *t, const struct peer_row *p, uint64_t max, int64_t before_s)
{
	const struct kv_part *here = kv_here(t);
	const struct kv_part peers = kv_dir_part(OMS_PEERS, span_of(here->name, here->n));
	struct buf value = BUF_INIT;
	struct kv_fact f = {
		.what = OMS_FACT,
		.name = span_of(here->name, here->n),
		.version = { .n = p->version },
	};

	put_u64(&value, (uint64_t)p->peer.until_s);
	put_u64(&value, max);
	put_u64(&value, (uint64_t)before_s);
	f.value = buf_span(&value);
	kv_emit_awaited(t, &peers, &f);
	buf_clear(&value);
}

/* A record that cannot be read is replaced, and stays so: it may have been remembered for as long. */
bool
oms_remember(struct kv_txn *t, void *arg, struct err *e)
{
	const struct oms_remembering *w = arg;
	struct peer_row p;
	int64_t before_s;
	bool damaged;

	(void)e;
	get_row(t, &p, &damaged);
	kv_pardon(t);
	before_s = damaged ? w->until_s : p.peer.until_s;
	p.domain = w->domain;
	p.peer.until_s = w->until_s;
	if (w->answered_s != 0)
		p.peer.answered_s = w->answered_s;
	p.version = kv_stamp(t);
	put_row(t, &p);
	tell_directory(t, &p, w->max, before_s);
	return true;
}

/* There is no room for one more: it is remembered as long as it was before.  It may have
 * been remembered again since. */
bool
oms_peer_refused(struct kv_txn *t, const struct kv_part *to, const struct kv_fact *fact,
    const struct err *why, void *arg, struct err *e)
{
	struct reader r = reader_of(fact->value);
	struct peer_row p;
	bool damaged;

	(void)to;
	(void)why;
	(void)arg;
	(void)e;
	if (get_row(t, &p, &damaged) && p.version == fact->version.n) {
		read_u64(&r);
		read_u64(&r);
		p.peer.until_s = (int64_t)read_u64(&r);
		if (reader_done(&r) && p.peer.until_s != 0)
			put_row(t, &p);
		else
			kv_del(t, SPAN_LIT("P"));
	}
	kv_pardon(t);
	return true;
}

static bool
apply_remember(struct kv_txn *t, void *arg, struct err *e)
{
	return oms_remember(t, &((struct remember *)arg)->what, e);
}

static bool
apply_answered(struct kv_txn *t, void *arg, struct err *e)
{
	struct remember *w = arg;
	bool damaged;
	struct peer_row p;

	(void)e;
	if (!get_row(t, &p, &damaged))
		return !damaged || oms_damaged(e);
	p.peer.answered_s = w->what.answered_s;
	put_row(t, &p);
	return true;
}

static void
remember_done(void *arg, const struct err *e)
{
	struct remember *w = arg;

	w->done(w->arg, e);
	free(w);
}

static void
take(struct oms_store *s, struct remember *w, const char *domain,
    bool (*apply)(struct kv_txn *t, void *arg, struct err *e), struct loop *l)
{
	w->what.domain = domain_copy(domain);
	w->op = (struct kv_op) {
		.part = oms_part_peer(domain),
		.apply = apply,
		.done = remember_done,
		.arg = w,
		.octets = 512,
	};
	kv_store_take(&s->base, &w->op, l);
}

void
oms_store_remember(struct oms_store *s, const char *domain, int64_t until_s, uint64_t max,
    struct loop *l, oms_store_done *done, void *arg)
{
	struct remember *w = memory_new(sizeof *w);

	w->what.until_s = until_s;
	w->what.max = max;
	w->done = done;
	w->arg = arg;
	take(s, w, domain, apply_remember, l);
}

void
oms_store_answered(struct oms_store *s, const char *domain, int64_t now_s, struct loop *l,
    oms_store_done *done, void *arg)
{
	struct remember *w = memory_new(sizeof *w);

	w->what.answered_s = now_s;
	w->done = done;
	w->arg = arg;
	take(s, w, domain, apply_answered, l);
}

/* -- forgetting ------------------------------------------------------------------------------------ */

/* A domain that was seen again since it was examined stays. */
bool
oms_forget_peer(struct kv_txn *t, int64_t now_s)
{
	const struct kv_part *here = kv_here(t);
	struct kv_part peers = kv_dir_part(OMS_PEERS, span_of(here->name, here->n));
	struct kv_fact f = {
		.what = OMS_FACT,
		.name = span_of(here->name, here->n),
		.gone = true,
	};
	bool damaged;
	struct peer_row p;

	if (!get_row(t, &p, &damaged) || p.peer.until_s > now_s) {
		kv_pardon(t);
		return false;
	}
	kv_del(t, SPAN_LIT("P"));
	f.version.n = kv_stamp(t);
	kv_emit(t, &peers, &f);
	return true;
}
