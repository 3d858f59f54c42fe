/* auth — keys of passwords, and messages as both sides write them; see auth.h.  The sides are in
 * auth_server.c and auth_client.c. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <stdlib.h>
#include <string.h>

#include "common/auth/auth_private.h"
#include "common/base/random.h"

void
auth_need(bool ok)
{
	if (!ok)
		abort();
}

bool
auth_prepare(struct span password, char **out, struct err *e)
{
	char text[AUTH_PASSWORD_BYTES + 1];
	int rc;
	bool ok;

	if (password.n == 0)
		return err_set(e, REFUSAL_usage, "the password is empty");
	if (password.n > AUTH_PASSWORD_BYTES)
		return err_set(e, REFUSAL_usage, "the password is longer than %d octets",
		    AUTH_PASSWORD_BYTES);
	ok = span_copy(password, text, sizeof text) &&
	    gsasl_saslprep(text, GSASL_ALLOW_UNASSIGNED, out, &rc) == GSASL_OK;
	OPENSSL_cleanse(text, sizeof text);
	if (ok && **out == '\0') {
		free(*out);
		ok = false;
	}
	return ok ||
	    err_set(e, REFUSAL_usage,
		"the password holds what no password may (controls, or broken UTF-8)");
}

/* -- messages -------------------------------------------------------------------------------- */

bool
auth_message_in(struct span in, struct buf *raw)
{
	if (in.n > AUTH_MESSAGE_BYTES)
		return false;
	if (span_eq(in, SPAN_LIT("=")))
		return true;
	return base64_parse(in, raw) &&
	    memchr(raw->data != NULL ? raw->data : "", '\0', raw->len) == NULL;
}

void
auth_message_out(const char *raw, size_t n, struct buf *out)
{
	if (n == 0)
		buf_add(out, "=", 1);
	else
		base64_add(out, raw, n);
}

bool
auth_set_binding(char text[AUTH_BINDING_TEXT], struct span binding)
{
	struct buf b = BUF_INIT;
	bool ok = binding.n == 0 || binding.n == AUTH_BINDING_BYTES;

	if (ok) {
		base64_add(&b, binding.p, binding.n);
		ok = span_copy(buf_span(&b), text, AUTH_BINDING_TEXT);
	}
	buf_clear(&b);
	return ok;
}

enum auth_result
auth_failed(bool *over, struct err *e)
{
	*over = true;
	err_set(e, REFUSAL_auth_failed, "%s", refusal_sentence(REFUSAL_auth_failed));
	return AUTH_FAILED;
}

/* -- from a password to what is stored of it, and to what proves it ------------------------------ */

void
auth_hmac(const unsigned char key[AUTH_KEY_BYTES], struct span text,
    unsigned char out[AUTH_KEY_BYTES])
{
	unsigned int n = 0;

	if (HMAC(EVP_sha256(), key, AUTH_KEY_BYTES, (const unsigned char *)text.p, text.n, out,
		&n) == NULL ||
	    n != AUTH_KEY_BYTES)
		abort(); /* out of memory */
}

bool
auth_salted(struct span prepared, const unsigned char *salt, size_t salt_bytes, uint32_t iterations,
    unsigned char out[AUTH_KEY_BYTES])
{
	return prepared.n <= AUTH_PREPARED_BYTES && iterations <= AUTH_ITERATIONS_MAX &&
	    PKCS5_PBKDF2_HMAC(prepared.p, (int)prepared.n, salt, (int)salt_bytes, (int)iterations,
		EVP_sha256(), AUTH_KEY_BYTES, out) == 1;
}

bool
auth_keys_derive(struct auth_keys *k, struct span password, struct err *e)
{
	unsigned char salted[AUTH_KEY_BYTES], client[AUTH_KEY_BYTES];
	char *prepared;
	bool ok;

	if (!auth_prepare(password, &prepared, e))
		return false;
	ok = auth_salted(span_str(prepared), k->salt, sizeof k->salt, k->iterations, salted);
	OPENSSL_cleanse(prepared, strlen(prepared));
	free(prepared);
	if (!ok)
		return err_set(e, REFUSAL_internal, "PBKDF2 failed");
	auth_hmac(salted, SPAN_LIT("Client Key"), client);
	SHA256(client, sizeof client, k->stored);
	auth_hmac(salted, SPAN_LIT("Server Key"), k->server);
	OPENSSL_cleanse(salted, sizeof salted);
	OPENSSL_cleanse(client, sizeof client);
	return true;
}

bool
auth_keys_make(struct auth_keys *k, struct span password, struct err *e)
{
	random_bytes(k->salt, sizeof k->salt);
	k->iterations = AUTH_ITERATIONS;
	return auth_keys_derive(k, password, e);
}

bool
auth_password_fits(const struct auth_keys *k, struct span password)
{
	struct auth_keys tried = *k;
	struct err e;
	bool fits;

	fits = auth_keys_derive(&tried, password, &e) &&
	    CRYPTO_memcmp(tried.stored, k->stored, sizeof tried.stored) == 0;
	OPENSSL_cleanse(&tried, sizeof tried);
	return fits;
}

int64_t
auth_penalty_ms(unsigned failures)
{
	int64_t ms = failures == 0 ? 0 : 1000;

	while (failures-- > 1 && ms < 30000)
		ms *= 2;
	return ms < 30000 ? ms : 30000;
}
