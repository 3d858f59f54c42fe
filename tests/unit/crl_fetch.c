/* crl_fetch — what is taken, what is not, and what is never even asked for. */
#include "tests/unit/crl_scene.h"

/* -- what is taken --------------------------------------------------------------------------------- */

static void
takes(void **state)
{
	struct scene *s = *state;

	publish(s, "/root.crl", s->root, &(struct crl_spec) { .number = 1 });
	assert_int_equal(judge_twice(s, s->leaf, NULL), REFUSAL_NONE);
	assert_int_equal(kept(s, ".crl"), 1);
	assert_int_equal(kept(s, ".from"), 1);
	assert_int_equal(kept(s, ".new"), 0);
}

static void
refreshes(void **state)
{
	struct scene *s = *state;
	struct cert *other = leaf_at(s, "/root.crl", s->root);

	publish(s, "/root.crl", s->root, &(struct crl_spec) { .number = 1 });
	assert_int_equal(judge_twice(s, s->leaf, NULL), REFUSAL_NONE);
	publish(s, "/root.crl", s->root,
	    &(struct crl_spec) { .number = 2, .revoked = { s->leaf } });
	assert_true(becomes(s, s->leaf, REFUSAL_certificate_revoked));
	assert_int_equal(judge(s, other, NULL), REFUSAL_NONE);
	cert_free(&other);
}

static void
restarts(void **state)
{
	struct scene *s = *state;

	publish(s, "/root.crl", s->root, &(struct crl_spec) { .number = 1 });
	assert_int_equal(judge_twice(s, s->leaf, NULL), REFUSAL_NONE);
	crl_fetch_free(&s->fetch);
	start(s);
	publish(s, "/root.crl", s->root,
	    &(struct crl_spec) { .number = 2, .revoked = { s->leaf } });
	assert_true(becomes(s, s->leaf, REFUSAL_certificate_revoked));
}

static void
whole_path(void **state)
{
	struct scene *s = *state;
	char ext[256];
	struct cert *inter, *leaf;

	snprintf(ext, sizeof ext, "crlDistributionPoints=URI:%s",
	    web_url(s->web, "127.0.0.1", "/up"));
	inter = cert_make(&(struct cert_spec) { .cn = "inter",
			      .ca = true,
			      .ext = ext,
			      .from_s = -3600,
			      .to_s = 90 * CERTS_DAY },
	    s->root);
	leaf = leaf_at(s, "/missing /low", inter);
	publish(s, "/up", s->root, &(struct crl_spec) { .number = 1 });
	publish(s, "/low", inter, &(struct crl_spec) { .number = 1 });
	assert_int_equal(judge_twice(s, leaf, inter), REFUSAL_NONE);
	assert_int_equal(kept(s, ".crl"), 2);
	cert_free(&leaf);
	cert_free(&inter);
}

/* -- what is not ----------------------------------------------------------------------------------- */

static void
not_taken(struct scene *s, const char *path)
{
	struct cert *leaf = leaf_at(s, path, s->root);
	unsigned before = kept(s, ".crl");

	assert_int_equal(judge_twice(s, leaf, NULL), REFUSAL_revocation_unknown);
	if (kept(s, ".crl") != before)
		fail_msg("taken: %s", path);
	cert_free(&leaf);
}

static void
refuses(void **state)
{
	struct scene *s = *state;
	struct cert *twin = cert_root("root"), *other = cert_root("other");

	publish_octets(s, "/empty", "", 0);
	publish_octets(s, "/text", "<html>not found</html>", 22);
	publish_octets(s, "/der", "\060\003\002\001\000", 5);
	publish(s, "/twin", twin, &(struct crl_spec) { .number = 1 });
	publish(s, "/other", other, &(struct crl_spec) { .number = 1 });
	publish(s, "/future", s->root,
	    &(struct crl_spec) { .from_s = 3600, .to_s = 7200, .number = 1 });
	publish(s, "/delta", s->root,
	    &(struct crl_spec) { .number = 2, .ext = "2.5.29.27=critical,DER:020101" });
	not_taken(s, "/none");
	not_taken(s, "/empty");
	not_taken(s, "/text");
	not_taken(s, "/der");
	not_taken(s, "/twin");
	not_taken(s, "/other");
	not_taken(s, "/future");
	not_taken(s, "/delta");
	cert_free(&twin);
	cert_free(&other);
}

/* A peer may show a certificate of its issuer's name and its own making: the key counts that
 * is in the path that verified. */
static void
twin_in_chain(void **state)
{
	struct scene *s = *state;
	struct cert *twin = cert_root("root");

	publish(s, "/root.crl", twin, &(struct crl_spec) { .number = 9 });
	assert_int_equal(judge_twice(s, s->leaf, twin), REFUSAL_revocation_unknown);
	assert_int_equal(kept(s, ".crl"), 0);
	cert_free(&twin);
}

static void
older(void **state)
{
	struct scene *s = *state;
	unsigned before;

	publish(s, "/root.crl", s->root,
	    &(struct crl_spec) { .number = 7,
		.from_s = -60,
		.to_s = 7200,
		.revoked = { s->leaf } });
	assert_int_equal(judge_twice(s, s->leaf, NULL), REFUSAL_certificate_revoked);
	/* By number, by date, without a number. */
	publish(s, "/root.crl", s->root,
	    &(struct crl_spec) { .number = 6, .from_s = -30, .to_s = 7200 });
	before = web_connections(s->web);
	while (web_connections(s->web) < before + 2)
		usleep(20000);
	assert_int_equal(judge(s, s->leaf, NULL), REFUSAL_certificate_revoked);
	publish(s, "/root.crl", s->root,
	    &(struct crl_spec) { .number = 8, .from_s = -90, .to_s = 7200 });
	before = web_connections(s->web);
	while (web_connections(s->web) < before + 2)
		usleep(20000);
	assert_int_equal(judge(s, s->leaf, NULL), REFUSAL_certificate_revoked);
	publish(s, "/root.crl", s->root, &(struct crl_spec) { .from_s = -30, .to_s = 7200 });
	before = web_connections(s->web);
	while (web_connections(s->web) < before + 2)
		usleep(20000);
	assert_int_equal(judge(s, s->leaf, NULL), REFUSAL_certificate_revoked);
	publish(s, "/root.crl", s->root,
	    &(struct crl_spec) { .number = 8, .from_s = -30, .to_s = 7200 });
	assert_true(becomes(s, s->leaf, REFUSAL_NONE));
}

/* -- what is never asked for ----------------------------------------------------------------------- */

static void
unverified(void **state)
{
	struct scene *s = *state;
	struct cert *stranger = cert_root("stranger"), *leaf = leaf_at(s, "/root.crl", stranger);
	struct judgement j = { .n_urls = 1 };
	struct chain *c = chain_new(leaf->x, NULL);

	snprintf(j.urls[0], sizeof j.urls[0], "%s", web_url(s->web, "127.0.0.1", "/root.crl"));
	assert_int_equal(judge(s, leaf, stranger), REFUSAL_certificate_untrusted);
	crl_fetch_wanted(s->fetch, c, &j);
	assert_true(crl_fetch_wait(s->fetch, WAIT_MS));
	assert_int_equal(web_connections(s->web), 0);
	assert_int_equal(kept(s, ".from"), 0);
	chain_unref(&c);
	cert_free(&leaf);
	cert_free(&stranger);
}

/* Damage in the folder is no reason to stay away. */
static void
damaged(void **state)
{
	struct scene *s = *state;
	FILE *f;

	crl_fetch_free(&s->fetch);
	f = fopen(certs_path(s->cache,
		      ".0000000000000000000000000000000000000000000000000000000000000000.from"),
	    "w");
	assert_non_null(f);
	fputs("http://127.0.0.1:1/\nnonsense", f);
	fclose(f);
	start(s);
	takes(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(takes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refreshes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(restarts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(whole_path, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refuses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(twin_in_chain, set_up, tear_down),
		cmocka_unit_test_setup_teardown(older, set_up, tear_down),
		cmocka_unit_test_setup_teardown(unverified, set_up, tear_down),
		cmocka_unit_test_setup_teardown(damaged, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("crl_fetch", tests, NULL, NULL);
}
