/* certs — certificates, keys and CRLs made for a test, with whatever fault it asks for.
 *
 * Everything aborts on failure.  Times are offsets from now.  Names, usages and other extensions are
 * given in OpenSSL's configuration form.
 */
#ifndef TESTS_CERTS_H
#define TESTS_CERTS_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/x509.h>

#define CERTS_DAY 86400

struct cert {
	X509 *x;
	EVP_PKEY *key;
};

struct cert_spec {
	const char *cn;     /* NULL: an empty subject */
	const char *san;    /* "DNS:a.test,DNS:tillcalled.a.test"; NULL: none */
	const char *key;    /* "P-256" (NULL), "P-384", "RSA-2048", "ED25519", ... */
	const char *digest; /* "SHA256" (NULL), "SHA1", ... */
	bool ca;
	/* Lines NAME=VALUE, each in place of the default of that name, or besides; a line -NAME leaves
	 * a default out.  Defaults: basicConstraints, keyUsage, extendedKeyUsage=serverAuth (leaves),
	 * subjectKeyIdentifier, authorityKeyIdentifier. */
	const char *ext;
	int64_t from_s, to_s; /* 0, 0: an hour ago, and 6 days from then (no CRL needed) */
	const char *serial;   /* decimal, may be negative or 0; NULL: a random one */
	int version;          /* 1 or 3; 0: 3 */
};

/* issuer NULL: signs itself. */
struct cert *cert_make(const struct cert_spec *spec, const struct cert *issuer);
void cert_free(struct cert **c);

/* Shorthands: a root of ten years, an intermediate, a good leaf for one name. */
struct cert *cert_root(const char *cn);
struct cert *cert_intermediate(const char *cn, const struct cert *issuer);
struct cert *cert_leaf(const char *domain, const struct cert *issuer);

struct crl_spec {
	int64_t from_s, to_s; /* 0, 0: an hour ago, in a day */
	bool endless;         /* no nextUpdate */
	const struct cert *revoked[8];
	int reason;      /* of all revocations, RFC 5280 5.3.1; 0: none is given */
	long number;     /* 0: none */
	const char *ext; /* lines NAME=VALUE */
	const char *digest;
};
X509_CRL *cert_crl(const struct cert *issuer, const struct crl_spec *spec);

/* A fresh folder under /tmp (mkdtemp), and files in it; mode 0600 for keys, 0644 for the rest. */
void certs_folder(char path[64]);
void certs_remove(const char *folder); /* with all that is in it, one level of folders */
const char *certs_path(const char *folder, const char *name); /* static, of the last 16 calls */
void certs_write(const char *path, const struct cert *leaf, const struct cert *intermediate);
void certs_write_key(const char *path, const struct cert *c);
void certs_write_crl(const char *path, X509_CRL *crl);

#endif
