/* chain — a certificate and those that came with it: parsed, kept and described.
 *
 * Immutable and counted; any thread may hold a reference.  Nothing here judges (judge.h does):
 * what chain_names finds is worth as much as the verdict on the chain.
 *
 * Spec:  RFC 9525: a certificate is domain D's where a dNSName is D or
 *        `tillcalled.` D, exactly; no wildcard, no CN, no parent.  Host names of SMTP: RFC 8461 4.1.
 * Trust: a chain may come from a peer, so texts taken from it are made printable ASCII, cut and escaped.
 */
#ifndef COMMON_PKI_CHAIN_H
#define COMMON_PKI_CHAIN_H

#include "common/base/buf.h"
#include "common/base/err.h"

#define CHAIN_MAX   10    /* certificates, the leaf's included */
#define CHAIN_BYTES 65536 /* DER of all together; a PEM file may be twice that */
#define CHAIN_LABEL "tillcalled."

struct chain;
struct x509_st;       /* OpenSSL's X509 */
struct stack_st_X509; /* OpenSSL's STACK_OF(X509) */

/* Takes references.  `rest` may hold the leaf again (OpenSSL's client side does that) or be NULL. */
struct chain *chain_new(struct x509_st *leaf, const struct stack_st_X509 *rest);
/* PEM, leaf first.  False: config or no_input. */
bool chain_read(const char *path, struct chain **out, struct err *e);
/* Concatenated DER, as chain_der gives it.  False: certificate_form. */
bool chain_parse(struct span der, struct chain **out, struct err *e);
struct chain *chain_ref(struct chain *c);
void chain_unref(struct chain **c); /* sets NULL */

/* Borrowed for the chain's life. */
struct span chain_der(const struct chain *c);             /* of all, concatenated */
const unsigned char *chain_digest(const struct chain *c); /* SHA-256 of that */
struct x509_st *chain_leaf(const struct chain *c);
struct stack_st_X509 *chain_rest(const struct chain *c); /* without the leaf */
const char *chain_fingerprint(const struct chain *c);    /* SHA-256 of the leaf: 64 hex digits */
const char *chain_subject(const struct chain *c);        /* RFC 2253, cut at 255 octets */
const char *chain_issuer(const struct chain *c);
int64_t chain_not_before_s(const struct chain *c); /* the leaf's */
int64_t chain_not_after_s(const struct chain *c);

/* Does the leaf name the mail domain (A-labels)?  False: certificate_wildcard or
 * certificate_name. */
bool chain_names(const struct chain *c, const char *domain, struct err *e);
/* Does it name the domain only by tillcalled.DOMAIN?  That name counts only if the domain publishes
 * servers (common/dns/publication.h). */
bool chain_names_by_label(const struct chain *c, const char *domain);
/* Does it name this host of SMTP (A-labels): by a dNSName that is equal, or whose leftmost label is `*` alone, with
 * two labels or more after it?  Never ask this of a mail domain.  False: certificate_name. */
bool chain_names_host(const struct chain *c, const char *host, struct err *e);
/* Does it bear exactly this name: a dNSName, or an iPAddress where the name is an address?  For
 * `check cert --name`.  False: as above. */
bool chain_names_exactly(const struct chain *c, const char *name, struct err *e);
/* All dNSNames, separated by spaces, escaped; cut at 1 KiB. */
void chain_names_list(const struct chain *c, struct buf *out);

#endif
