/* trust — the CAs that the operator trusts, and the CRLs that are known: one immutable set.
 *
 * A new set is made whenever a file of the folders changes.  A set never changes: if a newer CRL is
 * added to a live OpenSSL store, the old one can remain in force.
 *
 * Spec:    RFC 5280 6.1, 6.3.
 * Owner:   counted; any thread may hold a reference.
 * Trust:   the operator owns the folders; CRLs in the cache were verified before.  A CRL that cannot be
 *          read or used, or that is one too many, is left out and logged: the revocation state that
 *          it covers is then unknown, and the other CRLs are used all the same.  One without
 *          nextUpdate would be fresh for ever; it counts as ended, and this is logged.  A file in the
 *          trust folder without a certificate is an error if an operator waits for the answer
 *          (TRUST_STRICT); otherwise it is left out and logged.
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
/* The same roots with these CRLs (concatenated DER) and no others: the state of another day.
 * False: bad_reply. */
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
