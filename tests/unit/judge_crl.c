/* judge_crl — what revocation lists decide of a chain. */
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

/* -- revocation --------------------------------------------------------------------------------- */

struct leaves {
	struct cert *cdp, *plain, *brief, *revoked_cdp, *revoked_plain, *revoked_brief;
};

static void
make_leaves(struct scene *s, struct leaves *l)
{
	struct cert_spec cdp = { NAMED, YEAR, .ext = CDP }, plain = { NAMED, YEAR },
			 brief = { NAMED };

	l->cdp = cert_make(&cdp, s->inter);
	l->revoked_cdp = cert_make(&cdp, s->inter);
	l->plain = cert_make(&plain, s->inter);
	l->revoked_plain = cert_make(&plain, s->inter);
	l->brief = cert_make(&brief, s->inter);
	l->revoked_brief = cert_make(&brief, s->inter);
}

static void
free_leaves(struct leaves *l)
{
	cert_free(&l->cdp);
	cert_free(&l->revoked_cdp);
	cert_free(&l->plain);
	cert_free(&l->revoked_plain);
	cert_free(&l->brief);
	cert_free(&l->revoked_brief);
}

#define ASSERT_WORD(leaf, word)                                                                    \
	assert_string_equal(refusal_word(judge(s, leaf, s->inter, "a.test", 0, NULL)), word)

static void
a_fresh_crl_decides(void **state)
{
	struct scene *s = *state;
	struct leaves l;

	make_leaves(s, &l);
	put_crl(s, "inter.pem", s->inter,
	    (struct crl_spec) { .revoked = { l.revoked_cdp, l.revoked_plain, l.revoked_brief } });
	ASSERT_WORD(l.cdp, "ok");
	ASSERT_WORD(l.plain, "ok");
	ASSERT_WORD(l.brief, "ok");
	ASSERT_WORD(l.revoked_cdp, "certificate-revoked");
	ASSERT_WORD(l.revoked_plain, "certificate-revoked");
	ASSERT_WORD(l.revoked_brief, "certificate-revoked");
	drop_crl(s, "inter.pem");
	free_leaves(&l);
}

/* From 0 to 10, RFC 5280 5.3.1; removeFromCRL (8) has no place in a whole CRL, and frees nobody. */
static void
whatever_the_reason(void **state)
{
	struct scene *s = *state;
	struct leaves l;

	make_leaves(s, &l);
	for (int reason = 1; reason <= 10; reason++) {
		put_crl(s, "inter.pem", s->inter,
		    (struct crl_spec) { .reason = reason, .revoked = { l.revoked_cdp } });
		ASSERT_WORD(l.revoked_cdp, "certificate-revoked");
		ASSERT_WORD(l.cdp, "ok");
	}
	drop_crl(s, "inter.pem");
	free_leaves(&l);
}

static void
a_stale_crl_leaves_it_open(void **state)
{
	struct scene *s = *state;
	struct leaves l;

	make_leaves(s, &l);
	put_crl(s, "inter.pem", s->inter,
	    (struct crl_spec) { .from_s = -7200,
		.to_s = -60,
		.revoked = { l.revoked_cdp, l.revoked_plain, l.revoked_brief } });
	ASSERT_WORD(l.cdp, "revocation-unknown");
	ASSERT_WORD(l.plain, "revocation-unknown");
	ASSERT_WORD(l.brief, "ok");
	ASSERT_WORD(l.revoked_brief, "certificate-revoked");
	put_crl(s, "inter.pem", s->inter, (struct crl_spec) { .from_s = 3600, .to_s = 7200 });
	ASSERT_WORD(l.cdp, "revocation-unknown");
	drop_crl(s, "inter.pem");
	free_leaves(&l);
}

/* One without an end would be fresh for ever. */
static void
an_endless_crl_is_never_fresh(void **state)
{
	struct scene *s = *state;
	struct leaves l;

	make_leaves(s, &l);
	put_crl(s, "inter.pem", s->inter,
	    (struct crl_spec) { .endless = true,
		.number = 9,
		.revoked = { l.revoked_cdp, l.revoked_plain } });
	assert_int_equal(trust_skipped(s->trust), 1);
	ASSERT_WORD(l.cdp, "revocation-unknown");
	ASSERT_WORD(l.plain, "revocation-unknown");
	ASSERT_WORD(l.brief, "ok");
	/* What it has revoked an older one must not bring back; a newer one may. */
	put_crl(s, "older.pem", s->inter, (struct crl_spec) { .number = 8 });
	ASSERT_WORD(l.revoked_cdp, "revocation-unknown");
	put_crl(s, "newer.pem", s->inter, (struct crl_spec) { .number = 10 });
	ASSERT_WORD(l.cdp, "ok");
	drop_crl(s, "inter.pem");
	drop_crl(s, "older.pem");
	drop_crl(s, "newer.pem");
	free_leaves(&l);
}

static void
a_forged_crl_decides_nothing(void **state)
{
	struct scene *s = *state;
	struct leaves l;
	struct cert *twin = cert_intermediate("inter", s->stranger);

	make_leaves(s, &l);
	put_crl(s, "inter.pem", twin, (struct crl_spec) { .ext = NULL });
	ASSERT_WORD(l.cdp, "revocation-unknown");
	drop_crl(s, "inter.pem");
	cert_free(&twin);
	free_leaves(&l);
}

/* Both say the same second: the number tells which is newer, whatever their order in the folder. */
static void
the_newer_crl_counts(void **state)
{
	struct scene *s = *state;
	struct leaves l;

	make_leaves(s, &l);
	for (int order = 0; order < 2; order++) {
		put_crl(s, order ? "b.pem" : "a.pem", s->inter, (struct crl_spec) { .number = 7 });
		put_crl(s, order ? "a.pem" : "b.pem", s->inter,
		    (struct crl_spec) { .number = 8, .revoked = { l.revoked_cdp } });
		ASSERT_WORD(l.cdp, "ok");
		ASSERT_WORD(l.revoked_cdp, "certificate-revoked");
	}
	/* The newest is stale: the older with its longer life does not come back. */
	put_crl(s, "a.pem", s->inter,
	    (struct crl_spec) { .from_s = -600,
		.to_s = -60,
		.number = 9,
		.revoked = { l.revoked_cdp } });
	ASSERT_WORD(l.cdp, "revocation-unknown");
	drop_crl(s, "a.pem");
	drop_crl(s, "b.pem");
	free_leaves(&l);
}

/* CRLs whose numbers and dates contradict each other: one decides, whatever their order in the folder. */
static void
judge_orders(struct scene *s, struct cert *revoked, const struct crl_spec spec[3], const char *word)
{
	static const char order[6][3] = { "abc", "acb", "bac", "bca", "cab", "cba" };

	for (unsigned i = 0; i < 6; i++) {
		time_t now;

		do { /* dates that are to be the same, are */
			now = time(NULL);
			for (unsigned k = 0; k < 3; k++)
				put_crl(s, (char[]) { order[i][k], '.', 'p', 'e', 'm', '\0' },
				    s->inter, spec[k]);
		} while (time(NULL) != now);
		ASSERT_WORD(revoked, word);
	}
	drop_crl(s, "a.pem");
	drop_crl(s, "b.pem");
	drop_crl(s, "c.pem");
}

#define DATED(hours) .from_s = (hours) * -3600, .to_s = 86400

static void
of_crls_that_contradict_one_counts(void **state)
{
	struct scene *s = *state;
	struct leaves l;

	make_leaves(s, &l);
	/* The number wins over the date; one without a number, dated later than the newest number's, over both;
	 * dated before it, over none. */
	judge_orders(s, l.revoked_cdp,
	    (struct crl_spec[]) { { DATED(9), .number = 8, .revoked = { l.revoked_cdp } },
		{ DATED(2), .number = 7 }, { DATED(3), .number = 6 } },
	    "certificate-revoked");
	judge_orders(s, l.revoked_cdp,
	    (struct crl_spec[]) { { DATED(9), .number = 8 },
		{ DATED(6), .revoked = { l.revoked_cdp } }, { DATED(2), .number = 7 } },
	    "certificate-revoked");
	judge_orders(s, l.revoked_cdp,
	    (struct crl_spec[]) { { DATED(3), .number = 8, .revoked = { l.revoked_cdp } },
		{ DATED(6) }, { DATED(2), .number = 7 } },
	    "certificate-revoked");
	judge_orders(s, l.revoked_cdp,
	    (struct crl_spec[]) { { DATED(4) }, { DATED(3), .revoked = { l.revoked_cdp } },
		{ DATED(5), .number = 9 } },
	    "certificate-revoked");
	/* Of the same number and date, the one that revokes more. */
	judge_orders(s, l.revoked_cdp,
	    (struct crl_spec[]) { { DATED(3), .number = 8, .revoked = { l.cdp } },
		{ DATED(3), .number = 8, .revoked = { l.cdp, l.revoked_cdp } },
		{ DATED(3), .number = 8 } },
	    "certificate-revoked");
	judge_orders(s, l.revoked_cdp,
	    (struct crl_spec[]) { { DATED(3), .number = 8 },
		{ DATED(3), .revoked = { l.revoked_cdp } }, { DATED(3) } },
	    "certificate-revoked");
	free_leaves(&l);
}

/* It may be the newest: then nothing is known. */
static void
a_crl_of_no_date_hides_no_newer(void **state)
{
	struct scene *s = *state;
	struct leaves l;
	X509_CRL *crl = cert_crl(s->inter, &(struct crl_spec) { .number = 0 });
	ASN1_TIME *t = ASN1_TIME_new();

	make_leaves(s, &l);
	assert_true(ASN1_TIME_set_string(t, "260101000000Z") == 1 &&
	    ASN1_STRING_set(t, "26", 2) == 1 && X509_CRL_set1_lastUpdate(crl, t) == 1 &&
	    X509_CRL_sign(crl, s->inter->key, EVP_sha256()) > 0);
	for (int order = 0; order < 2; order++) {
		certs_write_crl(certs_path(s->folder, order ? "crls/a.pem" : "crls/b.pem"), crl);
		put_crl(s, order ? "b.pem" : "a.pem", s->inter, (struct crl_spec) { .number = 0 });
		ASSERT_WORD(l.cdp, "revocation-unknown");
	}
	drop_crl(s, "a.pem");
	drop_crl(s, "b.pem");
	ASN1_TIME_free(t);
	X509_CRL_free(crl);
	free_leaves(&l);
}

static void
a_delta_is_not_taken_for_the_whole(void **state)
{
	struct scene *s = *state;
	struct leaves l;

	make_leaves(s, &l);
	put_crl(s, "a.pem", s->inter,
	    (struct crl_spec) { .number = 8, .ext = "deltaCRL=critical,DER:020107" });
	ASSERT_WORD(l.cdp, "revocation-unknown");
	drop_crl(s, "a.pem");
	free_leaves(&l);
}

static void
sharded_crls(void **state)
{
	struct scene *s = *state;
	struct cert_spec a = { NAMED, YEAR,
		.ext = "crlDistributionPoints=URI:http://crl.test/1.crl" },
			 b = { NAMED, YEAR,
				 .ext = "crlDistributionPoints=URI:http://crl.test/2.crl" };
	struct cert *one = cert_make(&a, s->inter), *two = cert_make(&b, s->inter);

	put_crl(s, "1.pem", s->inter,
	    (struct crl_spec) { .ext = "issuingDistributionPoint=critical,"
				       "DER:301da01ba01986" }); /* a scope that cannot be read */
	ASSERT_WORD(two, "revocation-unknown");
	put_crl(s, "1.pem", s->inter,
	    (struct crl_spec) { .revoked = { one },
		.ext = "issuingDistributionPoint=critical,DER:301ba019a01786"
		       "15687474703a2f2f63726c2e746573742f312e63726c" });
	ASSERT_WORD(one, "certificate-revoked");
	ASSERT_WORD(two, "revocation-unknown");
	put_crl(s, "2.pem", s->inter,
	    (struct crl_spec) { .ext = "issuingDistributionPoint=critical,DER:301ba019a01786"
				       "15687474703a2f2f63726c2e746573742f322e63726c" });
	ASSERT_WORD(one, "certificate-revoked");
	ASSERT_WORD(two, "ok");
	drop_crl(s, "1.pem");
	drop_crl(s, "2.pem");
	cert_free(&one);
	cert_free(&two);
}

static void
intermediates_can_be_revoked(void **state)
{
	struct scene *s = *state;
	struct cert *leaf = cert_leaf("a.test", s->nocdp);

	put_crl(s, "root.pem", s->root, (struct crl_spec) { .number = 1 });
	assert_int_equal(judge(s, leaf, s->nocdp, "a.test", 0, NULL), REFUSAL_NONE);
	put_crl(s, "root.pem", s->root, (struct crl_spec) { .revoked = { s->nocdp }, .number = 2 });
	assert_int_equal(judge(s, leaf, s->nocdp, "a.test", 0, NULL), REFUSAL_certificate_revoked);
	/* The anchor answers to nobody but the operator. */
	put_crl(s, "root.pem", s->root, (struct crl_spec) { .revoked = { s->root }, .number = 3 });
	assert_int_equal(judge(s, leaf, s->nocdp, "a.test", 0, NULL), REFUSAL_NONE);
	drop_crl(s, "root.pem");
	cert_free(&leaf);
}

static void
what_was_found_out(void **state)
{
	struct scene *s = *state;
	struct cert *leaf =
	    cert_make(&(struct cert_spec) { NAMED, YEAR,
			  .ext = "crlDistributionPoints=URI:http://crl.test/a.crl,URI:ldap://x/y,"
				 "URI:HTTP://crl.test/b.crl" },
		s->inter);
	struct cert *fake = cert_make(&(struct cert_spec) { NAMED, .ext = CDP }, s->stranger);
	struct cert *brief = cert_make(&(struct cert_spec) { NAMED, .from_s = -60, .to_s = 600 },
	    s->inter);
	struct judgement j;

	assert_int_equal(judge(s, leaf, s->inter, "a.test", 0, &j), REFUSAL_revocation_unknown);
	assert_int_equal(j.n_urls, 2);
	assert_string_equal(j.urls[0], "http://crl.test/a.crl");
	assert_string_equal(j.urls[1], "HTTP://crl.test/b.crl");
	assert_int_equal(strlen(j.issuer_key), 64);
	/* Nobody is asked on behalf of a stranger. */
	assert_int_equal(judge(s, fake, s->stranger, "a.test", 0, &j),
	    REFUSAL_certificate_untrusted);
	assert_int_equal(j.n_urls, 0);
	assert_int_equal(judge(s, brief, s->inter, "a.test", 0, &j), REFUSAL_NONE);
	assert_in_range(j.until_s, time(NULL) + 500, time(NULL) + 600);
	cert_free(&leaf);
	cert_free(&fake);
	cert_free(&brief);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fresh_crl_decides),
		cmocka_unit_test(whatever_the_reason),
		cmocka_unit_test(a_stale_crl_leaves_it_open),
		cmocka_unit_test(an_endless_crl_is_never_fresh),
		cmocka_unit_test(a_forged_crl_decides_nothing),
		cmocka_unit_test(the_newer_crl_counts),
		cmocka_unit_test(of_crls_that_contradict_one_counts),
		cmocka_unit_test(a_crl_of_no_date_hides_no_newer),
		cmocka_unit_test(a_delta_is_not_taken_for_the_whole),
		cmocka_unit_test(sharded_crls),
		cmocka_unit_test(intermediates_can_be_revoked),
		cmocka_unit_test(what_was_found_out),
	};

	return cmocka_run_group_tests_name("judge_crl", tests, set_up, tear_down);
}
