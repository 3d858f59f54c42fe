/* cert — any octets as the certificates of a peer: whose it says it is, and whether it is good.
 *
 * The names are held against OpenSSL's own matching of host names.  The leaf is judged as it came,
 * and once more signed by a CA that is trusted: then the verdict is about its contents.
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "common/base/log.h"
#include "common/pki/judge.h"
#include "common/pki/judge_form.h"
#include "tests/fuzz/vouch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct cert *root;
static struct trust *trust;

static void
start(void)
{
	log_open("fuzz", LOG_ERROR);
	root = vouch_root();
	trust = vouch_trust(root, (struct span) { NULL, 0 });
}

static void
printable(const char *s, size_t most)
{
	vouch_must(strlen(s) < most);
	for (; *s != '\0'; s++)
		vouch_must(*s >= 0x20 && *s <= 0x7e);
}

/* -- names ---------------------------------------------------------------------------------------- */

static bool
openssl_names(X509 *x, const char *name)
{
	bool yes = X509_check_host(x, name, strlen(name),
		       X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_WILDCARDS,
		       NULL) == 1;

	ERR_clear_error();
	return yes;
}

/* RFC 6125's rule: `*` as the whole leftmost label. */
static bool
openssl_names_host(X509 *x, const char *host)
{
	bool yes = X509_check_host(x, host, strlen(host),
		       X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS,
		       NULL) == 1;

	ERR_clear_error();
	return yes;
}

static void
names(const struct chain *c)
{
	X509 *x = chain_leaf(c);
	struct buf list = BUF_INIT;
	struct err e = { 0 };
	bool named = chain_names(c, "a.test", &e);

	vouch_must(named == (openssl_names(x, "a.test") || openssl_names(x, "tillcalled.a.test")));
	vouch_must(
	    named || e.why == REFUSAL_certificate_name || e.why == REFUSAL_certificate_wildcard);
	vouch_must(chain_names_exactly(c, "a.test", &e) == openssl_names(x, "a.test"));
	vouch_must(chain_names_host(c, "mx.a.test", &e) == openssl_names_host(x, "mx.a.test"));
	vouch_must(chain_names_exactly(c, "192.0.2.1", &e) ==
	    (X509_check_ip_asc(x, "192.0.2.1", X509_CHECK_FLAG_NEVER_CHECK_SUBJECT) == 1));
	chain_names_list(c, &list);
	vouch_must(list.len <= 1024);
	buf_add(&list, "", 1);
	printable(list.data, list.len);
	buf_clear(&list);
}

/* What is written down of a chain reads as the same chain. */
static void
again(const struct chain *c)
{
	struct chain *copy = NULL;
	struct err e;

	printable(chain_subject(c), 256);
	printable(chain_issuer(c), 256);
	if (chain_der(c).n > CHAIN_BYTES)
		return;
	vouch_must(chain_parse(chain_der(c), &copy, &e));
	vouch_must(strcmp(chain_fingerprint(c), chain_fingerprint(copy)) == 0);
	vouch_must(span_eq(chain_der(c), chain_der(copy)));
	chain_unref(&copy);
}

/* -- the verdict ---------------------------------------------------------------------------------- */

static bool
is_about_certificates(enum refusal why)
{
	return why == REFUSAL_revocation_unknown ||
	    strncmp(refusal_word(why), "certificate-", strlen("certificate-")) == 0;
}

static bool
judged(const struct chain *c, bool signed_here)
{
	X509 *x = chain_leaf(c);
	int64_t now_s = chain_not_before_s(c) + 60;
	struct judgement j;
	struct err e = { 0 };
	bool good = judge_chain(trust, c, "a.test", now_s, &j, &e);

	vouch_must(j.n_urls <= JUDGE_URLS_MAX);
	for (size_t i = 0; i < j.n_urls; i++)
		vouch_must(strlen(j.urls[i]) < JUDGE_URL_BYTES);
	if (!good) {
		vouch_must(is_about_certificates(e.why));
		vouch_must(signed_here || j.n_urls == 0);
		return false;
	}
	vouch_must(signed_here && chain_names(c, "a.test", &e));
	vouch_must(judge_form(x, true, &e) && judge_form_leaf(x, &e));
	vouch_must(j.until_s >= now_s && j.until_s <= chain_not_after_s(c));
	/* No CRL is here, so it must be one that can do without. */
	vouch_must(!judge_form_names_crl(x) && judge_form_lives_short(x));
	return true;
}

/* The leaf as it came, but issued and signed by the root.  NULL: it cannot be written anew. */
static struct chain *
vouched(const struct chain *c)
{
	X509 *x = X509_dup(chain_leaf(c));
	struct chain *out = NULL;

	if (x != NULL && X509_set_issuer_name(x, X509_get_subject_name(root->x)) == 1 &&
	    X509_sign(x, root->key, EVP_sha256()) > 0) {
		X509 *fresh = X509_dup(x); /* as a reader has it, without what x remembers */

		if (fresh != NULL)
			out = chain_new(fresh, chain_rest(c));
		X509_free(fresh);
	}
	X509_free(x);
	ERR_clear_error();
	return out;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct chain *c = NULL, *good;
	struct err e = { 0 };

	if (root == NULL)
		start();
	if (!chain_parse(span_of(data, n), &c, &e)) {
		vouch_must(e.why == REFUSAL_certificate_form);
		return 0;
	}
	names(c);
	again(c);
	judged(c, false);
	if ((good = vouched(c)) != NULL) {
		vouch_must(judged(good, true) == judged(good, true));
		chain_unref(&good);
	}
	chain_unref(&c);
	return 0;
}
