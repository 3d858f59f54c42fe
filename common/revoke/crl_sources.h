/* crl_sources — the URLs of each issuer whose CRL we keep: what is kept, and when it is due again.
 *
 * A source is fetched when it is first asked for, and again before `refresh_ms` has passed and before
 * the kept CRL ends, with jitter.  After failures the pauses grow.
 *
 * Spec:    RFC 5280 5 (nextUpdate, CRL numbers).
 * Rules:   see crl_fetch.h.  Everything here runs on the loop of its thread.
 * Disk:    see crl_fetch.h.  At most CRL_SOURCES_MAX sources and CRL_SOURCES_OCTETS; the least recently
 *          used go first, and each that was not used for CRL_SOURCES_UNUSED_S.
 * Trust:   servers and the network are hostile; the folder belongs to the daemon.
 */
#ifndef COMMON_REVOKE_CRL_SOURCES_H
#define COMMON_REVOKE_CRL_SOURCES_H

#include "common/tls/tls.h"

#define CRL_SOURCES_MAX          1000        /* at most TRUST_FILES_MAX, or trust leaves some out */
#define CRL_SOURCES_OCTETS       (128 << 20) /* of the cache */
#define CRL_SOURCES_AT_ONCE      8           /* downloads */
#define CRL_SOURCES_CRL_BYTES    (32 << 20)  /* of one download ... */
#define CRL_SOURCES_CRL_MS       30000       /* ... which takes no longer, with all redirects */
#define CRL_SOURCES_REDIRECTS    3
#define CRL_SOURCES_PAUSE_MS     5000         /* after the first failure; doubled each time ... */
#define CRL_SOURCES_PAUSE_MAX_MS 600000       /* ... up to this, and never longer than refresh_ms */
#define CRL_SOURCES_UNUSED_S     (30 * 86400) /* a source that was not used for this long is removed */
#define CRL_SOURCES_SKEW_S       300          /* how far ahead of us a CA's clock may be */

struct crl_sources;
struct dns;
struct http;
struct loop;
struct x509_st;

struct crl_sources_settings { /* copied; what it points to outlives the sources */
	const char *cache;
	bool allow_private;
	int64_t refresh_ms;
	struct tls_holder *tls; /* reads the folder when a CRL was kept */
	struct loop *loop;
	struct dns *dns;
	struct http *http;
	void (*busier)(void *arg);    /* a download begins */
	void (*less_busy)(void *arg); /* it is over */
	void *arg;
};

struct crl_sources *crl_sources_new(const struct crl_sources_settings *set);
/* Drops downloads under way. */
void crl_sources_free(struct crl_sources **all);

/* Reads the cache of before; its sources are due soon, but not all at once. */
void crl_sources_read(struct crl_sources *all);
/* A path that verified contains `issuer` and names this URL for a missing CRL. */
void crl_sources_want(struct crl_sources *all, struct x509_st *issuer, const char *url);
/* A good path names it.  An unknown source is ignored. */
void crl_sources_used(struct crl_sources *all, struct x509_st *issuer, const char *url);
void crl_sources_all_due(struct crl_sources *all);

#endif
