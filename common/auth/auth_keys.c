/* auth_keys — from a password to what is stored of it, and to what proves it; see auth.h. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <stdlib.h>
#include <string.h>

#include "common/auth/auth_salted_private.h"
#include "common/base/random.h"

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
