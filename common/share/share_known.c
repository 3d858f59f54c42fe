/* share_known — accounts in a hash, and in a list by their last addition; see share_known.h. */
#include "common/share/share_known.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/memory.h"

#define BUCKETS 4096

struct known {
	LIST_ENTRY(known) same;                  /* in its hash bucket */
	TAILQ_ENTRY(known) link;                 /* the least recently added first */
	uint64_t address[SHARE_KNOWN_ADDRESSES]; /* hashes, the latest first */
	unsigned n_addresses;
	size_t n; /* of the account */
	char account[];
};

struct share_known {
	uint64_t secret;
	unsigned n, most; /* accounts */
	TAILQ_HEAD(used, known) used;
	LIST_HEAD(bucket, known) bucket[BUCKETS];
};

static unsigned
bucket_of(const struct share_known *k, struct span account)
{
	return (unsigned)(span_hash(account, k->secret) % BUCKETS);
}

static struct known *
find(const struct share_known *k, struct span account)
{
	struct known *a;

	LIST_FOREACH (a, &k->bucket[bucket_of(k, account)], same)
		if (span_eq(span_of(a->account, a->n), account))
			return a;
	return NULL;
}

/* The place of the address, or n_addresses. */
static unsigned
place(const struct known *a, uint64_t address)
{
	unsigned i = 0;

	while (i < a->n_addresses && a->address[i] != address)
		i++;
	return i;
}

static void
drop(struct share_known *k, struct known *a)
{
	LIST_REMOVE(a, same);
	TAILQ_REMOVE(&k->used, a, link);
	k->n--;
	free(a);
}

static struct known *
add(struct share_known *k, struct span account)
{
	struct known *a;

	if (k->n == k->most)
		drop(k, TAILQ_FIRST(&k->used));
	a = memory_new(sizeof *a + account.n);
	a->n = account.n;
	memcpy(a->account, account.p, account.n);
	LIST_INSERT_HEAD(&k->bucket[bucket_of(k, account)], a, same);
	TAILQ_INSERT_TAIL(&k->used, a, link);
	k->n++;
	return a;
}

void
share_known_add(struct share_known *k, struct span account, struct span address)
{
	uint64_t hash = span_hash(address, k->secret);
	struct known *a = find(k, account);
	unsigned at;

	if (a == NULL)
		a = add(k, account);
	at = place(a, hash);
	if (at == a->n_addresses && at < SHARE_KNOWN_ADDRESSES)
		a->n_addresses++;
	else if (at == SHARE_KNOWN_ADDRESSES)
		at--;
	memmove(&a->address[1], a->address, at * sizeof *a->address);
	a->address[0] = hash;
	TAILQ_REMOVE(&k->used, a, link);
	TAILQ_INSERT_TAIL(&k->used, a, link);
}

bool
share_known_has(const struct share_known *k, struct span account, struct span address)
{
	const struct known *a = find(k, account);

	return a != NULL && place(a, span_hash(address, k->secret)) < a->n_addresses;
}

struct share_known *
share_known_new(unsigned accounts_max, uint64_t secret)
{
	struct share_known *k = memory_new(sizeof *k);

	k->secret = secret;
	k->most = accounts_max;
	TAILQ_INIT(&k->used);
	return k;
}

void
share_known_free(struct share_known **kp)
{
	struct known *a;

	if (*kp == NULL)
		return;
	while ((a = TAILQ_FIRST(&(*kp)->used)) != NULL)
		drop(*kp, a); /* NOLINT(clang-analyzer-unix.Malloc): it left the list before */
	free(*kp);
	*kp = NULL;
}
