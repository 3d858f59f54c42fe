/* judge_ways — which of a chain's certificates the path is built of, if the first try fails.
 *
 * OpenSSL takes one certificate for each CA and never tries others of the same name.  So a
 * cross-signed, renewed or retired one can hide the good one.  If a path fails, each CA on it that
 * has a namesake in the rest is left out in turn, and the path is built again.
 *
 * Bound: JUDGE_WAYS_MAX paths for one chain.  Without namesakes there is one way.
 */
#ifndef COMMON_PKI_JUDGE_WAYS_H
#define COMMON_PKI_JUDGE_WAYS_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/x509.h>

#define JUDGE_WAYS_MAX 16

struct judge_ways {
	uint16_t left_out[JUDGE_WAYS_MAX]; /* a bit for each of `rest` */
	unsigned n, at;
};

#define JUDGE_WAYS_INIT                                                                            \
	{                                                                                          \
		.n = 1                                                                             \
	} /* the first way: nothing is left out */

/* False: there is none.  *offered borrows from `rest`; the caller frees it (sk_X509_free). */
bool judge_ways_next(struct judge_ways *w, const STACK_OF(X509) *rest, STACK_OF(X509) **offered);
/* The way taken last built this path (leaf first, may be NULL), and it failed. */
void judge_ways_failed(struct judge_ways *w, const STACK_OF(X509) *rest,
    const STACK_OF(X509) *path);

#endif
