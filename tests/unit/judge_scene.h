/* judge_scene — certificate authorities, their folders, and a chain that is judged; after <cmocka.h>. */
#ifndef TESTS_UNIT_JUDGE_SCENE_H
#define TESTS_UNIT_JUDGE_SCENE_H

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

static inline struct cert *
issuer(struct scene *s, enum from f)
{
	struct cert *all[] = { s->inter, s->root, s->stranger, s->old, s->nc, s->excluded, s->nocdp,
		s->pathlen, s->purpose, s->sha1, s->p521, s->noca, s->ski, s->bc, s->rsa1024,
		s->norev, s->dying, s->formless, s->gone, s->policy, s->dotted, s->masked,
		s->boundless, NULL };

	return all[f];
}

static inline void
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

static inline void
load(struct scene *s)
{
	struct err e;

	trust_unref(&s->trust);
	if (!trust_load(certs_path(s->folder, "trust"), certs_path(s->folder, "crls"), NULL, NULL,
		TRUST_STRICT, &s->trust, &e))
		fail_msg("%s", e.text);
}

static inline int
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

static inline int
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
static inline struct chain *
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

static inline enum refusal
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

/* -- revocation --------------------------------------------------------------------------------- */

static inline void
put_crl(struct scene *s, const char *file, const struct cert *by, struct crl_spec spec)
{
	X509_CRL *crl = cert_crl(by, &spec);
	char name[64];

	snprintf(name, sizeof name, "crls/%s", file);
	certs_write_crl(certs_path(s->folder, name), crl);
	X509_CRL_free(crl);
	load(s);
}

static inline void
drop_crl(struct scene *s, const char *file)
{
	char name[64];

	snprintf(name, sizeof name, "crls/%s", file);
	remove(certs_path(s->folder, name));
	load(s);
}

#endif
