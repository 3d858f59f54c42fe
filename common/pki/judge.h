/* judge — the one function that says whether a peer's certificate is good.
 *
 * Used in both directions after every handshake, again while a connection lives, for seals and by
 * `check cert`.  Each failure has its own word in the refusal table.
 *
 * Spec:  SPEC.md 4, RFC 5280 6.  Required are a chain to the trust folder, X509_STRICT, security
 *        level 2, serverAuth in both directions, version 3, a sane serial number, RSA >= 2048, P-256,
 *        P-384 or Ed25519, a leaf that is neither a CA nor its own issuer, name constraints, the
 *        policies that a CA requires, the exact name, the time (notAfter included), and revocation.
 *        If several certificates bear the name of a CA, each is tried (judge_ways.h).  Each
 *        intermediate is judged like the leaf.  The trust anchor is exempt from revocation and from
 *        rules of form, but its constraints hold.
 *        Revocation: a fresh CRL decides.  Without one, a certificate that names a distribution
 *        point is revocation_unknown (temporary).  One that names none is good if it lives at most
 *        7 days or says noRevAvail; it is revocation_unknown if the operator's CRL for its issuer is
 *        stale, and certificate_no_revocation otherwise.
 * Trust: every octet of the chain is hostile.
 * Units: seconds since 1970; the caller gives the time.
 */
#ifndef COMMON_PKI_JUDGE_H
#define COMMON_PKI_JUDGE_H

#include "common/base/err.h"
#include "common/pki/chain.h"
#include "common/pki/trust.h"

#define JUDGE_SHORT_LIVED_S (7 * 86400)
#define JUDGE_DEPTH_MAX     8
#define JUDGE_LIST_MAX      100 /* extensions, and policies: each is compared with each */
#define JUDGE_URLS_MAX      8
#define JUDGE_URL_BYTES     512
#define JUDGE_RSA_BITS_MAX  8192 /* verification time grows with it */

/* What judging found, up to the point where it stopped. */
struct judgement {
	int64_t until_s;     /* the verdict ends then at the latest: first notAfter */
	int64_t again_s;     /* judge again then: until_s, or a CRL's nextUpdate before it */
	char issuer_key[65]; /* SHA-256 of the issuing CA's public key, for ledgers */
	/* revocation_unknown: http distribution points that would help (the chain is verified). */
	unsigned n_urls;
	char urls[JUDGE_URLS_MAX][JUDGE_URL_BYTES];
};

/* domain: A-labels; NULL: the name is judged later (chain_names).  j may be NULL. */
bool judge_chain(const struct trust *t, const struct chain *c, const char *domain, int64_t now_s,
    struct judgement *j, struct err *e);

/* The same by other rules.  Which name: the first of `name`, `host` and `domain` that is not NULL. */
struct judge_rules {
	const char *domain; /* as above */
	const char *host;   /* of SMTP (chain_names_host) */
	const char *name;   /* exactly this one, for `check cert` */
	bool no_revocation; /* skips that step, for `check cert` */
};
bool judge_chain_by(const struct trust *t, const struct chain *c, const struct judge_rules *r,
    int64_t now_s, struct judgement *j, struct err *e);

/* The path from leaf to anchor that verifies, without revocation and name.  The caller frees it
 * (sk_X509_pop_free).  NULL: there is none. */
struct stack_st_X509 *judge_path(const struct trust *t, const struct chain *c, int64_t now_s);

#endif
