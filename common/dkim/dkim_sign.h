/* dkim_sign — signs a letter that streams by, with both keys of its author's domain.
 *
 * Spec:    RFC 6376 section 5, RFC 8463: relaxed/relaxed, no l=; From once more in h= than the letter has it, so that
 *          nobody can add a second one.
 * Input:   the final octets: lines that end in CRLF, in the form in which they are sent.
 * Async:   done is called exactly once, never inside a call of this header, unless dkim_signer_free comes first.
 *          The private keys are used on the offload pool (0.4 ms for RSA).
 * Memory:  nothing of the letter is kept but digests, and the fields of its header in canonical form.
 */
#ifndef COMMON_DKIM_DKIM_SIGN_H
#define COMMON_DKIM_DKIM_SIGN_H

#include "common/dkim/dkim_keys.h"

struct loop;
struct offload;
struct dkim_signer;

/* domain: that of From, A-labels.  NULL: it has no keys, so the letter goes unsigned. */
struct dkim_signer *dkim_signer_new(struct dkim_keys *k, const char *domain, int64_t now_s);
void dkim_signer_free(struct dkim_signer **s); /* at any time, in done too */

/* The whole header, once, before the body; with or without the empty line. */
void dkim_signer_header(struct dkim_signer *s, struct span header);
void dkim_signer_body(struct dkim_signer *s, struct span piece);

/* fields: DKIM-Signature fields to put before the header, each with its CRLF; borrowed for the call.  e NULL, or why
 * there are none: bad_message (the header is malformed or has no From), internal, closing. */
typedef void dkim_signed(void *arg, struct span fields, const struct err *e);
void dkim_signer_end(struct dkim_signer *s, struct offload *pool, struct loop *home,
    dkim_signed *done, void *arg);

#endif
