/* crl_cache — fetched CRLs on disk, each with where it came from and whose it is.
 *
 * Disk:  see crl_fetch.h.  A file that is there is whole: written aside, synced, renamed.
 * Trust: the folder is the daemon's own; still each file is bounded and parsed with care.
 * Blocks: not on a loop that serves anybody.
 */
#ifndef COMMON_REVOKE_CRL_CACHE_H
#define COMMON_REVOKE_CRL_CACHE_H

#include "common/base/buf.h"
#include "common/base/err.h"

#define CRL_CACHE_HEX        65
#define CRL_CACHE_FROM_BYTES 65536
#define CRL_CACHE_PATH_BYTES 1200

struct x509_st;

struct crl_cache_from {
	char hex[CRL_CACHE_HEX];
	char url[512];
	struct x509_st *issuer; /* taken over by `fn` below */
	int64_t wanted_s;       /* when it was last asked for, or used */
};

void crl_cache_hex(struct x509_st *issuer, const char *url, char out[CRL_CACHE_HEX]);

/* Each `.HEX.from` that can be read; what cannot is removed. */
void crl_cache_each(const char *folder, void (*fn)(void *arg, const struct crl_cache_from *from),
    void *arg);
/* False: cannot_write. */
bool crl_cache_put_from(const char *folder, const struct crl_cache_from *from, struct err *e);
bool crl_cache_put(const char *folder, const char *hex, struct span der, struct err *e);
void crl_cache_touch(const char *folder, const char *hex); /* asked for now */
/* Into `der`; false: there is none. */
bool crl_cache_get(const char *folder, const char *hex, struct buf *der);
void crl_cache_remove(const char *folder, const char *hex);

#endif
