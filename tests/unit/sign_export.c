/* sign_export — a seal as CMS: the stock openssl command verifies it, and nothing that was altered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#include "common/loop/loop.h"
#include "common/pki/chain.h"
#include "common/pki/sign.h"
#include "tests/certs.h"

#define TEXT                                                                                       \
	"Tillcalled-Seal: 1\r\nSigner: a.test\r\nFor: b.test\r\n"                                  \
	"Date: 2026-11-23T14:00:02Z\r\nStatement: sha256:00\r\n"

struct scene {
	char folder[64];
	struct cert *root, *intermediate, *leaf;
	struct chain *chain;
	struct loop *loop;
	const char *alg;
	struct buf signature, crls, cms;
};

static void
on_signed(void *arg, const char *alg, struct span signature, const struct err *e)
{
	struct scene *s = arg;

	assert_null(e);
	s->alg = alg;
	buf_add(&s->signature, signature.p, signature.n);
	loop_stop(s->loop);
}

static void
add_crl(struct scene *s, const struct cert *issuer, const struct cert *revoked)
{
	X509_CRL *crl = cert_crl(issuer, &(struct crl_spec) { .revoked = { revoked } });
	unsigned char *der = NULL;
	int n = i2d_X509_CRL(crl, &der);

	assert_true(n > 0);
	buf_add(&s->crls, der, (size_t)n);
	OPENSSL_free(der);
	X509_CRL_free(crl);
}

static void
scene_init(struct scene *s, const char *key)
{
	STACK_OF(X509) *rest = sk_X509_new_null();
	struct err e;

	*s = (struct scene) { .alg = NULL };
	certs_folder(s->folder);
	s->root = cert_root("Test Root");
	s->intermediate = cert_intermediate("Test CA", s->root);
	s->leaf = cert_make(&(struct cert_spec) { .cn = "a.test", .san = "DNS:a.test", .key = key },
	    s->intermediate);
	assert_true(sk_X509_push(rest, s->intermediate->x) > 0);
	s->chain = chain_new(s->leaf->x, rest);
	sk_X509_free(rest);
	certs_write(certs_path(s->folder, "root.pem"), s->root, NULL);
	assert_true(loop_new(&s->loop, &e));
	sign_run(s->loop, s->leaf->key, SPAN_LIT(TEXT), on_signed, s);
	loop_run(s->loop);
}

static void
scene_clear(struct scene *s)
{
	certs_remove(s->folder);
	chain_unref(&s->chain);
	cert_free(&s->leaf);
	cert_free(&s->intermediate);
	cert_free(&s->root);
	loop_free(&s->loop);
	buf_clear(&s->signature);
	buf_clear(&s->crls);
	buf_clear(&s->cms);
}

static void export(struct scene *s)
{
	struct sign_evidence v = {
		.chain = s->chain,
		.alg = s->alg,
		.text = SPAN_LIT(TEXT),
		.signature = buf_span(&s->signature),
		.crls = buf_span(&s->crls),
	};
	struct err e;

	buf_reset(&s->cms);
	if (!sign_export_cms(&s->cms, &v, &e))
		fail_msg("%s", e.text);
}

/* What the stock command says, and that it prints the text. */
static bool
verifies(const struct scene *s, const char *more)
{
	char command[1024], got[sizeof TEXT + 16];
	FILE *f;
	size_t n;
	int status;

	assert_non_null(f = fopen(certs_path(s->folder, "seal.der"), "w"));
	assert_int_equal(fwrite(s->cms.data, 1, s->cms.len, f), s->cms.len);
	fclose(f);
	snprintf(command, sizeof command,
	    "openssl cms -verify -inform DER -purpose any "
	    "-verify_hostname a.test -CAfile %s -in %s -out %s %s 2>%s",
	    certs_path(s->folder, "root.pem"), certs_path(s->folder, "seal.der"),
	    certs_path(s->folder, "out"), more, certs_path(s->folder, "log"));
	status = system(command);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return false;
	assert_non_null(f = fopen(certs_path(s->folder, "out"), "r"));
	n = fread(got, 1, sizeof got, f);
	fclose(f);
	return n == sizeof TEXT - 1 && memcmp(got, TEXT, n) == 0;
}

static void
the_stock_command_verifies(void **state)
{
	static const char *const keys[] = { "P-256", "P-384", "RSA-2048" };
	static const char *const algs[] = { "ecdsa-sha256", "ecdsa-sha384", "rsa-sha256" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct scene s;

		scene_init(&s, keys[i]);
		assert_string_equal(s.alg, algs[i]);
		export(&s);
		if (!verifies(&s, ""))
			fail_msg("%s", keys[i]);
		assert_false(verifies(&s, "-verify_hostname b.test"));
		scene_clear(&s);
	}
}

static void
the_crls_of_the_day_are_in_it(void **state)
{
	struct scene s;
	char later[64];

	(void)state;
	scene_init(&s, NULL);
	export(&s);
	assert_false(verifies(&s, "-crl_check_all"));
	add_crl(&s, s.root, NULL);
	add_crl(&s, s.intermediate, NULL);
	export(&s);
	assert_true(verifies(&s, "-crl_check_all"));
	snprintf(later, sizeof later, "-crl_check_all -attime %lld",
	    (long long)time(NULL) + 12 * 3600);
	assert_true(verifies(&s, later));
	snprintf(later, sizeof later, "-crl_check_all -attime %lld",
	    (long long)time(NULL) + 1000LL * CERTS_DAY);
	assert_false(verifies(&s, later));
	buf_reset(&s.crls);
	add_crl(&s, s.root, NULL);
	add_crl(&s, s.intermediate, s.leaf);
	export(&s);
	assert_false(verifies(&s, "-crl_check_all"));
	scene_clear(&s);
}

static void
nothing_that_was_altered_verifies(void **state)
{
	struct scene s;
	char *at;

	(void)state;
	scene_init(&s, NULL);
	export(&s);
	assert_true(verifies(&s, ""));
	for (size_t i = 0; i < sizeof TEXT - 1; i += 17) {
		at = memmem(s.cms.data, s.cms.len, TEXT, sizeof TEXT - 1);
		if (at == NULL)
			export(&s);
		at = memmem(s.cms.data, s.cms.len, TEXT, sizeof TEXT - 1);
		assert_non_null(at);
		at[i] ^= 1;
		assert_false(verifies(&s, ""));
		at[i] ^= 1;
	}
	at = memmem(s.cms.data, s.cms.len, s.signature.data, s.signature.len);
	assert_non_null(at);
	at[s.signature.len - 1] ^= 1;
	assert_false(verifies(&s, ""));
	scene_clear(&s);
}

static void
what_was_exported_is_read_again(void **state)
{
	static const char *const keys[] = { "P-256", "P-384", "RSA-2048" };
	struct sign_imported in;
	struct err e;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct scene s;

		scene_init(&s, keys[i]);
		add_crl(&s, s.intermediate, NULL);
		export(&s);
		assert_true(sign_import_cms(buf_span(&s.cms), &in, &e));
		assert_string_equal(in.alg, s.alg);
		assert_string_equal(chain_fingerprint(in.chain), chain_fingerprint(s.chain));
		assert_true(span_eq(buf_span(&in.text), SPAN_LIT(TEXT)));
		assert_true(span_eq(buf_span(&in.signature), buf_span(&s.signature)));
		assert_true(span_eq(buf_span(&in.crls), buf_span(&s.crls)));
		assert_true(
		    sign_verify(in.chain, in.alg, buf_span(&in.text), buf_span(&in.signature), &e));
		sign_imported_clear(&in);
		scene_clear(&s);
	}
}

/* Whatever octet is another: it is not read, its signature does not fit, or it is another certificate or
 * CRL, of which the CA's own signature tells. */
static void
no_octet_may_be_another(void **state)
{
	struct scene s;
	struct sign_imported in;
	struct err e;
	unsigned read = 0;

	(void)state;
	scene_init(&s, NULL);
	add_crl(&s, s.intermediate, NULL);
	export(&s);
	for (size_t i = 0; i < s.cms.len; i++) {
		s.cms.data[i] ^= 1;
		if (sign_import_cms(buf_span(&s.cms), &in, &e)) {
			read++;
			if (sign_verify(in.chain, in.alg, buf_span(&in.text),
				buf_span(&in.signature), &e) &&
			    strcmp(chain_fingerprint(in.chain), chain_fingerprint(s.chain)) == 0 &&
			    span_eq(buf_span(&in.crls), buf_span(&s.crls)))
				assert_true(sk_X509_num(chain_rest(in.chain)) == 1 &&
				    X509_cmp(sk_X509_value(chain_rest(in.chain), 0),
					s.intermediate->x) != 0);
			sign_imported_clear(&in);
		}
		s.cms.data[i] ^= 1;
	}
	assert_true(read > 0);
	buf_add(&s.cms, "", 1);
	assert_false(sign_import_cms(buf_span(&s.cms), &in, &e));
	assert_int_equal(e.why, REFUSAL_seal_bad);
	assert_false(sign_import_cms((struct span) { 0 }, &in, &e));
	scene_clear(&s);
}

static void
another_kind_of_key_is_refused(void **state)
{
	struct scene s;
	struct sign_evidence v;
	struct err e;

	(void)state;
	scene_init(&s, NULL);
	v = (struct sign_evidence) { .chain = s.chain,
		.alg = "rsa-sha256",
		.text = SPAN_LIT(TEXT),
		.signature = buf_span(&s.signature) };
	assert_false(sign_export_cms(&s.cms, &v, &e));
	assert_int_equal(e.why, REFUSAL_seal_bad);
	v.alg = s.alg;
	v.crls = SPAN_LIT("no CRL");
	assert_false(sign_export_cms(&s.cms, &v, &e));
	assert_int_equal(s.cms.len, 0);
	scene_clear(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_stock_command_verifies),
		cmocka_unit_test(the_crls_of_the_day_are_in_it),
		cmocka_unit_test(nothing_that_was_altered_verifies),
		cmocka_unit_test(what_was_exported_is_read_again),
		cmocka_unit_test(no_octet_may_be_another),
		cmocka_unit_test(another_kind_of_key_is_refused),
	};

	return cmocka_run_group_tests_name("sign_export", tests, NULL, NULL);
}
