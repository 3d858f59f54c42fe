/* dkim_verify — who signed a letter that streams by, and whether each signature holds.
 *
 * Asks for the keys as soon as it has the header, while the body still comes.  Judges the first DKIM_SIGNATURES_MAX
 * signatures from the top and ignores others.
 *
 * Spec:    RFC 6376 section 6, RFC 8301, RFC 8463, RFC 8601 2.7.1; dkim_words.h has what can be found.
 * Departs: a signature whose l= leaves out the end of the body is `policy`, since anybody can append to such a
 *          letter.  A key in test mode (t=y) counts as any other, and the verdict says so.
 * Async:   done is called exactly once, never inside a call of this header, unless dkim_verifier_free comes first; a
 *          DNS answer takes at most DNS_TIMEOUT_MS.
 * Memory:  nothing of the letter is kept after a call but digests and names, about 2 KiB a signature, and 4 KiB a form of the body.
 * Trust:   header, body and keys are strangers'.
 */
#ifndef COMMON_DKIM_DKIM_VERIFY_H
#define COMMON_DKIM_DKIM_VERIFY_H

#include <sys/socket.h>

#include "common/dkim/dkim_signature.h"

#define DKIM_SIGNATURES_MAX 5
#define DKIM_FIELDS_MAX     2000 /* of a header; with more, no signature is good */
#define DKIM_B_CHARS        8

struct dns;
struct dkim_verifier;

struct dkim_verdict {
	enum dkim_result result;
	enum dkim_word word;
	struct domain domain;               /* d=; "": it could not be read */
	char selector[DKIM_SELECTOR_BYTES]; /* s=, as A-labels; "" likewise */
	enum dkim_alg alg;                  /* of no meaning for form, version and algorithm */
	bool testing;                       /* the key's record says t=y */
	char b[DKIM_B_CHARS +
	    1]; /* the first characters of b= (header.b, RFC 6008); "": not known */
};

/* Whose shares of questions to DNS the keys count against (dns_ask_about). */
struct dkim_about {
	const char *domain;          /* "": nobody's */
	const struct sockaddr *peer; /* NULL: nobody's */
};

/* now_s: for x=. */
struct dkim_verifier *dkim_verifier_new(struct dns *dns, const struct dkim_about *about,
    int64_t now_s);
void dkim_verifier_free(struct dkim_verifier **v); /* at any time, in done too */

/* The whole header as it came, with or without the empty line; once, before the body.  Fields that were put before it
 * since do no harm. */
void dkim_verifier_header(struct dkim_verifier *v, struct span header);
/* The next octets of what follows the empty line. */
void dkim_verifier_body(struct dkim_verifier *v, struct span piece);

/* n is 0 where the letter has no signature.  All is borrowed for the call. */
typedef void dkim_verified(void *arg, const struct dkim_verdict *verdicts, size_t n);
void dkim_verifier_end(struct dkim_verifier *v, dkim_verified *done, void *arg);

#endif
