/* spf_macro — any valid macro string expands to a bounded name; the input's first line is the local
 * part, the second the HELO name, the rest the macro string. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "common/spf/spf_macro.h"

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
	struct span rest = span_of(data, n), local = span_cut(&rest, '\n');
	struct span helo = span_cut(&rest, '\n');
	struct spf_macro_env env = { .local = span_sub(local, 0, 512),
		.sender_domain = SPAN_LIT("a.test"),
		.domain = SPAN_LIT("b.a.test"),
		.helo = span_sub(helo, 0, 512),
		.validated = SPAN_LIT("unknown") };
	char out[DNS_NAME_BYTES];

	if (!spf_macro_string_valid(rest, false)) {
		must(!spf_macro_domain_valid(rest));
		return 0;
	}
	env.client.ss_family = n % 2 == 0 ? AF_INET : AF_INET6;
	memset(out, 'x', sizeof(out));
	spf_macro_expand(rest, &env, out);
	must(memchr(out, '\0', sizeof(out)) != NULL);
	must(!env.used_helo || spf_macro_has(rest, 'h'));
	must(!env.used_local || spf_macro_has(rest, 'l') || spf_macro_has(rest, 's'));
	return 0;
}
