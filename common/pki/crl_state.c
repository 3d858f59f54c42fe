/* crl_state — see crl_state.h. */
#include "common/pki/crl_state.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "common/base/memory.h"
#include "common/pki/crl_set.h"

struct crl_state {
	atomic_uint refs;
	struct trust *trust;
	size_t n;
	struct crl_octets crls[CRL_CHAIN_MAX];
};

struct crl_state *
crl_state_new(struct trust *t, const struct chain *c)
{
	struct crl_state *s = memory_new(sizeof *s);
	size_t n = crl_set_of_chain(trust_crls(t), c, s->crls), octets = 0;

	atomic_init(&s->refs, 1);
	s->trust = trust_ref(t);
	for (size_t i = 0; i < n; i++) {
		if (s->crls[i].der.n > CRL_STATE_BYTES - octets)
			continue;
		octets += s->crls[i].der.n;
		s->crls[s->n++] = s->crls[i];
	}
	return s;
}

struct crl_state *
crl_state_ref(struct crl_state *s)
{
	atomic_fetch_add(&s->refs, 1);
	return s;
}

void
crl_state_unref(struct crl_state **sp)
{
	struct crl_state *s = *sp;

	*sp = NULL;
	if (s == NULL || atomic_fetch_sub(&s->refs, 1) != 1)
		return;
	trust_unref(&s->trust);
	free(s);
}

const struct crl_octets *
crl_state_crls(const struct crl_state *s, size_t *n)
{
	*n = s->n;
	return s->crls;
}
