/* store_serve — the OMS's spool: handing letters out, DONE and DECLINE; see store.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/source.h"
#include "common/loop/loop.h"
#include "oms/store/store_private.h"

struct change {
	struct kv_op op; /* first */
	struct oms_store *store;
	struct loop *loop; /* the caller's, while the body is opened */
	struct ulid id;
	struct domain peer;
	int64_t now_s;
	struct oms_letter_record letter; /* hand_out: as it was read */
	struct buf body;                 /* hand_out: inline octets */
	bool declined;                   /* settle */
	char file[BODY_NAME_BYTES];      /* settle: the body's file, to be removed */
	struct oms_news news;
	oms_store_handed *handed;
	oms_store_done *done;
	void *arg;
};

static struct change *
change_new(struct oms_store *s, const struct ulid *id, const char *peer, void *arg)
{
	struct change *c = memory_new(sizeof *c);

	c->store = oms_store_hold(s);
	c->id = *id;
	c->now_s = clock_wall_ms() / 1000;
	c->peer = domain_copy(peer);
	c->arg = arg;
	return c;
}

static void
begin(struct change *c, bool (*apply)(struct kv_txn *t, void *arg, struct err *e),
    void (*done)(void *arg, const struct err *e), struct loop *l)
{
	c->op = (struct kv_op) {
		.part = oms_part_letter(&c->id),
		.apply = apply,
		.done = done,
		.arg = c,
		.octets = 2048,
		.frees = true,
	};
	kv_store_take(&c->store->base, &c->op, l);
}

/* -- handing out --------------------------------------------------------------------------------- */

static bool
may_have(const struct oms_letter_record *r, const struct oms_delivery *d, int64_t now_s,
    struct err *e)
{
	return oms_delivery_may_be_served(d, e) &&
	    oms_life_may_be_served(&r->life, r->facts.hold_until_s, now_s, e);
}

static bool
read_body(struct kv_txn *t, struct change *c, struct err *e)
{
	struct span body;

	buf_reset(&c->body);
	if (c->letter.file[0] != '\0')
		return true;
	if (!kv_get(t, SPAN_LIT("B"), &body))
		return kv_fault(t, e) ? false : err_set(e, REFUSAL_storage, "a body is missing");
	buf_add(&c->body, body.p, body.n);
	return true;
}

static bool
apply_hand_out(struct kv_txn *t, void *arg, struct err *e)
{
	struct change *c = arg;
	struct oms_stored s;
	bool good;

	if (!oms_letter_get(t, &c->letter, e) || !oms_stored_get(t, c->peer.text, &s, e))
		return false;
	oms_news_begin(&c->news);
	oms_news_before(&c->news, &s.d);
	good = may_have(&c->letter, &s.d, c->now_s, e) && read_body(t, c, e);
	if (good && oms_delivery_hand_out(&s.d, c->now_s).changed)
		oms_stored_put(t, &s, false);
	oms_news_after(&c->news, &s.d);
	oms_delivery_clear(&s.d);
	return good;
}

/* Takes the change. */
static void
hand_over(struct change *c, struct source *source, const struct err *e)
{
	oms_store_drop(&c->store);
	c->handed(c->arg, e == NULL ? &c->letter.facts : NULL, source, e);
	buf_clear(&c->body);
	free(c);
}

/* Its file is gone: because the letter has been settled or has expired since it was judged, or it is lost. */
struct second_look {
	struct kv_question question; /* first */
	struct change *change;
	struct err lost;
	struct err why; /* the domain may not have it any more */
};

static void
look_again(struct kv_txn *t, void *arg)
{
	struct second_look *m = arg;
	struct oms_letter_record r;
	struct oms_stored s;

	m->why.why = REFUSAL_NONE;
	if (!oms_letter_get(t, &r, &m->why) ||
	    !oms_stored_get(t, m->change->peer.text, &s, &m->why))
		return;
	may_have(&r, &s.d, m->change->now_s, &m->why);
	oms_delivery_clear(&s.d);
}

static void
looked_again(struct kv_question *q)
{
	kv_question_answer(q);
}

static void
tell_why(struct kv_question *q, const struct err *e)
{
	struct second_look *m = (struct second_look *)q;

	hand_over(m->change, NULL, e == NULL && m->why.why != REFUSAL_NONE ? &m->why : &m->lost);
}

static void
body_is_open(void *arg, struct source *source, const struct err *e)
{
	struct change *c = arg;
	struct second_look *m;
	struct kv_part part;

	if (e == NULL) {
		hand_over(c, source, NULL);
		return;
	}
	m = memory_new(sizeof *m);
	m->change = c;
	m->lost = *e;
	m->question = (struct kv_question) { .next = looked_again, .tell = tell_why };
	part = oms_part_letter(&c->id);
	kv_question_begin(&m->question, &c->store->base, c->loop);
	kv_question_look(&m->question, part, look_again, m);
}

/* The letter may be handed over: takes the change. */
static void
open_body(struct change *c, struct loop *l)
{
	c->loop = l;
	if (c->letter.file[0] != '\0')
		body_open(c->store->base.bodies, c->letter.file, l, body_is_open, c);
	else
		hand_over(c, source_bytes(buf_span(&c->body)), NULL);
}

static void
hand_out_done(void *arg, const struct err *e)
{
	struct change *c = arg;

	if (e == NULL)
		oms_news_log(&c->news);
	oms_news_clear(&c->news);
	if (e == NULL)
		open_body(c, c->op.home);
	else
		hand_over(c, NULL, e);
}

void
oms_store_hand_out(struct oms_store *s, const struct ulid *id, const char *peer, struct loop *l,
    oms_store_handed *done, void *arg)
{
	struct change *c = change_new(s, id, peer, arg);

	c->handed = done;
	begin(c, apply_hand_out, hand_out_done, l);
}

struct summary {
	struct kv_question question; /* first */
	struct change *change;
	struct err why; /* the domain may not have it */
};

static void
look_summary(struct kv_txn *t, void *arg)
{
	struct summary *m = arg;
	struct change *c = m->change;
	struct oms_stored s;

	m->why.why = REFUSAL_NONE;
	if (!oms_letter_get(t, &c->letter, &m->why) ||
	    !oms_stored_get(t, c->peer.text, &s, &m->why))
		return;
	if (may_have(&c->letter, &s.d, c->now_s, &m->why))
		read_body(t, c, &m->why);
	oms_delivery_clear(&s.d);
}

static void
summary_read(struct kv_question *q)
{
	q->why = ((struct summary *)q)->why;
	kv_question_answer(q);
}

static void
tell_summary(struct kv_question *q, const struct err *e)
{
	struct summary *m = (struct summary *)q;

	if (e == NULL)
		open_body(m->change, q->loop);
	else
		hand_over(m->change, NULL, e);
}

void
oms_store_summary(struct oms_store *s, const struct ulid *id, const char *peer, struct loop *l,
    oms_store_handed *done, void *arg)
{
	struct summary *m = memory_new(sizeof *m);
	struct kv_part part = oms_part_letter(id);

	m->change = change_new(s, id, peer, arg);
	m->change->handed = done;
	m->question = (struct kv_question) { .next = summary_read, .tell = tell_summary };
	kv_question_begin(&m->question, &s->base, l);
	kv_question_look(&m->question, part, look_summary, m);
}

/* -- DONE and DECLINE ----------------------------------------------------- */

/* The peer repeats it until it is acknowledged, so a delivery that is over is no error. */
static bool
apply_settle(struct kv_txn *t, void *arg, struct err *e)
{
	struct change *c = arg;
	struct oms_stored s;
	struct oms_effects effects;
	bool good = true;

	c->file[0] = '\0';
	oms_news_begin(&c->news);
	if (!oms_stored_get(t, c->peer.text, &s, e))
		return false;
	oms_news_before(&c->news, &s.d);
	effects = oms_delivery_settle(&s.d, c->declined, c->now_s);
	oms_news_after(&c->news, &s.d);
	if (effects.changed)
		oms_stored_put(t, &s, false);
	if (effects.over)
		good = oms_letter_delivery_over(t, c->now_s, false, c->file, e);
	oms_delivery_clear(&s.d);
	return good;
}

static void
settle_done(void *arg, const struct err *e)
{
	struct change *c = arg;

	if (e == NULL) {
		oms_news_log(&c->news);
		body_remove(c->store->base.bodies, c->file);
	}
	oms_news_clear(&c->news);
	oms_store_drop(&c->store);
	c->done(c->arg, e);
	free(c);
}

void
oms_store_settle(struct oms_store *s, const struct ulid *id, const char *peer, bool declined,
    struct loop *l, oms_store_done *done, void *arg)
{
	struct change *c = change_new(s, id, peer, arg);

	c->declined = declined;
	c->done = done;
	begin(c, apply_settle, settle_done, l);
}
