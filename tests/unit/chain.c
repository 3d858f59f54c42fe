/* chain — which names a certificate bears: a mail domain's exactly, a host's also by a wildcard. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/x509v3.h>

#include "common/pki/chain.h"
#include "tests/certs.h"

static struct chain *
chain_for(const struct cert *root, const char *cn, const char *san)
{
	struct cert *leaf = cert_make(&(struct cert_spec) { .cn = cn, .san = san }, root);
	struct chain *c = chain_new(leaf->x, NULL);

	cert_free(&leaf);
	return c;
}

/* The same by OpenSSL, whose rule is RFC 6125's with these flags. */
static bool
openssl_says(const struct chain *c, const char *host)
{
	return X509_check_host(chain_leaf(c), host, strlen(host),
		   X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS,
		   NULL) == 1;
}

static const struct {
	const char *san, *host;
	bool named;
} hosts[] = {
	{ "DNS:mx.b.test", "mx.b.test", true },
	{ "DNS:MX.b.Test", "mx.B.test", true },
	{ "DNS:b.test", "mx.b.test", false },
	{ "DNS:mx.b.test", "b.test", false },
	{ "DNS:mx.b.test", "x.mx.b.test", false },
	{ "DNS:a.test,DNS:mx.b.test", "mx.b.test", true },
	/* no label of ours: a host is not a mail domain */
	{ "DNS:tillcalled.mx.b.test", "mx.b.test", false },
	{ "DNS:*.b.test", "mx.b.test", true },
	{ "DNS:*.B.TEST", "mx.b.test", true },
	{ "DNS:*.b.test", "b.test", false },
	{ "DNS:*.b.test", "x.mx.b.test", false },
	{ "DNS:m*.b.test", "mx.b.test", false },
	{ "DNS:*x.b.test", "mx.b.test", false },
	{ "DNS:mx.*.test", "mx.b.test", false },
	{ "DNS:*.*.test", "mx.b.test", false },
	{ "DNS:**.b.test", "mx.b.test", false },
	/* not for everything under a top-level domain, or for all */
	{ "DNS:*.test", "b.test", false },
	{ "DNS:*", "test", false },
	{ "DNS:*", "b.test", false },
	{ "DNS:*.", "b", false },
	{ "DNS:*.b.test", ".b.test", false },
	{ "DNS:mx.b.test", "", false },
	{ "email:mx.b.test", "mx.b.test", false },
	{ "URI:mx.b.test", "mx.b.test", false },
	{ "IP:192.0.2.1", "192.0.2.1", false },
	{ NULL, "mx.b.test", false },
};

static void
a_host_is_named(void **state)
{
	struct cert *root = cert_root("root");
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
		struct chain *c = chain_for(root, "mx.b.test", hosts[i].san);
		bool named = chain_names_host(c, hosts[i].host, &e);

		if (named != hosts[i].named || (!named && e.why != REFUSAL_certificate_name))
			fail_msg("%s for %s: %d", hosts[i].san, hosts[i].host, named);
		/* OpenSSL takes ".b.test" as "any host under it", and no name as no question. */
		if (hosts[i].host[0] != '.' && hosts[i].host[0] != '\0' &&
		    named != openssl_says(c, hosts[i].host))
			fail_msg("%s for %s: OpenSSL says otherwise", hosts[i].san, hosts[i].host);
		chain_unref(&c);
	}
	cert_free(&root);
}

/* What names a host does not name a mail domain. */
static void
a_wildcard_names_no_mail_domain(void **state)
{
	struct cert *root = cert_root("root");
	struct chain *c = chain_for(root, "x", "DNS:*.b.test");
	struct err e;

	(void)state;
	assert_true(chain_names_host(c, "mx.b.test", &e));
	assert_false(chain_names(c, "mx.b.test", &e));
	assert_int_equal(e.why, REFUSAL_certificate_wildcard);
	assert_false(chain_names_by_label(c, "b.test"));
	assert_false(chain_names_exactly(c, "mx.b.test", &e));
	chain_unref(&c);
	cert_free(&root);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_is_named),
		cmocka_unit_test(a_wildcard_names_no_mail_domain),
	};

	return cmocka_run_group_tests_name("chain", tests, NULL, NULL);
}
