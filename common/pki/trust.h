/* trust — whom the operator trusts, and what is known to be revoked: one immutable set.
 *
 * Made anew whenever a file of the folders changes, never changed: a newer CRL added to a living
 * store can leave the old one in force.
 *
 * Spec:    RFC 5280 6.1, 6.3.
 * Owner:   counted; any thread may hold a reference.
 * Trust:   the folders are the operator's (the cache's CRLs were verified before they got there).
 *          A CRL that cannot be read or used, or is one too many, is left out and logged, so that
 *          what it would have vouched for is unknown: it never holds up the others.  One without
 *          nextUpdate would be fresh for ever, and counts as over; this is logged.  A file in the
 *          trust folder that holds no certificate is a fault where an operator waits for the answer
 *          (TRUST_STRICT); else it is left out and logged, too, and its CAs vouch for nobody.
 */
#ifndef COMMON_PKI_TRUST_H
#define COMMON_PKI_TRUST_H

#include "common/base/err.h"
#include "common/base/guard.h"
#include "common/base/span.h"

#define TRUST_FILES_MAX  1000 /* in one folder */
#define TRUST_FILE_BYTES (4 << 20)

struct crl_set;
struct trust;
struct x509_st;
struct x509_store_st;

enum trust_care { TRUST_STRICT, TRUST_LENIENT };

/* crls, cache: "" or NULL: none.  u: whom the files may belong to besides root and us; NULL: nobody.
 * False (config): a folder cannot be read, or others can change it or a file in it; TRUST_STRICT: the trust
 * folder is empty, or holds a file without certificates. */
bool trust_load(const char *folder, const char *crls, const char *cache, const struct guard_user *u,
    enum trust_care care, struct trust **out, struct err *e);
/* The same from files (`check cert`).  False: no_input where one cannot be read or holds nothing of
 * the kind. */
bool trust_load_files(const char *const *roots, size_t n_roots, const char *const *crls,
    size_t n_crls, struct trust **out, struct err *e);
/* The same roots with these CRLs (DER, one behind the other) and no others: what was known on another
 * day.  False: bad_reply. */
bool trust_with_crls(const struct trust *t, struct span der, struct trust **out, struct err *e);
struct trust *trust_ref(struct trust *t);
void trust_unref(struct trust **t);

/* A number that changes when a file of the folder is added, removed, written or replaced; 0: the
 * folder cannot be read.  Blocks: not on a loop. */
uint64_t trust_signature(const char *folder);

/* For common/pki/judge. */
bool trust_holds(const struct trust *t, const struct x509_st *x); /* as a root */
struct x509_store_st *trust_store(const struct trust *t);
struct crl_set *trust_crls(const struct trust *t); /* as long as the set lives */
unsigned trust_count(const struct trust *t);       /* roots */
unsigned trust_crl_count(const struct trust *t);
unsigned trust_skipped(
    const struct trust *t); /* files and CRLs that were left out, or are endless */

#endif
