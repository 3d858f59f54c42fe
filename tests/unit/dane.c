/* dane — usage against what is wrong with a certificate, beside what the judgement of CAs says of it; selectors,
 * matching types, and records that do not count.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <openssl/x509.h>

#include "common/base/buf.h"
#include "common/pki/dane.h"
#include "common/pki/judge.h"
#include "tests/certs.h"

#define HOST    "mx.d.test"
#define RECORDS 8

enum state { GOOD, SELF_SIGNED, EXPIRED, REVOKED, OTHER_NAME, NO_MATCH, STATES };

struct scene {
	char folder[64];
	struct cert *root, *inter, *stranger, *leaf[STATES];
	struct trust *trust;
};

static int
set_up(void **state)
{
	struct scene *s = calloc(1, sizeof *s);
	char command[256];
	X509_CRL *crl;
	struct err e;

	certs_folder(s->folder);
	snprintf(command, sizeof command, "mkdir %s/trust %s/crls", s->folder, s->folder);
	assert_int_equal(system(command), 0);
	s->root = cert_root("root");
	s->inter = cert_intermediate("inter", s->root);
	s->stranger = cert_intermediate("stranger", s->root);
	s->leaf[GOOD] = cert_leaf(HOST, s->inter);
	s->leaf[SELF_SIGNED] = cert_leaf(HOST, NULL);
	s->leaf[EXPIRED] = cert_make(&(struct cert_spec) { .cn = HOST,
					 .san = "DNS:" HOST,
					 .from_s = -7200,
					 .to_s = -60 },
	    s->inter);
	s->leaf[REVOKED] = cert_leaf(HOST, s->inter);
	s->leaf[OTHER_NAME] = cert_leaf("other.test", s->inter);
	s->leaf[NO_MATCH] = cert_leaf(HOST, s->stranger);
	crl = cert_crl(s->inter, &(struct crl_spec) { .revoked = { s->leaf[REVOKED] } });
	certs_write_crl(certs_path(s->folder, "crls/inter.pem"), crl);
	X509_CRL_free(crl);
	certs_write(certs_path(s->folder, "trust/root.pem"), s->root, NULL);
	if (!trust_load(certs_path(s->folder, "trust"), certs_path(s->folder, "crls"), NULL, NULL,
		TRUST_STRICT, &s->trust, &e))
		fail_msg("%s", e.text);
	*state = s;
	return 0;
}

static int
tear_down(void **state)
{
	struct scene *s = *state;

	for (int i = 0; i < STATES; i++)
		cert_free(&s->leaf[i]);
	cert_free(&s->stranger);
	cert_free(&s->inter);
	cert_free(&s->root);
	trust_unref(&s->trust);
	certs_remove(s->folder);
	free(s);
	return 0;
}

static struct chain *
chain_of(const struct cert *leaf, const struct cert *by)
{
	STACK_OF(X509) *rest = sk_X509_new_null();
	struct chain *c;

	if (by != NULL)
		sk_X509_push(rest, by->x);
	c = chain_new(leaf->x, rest);
	sk_X509_free(rest);
	return c;
}

static struct chain *
shown(const struct scene *s, enum state st)
{
	return chain_of(s->leaf[st],
	    st == SELF_SIGNED    ? NULL
		: st == NO_MATCH ? s->stranger
				 : s->inter);
}

/* -- records ----------------------------------------------------------------------------------- */

struct records {
	struct buf of[RECORDS];
	struct span span[RECORDS];
	size_t n;
};

static struct buf *
add_octets(struct records *r, int usage, int selector, int matching)
{
	unsigned char numbers[3] = { (unsigned char)usage, (unsigned char)selector,
		(unsigned char)matching };
	struct buf *b = &r->of[r->n++];

	buf_add(b, numbers, sizeof numbers);
	return b;
}

static void
add(struct records *r, int usage, int selector, int matching, const struct cert *c)
{
	struct buf *b = add_octets(r, usage, selector, matching);
	unsigned char *der = NULL, digest[EVP_MAX_MD_SIZE];
	unsigned n_digest;
	int n = selector == 0 ? i2d_X509(c->x, &der)
			      : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(c->x), &der);

	assert_true(n > 0);
	if (matching == 0) {
		buf_add(b, der, (size_t)n);
	} else {
		EVP_Digest(der, (size_t)n, digest, &n_digest,
		    matching == 2 ? EVP_sha512() : EVP_sha256(), NULL);
		buf_add(b, digest, n_digest);
	}
	OPENSSL_free(der);
}

static struct dane_verdict
judged_by(struct records *r, const struct chain *c, const char *const *names, size_t n_names)
{
	struct dane_verdict v;

	for (size_t i = 0; i < r->n; i++)
		r->span[i] = buf_span(&r->of[i]);
	dane_judge(&(struct dane_ask) { r->span, r->n, names, n_names }, c, (int64_t)time(NULL),
	    &v);
	assert_int_equal(v.why.why == REFUSAL_dane_mismatch, v.outcome == DANE_MISMATCH);
	for (size_t i = 0; i < r->n; i++)
		buf_clear(&r->of[i]);
	r->n = 0;
	return v;
}

static struct dane_verdict
judged(struct records *r, const struct chain *c)
{
	static const char *const name[1] = { HOST };

	return judged_by(r, c, name, 1);
}

/* -- the table --------------------------------------------------------------------------------- */

static void
usage_and_state(void **state)
{
	static const struct {
		const char *what;
		enum refusal ca;
		enum dane_outcome by_ta, by_ee;
	} rows[STATES] = {
		[GOOD] = { "good", REFUSAL_NONE, DANE_MATCH_TA, DANE_MATCH_EE },
		[SELF_SIGNED] = { "self-signed", REFUSAL_certificate_selfsigned, DANE_MISMATCH,
		    DANE_MATCH_EE },
		[EXPIRED] = { "expired", REFUSAL_certificate_expired, DANE_MISMATCH,
		    DANE_MATCH_EE },
		[REVOKED] = { "revoked", REFUSAL_certificate_revoked, DANE_MATCH_TA,
		    DANE_MATCH_EE },
		[OTHER_NAME] = { "other name", REFUSAL_certificate_name, DANE_MISMATCH,
		    DANE_MATCH_EE },
		[NO_MATCH] = { "no match", REFUSAL_NONE, DANE_MISMATCH, DANE_MISMATCH },
	};
	struct scene *s = *state;
	struct records r = { 0 };

	for (enum state st = GOOD; st < STATES; st++) {
		const struct cert *named = s->leaf[st == NO_MATCH ? GOOD : st];
		struct chain *c = shown(s, st);
		struct err e = { 0 };

		judge_chain_by(s->trust, c, &(struct judge_rules) { .host = HOST },
		    (int64_t)time(NULL), NULL, &e);
		if (e.why != rows[st].ca)
			fail_msg("%s: %s", rows[st].what, e.text);
		for (int usage = 0; usage < 2; usage++) {
			add(&r, usage, 0, 1, usage == 0 ? s->inter : named);
			assert_int_equal(judged(&r, c).outcome, DANE_UNUSABLE);
		}
		/* A self-signed certificate is named itself: there is no other above it. */
		add(&r, 2, 0, 1, st == SELF_SIGNED ? named : s->inter);
		if (judged(&r, c).outcome != rows[st].by_ta)
			fail_msg("%s: usage 2", rows[st].what);
		add(&r, 3, 1, 1, named);
		if (judged(&r, c).outcome != rows[st].by_ee)
			fail_msg("%s: usage 3", rows[st].what);
		chain_unref(&c);
	}
}

/* -- forms of records ---------------------------------------------------------------------------- */

static void
selectors_and_matching_types(void **state)
{
	struct scene *s = *state;
	struct chain *c = shown(s, GOOD), *bare = chain_of(s->leaf[GOOD], NULL);
	struct records r = { 0 };

	for (int selector = 0; selector < 2; selector++)
		for (int matching = 0; matching < 3; matching++) {
			add(&r, 3, selector, matching, s->leaf[GOOD]);
			assert_int_equal(judged(&r, c).outcome, DANE_MATCH_EE);
			add(&r, 3, selector, matching, s->leaf[REVOKED]);
			assert_int_equal(judged(&r, c).outcome, DANE_MISMATCH);
			add(&r, 2, selector, matching, s->inter);
			assert_int_equal(judged(&r, c).outcome, DANE_MATCH_TA);
			add(&r, 2, selector, matching, s->stranger);
			assert_int_equal(judged(&r, c).outcome, DANE_MISMATCH);
			/* A CA that was not sent is known only where the record holds it. */
			add(&r, 2, selector, matching, s->inter);
			assert_int_equal(judged(&r, bare).outcome,
			    selector == 0 && matching == 0 ? DANE_MATCH_TA : DANE_MISMATCH);
		}
	chain_unref(&bare);
	chain_unref(&c);
}

static void
what_does_not_count(void **state)
{
	static const struct {
		int usage, selector, matching;
		size_t n; /* octets of data */
	} rows[] = { { 4, 1, 1, 32 }, { 255, 1, 1, 32 }, { 3, 2, 1, 32 }, { 3, 255, 1, 32 },
		{ 3, 1, 3, 32 }, { 3, 1, 255, 32 }, { 3, 1, 1, 31 }, { 3, 1, 1, 33 },
		{ 3, 1, 2, 63 }, { 3, 1, 2, 65 }, { 3, 1, 2, 32 }, { 3, 1, 1, 0 }, { 3, 0, 0, 40 },
		{ 3, 1, 0, 40 }, { 2, 0, 0, 40 } };
	struct scene *s = *state;
	struct chain *c = shown(s, GOOD);
	struct records r = { 0 };
	char data[80] = { 0x30 };
	struct dane_verdict v;

	assert_int_equal(judged(&r, c).outcome, DANE_NONE);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		buf_add(add_octets(&r, rows[i].usage, rows[i].selector, rows[i].matching), data,
		    rows[i].n);
		if (judged(&r, c).outcome != DANE_UNUSABLE)
			fail_msg("row %zu", i);
	}
	r.n = 2; /* one with nothing, one that ends too soon */
	buf_add(&r.of[1], "\3\1", 2);
	assert_int_equal(judged(&r, c).outcome, DANE_UNUSABLE);
	/* Octets after a whole certificate. */
	add(&r, 3, 0, 0, s->leaf[GOOD]);
	buf_add(&r.of[0], "x", 1);
	assert_int_equal(judged(&r, c).outcome, DANE_UNUSABLE);
	/* One that counts is enough, and enough to refuse. */
	add(&r, 1, 1, 1, s->leaf[GOOD]);
	add(&r, 3, 1, 1, s->leaf[GOOD]);
	v = judged(&r, c);
	assert_int_equal(v.outcome, DANE_MATCH_EE);
	assert_int_equal(v.usable, 1);
	add(&r, 1, 1, 1, s->leaf[GOOD]);
	add(&r, 3, 1, 1, s->leaf[REVOKED]);
	assert_int_equal(judged(&r, c).outcome, DANE_MISMATCH);
	chain_unref(&c);
}

/* Beside SHA-512 of the same usage and selector SHA-256 does not count (RFC 7671 9). */
static void
the_stronger_digest_counts(void **state)
{
	struct scene *s = *state;
	struct chain *c = shown(s, GOOD);
	struct records r = { 0 };

	add(&r, 3, 1, 1, s->leaf[GOOD]);
	add(&r, 3, 1, 2, s->leaf[REVOKED]);
	assert_int_equal(judged(&r, c).outcome, DANE_MISMATCH);
	add(&r, 3, 1, 1, s->leaf[REVOKED]);
	add(&r, 3, 1, 2, s->leaf[GOOD]);
	assert_int_equal(judged(&r, c).outcome, DANE_MATCH_EE);
	add(&r, 3, 1, 1, s->leaf[GOOD]);
	add(&r, 3, 0, 2, s->leaf[REVOKED]); /* another selector */
	assert_int_equal(judged(&r, c).outcome, DANE_MATCH_EE);
	add(&r, 3, 1, 1, s->leaf[GOOD]);
	add(&r, 2, 1, 2, s->stranger); /* another usage */
	assert_int_equal(judged(&r, c).outcome, DANE_MATCH_EE);
	add(&r, 2, 1, 1, s->inter);
	add(&r, 2, 1, 2, s->stranger);
	assert_int_equal(judged(&r, c).outcome, DANE_MISMATCH);
	chain_unref(&c);
}

/* Usage 2: the host's name or the domain's, by a wildcard too. */
static void
names_for_usage_2(void **state)
{
	static const char *const both[] = { HOST, "d.test" };
	struct scene *s = *state;
	struct cert *domain = cert_leaf("d.test", s->inter),
		    *wild = cert_leaf("*.d.test", s->inter);
	struct chain *of_domain = chain_of(domain, s->inter), *of_wild = chain_of(wild, s->inter),
		     *of_root = chain_of(s->leaf[GOOD], s->root);
	struct records r = { 0 };

	add(&r, 2, 1, 1, s->inter);
	assert_int_equal(judged_by(&r, of_domain, both, 1).outcome, DANE_MISMATCH);
	add(&r, 2, 1, 1, s->inter);
	assert_int_equal(judged_by(&r, of_domain, both, 2).outcome, DANE_MATCH_TA);
	add(&r, 2, 1, 1, s->inter);
	assert_int_equal(judged_by(&r, of_wild, both, 1).outcome, DANE_MATCH_TA);
	/* The named CA was sent, but no path leads to it. */
	add(&r, 2, 1, 1, s->root);
	assert_int_equal(judged_by(&r, of_root, both, 1).outcome, DANE_MISMATCH);
	chain_unref(&of_domain);
	chain_unref(&of_wild);
	chain_unref(&of_root);
	cert_free(&domain);
	cert_free(&wild);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usage_and_state),
		cmocka_unit_test(selectors_and_matching_types),
		cmocka_unit_test(what_does_not_count),
		cmocka_unit_test(the_stronger_digest_counts),
		cmocka_unit_test(names_for_usage_2),
	};

	return cmocka_run_group_tests_name("dane", tests, set_up, tear_down);
}
