/* crl_fetch — CRLs from the distribution points of chains that verified, kept on disk and fresh.
 *
 * One thread with a loop of its own.  What a peer's judgement lacked is fetched, checked and put
 * into the cache folder; then the TLS holder makes a new generation of it.  From then on each is
 * fetched again before `refresh` has passed and before it ends, with jitter, after a restart too.
 *
 * Spec:    RFC 5280 4.2.1.13, 5 (distribution points, CRLs).
 * Rules:   Only http URLs of the verified path, through http_get (addresses, sizes, times).  Only
 *          what the issuer in that path has signed, for itself, in whole (no delta), dated not in the
 *          future and with an end.  Neither its number nor its date goes back.  One download per
 *          (issuer, URL) at a time; after a failure longer and longer pauses.
 * Disk:    FOLDER/HEX.crl (DER) and FOLDER/.HEX.from (URL, issuer) where HEX is the SHA-256 of
 *          issuer's key and URL; each replaced in one step and synced, the latter first.  How
 *          many: see crl_sources.h.
 * Trust:   servers and the network are hostile; the folder is the daemon's own.
 * Threads: crl_fetch_wanted, crl_fetch_used and crl_fetch_wait from any thread.
 */
#ifndef COMMON_REVOKE_CRL_FETCH_H
#define COMMON_REVOKE_CRL_FETCH_H

#include "common/tls/tls.h"

#define CRL_FETCH_WANTED_MAX 64   /* chains waiting to be looked at; more are dropped */
#define CRL_FETCH_USED_S     3600 /* so often a chain's use is noted ... */
#define CRL_FETCH_USED_MAX   1024 /* ... of so many chains */

struct crl_fetch;

struct crl_fetch_settings {   /* copied */
	const char *cache;    /* folder: there, and ours */
	const char *resolver; /* see dns.h */
	bool allow_private;   /* addresses that are not public */
	int64_t refresh_ms;
};

/* Starts the thread.  `h` outlives it.  The caller then makes it the holder's:
 * tls_holder_on_unknown(h, crl_fetch_wanted, f), and tls_holder_on_good likewise.  False: config or os_error. */
bool crl_fetch_new(struct crl_fetch **f, const struct crl_fetch_settings *s, struct tls_holder *h,
    struct err *e);
/* Downloads under way are dropped.  Nobody may call crl_fetch_wanted or _used any more. */
void crl_fetch_free(struct crl_fetch **f);

void crl_fetch_wanted(void *f, const struct chain *c, const struct judgement *j);
/* The CRLs of this chain, which was found good, are in use; noted for each chain once an hour. */
void crl_fetch_used(void *f, const struct chain *c);
/* The same for a command, whose fetcher is gone by then: noted in the folder at once, each time.  The next
 * fetcher reads it there. */
void crl_fetch_used_in(const char *cache, struct tls_holder *h, const struct chain *c);
/* All that is known is due at once. */
void crl_fetch_all(struct crl_fetch *f);
/* Waits until nothing that was wanted is under way; false: not within timeout_ms.  For commands,
 * never on a daemon's loop. */
bool crl_fetch_wait(struct crl_fetch *f, int64_t timeout_ms);

#endif
