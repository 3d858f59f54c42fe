/* spf_record — an accepted record, written again from its parts, parses alike. */
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/spf/spf_macro.h"
#include "common/spf/spf_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
write_address(struct buf *b, const struct spf_term *t)
{
	if (t->kind == SPF_IP4) {
		buf_addf(b, ":%u.%u.%u.%u/%u", t->address[0], t->address[1], t->address[2],
		    t->address[3], t->bits4);
		return;
	}
	for (size_t i = 0; i < 16; i += 2)
		buf_addf(b, ":%x", (unsigned)(t->address[i] << 8 | t->address[i + 1]));
	buf_addf(b, "/%u", t->bits6);
}

static void
write_term(struct buf *b, const struct spf_term *t)
{
	static const char *const names[] = { [SPF_ALL] = "all",
		[SPF_INCLUDE] = "include",
		[SPF_A] = "a",
		[SPF_MX] = "mx",
		[SPF_PTR] = "ptr",
		[SPF_IP4] = "ip4",
		[SPF_IP6] = "ip6",
		[SPF_EXISTS] = "exists" };

	buf_addf(b, " %c%s", t->qualifier, names[t->kind]);
	if (t->domain.n > 0) {
		must(spf_macro_domain_valid(t->domain));
		buf_addf(b, ":");
		buf_add(b, t->domain.p, t->domain.n);
	}
	must(t->bits4 <= 32 && t->bits6 <= 128);
	if (t->kind == SPF_IP4 || t->kind == SPF_IP6)
		write_address(b, t);
	else if (t->kind == SPF_A || t->kind == SPF_MX)
		buf_addf(b, "/%u//%u", t->bits4, t->bits6);
}

static void
same(const struct spf_record *r, const struct spf_record *again)
{
	must(r->n == again->n && span_eq(r->redirect, again->redirect));
	for (size_t i = 0; i < r->n; i++) {
		const struct spf_term *a = &r->terms[i], *b = &again->terms[i];

		must(a->kind == b->kind && a->qualifier == b->qualifier &&
		    span_eq(a->domain, b->domain) && a->bits4 == b->bits4 && a->bits6 == b->bits6 &&
		    memcmp(a->address, b->address, sizeof(a->address)) == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span text = span_of(data, n);
	struct spf_record r, again;
	struct buf b = BUF_INIT;
	struct err e;

	if (!spf_record_is(text) || !spf_record_parse(&r, text, &e))
		return 0;
	buf_addf(&b, "v=spf1");
	for (size_t i = 0; i < r.n; i++)
		write_term(&b, &r.terms[i]);
	if (r.redirect.n > 0) {
		buf_addf(&b, " redirect=");
		buf_add(&b, r.redirect.p, r.redirect.n);
	}
	must(spf_record_parse(&again, buf_span(&b), &e));
	same(&r, &again);
	spf_record_clear(&r);
	spf_record_clear(&again);
	buf_clear(&b);
	return 0;
}
