/* auth_plain — PLAIN (RFC 4616), the side that knows the keys; see auth.h. */
#include <openssl/crypto.h>

#include <stdlib.h>
#include <string.h>

#include "common/auth/auth_private.h"
#include "common/base/memory.h"

struct auth_plain {
	char name[AUTH_NAME_BYTES]; /* prepared; as the client gave it */
	char password[AUTH_PASSWORD_BYTES + 1];
	bool known;
	char user[AUTH_USER_BYTES];
	struct auth_keys keys;
};

/* Cuts *rest at its first NUL.  False: it has none. */
static bool
cut_at_nul(struct span *rest, struct span *out)
{
	const char *nul = rest->n == 0 ? NULL : memchr(rest->p, '\0', rest->n);

	if (nul == NULL)
		return false;
	*out = span_sub(*rest, 0, (size_t)(nul - rest->p));
	*rest = span_sub(*rest, out->n + 1, rest->n);
	return true;
}

/* As a SCRAM client prepares it. */
static bool
take_name(struct auth_plain *p, struct span name)
{
	char *prepared;
	struct err e;
	bool ok;

	if (!auth_prepare(name, &prepared, &e))
		return false;
	ok = span_copy(span_str(prepared), p->name, sizeof p->name);
	free(prepared);
	return ok;
}

/* The user's own name, or none (RFC 4616 2). */
static bool
is_own(struct span authzid, struct span authcid)
{
	return authzid.n == 0 || span_eq_nocase(authzid, authcid);
}

/* message = [authzid] NUL authcid NUL passwd */
static bool
parse(struct auth_plain *p, struct span message)
{
	struct span authzid, authcid, passwd = message;

	return cut_at_nul(&passwd, &authzid) && cut_at_nul(&passwd, &authcid) &&
	    (!RULE(auth_failed) || is_own(authzid, authcid)) && take_name(p, authcid) &&
	    passwd.n > 0 && memchr(passwd.p, '\0', passwd.n) == NULL &&
	    span_copy(passwd, p->password, sizeof p->password);
}

bool
auth_plain_new(struct auth *a, struct span message, struct auth_plain **out, struct err *e)
{
	struct auth_plain *p = memory_new(sizeof *p);
	struct buf raw = BUF_INIT;
	bool over, ok;

	ok = message.n <= AUTH_MESSAGE_BYTES && base64_parse(message, &raw) &&
	    parse(p, buf_span(&raw));
	if (raw.len > 0)
		OPENSSL_cleanse(raw.data, raw.len);
	buf_clear(&raw);
	if (!ok) {
		auth_plain_free(&p);
		(void)auth_failed(&over, e);
		return false;
	}
	p->known = auth_find(a, span_str(p->name), p->user, &p->keys);
	*out = p;
	return true;
}

bool
auth_plain_check(const struct auth_plain *p, struct err *e)
{
	bool fits = auth_password_fits(&p->keys, span_str(p->password)), over;

	if ((fits && p->known) || !RULE(auth_failed))
		return true;
	(void)auth_failed(&over, e);
	return false;
}

struct span
auth_plain_named(const struct auth_plain *p)
{
	return span_str(p->known ? p->user : p->name);
}

const char *
auth_plain_user(const struct auth_plain *p)
{
	return p->user;
}

const struct auth_keys *
auth_plain_keys(const struct auth_plain *p)
{
	return &p->keys;
}

void
auth_plain_free(struct auth_plain **p)
{
	if (*p == NULL)
		return;
	OPENSSL_cleanse(*p, sizeof **p);
	free(*p);
	*p = NULL;
}
