/* tls_peer — keeps and renews the verdict on a peer; see tls.h. */
#include <string.h>

#include "common/base/clock.h"
#include "common/text/address_scope.h"
#include "common/text/address_text.h"
#include "common/tls/tls_private.h"

void
tls_peer_init(struct tls_peer *p, const struct sockaddr *address)
{
	memset(p, 0, sizeof *p);
	err_word(&p->verdict, REFUSAL_no_certificate);
	address_unmap(address, &p->address);
	address_host(&p->address, p->host);
	p->port = address_port(&p->address);
}

void
tls_peer_clear(struct tls_peer *p)
{
	chain_unref(&p->chain);
}

static bool
due(const struct tls_peer *p, struct tls_holder *h, int64_t mono_ms, int64_t wall_s)
{
	return p->generation != tls_holder_generation(h) ||
	    mono_ms - p->judged_ms >= TLS_RECHECK_MS || (p->until_s != 0 && wall_s >= p->until_s);
}

void
tls_peer_judge(struct tls_peer *p, struct tls_holder *h, const struct tls *t, int64_t mono_ms,
    int64_t wall_s)
{
	const char *name = p->domain[0] != '\0' ? p->domain : NULL;
	struct judge_rules rules = { .domain = p->is_host ? NULL : name,
		.host = p->is_host ? name : NULL };
	struct judgement j;
	struct err e;

	p->verdict = (struct err) { 0 };
	if (!judge_chain_by(tls_trust(t), p->chain, &rules, wall_s, &j, &e))
		p->verdict = e;
	p->judged_ms = mono_ms;
	p->until_s = j.again_s;
	memcpy(p->issuer_key, j.issuer_key, sizeof p->issuer_key);
	p->generation = tls_generation(t);
	if (p->verdict.why == REFUSAL_revocation_unknown)
		tls_holder_unknown(h, p->chain, &j);
	else if (p->verdict.why == REFUSAL_NONE)
		tls_holder_good(h, p->chain);
}

static bool
is_good(const struct tls_peer *p, struct err *e)
{
	if (p->verdict.why == REFUSAL_NONE)
		return true;
	if (!RULE(no_certificate) && p->verdict.why == REFUSAL_no_certificate)
		return true;
	*e = p->verdict;
	return false;
}

bool
tls_peer_check_at(struct tls_peer *p, struct tls_holder *h, int64_t mono_ms, int64_t wall_s,
    struct err *e)
{
	struct tls *t;

	if (p->chain != NULL && due(p, h, mono_ms, wall_s)) {
		t = tls_holder_get(h);
		tls_peer_judge(p, h, t, mono_ms, wall_s);
		tls_unref(&t);
	}
	return is_good(p, e);
}

bool
tls_peer_check(struct tls_peer *p, struct tls_holder *h, struct err *e)
{
	return tls_peer_check_at(p, h, clock_mono_ms(), clock_wall_ms() / 1000, e);
}

bool
tls_peer_names(const struct tls_peer *p, const char *domain, struct err *e)
{
	if (!is_good(p, e))
		return false;
	if (p->chain == NULL) /* only with the rule no_certificate switched off */
		return true;
	return chain_names(p->chain, domain, e);
}

bool
tls_peer_names_host(const struct tls_peer *p, const char *host, struct err *e)
{
	return is_good(p, e) && (p->chain == NULL || chain_names_host(p->chain, host, e));
}

bool
tls_peer_names_by_label(const struct tls_peer *p, const char *domain)
{
	return p->chain != NULL && chain_names_by_label(p->chain, domain);
}
