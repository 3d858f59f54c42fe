/* spf_judge — what single terms ask of DNS; see spf_guard_private.h. */
#include "common/spf/spf_guard_private.h"
#include "common/text/address_text.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum dns_type
address_type(const struct spf_guard *g)
{
	return g->env.client.ss_family == AF_INET ? DNS_A : DNS_AAAA;
}

static bool
same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	return memcmp(a, b, whole) == 0 &&
	    (rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0);
}

/* Is the client in the network of that address and the term's prefix lengths? */
static bool
client_in(const struct spf_guard *g, const uint8_t *address, uint8_t bits4, uint8_t bits6)
{
	const struct sockaddr_storage *c = &g->env.client;

	if (c->ss_family == AF_INET)
		return same_prefix((const uint8_t *)&((const struct sockaddr_in *)c)->sin_addr,
		    address, bits4);
	return same_prefix(((const struct sockaddr_in6 *)c)->sin6_addr.s6_addr, address, bits6);
}

static bool
any_address(const struct spf_guard *g, const struct spf_need *need, uint8_t bits4, uint8_t bits6)
{
	size_t octets = need->type == DNS_A ? 4 : 16;

	for (size_t i = 0; i < need->n; i++)
		if (need->rdata[i].n == octets &&
		    client_in(g, (const uint8_t *)need->rdata[i].p, bits4, bits6))
			return true;
	return false;
}

bool
spf_judge_network(const struct spf_guard *g, const struct spf_term *t)
{
	if ((t->kind == SPF_IP4) != (g->env.client.ss_family == AF_INET))
		return false;
	return client_in(g, t->address, t->bits4, t->bits6);
}

enum spf_guard_answer
spf_judge_a(struct spf_guard *g, const struct spf_term *t, const char *target, unsigned *voids)
{
	struct spf_need *need;
	enum spf_guard_answer got = spf_guard_fetch(g, target, address_type(g), voids, &need);

	if (got != SPF_GUARD_YES)
		return got;
	return any_address(g, need, t->bits4, t->bits6) ? SPF_GUARD_YES : SPF_GUARD_NO;
}

/* Judges the exchanges in order.  While one is pending, the ones after it are asked for too. */
enum spf_guard_answer
spf_judge_mx(struct spf_guard *g, const struct spf_term *t, const char *target, unsigned *voids)
{
	struct spf_need *need;
	enum spf_guard_answer got = spf_guard_fetch(g, target, DNS_MX, voids, &need);
	bool pending = false;
	char host[DNS_NAME_BYTES];

	if (got != SPF_GUARD_YES)
		return got;
	if (need->n > SPF_NAMES_MAX) {
		spf_guard_end(g, SPF_PERMERROR, "mx: a domain has more than 10 MX records");
		return SPF_GUARD_OVER;
	}
	for (size_t i = 0; i < need->n; i++) {
		size_t at = 2;

		if (!dns_rdata_name(need->rdata[i], &at, host) || host[0] == '\0')
			continue; /* null MX (RFC 7505) */
		if (pending) {
			if (spf_guard_need(g, host, address_type(g)) == NULL)
				return SPF_GUARD_OVER;
			continue;
		}
		got = spf_judge_a(g, t, host, voids);
		if (got == SPF_GUARD_PENDING)
			pending = true;
		else if (got != SPF_GUARD_NO)
			return got;
	}
	return pending ? SPF_GUARD_PENDING : SPF_GUARD_NO;
}

/* Always an A record, for IPv6 clients too. */
enum spf_guard_answer
spf_judge_exists(struct spf_guard *g, const char *target, unsigned *voids)
{
	struct spf_need *need;

	return spf_guard_fetch(g, target, DNS_A, voids, &need);
}

/* -- the client's names -------------------------------------------------------------------------- */

/* How well a validated name fits a domain: 3 equal, 2 below it, 1 neither. */
static int
fit(const char *name, const char *domain)
{
	struct span n = span_str(name), d = span_str(domain);

	if (span_eq_nocase(n, d))
		return 3;
	return n.n > d.n + 1 && name[n.n - d.n - 1] == '.' &&
		span_eq_nocase(span_sub(n, n.n - d.n, d.n), d)
	    ? 2
	    : 1;
}

/* Does one of the name's addresses equal the client's?  A name that DNS fails on is skipped. */
static enum spf_guard_answer
validate(struct spf_guard *g, const char *name)
{
	struct spf_need *need = spf_guard_need(g, name, address_type(g));

	if (need == NULL)
		return SPF_GUARD_OVER;
	if (!need->known)
		return SPF_GUARD_PENDING;
	return need->status == DNS_OK && any_address(g, need, 32, 128) ? SPF_GUARD_YES
								       : SPF_GUARD_NO;
}

/* The best of the first 10 names; *how 0: none is validated.  An error of the PTR question means no
 * names (5.5). */
static enum spf_guard_answer
best_name(struct spf_guard *g, const char *domain, char out[DNS_NAME_BYTES], int *how,
    bool *nothing)
{
	char reverse[ADDRESS_REVERSE_BYTES], name[DNS_NAME_BYTES];
	struct spf_need *need;
	bool pending = false;

	*how = 0;
	address_reverse(&g->env.client, reverse);
	need = spf_guard_need(g, reverse, DNS_PTR);
	if (need == NULL)
		return SPF_GUARD_OVER;
	if (!need->known)
		return SPF_GUARD_PENDING;
	*nothing = need->status == DNS_NODATA || need->status == DNS_NXDOMAIN;
	for (size_t i = 0; i < need->n && i < SPF_NAMES_MAX; i++) {
		enum spf_guard_answer got;
		size_t at = 0;

		if (!dns_rdata_name(need->rdata[i], &at, name) || name[0] == '\0')
			continue;
		got = validate(g, name);
		if (got == SPF_GUARD_OVER)
			return got;
		pending = pending || got == SPF_GUARD_PENDING;
		if (got == SPF_GUARD_YES && fit(name, domain) > *how) {
			*how = fit(name, domain);
			span_copy(span_str(name), out, DNS_NAME_BYTES);
		}
	}
	return pending ? SPF_GUARD_PENDING : SPF_GUARD_YES;
}

enum spf_guard_answer
spf_judge_ptr(struct spf_guard *g, const char *target, unsigned *voids)
{
	char name[DNS_NAME_BYTES];
	bool nothing = false;
	int how;
	enum spf_guard_answer got = best_name(g, target, name, &how, &nothing);

	if (got != SPF_GUARD_YES)
		return got;
	*voids += nothing;
	return how >= 2 ? SPF_GUARD_YES : SPF_GUARD_NO;
}

enum spf_guard_answer
spf_judge_validated(struct spf_guard *g, const char *domain, char out[DNS_NAME_BYTES])
{
	bool nothing;
	int how;
	enum spf_guard_answer got = best_name(g, domain, out, &how, &nothing);

	if (got == SPF_GUARD_YES && how == 0)
		span_copy(SPAN_LIT("unknown"), out, DNS_NAME_BYTES);
	return got;
}
