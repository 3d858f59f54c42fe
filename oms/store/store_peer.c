/* store_peer — the OMS's spool: remembered domains; see store.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/base/record.h"
#include "common/loop/loop.h"
#include "oms/store/store_private.h"

#define VERSION_1 1
#define VERSION_2 2    /* with answered_s */
#define LOOK_MAX  1000 /* records that one sweep examines; the next one continues after them */

static bool
read_peer(struct span value, struct oms_peer *p)
{
	struct reader r = reader_of(value);
	uint8_t version = read_u8(&r);

	p->until_s = (int64_t)read_u64(&r);
	p->answered_s = version == VERSION_1 ? 0 : (int64_t)read_u64(&r);
	return (version == VERSION_1 || version == VERSION_2) && reader_done(&r);
}

static void
put_peer(struct db_txn *t, const char *domain, const struct oms_peer *p)
{
	struct buf value = BUF_INIT;

	put_u8(&value, VERSION_2);
	put_u64(&value, (uint64_t)p->until_s);
	put_u64(&value, (uint64_t)p->answered_s);
	db_put(t, PEER, span_str(domain), buf_span(&value));
	buf_clear(&value);
}

/* -- asking --------------------------------------------------------------------------------------- */

struct peer {
	struct oms_question question;
	struct domain domain;
	struct oms_peer answer;
	oms_store_peer_done *done;
	void *arg;
};

static bool
look_peer(struct db_txn *t, struct oms_question *q, struct err *e)
{
	struct peer *p = (struct peer *)q;
	struct span value;

	p->answer = (struct oms_peer) { .until_s = 0 };
	return !db_get(t, PEER, domain_span(&p->domain), &value) || read_peer(value, &p->answer) ||
	    db_damaged(e);
}

static void
tell_peer(struct oms_question *q, const struct err *e)
{
	struct peer *p = (struct peer *)q;

	p->done(p->arg, &p->answer, e);
}

struct oms_question *
oms_store_peer(struct oms_store *s, const char *domain, struct loop *l, oms_store_peer_done *done,
    void *arg)
{
	struct peer *p = memory_new(sizeof *p);

	p->question = (struct oms_question) { .look = look_peer, .tell = tell_peer };
	p->domain = domain_copy(domain);
	p->done = done;
	p->arg = arg;
	return oms_ask(&p->question, s, l);
}

/* -- remembering --------------------------------------------------------------------------------- */

struct remember {
	struct db_write write;
	struct domain domain;
	int64_t until_s, answered_s; /* 0: unchanged */
	uint64_t max;
	oms_store_done *done;
	void *arg;
};

/* A new domain never displaces a remembered one, or many new names would make us forget it. */
static bool
apply_remember(struct db_txn *t, void *arg, struct err *e)
{
	struct remember *w = arg;
	struct oms_peer p = { .until_s = 0 };
	struct span was;
	bool known = db_get(t, PEER, domain_span(&w->domain), &was) && read_peer(was, &p);

	if (!known && db_fault(t, e)) {
		known = true; /* damaged: replace it */
		db_pardon(t);
	}
	if (RULE(system_full) && !known && db_entries(t, PEER) >= w->max)
		return err_set(e, REFUSAL_system_full, "%llu domains are remembered already",
		    (unsigned long long)w->max);
	p.until_s = w->until_s;
	put_peer(t, w->domain.text, &p);
	return !db_fault(t, e);
}

static bool
apply_answered(struct db_txn *t, void *arg, struct err *e)
{
	struct remember *w = arg;
	struct oms_peer p;
	struct span was;

	if (!db_get(t, PEER, domain_span(&w->domain), &was) || !read_peer(was, &p))
		return !db_fault(t, e);
	p.answered_s = w->answered_s;
	put_peer(t, w->domain.text, &p);
	return !db_fault(t, e);
}

static void
remember_done(void *arg, const struct err *e)
{
	struct remember *w = arg;

	w->done(w->arg, e);
	free(w);
}

static void
remember_refused(void *arg)
{
	remember_done(arg, &((struct remember *)arg)->write.why);
}

static void
take(struct oms_store *s, struct remember *w, const char *domain, struct loop *l,
    oms_store_done *done, void *arg)
{
	w->domain = domain_copy(domain);
	w->done = done;
	w->arg = arg;
	w->write.done = remember_done;
	w->write.arg = w;
	w->write.home = l;
	w->write.octets = 512;
	if (!oms_write_take(s, &w->write, &w->write.why))
		loop_post(l, remember_refused, w);
}

void
oms_store_remember(struct oms_store *s, const char *domain, int64_t until_s, uint64_t max,
    struct loop *l, oms_store_done *done, void *arg)
{
	struct remember *w = memory_new(sizeof *w);

	w->until_s = until_s;
	w->max = max;
	w->write.apply = apply_remember;
	take(s, w, domain, l, done, arg);
}

void
oms_store_answered(struct oms_store *s, const char *domain, int64_t now_s, struct loop *l,
    oms_store_done *done, void *arg)
{
	struct remember *w = memory_new(sizeof *w);

	w->answered_s = now_s;
	w->write.apply = apply_answered;
	take(s, w, domain, l, done, arg);
}

/* -- forgetting ------------------------------------------------------------------------------------ */

struct look {
	struct oms_peers *ended;
	struct db_key *next;
	int64_t now_s;
	size_t n;
};

static bool
take_ended(void *arg, struct span key, struct span value)
{
	struct look *l = arg;
	struct oms_peers *p = l->ended;
	struct oms_peer peer;

	if (read_peer(value, &peer) && peer.until_s <= l->now_s &&
	    span_copy(key, p->name[p->n].text, DOMAIN_BYTES))
		p->n++;
	if (p->n < OMS_PEERS_SWEEP && ++l->n < LOOK_MAX)
		return true;
	/* The first key that can follow a name is that name with one more octet. */
	l->next->n = key.n < sizeof l->next->b ? key.n + 1 : 0;
	if (l->next->n > 0)
		memcpy(l->next->b, key.p, key.n);
	return false;
}

void
oms_peers_look(struct oms_store *s, int64_t now_s, struct oms_peers *ended)
{
	struct db_key from = s->peer_next;
	struct look l = { .ended = ended, .next = &s->peer_next, .now_s = now_s };
	struct db_txn *t;
	struct err e;

	ended->n = 0;
	s->peer_next = (struct db_key) { .n = 0 };
	if (s->db == NULL || !db_read(s->db, &t, &e))
		return;
	db_each(t, PEER, db_key_span(&from), (struct span) { 0 }, take_ended, &l);
	db_read_end(&t);
}

/* A domain that was seen again since it was examined stays. */
void
oms_peers_forget(struct db_txn *t, const struct oms_peers *ended, size_t first, size_t n,
    int64_t now_s)
{
	struct span value;
	struct oms_peer peer;

	for (size_t i = first; i < first + n; i++) {
		struct span name = domain_span(&ended->name[i]);

		if (db_get(t, PEER, name, &value) && read_peer(value, &peer) &&
		    peer.until_s <= now_s)
			db_del(t, PEER, name);
		db_pardon(t);
	}
}
