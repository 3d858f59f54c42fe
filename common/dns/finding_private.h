/* finding — what DNS says of one matter, from several questions: shared by all callers that ask for the same,
 * and kept for a while.
 *
 * Part of designation and exchange, which ask the questions.  A certain result is reused for DNS_LEAST_S,
 * unless the zone file was read again; libunbound caches beyond that.  Each struct dns keeps at most
 * FINDINGS_KEPT results, and the oldest go first.
 *
 * Async:  deliver is called exactly once for a query, never inside finding_ask, unless the caller leaves.
 * Owner:  findings belong to their struct dns.  A query is memory_new'd by its maker and freed here.
 */
#ifndef COMMON_DNS_FINDING_PRIVATE_H
#define COMMON_DNS_FINDING_PRIVATE_H

#include <sys/queue.h>

#include "common/dns/dns.h"

#define FINDINGS_KEPT 256

struct finding;
struct finding_query;
struct findings;
struct loop_timer;

struct finding_kind {
	size_t bytes;                     /* of the struct that begins with a struct finding */
	void (*begin)(struct finding *f); /* asks the first question */
	/* finding_over was called.  ttl_s: how long the result may be believed from now on. */
	void (*deliver)(struct finding *f, struct finding_query *q, uint32_t ttl_s);
	void (*clear)(struct finding *f); /* cancels its questions, frees what it points to */
};

/* Two callers ask for the same if all of these are equal. */
struct finding_key {
	const struct finding_kind *kind;
	const char *what; /* "" or a few characters */
	const char *domain;
	bool allow_private;
};

struct finding {
	const struct finding_kind *kind;
	struct dns *dns;
	char what[32], domain[DNS_NAME_BYTES];
	bool allow_private;
	struct sockaddr_storage peer; /* the first that made us ask; no family: nobody */
	/* For finding.c alone. */
	struct findings *of;
	LIST_ENTRY(finding) same;  /* of its bucket */
	TAILQ_ENTRY(finding) link; /* done ones, the oldest first */
	TAILQ_HEAD(finding_asking, finding_query) asking;
	bool done, delivering, certain;
	int64_t done_ms;
	uint64_t generation;
	uint32_t ttl_s;
};

/* One caller; the struct of its kind begins with this. */
struct finding_query {
	struct finding *finding; /* NULL: the result is being delivered */
	TAILQ_ENTRY(finding_query) link;
	struct loop_timer *later; /* the result was there before anybody asked */
};

/* Joins an equal finding, or begins one.  peer: as designation_find's. */
void finding_ask(struct dns *dns, const struct finding_key *key, const struct sockaddr *peer,
    struct finding_query *q);
/* Frees q.  A finding that no query waits for is dropped. */
void finding_leave(struct finding_query *q);
/* A certain result that is at hand; NULL: there is none. */
const struct finding *finding_at_hand(struct dns *dns, const struct finding_key *key);

/* For its kind: whose share the questions count against; NULL: the domain's alone. */
const struct sockaddr *finding_peer(const struct finding *f);
/* The result is there: it is delivered to all who wait, and kept only if it is certain.  f may be gone then. */
void finding_over(struct finding *f, bool certain, uint32_t ttl_s);

#endif
