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
	uint64_t octets;
};

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
	if ((good = oms_user_fits(&have, most, e))) {
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
	if (!oms_user_could_fit(size, oms_letter_price(n_recipients), &most, e))
		return false;
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
