/* idn — what is taken is LDH, in bounds, and its own A-label; its display form leads back to it. */
#include <stdlib.h>
#include <string.h>

#include "common/text/idn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct domain a, again;
	char shown[2048];
	struct err e;

	if (!idn_a_label(span_of(data, n), &a, &e)) {
		must(e.why == REFUSAL_bad_domain || e.why == REFUSAL_address_literal);
		return 0;
	}
	must(strlen(a.text) <= DOMAIN_MAX && strchr(a.text, '.') != NULL && a.text[0] != '.');
	for (const char *p = a.text; *p != '\0'; p++)
		must(
		    (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '-' || *p == '.');
	must(idn_a_label(domain_span(&a), &again, &e) && domain_eq(&a, domain_span(&again)));
	idn_display(a.text, shown, sizeof(shown));
	must(strlen(shown) > DOMAIN_MAX ||
	    (idn_a_label(span_str(shown), &again, &e) && domain_eq(&a, domain_span(&again))));
	return 0;
}
