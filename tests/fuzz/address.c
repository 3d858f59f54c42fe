/* address — what is accepted has one canonical form, and that form is accepted as it is. */
#include <stdlib.h>

#include "common/base/address.h"
#include "proto/line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
check(const struct address *a)
{
	char canonical[ADDRESS_STR_BYTES];
	struct address again;
	struct err e;

	must(a->whole.n <= ADDRESS_MAX && a->local.n >= 1 && a->local.n <= ADDRESS_LOCAL_MAX);
	must(a->local.n + 1 + a->domain.n == a->whole.n);
	must(line_is_text(a->whole));
	must(
	    span_has(a->domain, '.') || !span_is_ascii(a->domain)); /* or a dot of another script */
	must(!span_has(a->whole, ' ') && !span_has(a->whole, '<') && !span_has(a->whole, '>') &&
	    !span_has(a->whole, '"') && !span_has(a->domain, '[') && !span_has(a->domain, '@'));
	if (!address_canonical(a, NULL, canonical, &e))
		return; /* an internationalised domain */
	must(address_parse_canonical(span_str(canonical), &again, &e));
	must(span_eq(again.local, a->local) && span_eq_nocase(again.domain, a->domain));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_of(data, n);
	struct address a;
	struct err e;
	struct domain domain;

	if (address_parse(in, &a, &e))
		check(&a);
	if (address_parse_path(in, &a, &e))
		check(&a);
	if (address_parse_canonical(in, &a, &e))
		must(domain_is_canonical(a.domain) && address_parse(in, &a, &e));
	if (domain_parse(in, NULL, &domain, &e)) {
		must(domain_is_canonical(domain_span(&domain)));
		must(domain_is_canonical(in) == span_eq(in, domain_span(&domain)));
	}
	return 0;
}
