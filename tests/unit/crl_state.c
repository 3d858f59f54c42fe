/* crl_state — which CRLs are evidence for a chain, and that they judge alone as they did in their set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/pki/crl_set.h"
#include "common/pki/crl_state.h"
#include "common/pki/judge.h"
#include "tests/certs.h"

#define NOW ((int64_t)time(NULL))

struct scene {
	char folder[64];
	struct cert *root, *ca, *other, *leaf;
	struct chain *chain;
	struct trust *trust;
};

/* The leaf names shard 1 of its CA's CRLs. */
static void
scene_init(struct scene *s)
{
	STACK_OF(X509) *rest = sk_X509_new_null();

	certs_folder(s->folder);
	s->root = cert_root("root");
	s->ca = cert_intermediate("ca", s->root);
	s->other = cert_root("other");
	s->leaf = cert_make(&(struct cert_spec) { .cn = "a.test",
				.san = "DNS:a.test",
				.to_s = 90LL * CERTS_DAY,
				.from_s = -3600,
				.ext = "crlDistributionPoints=URI:http://crl.test/1.crl" },
	    s->ca);
	assert_true(sk_X509_push(rest, s->ca->x) > 0);
	s->chain = chain_new(s->leaf->x, rest);
	sk_X509_free(rest);
	certs_write(certs_path(s->folder, "root.pem"), s->root, NULL);
}

static void
put_crl(struct scene *s, const char *name, const struct cert *issuer, const struct crl_spec *spec)
{
	X509_CRL *crl = cert_crl(issuer, spec);

	certs_write_crl(certs_path(s->folder, name), crl);
	X509_CRL_free(crl);
}

static void
load(struct scene *s, size_t n)
{
	const char *roots[] = { certs_path(s->folder, "root.pem") };
	const char *crls[] = { certs_path(s->folder, "1"), certs_path(s->folder, "2"),
		certs_path(s->folder, "3"), certs_path(s->folder, "4") };
	struct err e;

	trust_unref(&s->trust);
	if (!trust_load_files(roots, 1, crls, n, &s->trust, &e))
		fail_msg("%s", e.text);
}

static void
scene_clear(struct scene *s)
{
	certs_remove(s->folder);
	trust_unref(&s->trust);
	chain_unref(&s->chain);
	cert_free(&s->leaf);
	cert_free(&s->other);
	cert_free(&s->ca);
	cert_free(&s->root);
}

static size_t
octets_of(const struct scene *s, struct buf *out)
{
	struct crl_state *state = crl_state_new(s->trust, s->chain), *again = crl_state_ref(state);
	const struct crl_octets *crls;
	unsigned char digest[DIGEST_BYTES];
	size_t n;

	crl_state_unref(&state);
	crls = crl_state_crls(again, &n);
	for (size_t i = 0; i < n; i++) {
		buf_add(out, crls[i].der.p, crls[i].der.n);
		digest_sha256(crls[i].der, digest);
		assert_memory_equal(digest, crls[i].digest, DIGEST_BYTES);
	}
	crl_state_unref(&again);
	return n;
}

static enum refusal
judged_by(const struct scene *s, struct span crls)
{
	struct trust *then;
	struct err e = { .why = REFUSAL_NONE };

	assert_true(trust_with_crls(s->trust, crls, &then, &e));
	(void)judge_chain(then, s->chain, "a.test", NOW, NULL, &e);
	trust_unref(&then);
	return e.why;
}

static void
of_its_issuers_and_its_shard(void **state)
{
	struct scene s = { .trust = NULL };
	struct buf crls = BUF_INIT;

	(void)state;
	scene_init(&s);
	put_crl(&s, "1", s.ca,
	    &(struct crl_spec) { .ext = "issuingDistributionPoint=critical,"
					"fullname:URI:http://crl.test/1.crl" });
	put_crl(&s, "2", s.ca,
	    &(struct crl_spec) { .ext = "issuingDistributionPoint=critical,"
					"fullname:URI:http://crl.test/2.crl" });
	put_crl(&s, "3", s.other, &(struct crl_spec) { .number = 0 });
	put_crl(&s, "4", s.root, &(struct crl_spec) { .number = 0 });
	load(&s, 4);
	assert_int_equal(octets_of(&s, &crls), 2);
	assert_int_equal(judged_by(&s, buf_span(&crls)), REFUSAL_NONE);
	assert_int_equal(judged_by(&s, (struct span) { 0 }), REFUSAL_revocation_unknown);
	buf_clear(&crls);
	scene_clear(&s);
}

static void
as_they_stood(void **state)
{
	struct scene s = { .trust = NULL };
	struct buf before = BUF_INIT, after = BUF_INIT;

	(void)state;
	scene_init(&s);
	put_crl(&s, "1", s.root, &(struct crl_spec) { .number = 0 });
	put_crl(&s, "2", s.ca, &(struct crl_spec) { .number = 1 });
	load(&s, 2);
	assert_int_equal(octets_of(&s, &before), 2);
	put_crl(&s, "2", s.ca, &(struct crl_spec) { .number = 2, .revoked = { s.leaf } });
	load(&s, 2);
	assert_int_equal(octets_of(&s, &after), 2);
	assert_int_equal(judged_by(&s, buf_span(&after)), REFUSAL_certificate_revoked);
	assert_int_equal(judged_by(&s, buf_span(&before)), REFUSAL_NONE);
	buf_clear(&before);
	buf_clear(&after);
	scene_clear(&s);
}

/* Of the CRL of the leaf's issuer, which comes first. */
static struct crl_octets
facts_of(const struct scene *s)
{
	struct crl_state *state = crl_state_new(s->trust, s->chain);
	const struct crl_octets *crls;
	struct crl_octets first;
	size_t n;

	crls = crl_state_crls(state, &n);
	assert_int_equal(n, 2);
	first = crls[0];
	crl_state_unref(&state);
	return first;
}

/* Two issues of one CRL have the same scope; that of another issuer and that of one shard have not. */
static void
an_issue_says_what_it_is_an_issue_of(void **state)
{
	struct scene s = { .trust = NULL };
	struct crl_octets monday, tuesday, shard;
	unsigned char serial[CRL_SERIAL_BYTES], *p = serial;
	int n;

	(void)state;
	scene_init(&s);
	put_crl(&s, "1", s.root, &(struct crl_spec) { .number = 0 });
	put_crl(&s, "2", s.ca, &(struct crl_spec) { .number = 1 });
	load(&s, 2);
	monday = facts_of(&s);
	put_crl(&s, "2", s.ca, &(struct crl_spec) { .number = 2 });
	load(&s, 2);
	tuesday = facts_of(&s);
	put_crl(&s, "2", s.ca,
	    &(struct crl_spec) { .ext = "issuingDistributionPoint=critical,"
					"fullname:URI:http://crl.test/1.crl" });
	load(&s, 2);
	shard = facts_of(&s);
	n = i2d_ASN1_INTEGER(X509_get0_serialNumber(s.leaf->x), &p);
	assert_memory_not_equal(monday.digest, tuesday.digest, DIGEST_BYTES);
	assert_memory_equal(monday.scope, tuesday.scope, DIGEST_BYTES);
	assert_memory_not_equal(monday.scope, shard.scope, DIGEST_BYTES);
	assert_true(monday.this_s <= NOW && monday.next_s > NOW);
	assert_int_equal(monday.serial_n, n);
	assert_memory_equal(monday.serial, serial, (size_t)n);
	scene_clear(&s);
}

static void
what_is_no_crl_is_refused(void **state)
{
	struct scene s = { .trust = NULL };
	struct buf crls = BUF_INIT;
	struct trust *then = NULL;
	struct err e;

	(void)state;
	scene_init(&s);
	put_crl(&s, "1", s.root, &(struct crl_spec) { .number = 0 });
	load(&s, 1);
	octets_of(&s, &crls);
	buf_add(&crls, "x", 1);
	assert_false(trust_with_crls(s.trust, buf_span(&crls), &then, &e));
	assert_int_equal(e.why, REFUSAL_bad_reply);
	assert_null(then);
	buf_clear(&crls);
	scene_clear(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_its_issuers_and_its_shard),
		cmocka_unit_test(as_they_stood),
		cmocka_unit_test(an_issue_says_what_it_is_an_issue_of),
		cmocka_unit_test(what_is_no_crl_is_refused),
	};

	return cmocka_run_group_tests_name("crl_state", tests, NULL, NULL);
}
