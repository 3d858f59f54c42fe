/* certs — see certs.h. */
#include "tests/certs.h"
#include "tests/temp.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#define LINES_MAX 256

static void
must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "certs: %s\n", what);
	ERR_print_errors_fp(stderr);
	abort();
}

static EVP_PKEY *
make_key(const char *kind)
{
	EVP_PKEY *key;

	if (kind == NULL)
		kind = "P-256";
	if (strncmp(kind, "RSA-", 4) == 0)
		key = EVP_RSA_gen((unsigned)strtoul(kind + 4, NULL, 10));
	else if (strncmp(kind, "ED", 2) == 0)
		key = EVP_PKEY_Q_keygen(NULL, NULL, kind);
	else
		key = EVP_EC_gen(kind);
	must(key != NULL, kind);
	return key;
}

static const EVP_MD *
digest_for(const EVP_PKEY *key, const char *name)
{
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ||
	    EVP_PKEY_get_base_id(key) == EVP_PKEY_ED448)
		return NULL;
	return EVP_get_digestbyname(name == NULL ? "SHA256" : name);
}

/* -- extensions --------------------------------------------------------------------------------- */

struct lines {
	char text[1 << 17];
	char *line[LINES_MAX];
	int n;
};

static void
split(struct lines *l, const char *text)
{
	must(strlen(text) < sizeof l->text, "too long an ext");
	strcpy(l->text, text);
	l->n = 0;
	for (char *p = strtok(l->text, "\n"); p != NULL && l->n < LINES_MAX; p = strtok(NULL, "\n"))
		l->line[l->n++] = p;
}

static bool
overridden(const struct lines *l, const char *name)
{
	for (int i = 0; i < l->n; i++) {
		const char *p = l->line[i] + (l->line[i][0] == '-');

		if (strncmp(p, name, strlen(name)) == 0 &&
		    (p[strlen(name)] == '=' || p[strlen(name)] == '\0'))
			return true;
	}
	return false;
}

static X509_EXTENSION *
make_ext(X509V3_CTX *ctx, const char *name, const char *value)
{
	X509_EXTENSION *x;

	x = X509V3_EXT_conf(NULL, ctx, name, value);
	must(x != NULL, name);
	return x;
}

static void
add_line(X509 *x, X509V3_CTX *ctx, const char *line)
{
	char name[128];
	const char *eq = strchr(line, '=');
	X509_EXTENSION *ext;

	must(eq != NULL && eq - line < (int)sizeof name, line);
	memcpy(name, line, (size_t)(eq - line));
	name[eq - line] = '\0';
	ext = make_ext(ctx, name, eq + 1);
	must(X509_add_ext(x, ext, -1) == 1, line);
	X509_EXTENSION_free(ext);
}

static void
add_default(X509 *x, X509V3_CTX *ctx, const struct lines *l, const char *line)
{
	char name[128];

	snprintf(name, sizeof name, "%.*s", (int)strcspn(line, "="), line);
	if (!overridden(l, name))
		add_line(x, ctx, line);
}

static void
add_exts(X509 *x, const struct cert_spec *s, X509 *issuer)
{
	struct lines l;
	X509V3_CTX ctx;
	char san[1024];

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	split(&l, s->ext == NULL ? "" : s->ext);
	add_default(x, &ctx, &l,
	    s->ca ? "basicConstraints=critical,CA:TRUE" : "basicConstraints=critical,CA:FALSE");
	add_default(x, &ctx, &l,
	    s->ca ? "keyUsage=critical,keyCertSign,cRLSign" : "keyUsage=critical,digitalSignature");
	if (!s->ca)
		add_default(x, &ctx, &l, "extendedKeyUsage=serverAuth");
	add_default(x, &ctx, &l, "subjectKeyIdentifier=hash");
	/* An issuer without a key id of its own gets one made up: nobody compares it. */
	if (issuer != x)
		add_default(x, &ctx, &l,
		    X509_get0_subject_key_id(issuer) != NULL
			? "authorityKeyIdentifier=keyid"
			: "authorityKeyIdentifier=DER:301680140102030405060708090a0b0c0d0e0f1011121314");
	if (s->san != NULL) {
		snprintf(san, sizeof san, "subjectAltName=%s%s", s->cn == NULL ? "critical," : "",
		    s->san);
		add_default(x, &ctx, &l, san);
	}
	for (int i = 0; i < l.n; i++)
		if (l.line[i][0] != '-')
			add_line(x, &ctx, l.line[i]);
}

/* -- certificates ------------------------------------------------------------------------------- */

static void
set_serial(X509 *x, const char *decimal)
{
	BIGNUM *n = BN_new();
	ASN1_INTEGER *i;

	if (decimal != NULL)
		must(BN_dec2bn(&n, decimal) > 0, "serial");
	else
		must(BN_rand(n, 120, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1, "serial");
	must((i = BN_to_ASN1_INTEGER(n, NULL)) != NULL && X509_set_serialNumber(x, i) == 1,
	    "serial");
	ASN1_INTEGER_free(i);
	BN_free(n);
}

static void
set_times(X509 *x, const struct cert_spec *s)
{
	int64_t from = s->from_s, to = s->to_s;
	time_t now = time(NULL);

	if (from == 0 && to == 0) {
		from = -3600;
		to = 6 * CERTS_DAY - 3600;
	}
	must(ASN1_TIME_set(X509_getm_notBefore(x), now + from) != NULL, "time");
	must(ASN1_TIME_set(X509_getm_notAfter(x), now + to) != NULL, "time");
}

static void
set_subject(X509 *x, const char *cn)
{
	X509_NAME *n = X509_NAME_new();

	if (cn != NULL)
		must(X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8, (const unsigned char *)cn,
			 -1, -1, 0) == 1,
		    "name");
	must(X509_set_subject_name(x, n) == 1, "name");
	X509_NAME_free(n);
}

struct cert *
cert_make(const struct cert_spec *s, const struct cert *issuer)
{
	struct cert *c = calloc(1, sizeof *c);
	const struct cert *by;

	must(c != NULL && (c->x = X509_new()) != NULL, "memory");
	by = issuer == NULL ? c : issuer;
	c->key = make_key(s->key);
	must(X509_set_version(c->x, s->version == 1 ? X509_VERSION_1 : X509_VERSION_3) == 1,
	    "version");
	set_serial(c->x, s->serial);
	set_times(c->x, s);
	set_subject(c->x, s->cn);
	must(X509_set_issuer_name(c->x, X509_get_subject_name(by->x)) == 1, "issuer");
	must(X509_set_pubkey(c->x, c->key) == 1, "key");
	if (s->version != 1)
		add_exts(c->x, s, by->x);
	must(X509_sign(c->x, by->key, digest_for(by->key, s->digest)) > 0, s->cn);
	return c;
}

void
cert_free(struct cert **c)
{
	if (*c == NULL)
		return;
	X509_free((*c)->x);
	EVP_PKEY_free((*c)->key);
	free(*c);
	*c = NULL;
}

struct cert *
cert_root(const char *cn)
{
	return cert_make(&(struct cert_spec) { .cn = cn,
			     .ca = true,
			     .from_s = -3600,
			     .to_s = 3650LL * CERTS_DAY },
	    NULL);
}

struct cert *
cert_intermediate(const char *cn, const struct cert *issuer)
{
	return cert_make(&(struct cert_spec) { .cn = cn, .ca = true }, issuer);
}

struct cert *
cert_leaf(const char *domain, const struct cert *issuer)
{
	char san[300];

	snprintf(san, sizeof san, "DNS:%s", domain);
	return cert_make(&(struct cert_spec) { .cn = domain, .san = san }, issuer);
}

/* -- CRLs --------------------------------------------------------------------------------------- */

static void
add_revoked(X509_CRL *crl, const struct cert *c, int reason)
{
	X509_REVOKED *r = X509_REVOKED_new();
	ASN1_TIME *t = ASN1_TIME_set(NULL, time(NULL) - 60);

	must(r != NULL && t != NULL, "memory");
	X509_REVOKED_set_serialNumber(r, X509_get_serialNumber(c->x));
	X509_REVOKED_set_revocationDate(r, t);
	if (reason != 0) {
		ASN1_ENUMERATED *why = ASN1_ENUMERATED_new();

		must(why != NULL && ASN1_ENUMERATED_set(why, reason) == 1 &&
			X509_REVOKED_add1_ext_i2d(r, NID_crl_reason, why, 0, 0) == 1,
		    "reason");
		ASN1_ENUMERATED_free(why);
	}
	must(X509_CRL_add0_revoked(crl, r) == 1, "revoking");
	ASN1_TIME_free(t);
}

static void
add_crl_exts(X509_CRL *crl, const struct crl_spec *s, const struct cert *issuer)
{
	char text[2048];
	struct lines l;
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, issuer->x, NULL, NULL, crl, 0);
	snprintf(text, sizeof text, "authorityKeyIdentifier=keyid\n%s",
	    s->ext == NULL ? "" : s->ext);
	split(&l, text);
	for (int i = 0; i < l.n; i++) {
		char *eq = strchr(l.line[i], '=');
		X509_EXTENSION *x;

		*eq = '\0';
		x = make_ext(&ctx, l.line[i], eq + 1);
		must(X509_CRL_add_ext(crl, x, -1) == 1, "CRL extension");
		X509_EXTENSION_free(x);
	}
}

X509_CRL *
cert_crl(const struct cert *issuer, const struct crl_spec *s)
{
	X509_CRL *crl = X509_CRL_new();
	bool dated = s->from_s != 0 || s->to_s != 0;
	time_t now = time(NULL);
	ASN1_TIME *from = ASN1_TIME_set(NULL, now + (dated ? s->from_s : -3600)),
		  *to = ASN1_TIME_set(NULL, now + (dated ? s->to_s : CERTS_DAY));
	ASN1_INTEGER *number = ASN1_INTEGER_new();

	must(crl != NULL && from != NULL && to != NULL && number != NULL, "memory");
	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->x));
	X509_CRL_set1_lastUpdate(crl, from);
	if (!s->endless)
		X509_CRL_set1_nextUpdate(crl, to);
	for (int i = 0; i < 8 && s->revoked[i] != NULL; i++)
		add_revoked(crl, s->revoked[i], s->reason);
	X509_CRL_sort(crl);
	add_crl_exts(crl, s, issuer);
	if (s->number != 0) {
		ASN1_INTEGER_set(number, s->number);
		must(X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0) == 1, "number");
	}
	must(X509_CRL_sign(crl, issuer->key, digest_for(issuer->key, s->digest)) > 0, "signing");
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	ASN1_INTEGER_free(number);
	return crl;
}

/* -- files -------------------------------------------------------------------------------------- */

void
certs_folder(char path[64])
{
	temp_name(path, 64, "tillcalled-certs-XXXXXX");
	must(mkdtemp(path) != NULL, "a folder");
}

void
certs_remove(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *f;
	char path[4096];

	if (d == NULL)
		return;
	while ((f = readdir(d)) != NULL) {
		if (strcmp(f->d_name, ".") == 0 || strcmp(f->d_name, "..") == 0)
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, f->d_name);
		if (unlink(path) < 0)
			certs_remove(path);
	}
	closedir(d);
	rmdir(folder);
}

const char *
certs_path(const char *folder, const char *name)
{
	static char ring[16][512];
	static unsigned next;
	char *p = ring[next++ % 16];

	snprintf(p, sizeof ring[0], "%s/%s", folder, name);
	return p;
}

/* Written beside and renamed, as an operator's tools do. */
static FILE *
open_new(const char *path, char beside[600], mode_t mode)
{
	const char *base = strrchr(path, '/');
	FILE *f = NULL;
	int fd;

	snprintf(beside, 600, "%.*s/.new-%s", (int)(base - path), path, base + 1);
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	must(fd >= 0 && fchmod(fd, mode) == 0 && (f = fdopen(fd, "w")) != NULL, path);
	return f;
}

static void
close_new(FILE *f, const char *beside, const char *path)
{
	must(fclose(f) == 0 && rename(beside, path) == 0, path);
}

void
certs_write(const char *path, const struct cert *leaf, const struct cert *intermediate)
{
	char beside[600];
	FILE *f = open_new(path, beside, 0644);

	must(PEM_write_X509(f, leaf->x) == 1, path);
	if (intermediate != NULL)
		must(PEM_write_X509(f, intermediate->x) == 1, path);
	close_new(f, beside, path);
}

void
certs_write_key(const char *path, const struct cert *c)
{
	char beside[600];
	FILE *f = open_new(path, beside, 0600);

	must(PEM_write_PrivateKey(f, c->key, NULL, NULL, 0, NULL, NULL) == 1, path);
	close_new(f, beside, path);
}

void
certs_write_crl(const char *path, X509_CRL *crl)
{
	char beside[600];
	FILE *f = open_new(path, beside, 0644);

	must(PEM_write_X509_CRL(f, crl) == 1, path);
	close_new(f, beside, path);
}
