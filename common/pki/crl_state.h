/* crl_state — the CRLs that a chain was judged by: what was known at that moment.
 *
 * For evidence.  The octets of a CRL are not copied: the trust set that holds them is referenced.
 *
 * Owner:   counted, immutable; any thread may hold a reference.
 */
#ifndef COMMON_PKI_CRL_STATE_H
#define COMMON_PKI_CRL_STATE_H

#include "common/pki/chain.h"
#include "common/pki/trust.h"

#define CRL_STATE_BYTES (8 << 20) /* of all; CRLs that do not fit are left out, the leaf's last */

struct crl_state;

struct crl_state *crl_state_new(struct trust *t, const struct chain *c);
struct crl_state *crl_state_ref(struct crl_state *s);
void crl_state_unref(struct crl_state **s); /* sets NULL; NULL is fine */

/* Borrowed for its life. */
const struct crl_octets *crl_state_crls(const struct crl_state *s, size_t *n);

#endif
