/* registrable — what is above a public suffix, and what is one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/text/registrable.h"

static void
domains(void **state)
{
	static const struct {
		const char *name, *of; /* "": a public suffix */
	} rows[] = {
		{ "example.com", "example.com" },
		{ "a.b.example.com", "example.com" },
		{ "com", "" },
		{ "mx.example.co.uk", "example.co.uk" },
		{ "co.uk", "" },
		/* rules with a wildcard, and exceptions to one */
		{ "a.b.c.ck", "b.c.ck" },
		{ "b.c.ck", "b.c.ck" },
		{ "c.ck", "" },
		{ "www.ck", "www.ck" },
		{ "a.www.ck", "www.ck" },
		/* a suffix that is no registry's */
		{ "alice.github.io", "alice.github.io" },
		{ "github.io", "" },
		/* A-labels */
		{ "a.xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn" },
		{ "xn--55qx5d.cn", "" },
		/* no rule: the last label is the suffix */
		{ "mail.example.test", "example.test" },
		{ "test", "" },
	};
	struct domain d;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		bool found = registrable_domain(rows[i].name, &d);

		if (found != (*rows[i].of != '\0') || strcmp(d.text, rows[i].of) != 0)
			fail_msg("%s: \"%s\"", rows[i].name, d.text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(domains) };

	return cmocka_run_group_tests_name("registrable", tests, NULL, NULL);
}
