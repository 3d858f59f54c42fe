/* chain — certificates by counted references, and their texts; see chain.h. */
#include "common/pki/chain.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "common/base/address.h"
#include "common/base/hex.h"
#include "common/base/memory.h"
#include "common/text/digest.h"

#define TEXT_BYTES  256
#define NAMES_BYTES 1024

struct chain {
	atomic_uint refs;
	X509 *leaf;
	STACK_OF(X509) *rest;
	struct buf der; /* of all: each sealed batch asks for it, and for its digest */
	unsigned char digest[DIGEST_BYTES];
	int64_t not_before_s, not_after_s;
	char fingerprint[65];
	char subject[TEXT_BYTES], issuer[TEXT_BYTES];
};

/* Foreign octets: what is not printable ASCII becomes a question mark. */
static void
clean(char *s)
{
	for (; *s != '\0'; s++)
		if (*s < 0x20 || *s > 0x7e)
			*s = '?';
}

static void
name_text(const X509_NAME *name, char out[TEXT_BYTES])
{
	BIO *b = BIO_new(BIO_s_mem());
	char *p;
	long n;

	if (b == NULL)
		abort();
	X509_NAME_print_ex(b, name, 0, XN_FLAG_RFC2253);
	n = BIO_get_mem_data(b, &p);
	if (n > TEXT_BYTES - 1)
		n = TEXT_BYTES - 1;
	if (n > 0)
		memcpy(out, p, (size_t)n);
	out[n > 0 ? n : 0] = '\0';
	clean(out);
	BIO_free(b);
}

static int64_t
seconds(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static void
add_der(X509 *x, struct buf *out)
{
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);

	if (n > 0)
		buf_add(out, der, (size_t)n);
	OPENSSL_free(der);
}

struct chain *
chain_new(struct x509_st *leaf, const struct stack_st_X509 *rest)
{
	struct chain *c = memory_new(sizeof *c);
	unsigned char digest[32] = { 0 };

	atomic_init(&c->refs, 1);
	X509_up_ref(leaf);
	c->leaf = leaf;
	if ((c->rest = sk_X509_new_null()) == NULL)
		abort();
	for (int i = 0; i < sk_X509_num(rest) && sk_X509_num(c->rest) < CHAIN_MAX - 1; i++) {
		X509 *x = sk_X509_value(rest, i);

		if (x == leaf || (i == 0 && X509_cmp(x, leaf) == 0))
			continue;
		X509_up_ref(x);
		if (sk_X509_push(c->rest, x) == 0)
			abort();
	}
	add_der(leaf, &c->der);
	for (int i = 0; i < sk_X509_num(c->rest); i++)
		add_der(sk_X509_value(c->rest, i), &c->der);
	digest_sha256(buf_span(&c->der), c->digest);
	X509_digest(leaf, EVP_sha256(), digest, NULL);
	hex_str(c->fingerprint, digest, sizeof digest);
	name_text(X509_get_subject_name(leaf), c->subject);
	name_text(X509_get_issuer_name(leaf), c->issuer);
	c->not_before_s = seconds(X509_get0_notBefore(leaf));
	c->not_after_s = seconds(X509_get0_notAfter(leaf));
	return c;
}

struct chain *
chain_ref(struct chain *c)
{
	atomic_fetch_add(&c->refs, 1);
	return c;
}

void
chain_unref(struct chain **cp)
{
	struct chain *c = *cp;

	*cp = NULL;
	if (c == NULL || atomic_fetch_sub(&c->refs, 1) != 1)
		return;
	X509_free(c->leaf);
	sk_X509_pop_free(c->rest, X509_free);
	buf_clear(&c->der);
	free(c);
}

/* -- reading and writing ------------------------------------------------------------------------ */

/* The first of the stack is the leaf; takes the stack. */
static bool
from_stack(STACK_OF(X509) *all, struct chain **out)
{
	bool any = sk_X509_num(all) > 0;

	if (any)
		*out = chain_new(sk_X509_value(all, 0), all);
	sk_X509_pop_free(all, X509_free);
	return any;
}

static bool
read_all(BIO *b, STACK_OF(X509) *all)
{
	unsigned long why;
	X509 *x;

	ERR_clear_error();
	while ((x = PEM_read_bio_X509(b, NULL, NULL, NULL)) != NULL)
		if (sk_X509_push(all, x) == 0)
			abort();
	why = ERR_peek_last_error();
	ERR_clear_error();
	return ERR_GET_LIB(why) == ERR_LIB_PEM && ERR_GET_REASON(why) == PEM_R_NO_START_LINE &&
	    sk_X509_num(all) <= CHAIN_MAX;
}

bool
chain_read(const char *path, struct chain **out, struct err *e)
{
	STACK_OF(X509) *all = sk_X509_new_null();
	BIO *b = BIO_new_file(path, "r");
	bool ok;

	if (all == NULL)
		abort();
	if (b == NULL) {
		sk_X509_free(all);
		ERR_clear_error();
		return err_set_errno(e, REFUSAL_no_input, errno, "%s", path);
	}
	ok = read_all(b, all);
	BIO_free(b);
	if (!ok) {
		sk_X509_pop_free(all, X509_free);
		return err_set(e, REFUSAL_config,
		    "%s: a certificate in it is damaged, or there are "
		    "more than %d",
		    path, CHAIN_MAX);
	}
	return from_stack(all, out) ||
	    err_set(e, REFUSAL_config, "%s holds no PEM certificate", path);
}

bool
chain_parse(struct span der, struct chain **out, struct err *e)
{
	const unsigned char *p = (const unsigned char *)der.p, *end = p + der.n;
	STACK_OF(X509) *all = sk_X509_new_null();
	X509 *x = NULL;

	if (all == NULL)
		abort();
	while (der.n <= CHAIN_BYTES && p < end && sk_X509_num(all) < CHAIN_MAX &&
	    (x = d2i_X509(NULL, &p, end - p)) != NULL)
		if (sk_X509_push(all, x) == 0)
			abort();
	ERR_clear_error();
	if (p == end && from_stack(all, out))
		return true;
	if (p != end)
		sk_X509_pop_free(all, X509_free);
	return err_set(e, REFUSAL_certificate_form, "the certificates cannot be read");
}

struct span
chain_der(const struct chain *c)
{
	return buf_span(&c->der);
}

const unsigned char *
chain_digest(const struct chain *c)
{
	return c->digest;
}

/* -- what it says ------------------------------------------------------------------------------- */

struct x509_st *
chain_leaf(const struct chain *c)
{
	return c->leaf;
}

struct stack_st_X509 *
chain_rest(const struct chain *c)
{
	return c->rest;
}

const char *
chain_fingerprint(const struct chain *c)
{
	return c->fingerprint;
}

const char *
chain_subject(const struct chain *c)
{
	return c->subject;
}

const char *
chain_issuer(const struct chain *c)
{
	return c->issuer;
}

int64_t
chain_not_before_s(const struct chain *c)
{
	return c->not_before_s;
}

int64_t
chain_not_after_s(const struct chain *c)
{
	return c->not_after_s;
}

static struct span
dns_name(const GENERAL_NAMES *names, int i)
{
	const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);

	if (g->type != GEN_DNS)
		return (struct span) { NULL, 0 };
	return span_of(ASN1_STRING_get0_data(g->d.dNSName),
	    (size_t)ASN1_STRING_length(g->d.dNSName));
}

static bool
covers(struct span wildcard, struct span name)
{
	struct span rest = name;

	if (!span_starts(wildcard, SPAN_LIT("*.")))
		return false;
	(void)span_cut(&rest, '.');
	return span_eq_nocase(span_sub(wildcard, 2, wildcard.n), rest);
}

static bool
bears(const struct chain *c, struct span name)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(c->leaf, NID_subject_alt_name, NULL, NULL);
	bool found = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
		found |= name.n > 0 && span_eq_nocase(dns_name(names, i), name);
	GENERAL_NAMES_free(names);
	return found;
}

bool
chain_names_by_label(const struct chain *c, const char *domain)
{
	char labelled[sizeof CHAIN_LABEL + DOMAIN_BYTES];

	snprintf(labelled, sizeof labelled, CHAIN_LABEL "%s", domain);
	return !bears(c, span_str(domain)) && bears(c, span_str(labelled));
}

bool
chain_names(const struct chain *c, const char *domain, struct err *e)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(c->leaf, NID_subject_alt_name, NULL, NULL);
	char labelled[sizeof CHAIN_LABEL + DOMAIN_BYTES];
	struct span d = span_str(domain), l;
	bool exact = false, wild = false;

	snprintf(labelled, sizeof labelled, CHAIN_LABEL "%s", domain);
	l = span_str(labelled);
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		struct span n = dns_name(names, i);

		exact |= n.n > 0 && (span_eq_nocase(n, d) || span_eq_nocase(n, l));
		wild |= covers(n, d) || covers(n, l);
	}
	GENERAL_NAMES_free(names);
	if (exact)
		return true;
	if (wild && RULE(certificate_wildcard))
		return err_set(e, REFUSAL_certificate_wildcard, "%s is named by a wildcard only",
		    domain);
	if (!wild && RULE(certificate_name))
		return err_set(e, REFUSAL_certificate_name,
		    "the certificate names neither %s nor %s", domain, labelled);
	return true;
}

bool
chain_names_exactly(const struct chain *c, const char *name, struct err *e)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(c->leaf, NID_subject_alt_name, NULL, NULL);
	ASN1_OCTET_STRING *address = a2i_IPADDRESS(name);
	struct span wanted = span_str(name);
	bool exact = false, wild = false;

	if (address != NULL)
		exact = X509_check_ip_asc(c->leaf, name, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT) == 1;
	for (int i = 0; address == NULL && i < sk_GENERAL_NAME_num(names); i++) {
		struct span n = dns_name(names, i);

		exact |= n.n > 0 && span_eq_nocase(n, wanted);
		wild |= covers(n, wanted);
	}
	ASN1_OCTET_STRING_free(address);
	GENERAL_NAMES_free(names);
	if (exact)
		return true;
	return wild
	    ? err_set(e, REFUSAL_certificate_wildcard, "%s is named by a wildcard only", name)
	    : err_set(e, REFUSAL_certificate_name, "the certificate does not name %s", name);
}

/* `*` matches one label, and never all names of a top-level domain. */
static bool
covers_host(struct span wildcard, struct span host)
{
	struct span rest = host, label = span_cut(&rest, '.');

	return label.n > 0 && memchr(rest.p, '.', rest.n) != NULL && covers(wildcard, host);
}

bool
chain_names_host(const struct chain *c, const char *host, struct err *e)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(c->leaf, NID_subject_alt_name, NULL, NULL);
	struct span wanted = span_str(host);
	bool found = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		struct span n = dns_name(names, i);

		found |= n.n > 0 && (span_eq_nocase(n, wanted) || covers_host(n, wanted));
	}
	GENERAL_NAMES_free(names);
	return found || !RULE(certificate_name) ||
	    err_set(e, REFUSAL_certificate_name, "the certificate does not name the host %s", host);
}

void
chain_names_list(const struct chain *c, struct buf *out)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(c->leaf, NID_subject_alt_name, NULL, NULL);
	size_t from = out->len;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		struct span n = dns_name(names, i);

		if (n.n == 0 || out->len - from + n.n + 1 > NAMES_BYTES)
			continue;
		if (out->len > from)
			buf_add(out, " ", 1);
		for (size_t k = 0; k < n.n; k++)
			buf_add(out, n.p[k] > 0x20 && n.p[k] < 0x7f ? &n.p[k] : "?", 1);
	}
	GENERAL_NAMES_free(names);
}
