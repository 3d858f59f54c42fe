/* store_claim — the OMS's spool: letters that are being received claim their user's share; see store.h. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "oms/store/store_private.h"

struct oms_claim {
	struct oms_store *store; /* holds a reference */
	struct oms_claim *next;
	char user[OMS_STORE_USER_BYTES];
	struct kv_part part; /* of the user */
	struct oms_token_name token;
	uint64_t octets;
};

/* False: the claim does not fit beside the other claims of its user. */
static bool
enter(struct oms_claims *all, struct oms_claim *c, struct oms_user_counts have,
    const struct oms_user_limits *most, struct err *e)
{
	bool good;

	pthread_mutex_lock(&all->lock);
	for (const struct oms_claim *o = all->first; o != NULL; o = o->next)
		if (strcmp(o->user, c->user) == 0) {
			have.letters++;
			have.octets += o->octets;
		}
	have.letters++;
	have.octets += c->octets;
	if ((good = oms_user_fits(&have, most, e))) {
		c->next = all->first;
		all->first = c;
	}
	pthread_mutex_unlock(&all->lock);
	return good;
}

struct claiming {
	struct kv_question question;
	struct oms_claim *claim; /* as it will be */
	struct oms_token_name token;
	uint64_t size, price;
	struct oms_user_limits most;
	int64_t now_s;
	struct oms_user_counts have;
	bool known;
	struct err why;  /* the user's rows cannot be read */
	struct err full; /* the outbox lists as many as it may */
	oms_store_claimed *done;
	void *arg;
};

static void
look_claim(struct kv_txn *t, void *arg)
{
	struct claiming *c = arg;
	struct oms_sums sums = { .listed = 0 };
	struct ulid id;

	c->why.why = REFUSAL_NONE;
	c->full.why = REFUSAL_NONE;
	c->known = oms_sums_get(t, &sums, &c->why) &&
	    oms_token_get(t, &sums, &c->token, c->now_s, &id);
	if (c->why.why == REFUSAL_NONE && !kv_fault(t, &c->why))
		oms_outbox_judge(t, &sums, &c->most, c->now_s, &c->full);
	c->have = sums.counts;
}

static void
claim_read(struct kv_question *q)
{
	q->why = ((struct claiming *)q)->why;
	kv_question_answer(q);
}

static void
tell_claim(struct kv_question *q, const struct err *e)
{
	struct claiming *c = (struct claiming *)q;
	struct oms_claim *claim = NULL;
	struct err why;

	if (e == NULL && !c->known) {
		why = c->full;
		if (why.why != REFUSAL_NONE ||
		    !oms_user_could_fit(c->size, c->price, &c->most, &why) ||
		    !enter(&oms_store_of(q)->claims, c->claim, c->have, &c->most, &why)) {
			c->done(c->arg, NULL, &why);
			return;
		}
		claim = c->claim;
		claim->store = oms_store_hold(oms_store_of(q));
		c->claim = NULL;
	}
	c->done(c->arg, claim, e);
}

static void
clear_claim(struct kv_question *q)
{
	free(((struct claiming *)q)->claim);
}

struct kv_question *
oms_store_claim(struct oms_store *s, const struct oms_claim_query *q, struct loop *l,
    oms_store_claimed *done, void *arg)
{
	struct claiming *c = memory_new(sizeof *c);

	c->question = (struct kv_question) {
		.next = claim_read,
		.tell = tell_claim,
		.clear = clear_claim,
	};
	c->token = oms_token_name(q->token);
	c->size = q->octets;
	c->price = oms_letter_price(q->n_recipients);
	c->most = q->most;
	c->now_s = clock_wall_ms() / 1000;
	c->claim = memory_new(sizeof *c->claim);
	span_copy(span_str(q->user), c->claim->user, sizeof c->claim->user);
	c->claim->part = oms_part_user(q->user);
	c->claim->token = c->token;
	c->claim->octets = c->size + c->price;
	c->done = done;
	c->arg = arg;
	kv_question_begin(&c->question, &s->base, l);
	kv_question_look(&c->question, c->claim->part, look_claim, c);
	return &c->question;
}

void
oms_claim_names(const struct oms_claim *c, struct kv_part *user, struct oms_token_name *token)
{
	*user = c->part;
	*token = c->token;
}

void
oms_claim_free(struct oms_claim **cp)
{
	struct oms_claim *c = *cp, **at;

	*cp = NULL;
	if (c == NULL)
		return;
	at = &c->store->claims.first;
	pthread_mutex_lock(&c->store->claims.lock);
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	pthread_mutex_unlock(&c->store->claims.lock);
	oms_store_drop(&c->store);
	free(c);
}
