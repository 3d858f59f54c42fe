/* http_tls — the certificate of an https server: libcurl's own check is replaced by ours.
 *
 * No file of CAs is read.  libcurl still compares the host's name after us; it can only refuse more.
 */
#include <stdlib.h>

#include <openssl/ssl.h>

#include "common/base/clock.h"
#include "common/http/http_transfer_private.h"
#include "common/pki/judge.h"

/* On the thread, once for each handshake. */
static int
on_certificate(X509_STORE_CTX *ctx, void *arg)
{
	struct http_transfer *t = arg;
	struct chain *c = chain_new(X509_STORE_CTX_get0_cert(ctx),
	    X509_STORE_CTX_get0_untrusted(ctx));
	struct judgement j;
	bool good = judge_chain_by(t->trust.trust, c, &(struct judge_rules) { .host = t->host },
	    clock_wall_ms() / 1000, &j, &t->why);

	if (!good && t->why.why == REFUSAL_revocation_unknown && t->trust.on_unknown != NULL &&
	    !atomic_load(&t->abandoned))
		t->trust.on_unknown(t->trust.arg, c, &j);
	chain_unref(&c);
	X509_STORE_CTX_set_error(ctx, good ? X509_V_OK : X509_V_ERR_APPLICATION_VERIFICATION);
	return good;
}

static CURLcode
on_context(CURL *easy, void *context, void *arg)
{
	(void)easy;
	SSL_CTX_set_cert_verify_callback(context, on_certificate, arg);
	return CURLE_OK;
}

static void
must(CURLcode r)
{
	if (r != CURLE_OK)
		abort();
}

void
http_tls_set(struct http_transfer *t, const struct http_trust *trust)
{
	CURL *c = t->easy;

	t->trust = *trust;
	trust_ref(t->trust.trust);
	must(curl_easy_setopt(c, CURLOPT_CAINFO, NULL));
	must(curl_easy_setopt(c, CURLOPT_CAPATH, NULL));
	must(curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L));
	must(curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L));
	must(curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2));
	must(curl_easy_setopt(c, CURLOPT_SSL_SESSIONID_CACHE, 0L));
	must(curl_easy_setopt(c, CURLOPT_SSL_CTX_FUNCTION, on_context));
	must(curl_easy_setopt(c, CURLOPT_SSL_CTX_DATA, t));
}

void
http_tls_clear(struct http_transfer *t)
{
	trust_unref(&t->trust.trust);
}
