/* store_user — the OMS's spool: each user's share; see store.h. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/record.h"
#include "oms/store/store_private.h"

#define VERSION_1 1

/* -- sums ------------------------------------------------------------------------------------------- */

bool
oms_user_get(struct db_txn *t, const char *user, struct oms_user_counts *c, struct err *e)
{
	struct span value;
	struct reader r;

	*c = (struct oms_user_counts) { 0 };
	if (!db_get(t, USER, span_str(user), &value))
		return !db_fault(t, e);
	r = reader_of(value);
	if (read_u8(&r) != VERSION_1)
		return db_damaged(e);
	c->letters = read_u64(&r);
	c->octets = read_u64(&r);
	return reader_done(&r) || db_damaged(e);
}

static void
user_put(struct db_txn *t, const char *user, const struct oms_user_counts *c)
{
	struct buf value = BUF_INIT;

	put_u8(&value, VERSION_1);
	put_u64(&value, c->letters);
	put_u64(&value, c->octets);
	if (c->letters > 0 || c->octets > 0)
		db_put(t, USER, span_str(user), buf_span(&value));
	else
		db_del(t, USER, span_str(user));
	buf_clear(&value);
}

uint64_t
oms_letter_price(size_t n_recipients)
{
	return OMS_STORE_LETTER_PRICE + OMS_STORE_RECIPIENT_PRICE * (uint64_t)n_recipients;
}

static bool
fits(const struct oms_user_counts *have, const struct oms_user_limits *most, struct err *e)
{
	if (RULE(outbox_full) && most->letters > 0 && have->letters > most->letters)
		return err_set(e, REFUSAL_outbox_full,
		    "%llu letters of yours have not been fetched yet, as many as one user may have",
		    (unsigned long long)have->letters - 1);
	if (RULE(outbox_full) && most->octets > 0 && have->octets > most->octets)
		return err_set(e, REFUSAL_outbox_full,
		    "with this letter yours would take %llu octets; one user may have %llu",
		    (unsigned long long)have->octets, (unsigned long long)most->octets);
	return true;
}

bool
oms_user_add_letter(struct db_txn *t, const struct oms_letter_record *r,
    const struct oms_user_limits *most, struct err *e)
{
	struct oms_user_counts c;

	if (!oms_user_get(t, r->facts.user, &c, e))
		return false;
	c.letters++;
	c.octets += r->facts.size + r->price;
	if (!fits(&c, most, e))
		return false;
	user_put(t, r->facts.user, &c);
	return !db_fault(t, e);
}

static bool
subtract(struct db_txn *t, const char *user, uint64_t letters, uint64_t octets, struct err *e)
{
	struct oms_user_counts c;

	if (!oms_user_get(t, user, &c, e))
		return false;
	c.letters -= letters < c.letters ? letters : c.letters;
	c.octets -= octets < c.octets ? octets : c.octets;
	user_put(t, user, &c);
	return !db_fault(t, e);
}

bool
oms_user_drop_body(struct db_txn *t, const struct oms_letter_record *r, struct err *e)
{
	return subtract(t, r->facts.user, 1, r->facts.size, e);
}

bool
oms_user_drop_outcome(struct db_txn *t, const struct oms_letter_record *r, struct err *e)
{
	return r->price == 0 || subtract(t, r->facts.user, 0, r->price, e);
}

bool
oms_store_user(struct oms_store *s, const char *user, struct oms_user_counts *out, struct err *e)
{
	struct db_txn *t;
	bool good;

	if (!db_read(s->db, &t, e))
		return false;
	good = oms_user_get(t, user, out, e);
	db_read_end(&t);
	return good;
}

/* -- letters that are being received ----------------------------------------------------------------------------- */

struct oms_claim {
	struct oms_store *store; /* holds a reference */
	struct oms_claim *next;
	char user[OMS_STORE_USER_BYTES];
	uint64_t octets;
};

void
oms_claims_init(struct oms_claims *c)
{
	pthread_mutex_init(&c->lock, NULL);
	c->first = NULL;
}

/* No claim is left, because each holds a reference to the store. */
void
oms_claims_clear(struct oms_claims *c)
{
	pthread_mutex_destroy(&c->lock);
}

/* Reads the user's sums.  *known: the letter with this token is already kept. */
static bool
look(struct oms_store *s, const char *user, const char *token, struct oms_user_counts *have,
    bool *known, struct err *e)
{
	struct db_txn *t;
	struct ulid id;
	bool good;

	if (!db_read(s->db, &t, e))
		return false;
	*known = oms_token_get(t, user, token, clock_wall_ms() / 1000, &id);
	good = !db_fault(t, e) && oms_user_get(t, user, have, e);
	db_read_end(&t);
	return good;
}

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
	if ((good = fits(&have, most, e))) {
		c->next = all->first;
		all->first = c;
	}
	pthread_mutex_unlock(&all->lock);
	return good;
}

bool
oms_store_claim(struct oms_store *s, const char *user, const char *token, uint64_t size,
    size_t n_recipients, struct oms_user_limits most, struct oms_claim **out, struct err *e)
{
	struct oms_user_counts have;
	struct oms_claim *c;
	bool known;

	*out = NULL;
	if (!look(s, user, token, &have, &known, e))
		return false;
	if (known)
		return true;
	if (RULE(message_too_big) && most.octets > 0 &&
	    (size > most.octets || size + oms_letter_price(n_recipients) > most.octets))
		return err_set(e, REFUSAL_message_too_big,
		    "all letters of one user together may take %llu octets",
		    (unsigned long long)most.octets);
	c = memory_new(sizeof *c);
	snprintf(c->user, sizeof c->user, "%s", user);
	c->octets = size + oms_letter_price(n_recipients);
	if (enter(&s->claims, c, have, &most, e)) {
		c->store = oms_store_hold(s);
		*out = c;
		return true;
	}
	free(c);
	return false;
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
