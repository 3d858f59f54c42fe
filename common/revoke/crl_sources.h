/* crl_sources — each URL of each issuer whose CRL we keep: what is kept, and when it is due again.
 *
 * A source is fetched when it is asked for first, then again before `refresh_ms` has passed and
 * before what is kept ends, with jitter; after a failure with longer and longer pauses.
 *
 * Spec:    RFC 5280 5 (nextUpdate, CRL numbers).
 * Rules:   see crl_fetch.h, whose thread's loop everything here runs on.
 * Disk:    see crl_fetch.h; at most CRL_SOURCES_MAX and CRL_SOURCES_OCTETS; those used longest
 *          ago go first, and what nobody has used for CRL_SOURCES_UNUSED_S.
 * Trust:   servers and the network are hostile; the folder is the daemon's own.
 */
#ifndef COMMON_REVOKE_CRL_SOURCES_H
#define COMMON_REVOKE_CRL_SOURCES_H

#include "common/tls/tls.h"

#define CRL_SOURCES_MAX          1000 /* no more than TRUST_FILES_MAX, or some would be left out */
#define CRL_SOURCES_OCTETS       (128 << 20)  /* of the cache */
#define CRL_SOURCES_AT_ONCE      8            /* downloads */
#define CRL_SOURCES_PAUSE_MS     5000         /* after the first failure; doubled each time ... */
#define CRL_SOURCES_PAUSE_MAX_MS 600000       /* ... up to this, and never longer than refresh_ms */
#define CRL_SOURCES_UNUSED_S     (30 * 86400) /* what nobody has used for so long goes */
#define CRL_SOURCES_SKEW_S       300          /* how far ahead of us a CA's clock may be */

struct crl_sources;
struct dns;
struct loop;
struct x509_st;

struct crl_sources_settings { /* copied; what it points to outlives the sources */
	const char *cache;
	bool allow_private;
	int64_t refresh_ms;
	struct tls_holder *tls; /* looks when something was taken */
	struct loop *loop;
	struct dns *dns;
	void (*busier)(void *arg);    /* a download begins */
	void (*less_busy)(void *arg); /* it is over */
	void *arg;
};

struct crl_sources *crl_sources_new(const struct crl_sources_settings *set);
/* Downloads under way are dropped. */
void crl_sources_free(struct crl_sources **all);

/* What the cache holds from before; due soon, not all at once. */
void crl_sources_read(struct crl_sources *all);
/* A path that verified holds `issuer`, and names this URL for a CRL that is missing. */
void crl_sources_want(struct crl_sources *all, struct x509_st *issuer, const char *url);
/* A path that was found good names it; unknown: no matter. */
void crl_sources_used(struct crl_sources *all, struct x509_st *issuer, const char *url);
void crl_sources_all_due(struct crl_sources *all);

#endif
