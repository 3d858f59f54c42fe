/* auth — SCRAM by libgsasl, both sides; see auth.h.  The keys are in auth_keys.c. */
#include "common/svc/auth.h"

#include <gsasl.h>

#include <openssl/crypto.h>

#include <stdlib.h>
#include <string.h>

#include "common/base/base64.h"
#include "common/svc/auth_salted.h"

#define NAME_BYTES	256

struct auth {
	Gsasl			*gsasl;
	const struct auth_ops	*ops;
	void			*arg;
};

struct auth_server {
	struct auth	*auth;
	Gsasl_session	*session;
	bool		 plus, looked, known, over;
	unsigned	 steps;
	char		 binding[BASE64_CHARS(AUTH_BINDING_BYTES) + 1];	/* "" : none */
	char		 user[NAME_BYTES];
	struct auth_keys keys;
};

struct auth_client {
	Gsasl			*gsasl;
	Gsasl_session		*session;
	const char		*mechanism;
	bool			 over;
	char			 binding[BASE64_CHARS(AUTH_BINDING_BYTES) + 1];
	char			*password;	/* prepared */
	struct auth_cache	*cache;
	struct err		 fault;		/* of a callback; why is 0: none */
};

/* libgsasl fails on these only when memory runs out. */
static void
need(bool ok)
{
	if (!ok)
		abort();
}

bool
auth_prepare(struct span password, char **out, struct err *e)
{
	char	 text[AUTH_PASSWORD_BYTES + 1];
	int	 rc;
	bool	 ok;

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
	return ok || err_set(e, REFUSAL_usage,
	    "the password holds what no password may (controls, or broken UTF-8)");
}

/* -- messages -------------------------------------------------------------------------------- */

/* "=" and "" are the empty message. */
static bool
message_in(struct span in, struct buf *raw)
{
	if (in.n > AUTH_MESSAGE_BYTES)
		return false;
	if (span_eq(in, SPAN_LIT("=")))
		return true;
	return base64_parse(in, raw) && memchr(raw->data != NULL ? raw->data : "", '\0', raw->len) ==
	    NULL;
}

static void
message_out(const char *raw, size_t n, struct buf *out)
{
	if (n == 0)
		buf_add(out, "=", 1);
	else
		base64_add(out, raw, n);
}

static bool
set_binding(char text[BASE64_CHARS(AUTH_BINDING_BYTES) + 1], struct span binding)
{
	struct buf	 b = BUF_INIT;
	bool		 ok = binding.n == 0 || binding.n == AUTH_BINDING_BYTES;

	if (ok) {
		base64_add(&b, binding.p, binding.n);
		ok = span_copy(buf_span(&b), text, BASE64_CHARS(AUTH_BINDING_BYTES) + 1);
	}
	buf_clear(&b);
	return ok;
}

/* -- server ---------------------------------------------------------------------------------- */

/* What an unknown name is shown and measured by; made for known names too, so that the work is the
 * same. */
static void
fake_keys(const struct auth *a, struct span name, struct auth_keys *k)
{
	unsigned char	 secret[AUTH_KEY_BYTES], salt[AUTH_KEY_BYTES];
	struct buf	 text = BUF_INIT;

	a->ops->secret(a->arg, secret);
	for (size_t i = 0; i < name.n; i++)
		buf_addf(&text, "%c", name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] | 0x20 :
		    name.p[i]);
	buf_add(&text, "\0s", 2);
	auth_hmac(secret, buf_span(&text), salt);
	memcpy(k->salt, salt, sizeof k->salt);
	text.data[text.len - 1] = 'k';
	auth_hmac(secret, buf_span(&text), k->stored);
	text.data[text.len - 1] = 'v';
	auth_hmac(secret, buf_span(&text), k->server);
	k->iterations = AUTH_ITERATIONS;
	OPENSSL_cleanse(secret, sizeof secret);
	buf_clear(&text);
}

static void
look_up(struct auth_server *s)
{
	const char		*name = gsasl_property_fast(s->session, GSASL_AUTHID);
	struct auth_keys	 found;

	s->looked = true;
	fake_keys(s->auth, span_str(name != NULL ? name : ""), &s->keys);
	s->known = name != NULL && s->auth->ops->find(s->auth->arg, span_str(name), s->user, &found);
	if (s->known)
		s->keys = found;
	OPENSSL_cleanse(&found, sizeof found);
}

static void
set_base64(Gsasl_session *session, Gsasl_property prop, const void *bytes, size_t n)
{
	struct buf	 b = BUF_INIT;

	base64_add(&b, bytes, n);
	need(gsasl_property_set_raw(session, prop, b.data, b.len) == GSASL_OK);
	OPENSSL_cleanse(b.data, b.len);
	buf_clear(&b);
}

static int
on_server_property(Gsasl *gsasl, Gsasl_session *session, Gsasl_property prop)
{
	struct auth_server	*s = gsasl_session_hook_get(session);
	struct buf		 number = BUF_INIT;

	(void)gsasl;
	if (prop == GSASL_CB_TLS_EXPORTER) {
		if (!s->plus)
			return GSASL_NO_CALLBACK;
		need(gsasl_property_set(session, prop, s->binding) == GSASL_OK);
		return GSASL_OK;
	}
	if (prop != GSASL_SCRAM_ITER && prop != GSASL_SCRAM_SALT && prop != GSASL_SCRAM_STOREDKEY &&
	    prop != GSASL_SCRAM_SERVERKEY)
		return GSASL_NO_CALLBACK;
	if (!s->looked)
		look_up(s);
	if (prop == GSASL_SCRAM_ITER) {
		buf_addf(&number, "%u", s->keys.iterations);
		need(gsasl_property_set_raw(session, prop, number.data, number.len) == GSASL_OK);
		buf_clear(&number);
	} else if (prop == GSASL_SCRAM_SALT) {
		set_base64(session, prop, s->keys.salt, sizeof s->keys.salt);
	} else if (prop == GSASL_SCRAM_STOREDKEY) {
		set_base64(session, prop, s->keys.stored, sizeof s->keys.stored);
	} else {
		set_base64(session, prop, s->keys.server, sizeof s->keys.server);
	}
	return GSASL_OK;
}

struct auth *
auth_new(const struct auth_ops *ops, void *arg)
{
	struct auth	*a = calloc(1, sizeof *a);

	need(a != NULL && gsasl_init(&a->gsasl) == GSASL_OK);
	gsasl_callback_set(a->gsasl, on_server_property);
	a->ops = ops;
	a->arg = arg;
	return a;
}

void
auth_free(struct auth **a)
{
	if (*a == NULL)
		return;
	gsasl_done((*a)->gsasl);
	free(*a);
	*a = NULL;
}

bool
auth_server_new(struct auth *a, struct span mechanism, struct span binding, struct auth_server **out,
    struct err *e)
{
	struct auth_server	*s;
	bool			 plus = span_eq_nocase(mechanism, SPAN_LIT(AUTH_PLUS));

	if (RULE(auth_mechanism) && !plus && !span_eq_nocase(mechanism, SPAN_LIT(AUTH_PLAIN_SCRAM)))
		return err_set(e, REFUSAL_auth_mechanism, "there is: " AUTH_MECHANISMS);
	if (RULE(auth_mechanism) && plus && binding.n != AUTH_BINDING_BYTES)
		return err_set(e, REFUSAL_auth_mechanism, "there is nothing to bind to");
	s = calloc(1, sizeof *s);
	need(s != NULL && set_binding(s->binding, binding));
	s->auth = a;
	s->plus = plus;
	if (gsasl_server_start(a->gsasl, plus ? AUTH_PLUS : AUTH_PLAIN_SCRAM, &s->session) !=
	    GSASL_OK) {
		free(s);
		return err_set(e, REFUSAL_auth_mechanism, "libgsasl lacks the mechanism");
	}
	gsasl_session_hook_set(s->session, s);
	*out = s;
	return true;
}

/* "y": the client could bind but was told, not by us, that we cannot. */
static bool
is_downgrade(const struct auth_server *s, struct span first)
{
	return !s->plus && s->binding[0] != '\0' && span_starts(first, SPAN_LIT("y"));
}

static bool
is_for_another(const struct auth_server *s)
{
	const char	*as = gsasl_property_fast(s->session, GSASL_AUTHZID);
	const char	*who = gsasl_property_fast(s->session, GSASL_AUTHID);

	return as != NULL && *as != '\0' && (who == NULL ||
	    !span_eq_nocase(span_str(as), span_str(who)));
}

static enum auth_result
failed(bool *over, struct err *e)
{
	*over = true;
	err_set(e, REFUSAL_auth_failed, "%s", refusal_sentence(REFUSAL_auth_failed));
	return AUTH_FAILED;
}

enum auth_result
auth_server_step(struct auth_server *s, struct span in, struct buf *out, struct err *e)
{
	struct buf	 raw = BUF_INIT;
	char		*answer = NULL;
	size_t		 n = 0;
	int		 rc = GSASL_AUTHENTICATION_ERROR;

	if (!s->over && message_in(in, &raw) &&
	    !(RULE(auth_failed) && s->steps++ == 0 && is_downgrade(s, buf_span(&raw))))
		rc = gsasl_step(s->session, raw.len > 0 ? raw.data : "", raw.len, &answer, &n);
	buf_clear(&raw);
	if (RULE(auth_failed) && rc == GSASL_OK && !s->known)
		rc = GSASL_AUTHENTICATION_ERROR;
	if (RULE(auth_failed) && (rc == GSASL_OK || rc == GSASL_NEEDS_MORE) && is_for_another(s))
		rc = GSASL_AUTHENTICATION_ERROR;
	if (rc == GSASL_OK || rc == GSASL_NEEDS_MORE)
		message_out(answer, n, out);
	free(answer);
	if (rc == GSASL_NEEDS_MORE)
		return AUTH_MORE;
	if (rc != GSASL_OK)
		return failed(&s->over, e);
	s->over = true;
	return AUTH_DONE;
}

const char *
auth_server_user(const struct auth_server *s)
{
	return s->user;
}

void
auth_server_free(struct auth_server **s)
{
	if (*s == NULL)
		return;
	gsasl_finish((*s)->session);
	OPENSSL_cleanse(*s, sizeof **s);
	free(*s);
	*s = NULL;
}

/* -- client ---------------------------------------------------------------------------------- */

/* The salt and the count are the server's word: a small count would make the proof cheap to guess
 * from, a large one would have us toil for ever. */
static bool
server_terms(struct auth_client *c, struct buf *salt, uint64_t *iterations)
{
	const char	*s = gsasl_property_fast(c->session, GSASL_SCRAM_SALT);
	const char	*i = gsasl_property_fast(c->session, GSASL_SCRAM_ITER);

	if (s == NULL || i == NULL || !base64_parse(span_str(s), salt) || salt->len == 0 ||
	    salt->len > sizeof c->cache->salt || !span_u64(span_str(i), iterations))
		return err_set(&c->fault, REFUSAL_bad_reply, "the server's salt is not of its form");
	if (*iterations < AUTH_ITERATIONS_MIN || *iterations > AUTH_ITERATIONS_MAX)
		return err_set(&c->fault, REFUSAL_bad_reply, "the server wants %llu rounds of hashing; "
		    "%d to %d are taken", (unsigned long long)*iterations, AUTH_ITERATIONS_MIN,
		    AUTH_ITERATIONS_MAX);
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
	struct buf	 salt = BUF_INIT;
	uint64_t	 iterations = 0;
	bool		 ok = server_terms(c, &salt, &iterations);

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
	static const char	 hex[] = "0123456789abcdef";
	struct auth_client	*c = gsasl_session_hook_get(session);
	unsigned char		 salted[AUTH_KEY_BYTES];
	char			 text[2 * AUTH_KEY_BYTES];

	(void)gsasl;
	if (prop == GSASL_CB_TLS_EXPORTER && c->binding[0] != '\0') {
		need(gsasl_property_set(session, prop, c->binding) == GSASL_OK);
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
	need(gsasl_property_set_raw(session, prop, text, sizeof text) == GSASL_OK);
	OPENSSL_cleanse(salted, sizeof salted);
	OPENSSL_cleanse(text, sizeof text);
	return GSASL_OK;
}

bool
auth_client_new(struct span user, struct span password, struct span binding,
    struct auth_cache *cache, struct auth_client **out, struct err *e)
{
	struct auth_client	*c;
	char			 name[NAME_BYTES], *prepared;

	if (!span_copy(user, name, sizeof name) || *name == '\0')
		return err_set(e, REFUSAL_bad_address, "%s", refusal_sentence(REFUSAL_bad_address));
	if (!auth_prepare(password, &prepared, e))
		return false;
	c = calloc(1, sizeof *c);
	need(c != NULL && set_binding(c->binding, binding) && gsasl_init(&c->gsasl) == GSASL_OK);
	c->password = prepared;
	c->cache = cache;
	c->mechanism = binding.n > 0 ? AUTH_PLUS : AUTH_PLAIN_SCRAM;
	gsasl_callback_set(c->gsasl, on_client_property);
	need(gsasl_client_start(c->gsasl, c->mechanism, &c->session) == GSASL_OK);
	gsasl_session_hook_set(c->session, c);
	need(gsasl_property_set(c->session, GSASL_AUTHID, name) == GSASL_OK);
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
	struct buf	 raw = BUF_INIT;
	char		*answer = NULL;
	size_t		 n = 0;
	int		 rc = GSASL_AUTHENTICATION_ERROR;

	if (!c->over && message_in(in, &raw))
		rc = gsasl_step(c->session, raw.len > 0 ? raw.data : "", raw.len, &answer, &n);
	buf_clear(&raw);
	if (rc == GSASL_NEEDS_MORE)
		message_out(answer, n, out);
	free(answer);
	if (rc == GSASL_NEEDS_MORE)
		return AUTH_MORE;
	c->over = true;
	if (rc == GSASL_OK)
		return AUTH_DONE;
	if (c->fault.why == REFUSAL_NONE)
		return failed(&c->over, e);
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
