/* judge_ways — ways to build a path; see judge_ways.h. */
#include "common/pki/judge_ways.h"

#include <stdlib.h>

#include "common/pki/chain.h"

_Static_assert(CHAIN_MAX <= 16, "a bit for each certificate");

bool
judge_ways_next(struct judge_ways *w, const STACK_OF(X509) *rest, STACK_OF(X509) **offered)
{
	if (w->at == w->n)
		return false;
	if ((*offered = sk_X509_new_null()) == NULL)
		abort();
	for (int i = 0; i < sk_X509_num(rest); i++)
		if ((w->left_out[w->at] >> i & 1) == 0 &&
		    sk_X509_push(*offered, sk_X509_value(rest, i)) == 0)
			abort();
	w->at++;
	return true;
}

/* Every copy of it among the rest. */
static unsigned
copies(const STACK_OF(X509) *rest, const X509 *x)
{
	unsigned bits = 0;

	for (int i = 0; i < sk_X509_num(rest); i++)
		if (X509_cmp(sk_X509_value(rest, i), x) == 0)
			bits |= 1U << i;
	return bits;
}

static bool
has_namesake(const STACK_OF(X509) *rest, unsigned left_out, const X509 *x)
{
	for (int i = 0; i < sk_X509_num(rest); i++)
		if ((left_out >> i & 1) == 0 &&
		    X509_NAME_cmp(X509_get_subject_name(x),
			X509_get_subject_name(sk_X509_value(rest, i))) == 0)
			return true;
	return false;
}

static void
add(struct judge_ways *w, unsigned left_out)
{
	for (unsigned i = 0; i < w->n; i++)
		if (w->left_out[i] == left_out)
			return;
	if (w->n < JUDGE_WAYS_MAX)
		w->left_out[w->n++] = (uint16_t)left_out;
}

void
judge_ways_failed(struct judge_ways *w, const STACK_OF(X509) *rest, const STACK_OF(X509) *path)
{
	unsigned out = w->left_out[w->at - 1];

	for (int i = 1; i < sk_X509_num(path); i++) {
		const X509 *x = sk_X509_value(path, i);
		unsigned without = out | copies(rest, x);

		if (without != out && has_namesake(rest, without, x))
			add(w, without);
	}
}
