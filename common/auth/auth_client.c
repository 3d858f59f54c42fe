/* auth_client — SCRAM by libgsasl, the side that knows the password; see auth.h. */
#include <openssl/crypto.h>

#include <stdlib.h>
#include <string.h>

#include "common/auth/auth_private.h"
#include "common/base/memory.h"

struct auth_client {
	Gsasl *gsasl;
	Gsasl_session *session;
	const char *mechanism;
	bool over;
	char binding[AUTH_BINDING_TEXT];
	char *password; /* prepared */
	struct auth_cache *cache;
	struct err fault; /* of a callback; why is 0: none */
};

/* The server chooses the salt and the count.  A small count would make guessing from the proof cheap; a
 * large one would keep us busy for ever. */
static bool
server_terms(struct auth_client *c, struct buf *salt, uint64_t *iterations)
{
	const char *s = gsasl_property_fast(c->session, GSASL_SCRAM_SALT);
	const char *i = gsasl_property_fast(c->session, GSASL_SCRAM_ITER);

	if (s == NULL || i == NULL || !base64_parse(span_str(s), salt) || salt->len == 0 ||
	    salt->len > sizeof c->cache->salt || !span_u64(span_str(i), iterations))
		return err_set(&c->fault, REFUSAL_bad_reply, "the server's salt is malformed");
	if (*iterations < AUTH_ITERATIONS_MIN || *iterations > AUTH_ITERATIONS_MAX)
		return err_set(&c->fault, REFUSAL_bad_reply,
		    "the server wants %llu rounds of hashing; "
		    "%d to %d are taken",
		    (unsigned long long)*iterations, AUTH_ITERATIONS_MIN, AUTH_ITERATIONS_MAX);
	return true;
}

static bool
cache_fits(const struct auth_cache *k, struct span salt, uint64_t iterations)
{
	return k != NULL && k->full && k->iterations == iterations &&
	    span_eq(span_of(k->salt, k->salt_bytes), salt);
}

static bool
salted_password(struct auth_client *c, unsigned char salted[AUTH_KEY_BYTES])
{
	struct buf salt = BUF_INIT;
	uint64_t iterations = 0;
	bool ok = server_terms(c, &salt, &iterations);

	if (ok && cache_fits(c->cache, buf_span(&salt), iterations)) {
		memcpy(salted, c->cache->salted, AUTH_KEY_BYTES);
	} else if (ok) {
		ok = auth_salted(span_str(c->password), (unsigned char *)salt.data, salt.len,
		    (uint32_t)iterations, salted);
		if (ok && c->cache != NULL) {
			memcpy(c->cache->salt, salt.data, salt.len);
			memcpy(c->cache->salted, salted, AUTH_KEY_BYTES);
			c->cache->salt_bytes = salt.len;
			c->cache->iterations = (uint32_t)iterations;
			c->cache->full = true;
		}
	}
	buf_clear(&salt);
	return ok;
}

static int
on_client_property(Gsasl *gsasl, Gsasl_session *session, Gsasl_property prop)
{
	static const char hex[] = "0123456789abcdef";
	struct auth_client *c = gsasl_session_hook_get(session);
	unsigned char salted[AUTH_KEY_BYTES];
	char text[2 * AUTH_KEY_BYTES];

	(void)gsasl;
	if (prop == GSASL_CB_TLS_EXPORTER && c->binding[0] != '\0') {
		auth_need(gsasl_property_set(session, prop, c->binding) == GSASL_OK);
		return GSASL_OK;
	}
	if (prop != GSASL_SCRAM_SALTED_PASSWORD)
		return GSASL_NO_CALLBACK;
	if (!salted_password(c, salted))
		return GSASL_AUTHENTICATION_ERROR;
	for (size_t i = 0; i < sizeof salted; i++) {
		text[2 * i] = hex[salted[i] >> 4];
		text[2 * i + 1] = hex[salted[i] & 15];
	}
	auth_need(gsasl_property_set_raw(session, prop, text, sizeof text) == GSASL_OK);
	OPENSSL_cleanse(salted, sizeof salted);
	OPENSSL_cleanse(text, sizeof text);
	return GSASL_OK;
}

bool
auth_client_new(struct span user, struct span password, struct span binding,
    struct auth_cache *cache, struct auth_client **out, struct err *e)
{
	struct auth_client *c;
	char name[AUTH_NAME_BYTES], *prepared;

	if (!span_copy(user, name, sizeof name) || *name == '\0')
		return err_set(e, REFUSAL_bad_address, "%s", refusal_sentence(REFUSAL_bad_address));
	if (!auth_prepare(password, &prepared, e))
		return false;
	c = memory_new(sizeof *c);
	auth_need(auth_set_binding(c->binding, binding) && gsasl_init(&c->gsasl) == GSASL_OK);
	c->password = prepared;
	c->cache = cache;
	c->mechanism = binding.n > 0 ? AUTH_PLUS : AUTH_PLAIN_SCRAM;
	gsasl_callback_set(c->gsasl, on_client_property);
	auth_need(gsasl_client_start(c->gsasl, c->mechanism, &c->session) == GSASL_OK);
	gsasl_session_hook_set(c->session, c);
	auth_need(gsasl_property_set(c->session, GSASL_AUTHID, name) == GSASL_OK);
	*out = c;
	return true;
}

const char *
auth_client_mechanism(const struct auth_client *c)
{
	return c->mechanism;
}

enum auth_result
auth_client_step(struct auth_client *c, struct span in, struct buf *out, struct err *e)
{
	struct buf raw = BUF_INIT;
	char *answer = NULL;
	size_t n = 0;
	int rc = GSASL_AUTHENTICATION_ERROR;

	if (!c->over && auth_message_in(in, &raw))
		rc = gsasl_step(c->session, raw.len > 0 ? raw.data : "", raw.len, &answer, &n);
	buf_clear(&raw);
	if (rc == GSASL_NEEDS_MORE)
		auth_message_out(answer, n, out);
	free(answer);
	if (rc == GSASL_NEEDS_MORE)
		return AUTH_MORE;
	c->over = true;
	if (rc == GSASL_OK)
		return AUTH_DONE;
	if (c->fault.why == REFUSAL_NONE)
		return auth_failed(&c->over, e);
	*e = c->fault;
	return AUTH_FAILED;
}

void
auth_client_free(struct auth_client **c)
{
	if (*c == NULL)
		return;
	gsasl_finish((*c)->session);
	gsasl_done((*c)->gsasl);
	OPENSSL_cleanse((*c)->password, strlen((*c)->password));
	free((*c)->password);
	free(*c);
	*c = NULL;
}
