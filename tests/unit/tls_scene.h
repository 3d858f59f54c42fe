/* tls_scene — a CA, two hosts with their domains, and their holders, in a folder that goes away. */
#ifndef TESTS_UNIT_TLS_SCENE_H
#define TESTS_UNIT_TLS_SCENE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/tls/tls.h"
#include "tests/certs.h"

struct tls_scene {
	char folder[64];
	char trust[128], crls[128];
	struct cert *root, *inter, *a, *b, *c, *host_a, *host_b;
	char file[10][128];
	struct tls_files of_a[1], of_b[2], of_host_a, of_host_b;
	struct tls_settings settings_a, settings_b;
	struct tls_holder *ha, *hb; /* a.test; b.test and c.test */
};

static inline void
scene_identity(struct tls_scene *s, struct tls_files *f, unsigned slot, const char *domain,
    const struct cert *c, const struct cert *by)
{
	snprintf(s->file[slot * 2], sizeof s->file[0], "%s/%s.pem", s->folder, domain);
	snprintf(s->file[slot * 2 + 1], sizeof s->file[0], "%s/%s.key", s->folder, domain);
	certs_write(s->file[slot * 2], c, by);
	certs_write_key(s->file[slot * 2 + 1], c);
	*f = (struct tls_files) { domain, s->file[slot * 2], s->file[slot * 2 + 1] };
}

static inline void
scene_holders(struct tls_scene *s)
{
	struct err e;

	if (!tls_holder_new(&s->ha, &s->settings_a, &e) ||
	    !tls_holder_new(&s->hb, &s->settings_b, &e)) {
		fprintf(stderr, "%s\n", e.text);
		abort();
	}
}

static inline void
scene_open(struct tls_scene *s)
{
	char command[512];

	memset(s, 0, sizeof *s);
	certs_folder(s->folder);
	snprintf(s->trust, sizeof s->trust, "%s/trust", s->folder);
	snprintf(s->crls, sizeof s->crls, "%s/crls", s->folder);
	snprintf(command, sizeof command, "mkdir %s %s", s->trust, s->crls);
	if (system(command) != 0)
		abort();
	s->root = cert_root("root");
	s->inter = cert_intermediate("inter", s->root);
	s->a = cert_leaf("a.test", s->inter);
	s->b = cert_leaf("tillcalled.b.test", s->inter);
	s->c = cert_leaf("c.test", s->root);
	certs_write(certs_path(s->trust, "root.pem"), s->root, NULL);
	scene_identity(s, &s->of_a[0], 0, "a.test", s->a, s->inter);
	scene_identity(s, &s->of_b[0], 1, "b.test", s->b, s->inter);
	scene_identity(s, &s->of_b[1], 2, "c.test", s->c, NULL);
	s->settings_a = (struct tls_settings) { .trust = s->trust,
		.crls = s->crls,
		.user = { (uid_t)-1, (gid_t)-1 },
		.identities = s->of_a,
		.n_identities = 1 };
	s->settings_b = (struct tls_settings) { .trust = s->trust,
		.crls = s->crls,
		.user = { (uid_t)-1, (gid_t)-1 },
		.identities = s->of_b,
		.n_identities = 2 };
	scene_holders(s);
}

/* From now on both hosts have an identity of their own: mx.a.test and mx.b.test. */
static inline void
scene_hosts(struct tls_scene *s)
{
	struct err e;

	s->host_a = cert_leaf("mx.a.test", s->inter);
	s->host_b = cert_leaf("mx.b.test", s->inter);
	scene_identity(s, &s->of_host_a, 3, "mx.a.test", s->host_a, s->inter);
	scene_identity(s, &s->of_host_b, 4, "mx.b.test", s->host_b, s->inter);
	s->settings_a.host = &s->of_host_a;
	s->settings_b.host = &s->of_host_b;
	if (!tls_holder_reload(s->ha, &s->settings_a, &e) ||
	    !tls_holder_reload(s->hb, &s->settings_b, &e))
		abort();
}

static inline void
scene_close(struct tls_scene *s)
{
	tls_holder_free(&s->ha);
	tls_holder_free(&s->hb);
	cert_free(&s->root);
	cert_free(&s->inter);
	cert_free(&s->a);
	cert_free(&s->b);
	cert_free(&s->c);
	cert_free(&s->host_a);
	cert_free(&s->host_b);
	certs_remove(s->folder);
}

static inline void
scene_crl(struct tls_scene *s, const char *name, const struct cert *by, struct crl_spec spec)
{
	X509_CRL *crl = cert_crl(by, &spec);

	certs_write_crl(certs_path(s->crls, name), crl);
	X509_CRL_free(crl);
}

#endif
