/* vouch — a CA for the fuzz targets that look at what a CA has signed: whatever the input says, this
 * one signs it, so that rules after the signature are reached too.
 *
 * Its key is new in each run, its name and key id are not: kept inputs name it as their issuer.
 */
#ifndef TESTS_FUZZ_VOUCH_H
#define TESTS_FUZZ_VOUCH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "common/pki/trust.h"
#include "tests/certs.h"

#define VOUCH_KEY_ID  "0102030405060708090a0b0c0d0e0f1011121314"
#define VOUCH_YEARS_S (20LL * 365 * CERTS_DAY)

static inline void
vouch_must(bool holds)
{
	if (!holds)
		abort();
}

static inline struct cert *
vouch_root(void)
{
	return cert_make(&(struct cert_spec) { .cn = "root",
			     .ca = true,
			     .from_s = -VOUCH_YEARS_S,
			     .to_s = VOUCH_YEARS_S,
			     .serial = "1",
			     .ext = "subjectKeyIdentifier=" VOUCH_KEY_ID },
	    NULL);
}

/* A file without a name that holds these octets; its path is in `path`. */
static inline int
vouch_file(struct span s, char path[32])
{
	int fd = memfd_create("vouch", MFD_CLOEXEC);

	vouch_must(fd >= 0 && write(fd, s.p, s.n) == (ssize_t)s.n);
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

static inline struct span
vouch_octets(BIO *b)
{
	char *p;
	long n = BIO_get_mem_data(b, &p);

	return span_of(p, (size_t)n);
}

/* crl empty: none.  NULL: trust does not take it. */
static inline struct trust *
vouch_trust(const struct cert *root, struct span crl)
{
	BIO *pem = BIO_new(BIO_s_mem());
	char at_root[32], at_crl[32];
	const char *roots[] = { at_root }, *crls[] = { at_crl };
	struct trust *t = NULL;
	struct err e;
	int fd, crl_fd = -1;

	vouch_must(pem != NULL && PEM_write_bio_X509(pem, root->x) == 1);
	fd = vouch_file(vouch_octets(pem), at_root);
	if (crl.n > 0)
		crl_fd = vouch_file(crl, at_crl);
	if (!trust_load_files(roots, 1, crls, crl.n > 0, &t, &e))
		vouch_must(crl.n > 0 && e.why == REFUSAL_no_input);
	if (crl_fd >= 0)
		close(crl_fd);
	close(fd);
	BIO_free(pem);
	return t;
}

#endif
