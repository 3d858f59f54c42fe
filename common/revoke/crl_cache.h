/* crl_cache — fetched CRLs on disk, each with its URL and its issuer.
 *
 * Disk:  see crl_fetch.h.  Each file is complete: it is written under another name, synced and renamed.
 * Trust: the folder belongs to the daemon; each file is bounded and parsed with care all the same.
 * Blocks: do not call it on a loop that serves peers.
 */
#ifndef COMMON_REVOKE_CRL_CACHE_H
#define COMMON_REVOKE_CRL_CACHE_H

#include "common/base/buf.h"
#include "common/base/err.h"

#define CRL_CACHE_HEX        65
#define CRL_CACHE_FROM_BYTES 65536
#define CRL_CACHE_NAME_BYTES 80
#define CRL_CACHE_PATH_BYTES 1200

struct x509_st;

struct crl_cache_from {
	char hex[CRL_CACHE_HEX];
	char url[512];
	struct x509_st *issuer; /* `fn` below becomes its owner */
	int64_t wanted_s;       /* last asked for, or used */
};

void crl_cache_hex(struct x509_st *issuer, const char *url, char out[CRL_CACHE_HEX]);

/* Each readable `.HEX.from`; one that cannot be read is removed. */
void crl_cache_each(const char *folder, void (*fn)(void *arg, const struct crl_cache_from *from),
    void *arg);
/* False: cannot_write. */
bool crl_cache_put_from(const char *folder, const struct crl_cache_from *from, struct err *e);
bool crl_cache_put(const char *folder, const char *hex, struct span der, struct err *e);
void crl_cache_touch(const char *folder, const char *hex); /* it was asked for now */
/* Reads it into `der`.  False: there is none. */
bool crl_cache_get(const char *folder, const char *hex, struct buf *der);
void crl_cache_remove(const char *folder, const char *hex);

#endif
