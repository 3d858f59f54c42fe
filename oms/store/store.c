/* store — the OMS's spool: opening it, and taking letters; see store.h. */
#include "oms/store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/loop/loop.h"
#include "common/store/body_orphans.h"
#include "oms/store/store_private.h"

static const struct kv_kind kinds[OMS_KINDS] = {
	[OMS_LETTER] = { "letter", ULID_BYTES, oms_letter_receive, oms_letter_refused },
	[OMS_USER] = { "user", OMS_HASH_BYTES, oms_user_receive, oms_user_refused },
	[OMS_QUEUE] = { "queue", OMS_QUEUE_BYTES, oms_queue_receive, NULL },
	[OMS_EXPIRY] = { "expiry", 9, oms_expiry_receive, NULL },
	[OMS_PEER] = { "peer", OMS_HASH_BYTES, NULL, oms_peer_refused },
	[OMS_USERS] = { "users", KV_DIR_NAME_BYTES, NULL, NULL },
	[OMS_QUEUES] = { "queues", KV_DIR_NAME_BYTES, NULL, NULL },
	[OMS_EXPIRIES] = { "expiries", KV_DIR_NAME_BYTES, NULL, NULL },
	[OMS_PEERS] = { "peers", KV_DIR_NAME_BYTES, oms_peers_receive, NULL },
	[OMS_WHOLE] = { "store", 1, NULL, NULL },
};

const struct kv_schema oms_schema = { kinds, OMS_KINDS, NULL };

/* -- opening -------------------------------------------------------------------------------------- */

static struct oms_store *
new_store(struct kv *kv)
{
	struct oms_store *s = memory_new(sizeof *s);

	atomic_init(&s->refs, 1);
	pthread_mutex_init(&s->claims.lock, NULL);
	oms_kept_count_init(&s->counted);
	s->kv = kv;
	return s;
}

/* Bodies count against the size. */
static bool
open_bodies(struct oms_store *s, const char *folder, uint64_t size, struct offload *o,
    struct err *e)
{
	if (!bodies_open(folder, size, o, &s->bodies, e))
		return false;
	kv_share(s->kv, bodies_used, s->bodies);
	return true;
}

static void
look_for_orphans(struct oms_store *s)
{
	body_orphans_start(s->bodies, &(struct body_asker) { .ask = oms_ask_files, .arg = s });
}

bool
oms_store_open_as(const struct oms_store_opening *o, struct oms_store **out, struct err *e)
{
	struct oms_store *s = new_store(NULL);
	char path[4096];

	snprintf(path, sizeof path, "%s/bodies", o->folder);
	if (!oms_store_migrate(s, o, e) || !open_bodies(s, path, o->size, o->offload, e) ||
	    !oms_format_open(s->kv, o, e)) {
		s->old[0] = '\0'; /* it stays: this is no stop in order */
		oms_store_close(&s);
		return false;
	}
	look_for_orphans(s);
	*out = s;
	return true;
}

bool
oms_store_open(const char *folder, uint64_t size, struct offload *o, struct oms_store **out,
    struct err *e)
{
	return oms_store_open_as(&(struct oms_store_opening) { .folder = folder,
				     .size = size,
				     .offload = o },
	    out, e);
}

bool
oms_store_open_on(struct kv *kv, const char *bodies, uint64_t size, struct offload *o,
    struct oms_store **out, struct err *e)
{
	struct oms_store *s = new_store(kv);

	if (!open_bodies(s, bodies, size, o, e)) {
		oms_store_close(&s);
		return false;
	}
	look_for_orphans(s);
	*out = s;
	return true;
}

/* What an older version left goes once we have closed in order. */
void
oms_store_close(struct oms_store **s)
{
	if (*s == NULL)
		return;
	if ((*s)->bodies != NULL)
		body_orphans_stop((*s)->bodies);
	kv_close(&(*s)->kv);
	if ((*s)->old[0] != '\0')
		oms_store_remove_old((*s)->old);
	oms_store_drop(s);
}

struct oms_store *
oms_store_hold(struct oms_store *s)
{
	atomic_fetch_add(&s->refs, 1);
	return s;
}

void
oms_store_drop(struct oms_store **sp)
{
	struct oms_store *s = *sp;

	*sp = NULL;
	if (atomic_fetch_sub(&s->refs, 1) > 1)
		return;
	bodies_free(&s->bodies);
	pthread_mutex_destroy(&s->counted.lock);
	pthread_mutex_destroy(&s->claims.lock); /* no claim is left: each holds the store */
	free(s);
}

struct bodies *
oms_store_bodies(struct oms_store *s)
{
	return s->bodies;
}

struct body_in *
oms_store_body(struct oms_store *s, const struct ulid *id, struct loop *l)
{
	unsigned char attempt[8];

	random_bytes(attempt, sizeof attempt);
	return body_begin(s->bodies, span_of(id->b, ULID_BYTES), span_of(attempt, sizeof attempt),
	    l);
}

/* -- taking a letter ---------------------------------------------------------------------------------- */

struct put {
	struct oms_op op; /* first */
	struct oms_store *store;
	struct oms_taking taking;
	char file[BODY_NAME_BYTES]; /* of the body, named by the letter if it is kept */
	oms_store_put_done *done;
	void *arg;
};

static bool
apply_put(struct kv_txn *t, void *arg, struct err *e)
{
	return oms_take_letter(t, &((struct put *)arg)->taking, e);
}

static void
put_done(void *arg, const struct err *e)
{
	struct put *p = arg;

	if (e != NULL || p->taking.known || !p->taking.letter.life.body)
		body_remove(p->store->bodies, p->file);
	oms_store_drop(&p->store);
	p->done(p->arg, e == NULL ? &p->taking.id : NULL, e);
	buf_clear(&p->taking.packed);
	free(p);
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
	    in->n_deliveries);
	body_kept_clear(in->kept);
	p->done = done;
	p->arg = arg;
	p->op.op = (struct kv_op) {
		.part = user,
		.apply = apply_put,
		.done = put_done,
		.arg = p,
		.octets = g->packed.len + 512 * (in->n_deliveries + 2),
	};
	oms_take(s, &p->op, l);
}
