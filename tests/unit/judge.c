/* judge — which certificates and chains are good, and what each fault is called. */
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

struct kind {
	const char *name;
	enum from from;
	struct cert_spec spec;
	enum refusal why;
	const char *domain; /* NULL: a.test */
	int64_t in_s;
};

static const struct kind kinds[] = {
	/* good */
	{ "short-lived, no CRL", INTER, { NAMED }, REFUSAL_NONE, NULL, 0 },
	{ "from the root itself", ROOT, { NAMED }, REFUSAL_NONE, NULL, 0 },
	{ "anchor breaks rules of form", FORMLESS, { NAMED }, REFUSAL_NONE, NULL, 0 },
	{ "labelled name", INTER, { .cn = "x", .san = "DNS:tillcalled.a.test" }, REFUSAL_NONE, NULL,
	    0 },
	{ "name in capitals", INTER, { .cn = "x", .san = "DNS:A.Test" }, REFUSAL_NONE, NULL, 0 },
	{ "one of many names", INTER,
	    { .cn = "x", .san = "DNS:*.a.test,email:x@a.test,DNS:a.test" }, REFUSAL_NONE, NULL, 0 },
	{ "empty subject", INTER, { .san = "DNS:a.test" }, REFUSAL_NONE, NULL, 0 },
	{ "RSA-2048", INTER, { NAMED, .key = "RSA-2048" }, REFUSAL_NONE, NULL, 0 },
	{ "P-384", INTER, { NAMED, .key = "P-384" }, REFUSAL_NONE, NULL, 0 },
	{ "Ed25519", INTER, { NAMED, .key = "ED25519" }, REFUSAL_NONE, NULL, 0 },
	{ "clientAuth too", INTER, { NAMED, .ext = "extendedKeyUsage=serverAuth,clientAuth" },
	    REFUSAL_NONE, NULL, 0 },
	{ "no key usage", INTER, { NAMED, .ext = "-keyUsage" }, REFUSAL_NONE, NULL, 0 },
	{ "noRevAvail", INTER, { NAMED, YEAR, .ext = "2.5.29.56=DER:0500" }, REFUSAL_NONE, NULL,
	    0 },
	{ "exactly 7 days", INTER, { NAMED, .from_s = -3600, .to_s = 7 * CERTS_DAY - 3600 },
	    REFUSAL_NONE, NULL, 0 },
	{ "its last second", INTER, { NAMED, .from_s = -3600, .to_s = 600 }, REFUSAL_NONE, NULL,
	    590 },
	{ "serial of 20 octets", INTER,
	    { NAMED, .serial = "730750818665451459101842416358141509827966271487" }, REFUSAL_NONE,
	    NULL, 0 },
	{ "the policy that its CA requires", POLICY,
	    { NAMED, .ext = "certificatePolicies=DER:3007300506032a0304" }, REFUSAL_NONE, NULL, 0 },
	/* who vouches */
	{ "self-signed", SELF, { NAMED }, REFUSAL_certificate_selfsigned, NULL, 0 },
	{ "self-signed CA", SELF, { NAMED, .ca = true }, REFUSAL_certificate_selfsigned, NULL, 0 },
	{ "named as its issuer", INTER, { .cn = "inter", .san = "DNS:a.test" },
	    REFUSAL_certificate_selfsigned, NULL, 0 },
	{ "unknown CA", STRANGER, { NAMED }, REFUSAL_certificate_untrusted, NULL, 0 },
	{ "issuer is no CA", NOCA, { NAMED }, REFUSAL_certificate_untrusted, NULL, 0 },
	{ "a CA as leaf", INTER,
	    { NAMED, .ca = true,
		.ext = "extendedKeyUsage=serverAuth\n"
		       "keyUsage=critical,digitalSignature,keyCertSign" },
	    REFUSAL_certificate_ca, NULL, 0 },
	{ "a CA that may not sign certificates", INTER,
	    { NAMED, .ext = "basicConstraints=critical,CA:TRUE" }, REFUSAL_certificate_ca, NULL,
	    0 },
	{ "a leaf that may sign certificates", INTER,
	    { NAMED, .ext = "-basicConstraints\nkeyUsage=critical,digitalSignature,keyCertSign" },
	    REFUSAL_certificate_ca, NULL, 0 },
	/* when */
	{ "expired", INTER, { NAMED, .from_s = -7200, .to_s = -1 }, REFUSAL_certificate_expired,
	    NULL, 0 },
	{ "not yet valid", INTER, { NAMED, .from_s = 60, .to_s = 7200 }, REFUSAL_certificate_early,
	    NULL, 0 },
	{ "expires while connected", INTER, { NAMED, .from_s = -3600, .to_s = 600 },
	    REFUSAL_certificate_expired, NULL, 601 },
	{ "intermediate expired", OLD, { NAMED }, REFUSAL_certificate_expired, NULL, 0 },
	{ "intermediate expires while connected", DYING, { NAMED }, REFUSAL_certificate_expired,
	    NULL, 601 },
	{ "anchor expired", GONE, { NAMED }, REFUSAL_certificate_expired, NULL, 0 },
	/* what for */
	{ "clientAuth only", INTER, { NAMED, .ext = "extendedKeyUsage=clientAuth" },
	    REFUSAL_certificate_purpose, NULL, 0 },
	{ "any usage only", INTER, { NAMED, .ext = "extendedKeyUsage=anyExtendedKeyUsage" },
	    REFUSAL_certificate_purpose, NULL, 0 },
	{ "no extended usage", INTER, { NAMED, .ext = "-extendedKeyUsage" },
	    REFUSAL_certificate_purpose, NULL, 0 },
	{ "e-mail only", INTER, { NAMED, .ext = "extendedKeyUsage=emailProtection" },
	    REFUSAL_certificate_purpose, NULL, 0 },
	{ "no digitalSignature", INTER, { NAMED, .ext = "keyUsage=critical,keyEncipherment" },
	    REFUSAL_certificate_purpose, NULL, 0 },
	{ "intermediate for clients only", PURPOSE, { NAMED }, REFUSAL_certificate_purpose, NULL,
	    0 },
	/* how strong */
	{ "RSA-1024", INTER, { NAMED, .key = "RSA-1024" }, REFUSAL_certificate_weak, NULL, 0 },
	{ "SHA-1", INTER, { NAMED, .digest = "SHA1" }, REFUSAL_certificate_weak, NULL, 0 },
	{ "P-521", INTER, { NAMED, .key = "P-521" }, REFUSAL_certificate_weak, NULL, 0 },
	{ "secp256k1", INTER, { NAMED, .key = "secp256k1" }, REFUSAL_certificate_weak, NULL, 0 },
	{ "Ed448", INTER, { NAMED, .key = "ED448" }, REFUSAL_certificate_weak, NULL, 0 },
	{ "intermediate by SHA-1", WEAK_SHA1, { NAMED }, REFUSAL_certificate_weak, NULL, 0 },
	{ "intermediate P-521", P521, { NAMED }, REFUSAL_certificate_weak, NULL, 0 },
	{ "intermediate RSA-1024", RSA1024, { NAMED }, REFUSAL_certificate_weak, NULL, 0 },
	/* of which form */
	{ "version 1", INTER, { NAMED, .version = 1 }, REFUSAL_certificate_form, NULL, 0 },
	{ "serial 0", INTER, { NAMED, .serial = "0" }, REFUSAL_certificate_form, NULL, 0 },
	{ "serial negative", INTER, { NAMED, .serial = "-5" }, REFUSAL_certificate_form, NULL, 0 },
	{ "serial of 21 octets", INTER,
	    { NAMED, .serial = "374144419156711147060143317175368453031918731001856" },
	    REFUSAL_certificate_form, NULL, 0 },
	{ "serial of 21 octets for its sign", INTER,
	    { NAMED, .serial = "730750818665451459101842416358141509827966271488" },
	    REFUSAL_certificate_form, NULL, 0 },
	{ "name constraints in a leaf", INTER,
	    { NAMED, .ext = "nameConstraints=critical,permitted;DNS:a.test" },
	    REFUSAL_certificate_form, NULL, 0 },
	{ "a policy twice", INTER,
	    { NAMED,
		.ext = "certificatePolicies=DER:300e300506032a0304"
		       "300506032a0304" },
	    REFUSAL_certificate_form, NULL, 0 },
	{ "unknown critical extension", INTER, { NAMED, .ext = "1.2.3.4=critical,DER:0500" },
	    REFUSAL_certificate_form, NULL, 0 },
	{ "critical noRevAvail", INTER, { NAMED, .ext = "2.5.29.56=critical,DER:0500" },
	    REFUSAL_certificate_form, NULL, 0 },
	{ "an extension twice", INTER, { NAMED, .ext = "1.2.3.4=DER:0500\n1.2.3.4=DER:0500" },
	    REFUSAL_certificate_form, NULL, 0 },
	{ "broken key usage", INTER, { NAMED, .ext = "keyUsage=DER:0500" },
	    REFUSAL_certificate_form, NULL, 0 },
	{ "no authority key id", INTER, { NAMED, .ext = "-authorityKeyIdentifier" },
	    REFUSAL_certificate_form, NULL, 0 },
	{ "empty subject, name not critical", INTER,
	    { .san = "DNS:a.test", .ext = "subjectAltName=DNS:a.test" }, REFUSAL_certificate_form,
	    NULL, 0 },
	{ "path length in a leaf", INTER,
	    { NAMED, .ext = "basicConstraints=critical,CA:FALSE,pathlen:0" },
	    REFUSAL_certificate_form, NULL, 0 },
	{ "intermediate without key id", SKI, { NAMED }, REFUSAL_certificate_form, NULL, 0 },
	{ "intermediate, constraints not critical", BC, { NAMED }, REFUSAL_certificate_form, NULL,
	    0 },
	{ "intermediate says noRevAvail", NOREV, { NAMED }, REFUSAL_certificate_form, NULL, 0 },
	/* for whom */
	{ "outside what its CA may name", NC, { NAMED }, REFUSAL_certificate_constraint, NULL, 0 },
	{ "excluded for its CA", EXCLUDED, { NAMED }, REFUSAL_certificate_constraint, NULL, 0 },
	{ "no policy, where its CA requires one", POLICY, { NAMED }, REFUSAL_certificate_constraint,
	    NULL, 0 },
	{ "another policy than its CA's", POLICY,
	    { NAMED, .ext = "certificatePolicies=DER:3007300506032a0305" },
	    REFUSAL_certificate_constraint, NULL, 0 },
	{ "constrained to a name with a dot in front", DOTTED, { NAMED },
	    REFUSAL_certificate_constraint, NULL, 0 },
	{ "constrained by a mask with holes", MASKED, { NAMED }, REFUSAL_certificate_constraint,
	    NULL, 0 },
	{ "constraints without any", BOUNDLESS, { NAMED }, REFUSAL_certificate_constraint, NULL,
	    0 },
	{ "another name", INTER, { .cn = "b.test", .san = "DNS:b.test" }, REFUSAL_certificate_name,
	    NULL, 0 },
	{ "a subdomain", INTER, { NAMED, .ext = "subjectAltName=DNS:mail.a.test" },
	    REFUSAL_certificate_name, NULL, 0 },
	{ "the parent", INTER, { .cn = "test", .san = "DNS:test" }, REFUSAL_certificate_name, NULL,
	    0 },
	{ "only the CN", INTER, { .cn = "a.test" }, REFUSAL_certificate_name, NULL, 0 },
	{ "another kind of name", INTER,
	    { .cn = "a.test", .san = "email:a.test@a.test,URI:http://a.test" },
	    REFUSAL_certificate_name, NULL, 0 },
	{ "trailing dot", INTER, { .cn = "x", .san = "DNS:a.test." }, REFUSAL_certificate_name,
	    NULL, 0 },
	{ "NUL in the name", INTER,
	    { .cn = "x",
		.ext = "subjectAltName=DER:300a8208612e7465737400"
		       "78" },
	    REFUSAL_certificate_name, NULL, 0 },
	{ "wildcard for the label", INTER, { .cn = "x", .san = "DNS:*.a.test" },
	    REFUSAL_certificate_wildcard, NULL, 0 },
	{ "wildcard for the domain", INTER, { .cn = "x", .san = "DNS:*.a.test" },
	    REFUSAL_certificate_wildcard, "sub.a.test", 0 },
	{ "wildcard for all", INTER, { .cn = "x", .san = "DNS:*" }, REFUSAL_certificate_name, NULL,
	    0 },
	/* how revoked, without any CRL */
	{ "says nothing about revocation", INTER, { NAMED, YEAR },
	    REFUSAL_certificate_no_revocation, NULL, 0 },
	{ "a second over 7 days", INTER, { NAMED, .from_s = -3600, .to_s = 7 * CERTS_DAY - 3599 },
	    REFUSAL_certificate_no_revocation, NULL, 0 },
	{ "names a CRL that is not here", INTER, { NAMED, YEAR, .ext = CDP },
	    REFUSAL_revocation_unknown, NULL, 0 },
	{ "short-lived, but names a CRL", INTER, { NAMED, .ext = CDP }, REFUSAL_revocation_unknown,
	    NULL, 0 },
	{ "noRevAvail, but names a CRL", INTER, { NAMED, YEAR, .ext = CDP "\n2.5.29.56=DER:0500" },
	    REFUSAL_revocation_unknown, NULL, 0 },
	{ "intermediate says nothing about revocation", NOCDP, { NAMED },
	    REFUSAL_certificate_no_revocation, NULL, 0 },
};

static void
each_kind_has_its_word(void **state)
{
	struct scene *s = *state;
	unsigned wrong = 0;

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		const struct kind *k = &kinds[i];
		struct cert *by = issuer(s, k->from), *leaf = cert_make(&k->spec, by);
		enum refusal why;

		why = judge(s, leaf, by, k->domain == NULL ? "a.test" : k->domain, k->in_s, NULL);
		if (why != k->why) {
			print_error("%s: %s, not %s\n", k->name, refusal_word(why),
			    refusal_word(k->why));
			wrong++;
		}
		cert_free(&leaf);
	}
	assert_int_equal(wrong, 0);
}

/* policyConstraints that nothing in the certificate can fulfil leak memory in libcrypto's policy
 * check, as many octets as the certificate has in them. */
static const struct {
	const char *name, *ext;
	enum refusal leaf, ca;
} policies[] = {
	{ "requireExplicitPolicy", "policyConstraints=critical,requireExplicitPolicy:0",
	    REFUSAL_certificate_form, REFUSAL_certificate_form },
	{ "inhibitPolicyMapping", "policyConstraints=critical,inhibitPolicyMapping:0",
	    REFUSAL_certificate_form, REFUSAL_certificate_form },
	{ "not critical", "policyConstraints=requireExplicitPolicy:2", REFUSAL_certificate_form,
	    REFUSAL_certificate_form },
	{ "broken", "policyConstraints=critical,DER:30030203", REFUSAL_certificate_form,
	    REFUSAL_certificate_form },
	{ "empty", "policyConstraints=critical,DER:3000", REFUSAL_certificate_form,
	    REFUSAL_certificate_form },
	{ "with a policy",
	    "policyConstraints=critical,requireExplicitPolicy:0\n"
	    "certificatePolicies=DER:3007300506032a0304",
	    REFUSAL_certificate_constraint, REFUSAL_certificate_constraint },
	{ "with broken policies",
	    "policyConstraints=critical,requireExplicitPolicy:0\ncertificatePolicies=DER:30030203",
	    REFUSAL_certificate_form, REFUSAL_certificate_form },
	{ "with the same policy twice",
	    "policyConstraints=critical,requireExplicitPolicy:0\n"
	    "certificatePolicies=DER:300e300506032a0304300506032a0304",
	    REFUSAL_certificate_form, REFUSAL_certificate_form },
	{ "no policy in the list", "certificatePolicies=DER:3000", REFUSAL_certificate_form,
	    REFUSAL_certificate_form },
	{ "mappings alone", "policyMappings=critical,DER:300e300c06032a030406052a03040506",
	    REFUSAL_NONE, REFUSAL_NONE },
	{ "inhibitAnyPolicy alone", "inhibitAnyPolicy=critical,DER:020100", REFUSAL_NONE,
	    REFUSAL_NONE },
	{ "broken inhibitAnyPolicy", "inhibitAnyPolicy=critical,DER:0203", REFUSAL_certificate_form,
	    REFUSAL_certificate_form },
};

/* A leak keeps 96 octets of each at least; what malloc holds back for the next one does not grow with their number. */
#define ROUNDS     160
#define KEPT_FEWER (ROUNDS * 32)

/* Octets that stay allocated after ROUNDS judgements of the chain, each of a copy of its own. */
static size_t
kept_by_judging(struct scene *s, struct span der, enum refusal *why)
{
	size_t before = mallinfo2().uordblks, after;

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct chain *c;
		struct err e = { .why = REFUSAL_NONE };

		assert_true(chain_parse(der, &c, &e));
		(void)judge_chain(s->trust, c, "a.test", (int64_t)time(NULL), NULL, &e);
		*why = e.why;
		chain_unref(&c);
	}
	after = mallinfo2().uordblks;
	return after > before ? after - before : 0;
}

/* libcrypto's own caches grow at first: the least of several tries counts. */
static unsigned
leaks(struct scene *s, const char *name, struct cert *leaf, struct cert *by, enum refusal want)
{
	struct chain *c = chain_of(s, leaf, by, NULL);
	enum refusal why;
	size_t kept = SIZE_MAX;

	for (int i = 0; i < 12 && kept >= KEPT_FEWER; i++) {
		size_t now = kept_by_judging(s, chain_der(c), &why);

		kept = now < kept ? now : kept;
	}
	chain_unref(&c);
	if (why == want && kept < KEPT_FEWER)
		return 0;
	print_error("%s: %s, not %s; keeps %zu octets of %u judgements\n", name, refusal_word(why),
	    refusal_word(want), kept, ROUNDS);
	return 1;
}

static void
policies_leave_no_memory_behind(void **state)
{
	struct scene *s = *state;
	unsigned wrong = 0;
	struct buf ext = BUF_INIT;
	struct cert *leaf, *ca;

	for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
		leaf = cert_make(&(struct cert_spec) { NAMED, .ext = policies[i].ext }, s->inter);
		wrong += leaks(s, policies[i].name, leaf, s->inter, policies[i].leaf);
		cert_free(&leaf);
		ca = cert_make(&(struct cert_spec) { .cn = "p",
				   .ca = true,
				   .ext = policies[i].ext },
		    s->root);
		leaf = cert_make(&(struct cert_spec) { NAMED }, ca);
		wrong += leaks(s, policies[i].name, leaf, ca, policies[i].ca);
		cert_free(&leaf);
		cert_free(&ca);
	}
	buf_addf(&ext, "policyConstraints=critical,DER:3082753480827530");
	for (int i = 0; i < 30000; i++)
		buf_addf(&ext, "01");
	buf_add(&ext, "", 1);
	leaf = cert_make(&(struct cert_spec) { NAMED, .ext = ext.data }, s->inter);
	wrong += leaks(s, "30,000 octets", leaf, s->inter, REFUSAL_certificate_form);
	cert_free(&leaf);
	buf_clear(&ext);
	assert_int_equal(wrong, 0);
}

/* The leaf with `n` extensions in all, or with `n` policies. */
static struct cert *
with_many(struct scene *s, unsigned extensions, unsigned n_policies)
{
	struct cert *plain = cert_make(&(struct cert_spec) { NAMED }, s->inter), *leaf;
	struct buf ext = BUF_INIT;

	for (int i = X509_get_ext_count(plain->x); i < (int)extensions; i++)
		buf_addf(&ext, "1.2.3.%d=DER:0500\n", i);
	if (n_policies > 0)
		buf_addf(&ext, "certificatePolicies=DER:3082%04x", 8 * n_policies);
	for (unsigned i = 0; i < n_policies; i++)
		buf_addf(&ext, "300606042a03%02x%02x", 0x81 + i / 128, i % 128);
	buf_add(&ext, "", 1);
	leaf = cert_make(&(struct cert_spec) { NAMED, .ext = ext.data }, s->inter);
	cert_free(&plain);
	buf_clear(&ext);
	return leaf;
}

/* A stranger's certificate of 60 KB had thousands, and a loop compared them for a fifth of a second. */
static void
what_is_compared_with_each_other_is_bounded(void **state)
{
	for (unsigned n = JUDGE_LIST_MAX - 1; n <= JUDGE_LIST_MAX + 1; n++) {
		struct cert *extensions = with_many(*state, n, 0),
			    *policies_too = with_many(*state, 0, n);
		enum refusal want = n > JUDGE_LIST_MAX ? REFUSAL_certificate_form : REFUSAL_NONE;
		struct scene *s = *state;

		assert_int_equal(X509_get_ext_count(extensions->x), n);
		assert_int_equal(judge(s, extensions, s->inter, "a.test", 0, NULL), want);
		assert_int_equal(judge(s, policies_too, s->inter, "a.test", 0, NULL), want);
		cert_free(&extensions);
		cert_free(&policies_too);
	}
}

static void
a_leaf_in_the_trust_folder_is_still_no_peer(void **state)
{
	struct scene *s = *state;
	struct cert *self = cert_leaf("a.test", NULL), *leaf = cert_leaf("a.test", s->stranger);

	certs_write(certs_path(s->folder, "trust/self.pem"), self, leaf);
	load(s);
	assert_int_equal(judge(s, self, NULL, "a.test", 0, NULL), REFUSAL_certificate_selfsigned);
	assert_int_equal(judge(s, leaf, NULL, "a.test", 0, NULL), REFUSAL_certificate_untrusted);
	assert_int_equal(judge(s, s->root, NULL, NULL, 0, NULL), REFUSAL_certificate_selfsigned);
	assert_int_equal(judge(s, s->inter, NULL, NULL, 0, NULL), REFUSAL_certificate_ca);
	remove(certs_path(s->folder, "trust/self.pem"));
	cert_free(&self);
	cert_free(&leaf);
	load(s);
}

static void
paths(void **state)
{
	struct scene *s = *state;
	struct cert *short_ = cert_make(&(struct cert_spec) { .cn = "short",
					    .ca = true,
					    .ext = "basicConstraints=critical,CA:TRUE,pathlen:0" },
	    s->root);
	struct cert *under = cert_intermediate("under", short_);
	struct cert *leaf = cert_leaf("a.test", under), *other = cert_leaf("a.test", s->inter);
	struct cert *forged = cert_leaf("a.test", s->stranger);
	struct chain *c = chain_of(s, leaf, under, short_);
	struct err e;

	assert_false(judge_chain(s->trust, c, "a.test", (int64_t)time(NULL), NULL, &e));
	assert_int_equal(e.why, REFUSAL_certificate_constraint);
	chain_unref(&c);
	assert_int_equal(judge(s, other, NULL, "a.test", 0, NULL), REFUSAL_certificate_untrusted);
	c = chain_of(s, other, NULL, NULL);
	assert_false(chain_names_by_label(c, "a.test"));
	chain_unref(&c);
	/* Says that inter has signed it, which is not true. */
	X509_set_issuer_name(forged->x, X509_get_subject_name(s->inter->x));
	X509_sign(forged->x, s->stranger->key, EVP_sha256());
	assert_int_not_equal(judge(s, forged, s->inter, "a.test", 0, NULL), REFUSAL_NONE);
	cert_free(&short_);
	cert_free(&under);
	cert_free(&leaf);
	cert_free(&other);
	cert_free(&forged);
}

static void
the_last_second_is_good(void **state)
{
	struct scene *s = *state;
	struct cert *leaf = cert_make(&(struct cert_spec) { NAMED, .from_s = -60, .to_s = 600 },
	    s->inter);
	struct chain *c = chain_of(s, leaf, s->inter, NULL);
	int64_t last = chain_not_after_s(c), first = chain_not_before_s(c);
	struct err e;

	assert_true(judge_chain(s->trust, c, "a.test", first, NULL, &e));
	assert_false(judge_chain(s->trust, c, "a.test", first - 1, NULL, &e));
	assert_true(judge_chain(s->trust, c, "a.test", last, NULL, &e));
	assert_false(judge_chain(s->trust, c, "a.test", last + 1, NULL, &e));
	assert_int_equal(e.why, REFUSAL_certificate_expired);
	chain_unref(&c);
	cert_free(&leaf);
}

/* The CA `twin` once more, otherwise made: same name, same key. */
static struct cert *
twin_of(struct cert *twin, struct cert_spec spec, struct cert *by)
{
	struct cert *c;

	spec.cn = "twin";
	spec.ca = true;
	c = cert_make(&spec, by);
	X509_set_pubkey(c->x, twin->key);
	X509_sign(c->x, by->key, EVP_sha256());
	return c;
}

static void
each_of_a_cas_certificates_is_tried(void **state)
{
	struct scene *s = *state;
	struct cert *good =
	    cert_make(&(struct cert_spec) { .cn = "twin",
			  .ca = true,
			  .ext = "-subjectKeyIdentifier\nsubjectKeyIdentifier=DER:0403010203" },
		s->root);
	struct cert *leaf = cert_make(&(struct cert_spec) { NAMED }, good);
	static const char *const bad[] = {
		"extendedKeyUsage=clientAuth",
		"nameConstraints=critical,permitted;DNS:b.test",
		"basicConstraints=critical,CA:FALSE",
		"-basicConstraints",
		"keyUsage=critical,digitalSignature",
		"2.5.29.56=DER:0500",
		NULL,
	};
	unsigned wrong = 0;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char ext[200];
		struct cert *twin;
		struct chain *c;
		struct err e;

		snprintf(ext, sizeof ext, "subjectKeyIdentifier=DER:0403010203\n%s",
		    bad[i] == NULL ? "" : bad[i]);
		twin = twin_of(good, (struct cert_spec) { .ext = ext },
		    bad[i] == NULL ? s->stranger : s->root);
		c = chain_of(s, leaf, twin, good);
		if (!judge_chain(s->trust, c, "a.test", (int64_t)time(NULL), NULL, &e)) {
			print_error("%s: %s\n", bad[i] == NULL ? "cross-signed" : bad[i], e.text);
			wrong++;
		}
		chain_unref(&c);
		c = chain_of(s, leaf, twin, NULL);
		assert_false(judge_chain(s->trust, c, "a.test", (int64_t)time(NULL), NULL, &e));
		chain_unref(&c);
		cert_free(&twin);
	}
	assert_int_equal(wrong, 0);
	cert_free(&leaf);
	cert_free(&good);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_has_its_word),
		cmocka_unit_test(policies_leave_no_memory_behind),
		cmocka_unit_test(what_is_compared_with_each_other_is_bounded),
		cmocka_unit_test(a_leaf_in_the_trust_folder_is_still_no_peer),
		cmocka_unit_test(paths),
		cmocka_unit_test(the_last_second_is_good),
		cmocka_unit_test(each_of_a_cas_certificates_is_tried),
	};

	return cmocka_run_group_tests_name("judge", tests, set_up, tear_down);
}
