/* judge — good and bad certificates, each bad kind with its word. */
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

#include "common/pki/crl_set.h"
#include "common/pki/judge.h"
#include "tests/certs.h"

#define CDP   "crlDistributionPoints=URI:http://crl.test/a.crl"
#define YEAR  .from_s = -3600, .to_s = 365 * CERTS_DAY
#define NAMED .cn = "a.test", .san = "DNS:a.test"

struct scene {
	char folder[64];
	struct cert *root, *inter, *stranger, *old, *nc, *excluded, *nocdp, *pathlen, *purpose,
	    *sha1, *p521, *noca, *ski, *bc, *rsa1024, *norev, *dying, *formless, *gone, *policy,
	    *dotted, *masked, *boundless;
	struct trust *trust;
};

enum from {
	INTER,
	ROOT,
	STRANGER,
	OLD,
	NC,
	EXCLUDED,
	NOCDP,
	PATHLEN,
	PURPOSE,
	WEAK_SHA1,
	P521,
	NOCA,
	SKI,
	BC,
	RSA1024,
	NOREV,
	DYING,
	FORMLESS,
	GONE,
	POLICY,
	DOTTED,
	MASKED,
	BOUNDLESS,
	SELF
};

static struct cert *
issuer(struct scene *s, enum from f)
{
	struct cert *all[] = { s->inter, s->root, s->stranger, s->old, s->nc, s->excluded, s->nocdp,
		s->pathlen, s->purpose, s->sha1, s->p521, s->noca, s->ski, s->bc, s->rsa1024,
		s->norev, s->dying, s->formless, s->gone, s->policy, s->dotted, s->masked,
		s->boundless, NULL };

	return all[f];
}

static void
make_cas(struct scene *s)
{
	s->root = cert_root("root");
	s->inter = cert_intermediate("inter", s->root);
	s->stranger = cert_root("stranger");
	/* Anchors need not keep rules of form, nor be revocable. */
	s->formless = cert_make(&(struct cert_spec) { .cn = "formless",
				    .ca = true,
				    .from_s = -3600,
				    .to_s = 3650LL * CERTS_DAY,
				    .ext = "basicConstraints=CA:TRUE\n-keyUsage\n"
					   "-subjectKeyIdentifier" },
	    NULL);
	s->gone = cert_make(&(struct cert_spec) { .cn = "gone",
				.ca = true,
				.from_s = -7200,
				.to_s = -3600 },
	    NULL);
	s->old = cert_make(&(struct cert_spec) { .cn = "old",
			       .ca = true,
			       .from_s = -7200,
			       .to_s = -60 },
	    s->root);
	s->nc = cert_make(&(struct cert_spec) { .cn = "nc",
			      .ca = true,
			      .ext = "nameConstraints=critical,permitted;DNS:b.test" },
	    s->root);
	s->excluded = cert_make(&(struct cert_spec) { .cn = "excluded",
				    .ca = true,
				    .ext = "nameConstraints=critical,excluded;DNS:a.test" },
	    s->root);
	s->nocdp = cert_make(&(struct cert_spec) { .cn = "nocdp", .ca = true, YEAR }, s->root);
	s->pathlen = cert_make(&(struct cert_spec) { .cn = "pathlen", .ca = true }, s->root);
	s->purpose = cert_make(&(struct cert_spec) { .cn = "purpose",
				   .ca = true,
				   .ext = "extendedKeyUsage=clientAuth" },
	    s->root);
	s->sha1 = cert_make(&(struct cert_spec) { .cn = "sha1", .ca = true, .digest = "SHA1" },
	    s->root);
	s->p521 = cert_make(&(struct cert_spec) { .cn = "p521", .ca = true, .key = "P-521" },
	    s->root);
	s->noca = cert_make(&(struct cert_spec) { .cn = "noca" }, s->root);
	s->ski = cert_make(&(struct cert_spec) { .cn = "ski",
			       .ca = true,
			       .ext = "-subjectKeyIdentifier" },
	    s->root);
	s->bc = cert_make(&(struct cert_spec) { .cn = "bc",
			      .ca = true,
			      .ext = "basicConstraints=CA:TRUE" },
	    s->root);
	s->rsa1024 = cert_make(&(struct cert_spec) { .cn = "rsa1024",
				   .ca = true,
				   .key = "RSA-1024" },
	    s->root);
	s->norev = cert_make(&(struct cert_spec) { .cn = "norev",
				 .ca = true,
				 .ext = "2.5.29.56=DER:0500" },
	    s->root);
	s->policy = cert_make(
	    &(struct cert_spec) { .cn = "policy",
		.ca = true,
		.ext =
		    "certificatePolicies=DER:3007300506032a0304\npolicyConstraints=critical,requireExplicitPolicy:0" },
	    s->root);
	s->dotted = cert_make(&(struct cert_spec) { .cn = "dotted",
				  .ca = true,
				  .ext = "nameConstraints=critical,permitted;DNS:.test" },
	    s->root);
	s->masked =
	    cert_make(&(struct cert_spec) { .cn = "masked",
			  .ca = true,
			  .ext = "nameConstraints=critical,excluded;IP:192.0.2.0/255.0.255.0" },
		s->root);
	s->boundless = cert_make(&(struct cert_spec) { .cn = "boundless",
				     .ca = true,
				     .ext = "nameConstraints=critical,DER:3000" },
	    s->root);
	s->dying = cert_make(&(struct cert_spec) { .cn = "dying",
				 .ca = true,
				 .from_s = -3600,
				 .to_s = 600 },
	    s->root);
}

static void
load(struct scene *s)
{
	struct err e;

	trust_unref(&s->trust);
	if (!trust_load(certs_path(s->folder, "trust"), certs_path(s->folder, "crls"), NULL, NULL,
		TRUST_STRICT, &s->trust, &e))
		fail_msg("%s", e.text);
}

static int
set_up(void **state)
{
	struct scene *s = calloc(1, sizeof *s);
	char command[256];

	certs_folder(s->folder);
	snprintf(command, sizeof command, "mkdir %s/trust %s/crls", s->folder, s->folder);
	assert_int_equal(system(command), 0);
	make_cas(s);
	certs_write(certs_path(s->folder, "trust/root.pem"), s->root, NULL);
	certs_write(certs_path(s->folder, "trust/formless.pem"), s->formless, NULL);
	certs_write(certs_path(s->folder, "trust/gone.pem"), s->gone, NULL);
	load(s);
	*state = s;
	return 0;
}

static int
tear_down(void **state)
{
	struct scene *s = *state;

	cert_free(&s->root);
	for (enum from f = INTER; f < SELF; f++) {
		struct cert *c = issuer(s, f);

		cert_free(&c);
	}
	trust_unref(&s->trust);
	certs_remove(s->folder);
	free(s);
	return 0;
}

/* The leaf with the intermediates that lead from it to its root. */
static struct chain *
chain_of(struct scene *s, struct cert *leaf, struct cert *by, struct cert *above)
{
	STACK_OF(X509) *rest = sk_X509_new_null();
	struct chain *c;

	if (by != NULL && by != s->root)
		sk_X509_push(rest, by->x);
	if (above != NULL)
		sk_X509_push(rest, above->x);
	c = chain_new(leaf->x, rest);
	sk_X509_free(rest);
	return c;
}

static enum refusal
judge(struct scene *s, struct cert *leaf, struct cert *by, const char *domain, int64_t in_s,
    struct judgement *j)
{
	struct chain *c = chain_of(s, leaf, by, NULL);
	struct err e = { 0 };
	bool ok = judge_chain(s->trust, c, domain, (int64_t)time(NULL) + in_s, j, &e);

	chain_unref(&c);
	if (ok)
		return REFUSAL_NONE;
	assert_int_not_equal(e.text[0], '\0');
	return e.why;
}

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

/* -- revocation --------------------------------------------------------------------------------- */

static void
put_crl(struct scene *s, const char *file, const struct cert *by, struct crl_spec spec)
{
	X509_CRL *crl = cert_crl(by, &spec);
	char name[64];

	snprintf(name, sizeof name, "crls/%s", file);
	certs_write_crl(certs_path(s->folder, name), crl);
	X509_CRL_free(crl);
	load(s);
}

static void
drop_crl(struct scene *s, const char *file)
{
	char name[64];

	snprintf(name, sizeof name, "crls/%s", file);
	remove(certs_path(s->folder, name));
	load(s);
}

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
		cmocka_unit_test(each_kind_has_its_word),
		cmocka_unit_test(policies_leave_no_memory_behind),
		cmocka_unit_test(what_is_compared_with_each_other_is_bounded),
		cmocka_unit_test(a_leaf_in_the_trust_folder_is_still_no_peer),
		cmocka_unit_test(paths),
		cmocka_unit_test(the_last_second_is_good),
		cmocka_unit_test(each_of_a_cas_certificates_is_tried),
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
		cmocka_unit_test(chains_are_written_and_read),
		cmocka_unit_test(no_trust_no_start),
		cmocka_unit_test(a_bad_file_holds_up_nobody),
		cmocka_unit_test(folders_have_signatures),
	};

	return cmocka_run_group_tests_name("judge", tests, set_up, tear_down);
}
