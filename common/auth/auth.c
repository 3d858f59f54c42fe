/* auth — what both sides of SCRAM have in common; see auth.h.  The keys are in auth_keys.c. */
#include <openssl/crypto.h>

#include <stdlib.h>
#include <string.h>

#include "common/auth/auth_private.h"
#include "common/auth/auth_salted_private.h"

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
