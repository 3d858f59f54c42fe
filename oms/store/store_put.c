/* store_put — the OMS's spool: taking a letter; see store.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "oms/store/store_private.h"

struct put {
	struct kv_op op; /* first */
	struct oms_store *store;
	struct oms_taking taking;
	char file[BODY_NAME_BYTES]; /* of the body, named by the letter if it is kept */
	struct loop *loop;
	oms_store_put_done *done;
	void *arg;
};

static bool
apply_put(struct kv_txn *t, void *arg, struct err *e)
{
	return oms_take_letter(t, &((struct put *)arg)->taking, e);
}

static bool
apply_trim(struct kv_txn *t, void *arg, struct err *e)
{
	return oms_outbox_trim(t, &((struct put *)arg)->taking, e);
}

static void
end(struct put *p, const struct err *e)
{
	if (e != NULL || p->taking.known || !p->taking.letter.life.body)
		body_remove(p->store->base.bodies, p->file);
	oms_store_drop(&p->store);
	p->done(p->arg, e == NULL ? &p->taking.id : NULL, e);
	buf_clear(&p->taking.packed);
	free(p);
}

/* The letter is kept, whatever became of this. */
static void
trimmed(void *arg, const struct err *e)
{
	(void)e;
	end(arg, NULL);
}

static void
put_done(void *arg, const struct err *e)
{
	struct put *p = arg;
	const struct kv_part user = p->op.part;

	if (e != NULL || !p->taking.crowded) {
		end(p, e);
		return;
	}
	p->op = (struct kv_op) {
		.part = user,
		.apply = apply_trim,
		.done = trimmed,
		.arg = p,
		.octets = 512,
		.frees = true,
	};
	kv_store_take(&p->store->base, &p->op, p->loop);
}

static uint64_t
price_of(const struct oms_put *in)
{
	size_t n = 0;

	for (size_t i = 0; i < in->n_deliveries; i++)
		n += in->deliveries[i].n_recipients;
	return oms_letter_price(n);
}

static void
name(const struct oms_put *in, struct kv_part *user, struct oms_token_name *token)
{
	if (in->claim != NULL) {
		oms_claim_names(in->claim, user, token);
		return;
	}
	*user = oms_part_user(in->letter.user);
	*token = oms_token_name(in->token);
}

void
oms_store_put_take(struct oms_store *s, const struct oms_put *in, struct loop *l,
    oms_store_put_done *done, void *arg)
{
	struct put *p = memory_new(sizeof *p);
	struct oms_taking *g = &p->taking;
	struct oms_token token = oms_token_of(&in->letter.id, in->letter.date_s);
	struct kv_part user;

	name(in, &user, &g->token);
	p->store = oms_store_hold(s);
	p->loop = l;
	g->letter = (struct oms_letter_record) {
		.facts = in->letter,
		.life = oms_life_begin(oms_deliveries_open(in->deliveries, in->n_deliveries),
		    in->letter.date_s),
		.price = price_of(in),
		.version = OMS_VERSION_FIRST,
	};
	memcpy(p->file, in->kept->name, sizeof p->file);
	if (g->letter.life.body)
		memcpy(g->letter.file, p->file, sizeof p->file);
	memcpy(g->letter.token, in->token, sizeof g->letter.token);
	g->most = in->most;
	g->token_until_s = token.until_s;
	oms_letter_pack(&g->packed, &g->letter,
	    g->letter.file[0] == '\0' ? buf_span(&in->kept->octets) : SPAN_LIT(""), in->deliveries,
	    in->n_deliveries, false);
	body_kept_clear(in->kept);
	p->done = done;
	p->arg = arg;
	p->op = (struct kv_op) {
		.part = user,
		.apply = apply_put,
		.done = put_done,
		.arg = p,
		.octets = g->packed.len + 512 * (in->n_deliveries + 2),
	};
	kv_store_take(&s->base, &p->op, l);
}
