/* auth_server — SCRAM by libgsasl, the side that knows the keys; see auth.h. */
#include <openssl/crypto.h>

#include <stdlib.h>
#include <string.h>

#include "common/auth/auth_private.h"
#include "common/base/memory.h"

struct auth {
	Gsasl *gsasl;
	const struct auth_ops *ops;
	void *arg;
};

struct auth_server {
	struct auth *auth;
	Gsasl_session *session;
	bool plus, looked, known, over;
	unsigned steps;
	char binding[AUTH_BINDING_TEXT]; /* "" : none */
	char user[AUTH_USER_BYTES];
	struct auth_keys keys;
};

/* The keys of an unknown name.  They are computed for known names too, so that the work is the same. */
static void
fake_keys(const struct auth *a, struct span name, struct auth_keys *k)
{
	unsigned char secret[AUTH_KEY_BYTES], salt[AUTH_KEY_BYTES];
	struct buf text = BUF_INIT;

	a->ops->secret(a->arg, secret);
	for (size_t i = 0; i < name.n; i++)
		buf_addf(&text, "%c",
		    name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] | 0x20 : name.p[i]);
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

bool
auth_find(const struct auth *a, struct span name, char user[AUTH_USER_BYTES],
    struct auth_keys *keys)
{
	struct auth_keys found;
	bool known;

	fake_keys(a, name, keys);
	known = name.n > 0 && a->ops->find(a->arg, name, user, &found);
	if (known)
		*keys = found;
	OPENSSL_cleanse(&found, sizeof found);
	return known;
}

static void
look_up(struct auth_server *s)
{
	const char *name = gsasl_property_fast(s->session, GSASL_AUTHID);

	s->looked = true;
	s->known = auth_find(s->auth, span_str(name != NULL ? name : ""), s->user, &s->keys);
}

static void
set_base64(Gsasl_session *session, Gsasl_property prop, const void *bytes, size_t n)
{
	struct buf b = BUF_INIT;

	base64_add(&b, bytes, n);
	auth_need(gsasl_property_set_raw(session, prop, b.data, b.len) == GSASL_OK);
	OPENSSL_cleanse(b.data, b.len);
	buf_clear(&b);
}

static int
on_server_property(Gsasl *gsasl, Gsasl_session *session, Gsasl_property prop)
{
	struct auth_server *s = gsasl_session_hook_get(session);
	struct buf number = BUF_INIT;

	(void)gsasl;
	if (prop == GSASL_CB_TLS_EXPORTER) {
		if (!s->plus)
			return GSASL_NO_CALLBACK;
		auth_need(gsasl_property_set(session, prop, s->binding) == GSASL_OK);
		return GSASL_OK;
	}
	if (prop != GSASL_SCRAM_ITER && prop != GSASL_SCRAM_SALT && prop != GSASL_SCRAM_STOREDKEY &&
	    prop != GSASL_SCRAM_SERVERKEY)
		return GSASL_NO_CALLBACK;
	if (!s->looked)
		look_up(s);
	if (prop == GSASL_SCRAM_ITER) {
		buf_addf(&number, "%u", s->keys.iterations);
		auth_need(
		    gsasl_property_set_raw(session, prop, number.data, number.len) == GSASL_OK);
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
	struct auth *a = memory_new(sizeof *a);

	auth_need(gsasl_init(&a->gsasl) == GSASL_OK);
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
auth_server_new(struct auth *a, struct span mechanism, struct span binding,
    struct auth_server **out, struct err *e)
{
	struct auth_server *s;
	bool plus = span_eq_nocase(mechanism, SPAN_LIT(AUTH_PLUS));

	if (RULE(auth_mechanism) && !plus && !span_eq_nocase(mechanism, SPAN_LIT(AUTH_PLAIN_SCRAM)))
		return err_set(e, REFUSAL_auth_mechanism, "there is: " AUTH_MECHANISMS);
	if (RULE(auth_mechanism) && plus && binding.n != AUTH_BINDING_BYTES)
		return err_set(e, REFUSAL_auth_mechanism, "there is nothing to bind to");
	s = memory_new(sizeof *s);
	auth_need(auth_set_binding(s->binding, binding));
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

/* "y": the client could bind, but somebody other than us told it that we cannot. */
static bool
is_downgrade(const struct auth_server *s, struct span first)
{
	return !s->plus && s->binding[0] != '\0' && span_starts(first, SPAN_LIT("y"));
}

static bool
is_for_another(const struct auth_server *s)
{
	const char *as = gsasl_property_fast(s->session, GSASL_AUTHZID);
	const char *who = gsasl_property_fast(s->session, GSASL_AUTHID);

	return as != NULL && *as != '\0' &&
	    (who == NULL || !span_eq_nocase(span_str(as), span_str(who)));
}

enum auth_result
auth_server_step(struct auth_server *s, struct span in, struct buf *out, struct err *e)
{
	struct buf raw = BUF_INIT;
	char *answer = NULL;
	size_t n = 0;
	int rc = GSASL_AUTHENTICATION_ERROR;

	if (!s->over && auth_message_in(in, &raw) &&
	    !(RULE(auth_failed) && s->steps++ == 0 && is_downgrade(s, buf_span(&raw))))
		rc = gsasl_step(s->session, raw.len > 0 ? raw.data : "", raw.len, &answer, &n);
	buf_clear(&raw);
	if (RULE(auth_failed) && rc == GSASL_OK && !s->known)
		rc = GSASL_AUTHENTICATION_ERROR;
	if (RULE(auth_failed) && (rc == GSASL_OK || rc == GSASL_NEEDS_MORE) && is_for_another(s))
		rc = GSASL_AUTHENTICATION_ERROR;
	if (rc == GSASL_OK || rc == GSASL_NEEDS_MORE)
		auth_message_out(answer, n, out);
	free(answer);
	if (rc == GSASL_NEEDS_MORE)
		return AUTH_MORE;
	if (rc != GSASL_OK)
		return auth_failed(&s->over, e);
	s->over = true;
	return AUTH_DONE;
}

const char *
auth_server_user(const struct auth_server *s)
{
	return s->user;
}

bool
auth_server_proves(const struct auth_server *s)
{
	return s->looked && !s->over;
}

struct span
auth_server_named(const struct auth_server *s)
{
	const char *name = gsasl_property_fast(s->session, GSASL_AUTHID);

	return span_str(s->known ? s->user : name != NULL ? name : "");
}

const struct auth_keys *
auth_server_keys(const struct auth_server *s)
{
	return &s->keys;
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
