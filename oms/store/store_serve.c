/* store_serve — the OMS's spool: handing letters out, DONE and DECLINE; see store.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/source.h"
#include "common/loop/loop.h"
#include "oms/store/store_private.h"

struct change {
	struct db_write write;
	struct oms_store *store;
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

static void
change_refused(void *arg)
{
	struct change *c = arg;

	c->write.done(c, &c->write.why);
}

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
begin(struct change *c, struct loop *l)
{
	c->write.arg = c;
	c->write.home = l;
	c->write.octets = 2048;
	c->write.frees = true;
	if (!oms_write_take(c->store, &c->write, &c->write.why))
		loop_post(l, change_refused, c);
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
read_body(struct db_txn *t, struct change *c, struct err *e)
{
	struct db_key k = oms_key_id(&c->id);
	struct span body;

	buf_reset(&c->body);
	if (c->letter.file[0] != '\0')
		return true;
	if (!db_get(t, BODY, db_key_span(&k), &body))
		return db_fault(t, e) ? false : err_set(e, REFUSAL_storage, "a body is missing");
	buf_add(&c->body, body.p, body.n);
	return true;
}

static bool
apply_hand_out(struct db_txn *t, void *arg, struct err *e)
{
	struct change *c = arg;
	struct oms_delivery d;
	bool good;

	if (!oms_letter_get(t, &c->id, &c->letter, e) ||
	    !oms_delivery_get(t, &c->id, c->peer.text, &d, e))
		return false;
	oms_news_begin(&c->news);
	oms_news_before(&c->news, &d);
	good = may_have(&c->letter, &d, c->now_s, e) && read_body(t, c, e);
	if (good && oms_delivery_hand_out(&d, c->now_s).changed)
		oms_delivery_put(t, &d, d.next_ms);
	oms_news_after(&c->news, &d);
	oms_delivery_clear(&d);
	return good && !db_fault(t, e);
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

static void
body_is_open(void *arg, struct source *source, const struct err *e)
{
	hand_over(arg, source, e);
}

/* The letter may be handed over: takes the change. */
static void
open_body(struct change *c, struct loop *l)
{
	if (c->letter.file[0] != '\0')
		body_open(c->store->bodies, c->letter.file, l, body_is_open, c);
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
		open_body(c, c->write.home);
	else
		hand_over(c, NULL, e);
}

void
oms_store_hand_out(struct oms_store *s, const struct ulid *id, const char *peer, struct loop *l,
    oms_store_handed *done, void *arg)
{
	struct change *c = change_new(s, id, peer, arg);

	c->handed = done;
	c->write.apply = apply_hand_out;
	c->write.done = hand_out_done;
	begin(c, l);
}

struct summary {
	struct oms_question question; /* first */
	struct change *change;
	struct loop *loop;
};

static bool
look_summary(struct db_txn *t, struct oms_question *q, struct err *e)
{
	struct change *c = ((struct summary *)q)->change;
	struct oms_delivery d;
	bool good;

	if (!oms_letter_get(t, &c->id, &c->letter, e) ||
	    !oms_delivery_get(t, &c->id, c->peer.text, &d, e))
		return false;
	good = may_have(&c->letter, &d, c->now_s, e) && read_body(t, c, e);
	oms_delivery_clear(&d);
	return good;
}

static void
tell_summary(struct oms_question *q, const struct err *e)
{
	struct summary *s = (struct summary *)q;

	if (e == NULL)
		open_body(s->change, s->loop);
	else
		hand_over(s->change, NULL, e);
}

void
oms_store_summary(struct oms_store *s, const struct ulid *id, const char *peer, struct loop *l,
    oms_store_handed *done, void *arg)
{
	struct summary *m = memory_new(sizeof *m);
	struct change *c = change_new(s, id, peer, arg);

	c->handed = done;
	m->question = (struct oms_question) { .look = look_summary, .tell = tell_summary };
	m->change = c;
	m->loop = l;
	(void)oms_ask(&m->question, s, l);
}

/* -- DONE and DECLINE ----------------------------------------------------- */

/* The peer repeats it until it is acknowledged, so a delivery that is over is no error. */
static bool
apply_settle(struct db_txn *t, void *arg, struct err *e)
{
	struct change *c = arg;
	struct oms_delivery d;
	struct oms_effects effects;
	int64_t was_ms;
	bool good = true;

	c->file[0] = '\0';
	oms_news_begin(&c->news);
	if (!oms_delivery_get(t, &c->id, c->peer.text, &d, e))
		return false;
	was_ms = d.next_ms;
	oms_news_before(&c->news, &d);
	effects = oms_delivery_settle(&d, c->declined, c->now_s);
	oms_news_after(&c->news, &d);
	if (effects.changed)
		oms_delivery_put(t, &d, was_ms);
	if (effects.over)
		good = oms_letter_delivery_over(t, &c->id, c->now_s, c->file, e);
	oms_delivery_clear(&d);
	return good && !db_fault(t, e);
}

static void
settle_done(void *arg, const struct err *e)
{
	struct change *c = arg;

	if (e == NULL) {
		oms_news_log(&c->news);
		body_remove(c->store->bodies, c->file);
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
	c->write.apply = apply_settle;
	c->write.done = settle_done;
	begin(c, l);
}
