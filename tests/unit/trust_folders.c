/* trust_folders — folders of certificates and of revocation lists: how they are loaded, and chains that are written. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/judge_scene.h"

/* -- chains and folders ------------------------------------------------------------------------- */

static void
chains_are_written_and_read(void **state)
{
	struct scene *s = *state;
	struct cert *leaf = cert_leaf("a.test", s->inter);
	struct chain *c = chain_of(s, leaf, s->inter, NULL), *d, *f;
	struct buf names = BUF_INIT;
	unsigned char digest[DIGEST_BYTES];
	struct err e;

	assert_true(chain_parse(chain_der(c), &d, &e));
	assert_true(span_eq(chain_der(c), chain_der(d)));
	digest_sha256(chain_der(c), digest);
	assert_memory_equal(chain_digest(d), digest, sizeof digest);
	assert_string_equal(chain_fingerprint(c), chain_fingerprint(d));
	assert_string_equal(chain_subject(d), "CN=a.test");
	assert_string_equal(chain_issuer(d), "CN=inter");
	chain_names_list(d, &names);
	assert_true(span_eq(buf_span(&names), SPAN_LIT("a.test")));
	certs_write(certs_path(s->folder, "x.pem"), leaf, s->inter);
	assert_true(chain_read(certs_path(s->folder, "x.pem"), &f, &e));
	assert_string_equal(chain_fingerprint(c), chain_fingerprint(f));
	for (size_t cut = 0; cut < chain_der(c).n; cut += 37) {
		struct chain *none = NULL;

		if (cut != 0 && chain_parse(span_sub(chain_der(c), 0, cut), &none, &e))
			assert_int_equal(sk_X509_num(chain_rest(none)), 0);
		chain_unref(&none);
	}
	assert_false(chain_parse(SPAN_LIT(""), &d, &e));
	assert_false(chain_read(certs_path(s->folder, "none.pem"), &d, &e));
	chain_unref(&c);
	chain_unref(&d);
	chain_unref(&f);
	buf_clear(&names);
	cert_free(&leaf);
}

static void
no_trust_no_start(void **state)
{
	struct scene *s = *state;
	struct trust *t;
	struct err e;
	FILE *f;

	assert_false(
	    trust_load(certs_path(s->folder, "nowhere"), NULL, NULL, NULL, TRUST_STRICT, &t, &e));
	assert_int_equal(e.why, REFUSAL_config);
	assert_false(
	    trust_load(certs_path(s->folder, "crls"), NULL, NULL, NULL, TRUST_STRICT, &t, &e));
	assert_non_null(strstr(e.text, "empty"));
	f = fopen(certs_path(s->folder, "trust/broken.pem"), "w");
	fputs("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", f);
	fclose(f);
	assert_false(
	    trust_load(certs_path(s->folder, "trust"), NULL, NULL, NULL, TRUST_STRICT, &t, &e));
	assert_non_null(strstr(e.text, "broken.pem"));
	remove(certs_path(s->folder, "trust/broken.pem"));
}

static void
put_file(const struct scene *s, const char *name, size_t octets)
{
	FILE *f = fopen(certs_path(s->folder, name), "w");

	fputs("no certificate\n", f);
	if (octets > 0)
		assert_int_equal(ftruncate(fileno(f), (off_t)octets), 0);
	fclose(f);
}

/* While it runs, one bad file must not hold up what the others say. */
static void
a_bad_file_holds_up_nobody(void **state)
{
	struct scene *s = *state;
	struct trust *t;
	struct err e;
	unsigned roots = trust_count(s->trust), crls;

	put_file(s, "trust/README", 0);
	put_file(s, "trust/vast.pem", TRUST_FILE_BYTES + 1);
	assert_false(
	    trust_load(certs_path(s->folder, "trust"), NULL, NULL, NULL, TRUST_STRICT, &t, &e));
	put_file(s, "crls/aaa", 0);
	put_file(s, "crls/vast.crl", (size_t)CRL_FILE_BYTES + 1);
	assert_true(trust_load(certs_path(s->folder, "trust"), certs_path(s->folder, "crls"), NULL,
	    NULL, TRUST_LENIENT, &t, &e));
	assert_int_equal(trust_count(t), roots);
	assert_int_equal(trust_skipped(t), 4);
	crls = trust_crl_count(t);
	trust_unref(&t);
	remove(certs_path(s->folder, "trust/README"));
	remove(certs_path(s->folder, "trust/vast.pem"));
	assert_true(trust_load(certs_path(s->folder, "trust"), certs_path(s->folder, "crls"), NULL,
	    NULL, TRUST_STRICT, &t, &e));
	assert_int_equal(trust_crl_count(t), crls);
	assert_int_equal(trust_skipped(t), 2);
	trust_unref(&t);
	remove(certs_path(s->folder, "crls/aaa"));
	remove(certs_path(s->folder, "crls/vast.crl"));
	/* An empty folder trusts nobody, and does not trust on whom it trusted before. */
	assert_true(
	    trust_load(certs_path(s->folder, "crls"), NULL, NULL, NULL, TRUST_LENIENT, &t, &e));
	assert_int_equal(trust_count(t), 0);
	trust_unref(&t);
}

static void
folders_have_signatures(void **state)
{
	struct scene *s = *state;
	uint64_t one = trust_signature(certs_path(s->folder, "crls")), two;

	assert_int_not_equal(one, 0);
	put_crl(s, "x.pem", s->root, (struct crl_spec) { .number = 1 });
	two = trust_signature(certs_path(s->folder, "crls"));
	assert_true(one != two);
	put_crl(s, "x.pem", s->root, (struct crl_spec) { .number = 2 });
	assert_true(two != trust_signature(certs_path(s->folder, "crls")));
	drop_crl(s, "x.pem");
	assert_true(one == trust_signature(certs_path(s->folder, "crls")));
	assert_int_equal(trust_signature(certs_path(s->folder, "nowhere")), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chains_are_written_and_read),
		cmocka_unit_test(no_trust_no_start),
		cmocka_unit_test(a_bad_file_holds_up_nobody),
		cmocka_unit_test(folders_have_signatures),
	};

	return cmocka_run_group_tests_name("trust_folders", tests, set_up, tear_down);
}
