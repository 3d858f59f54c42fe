/* sts — the MTA-STS policies of mail domains: found by TXT, fetched by https, kept on disk until they end.
 *
 * A find asks for the TXT record each time (libunbound caches it).  A policy is fetched where its id is not the
 * kept one's, where none is kept, and where the kept one was fetched STS_FRESH_S ago or more, or has passed half of
 * its time.  A kept policy that has not ended outlives whatever fails, and a TXT record that is gone.
 *
 * Users:   the OMS, before it sends by SMTP; its report of TLS takes `why`.
 * Spec:    RFC 8461 3.  No redirect, STS_TEXT_MAX octets, STS_FETCH_MS, text/plain; the certificate of
 *          mta-sts.DOMAIN as every peer's (common/http/http.h).  A failed fetch is tried again after
 *          STS_PAUSE_MS, unless the id changes; after STS_CRL_PAUSE_MS if only a CRL was missing.
 * Disk:    FOLDER/HEX.sts, each replaced in one step and synced, on the offload pool.  HEX is the SHA-256 of the
 *          domain; a file begins with the SHA-256 of what follows, and one that does not fit is removed.
 * Limits:  STS_DOMAINS_MAX domains and STS_OCTETS_MAX octets; those that were not asked for the longest go first.
 * Async:   done is called exactly once, never inside sts_find, unless cancelled.
 * Threads: a struct sts belongs to its loop.  Several loops may share a folder: each reads what is there when it
 *          starts.
 * Trust:   the domain and the web server are a stranger's; the folder belongs to the daemon.
 */
#ifndef COMMON_STS_STS_H
#define COMMON_STS_STS_H

#include "common/sts/sts_policy.h"

#define STS_FETCH_MS     60000
#define STS_FRESH_S      86400
#define STS_PAUSE_MS     300000
#define STS_CRL_PAUSE_MS 15000
#define STS_DOMAINS_MAX  4096
#define STS_OCTETS_MAX   (16 << 20)

struct chain;
struct dns;
struct http;
struct judgement;
struct loop;
struct offload;
struct sts;
struct sts_query;
struct tls_holder;

struct sts_settings {       /* copied; what it points to outlives the struct sts */
	const char *folder; /* there, and ours */
	struct loop *loop;
	struct dns *dns;
	struct http *http;
	struct tls_holder *tls;  /* whom we trust */
	struct offload *offload; /* NULL: files are written on the loop, as a command may */
	/* A CRL was missing; see common/http/http.h.  NULL: nobody is told. */
	void (*on_unknown)(void *arg, const struct chain *c, const struct judgement *j);
	void *arg;
	bool allow_private;
	uint16_t port;          /* 0: 443, as ever but in tests */
	int64_t (*now_s)(void); /* NULL: the wall clock */
};

struct sts_found {
	const struct sts_policy *policy; /* NULL: none is known; otherwise it has not ended */
	const char *id;                  /* of that policy */
	int64_t until_s;
	bool kept; /* it is as it was kept; DNS or the web server did not confirm it now */
};

/* why: what failed now; NULL: nothing did, and without a policy the domain has none.  All is borrowed for the call. */
typedef void sts_done(void *arg, const struct sts_found *f, const struct err *why);

/* Reads the folder: blocks, so before the loop serves anybody. */
struct sts *sts_new(const struct sts_settings *set);
/* Drops queries under way.  After offload_stop and loop_drain; what is not on disk yet is written now. */
void sts_free(struct sts **s);

/* domain: A-labels.  The handle is good until done is called. */
struct sts_query *sts_find(struct sts *s, const char *domain, sts_done *done, void *arg);
void sts_cancel(struct sts_query **q);

size_t sts_count(const struct sts *s); /* policies that are kept */

#endif
