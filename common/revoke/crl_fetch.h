/* crl_fetch — CRLs from the distribution points of chains that verified, kept on disk and fresh.
 *
 * One thread with a loop of its own, and one that moves the octets (http.h).  It fetches the CRL that a judgement lacked, checks it and puts it
 * into the cache folder; then the TLS holder makes a new generation.  From then on it fetches each
 * CRL again before `refresh` has passed and before the CRL ends, with jitter, also after a restart.
 *
 * Spec:    RFC 5280 4.2.1.13, 5 (distribution points, CRLs).
 * Rules:   Only http URLs of a verified path are fetched, by common/http (addresses, sizes, times).  A CRL
 *          is kept only if the issuer on that path signed it for itself, if it is complete (no delta),
 *          not dated in the future, and has nextUpdate.  Neither its number nor its date may go back.
 *          One download per (issuer, URL) at a time; after failures the pauses grow.
 * Disk:    FOLDER/HEX.crl (DER) and FOLDER/.HEX.from (URL, issuer).  HEX is the SHA-256 of the issuer's
 *          key and the URL.  Each is replaced in one step and synced, .from first.  For the number of
 *          files see crl_sources.h.
 * Trust:   servers and the network are hostile; the folder belongs to the daemon.
 * Threads: any thread may call crl_fetch_wanted, crl_fetch_used and crl_fetch_wait.
 */
#ifndef COMMON_REVOKE_CRL_FETCH_H
#define COMMON_REVOKE_CRL_FETCH_H

#include "common/tls/tls.h"

#define CRL_FETCH_WANTED_MAX 64   /* chains waiting to be looked at; more are dropped */
#define CRL_FETCH_USED_S     3600 /* how often the use of one chain is noted ... */
#define CRL_FETCH_USED_MAX   1024 /* ... and of how many chains */

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
/* Drops downloads under way.  crl_fetch_wanted and _used must not be called any more. */
void crl_fetch_free(struct crl_fetch **f);

void crl_fetch_wanted(void *f, const struct chain *c, const struct judgement *j);
/* The CRLs of this chain, which is good, are in use.  Noted for each chain once an hour. */
void crl_fetch_used(void *f, const struct chain *c);
/* The same for a command, whose fetcher ends before: notes it in the folder at once, each time.  The next
 * fetcher reads it there. */
void crl_fetch_used_in(const char *cache, struct tls_holder *h, const struct chain *c);
/* Makes every known CRL due now. */
void crl_fetch_all(struct crl_fetch *f);
/* Waits until all wanted downloads are over.  False: timeout_ms passed.  For commands, never on a
 * daemon's loop. */
bool crl_fetch_wait(struct crl_fetch *f, int64_t timeout_ms);

#endif
