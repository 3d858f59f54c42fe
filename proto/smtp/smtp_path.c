/* smtp_path — paths of RFC 5321; see smtp_path.h. */
#include "proto/smtp/smtp_path.h"

#include <string.h>

#include "common/base/utf8.h"

static bool
bad_path(struct err *e, const char *what)
{
	return err_set(e, REFUSAL_bad_address, "%s", what);
}

/* -- local parts ---------------------------------------------------------------------------------- */

/* One character of a quoted string, the backslash before it included; 0: none, or its end. */
static size_t
quoted_character(struct span s)
{
	size_t n = utf8_printable(s);

	if (n == 1 && s.p[0] == '"')
		return 0;
	if (n == 1 && s.p[0] == '\\')
		return s.n > 1 && s.p[1] >= 0x20 && s.p[1] < 0x7f ? 2 : 0;
	return n;
}

/* Length of the quoted string that `s` begins with; 0: it does not end, or has what it may not have. */
static size_t
quoted_string(struct span s)
{
	size_t i = 1, n;

	while ((n = quoted_character(span_sub(s, i, s.n))) > 0)
		i += n;
	return i < s.n && s.p[i] == '"' ? i + 1 : 0;
}

/* What the quoted string means: its octets without the backslashes. */
static size_t
unquote(struct span quoted, char out[ADDRESS_MAX])
{
	size_t len = 0;

	for (size_t i = 1; i + 1 < quoted.n; i++) {
		i += quoted.p[i] == '\\';
		out[len++] = quoted.p[i];
	}
	return len;
}

static bool
cut_local(struct span *rest, struct span *local, struct err *e)
{
	const char *end;

	if (rest->n > 0 && rest->p[0] == '"') {
		*local = span_sub(*rest, 0, quoted_string(*rest));
		if (RULE(bad_address) && local->n == 0)
			return bad_path(e,
			    "the quoted local part has no end, or a control character");
	} else {
		end = rest->n > 0 ? memchr(rest->p, '@', rest->n) : NULL;
		*local = span_sub(*rest, 0, end == NULL ? 0 : (size_t)(end - rest->p));
		if (RULE(bad_address) && !address_is_dot_string(*local))
			return bad_path(e, "the address has no local part of words and dots");
	}
	*rest = span_sub(*rest, local->n, rest->n);
	if (RULE(bad_address) && (rest->n == 0 || rest->p[0] != '@'))
		return bad_path(e, "the address has no @ after its local part");
	*rest = span_sub(*rest, 1, rest->n);
	return true;
}

/* -- domains -------------------------------------------------------------------------------------- */

/* A domain up to the first of `ends`, which stays in *rest. */
static bool
cut_domain(struct span *rest, const char *ends, struct span *domain, struct err *e)
{
	size_t n = 0;

	while (n < rest->n && strchr(ends, rest->p[n]) == NULL)
		n++;
	*domain = span_sub(*rest, 0, n);
	*rest = span_sub(*rest, n, rest->n);
	return domain_check(*domain, e);
}

/* "@a.test,@b.test:" means nothing since 1989, and must be read all the same. */
static bool
skip_route(struct span *rest, struct err *e)
{
	size_t before = rest->n;
	struct span domain;
	bool more = rest->n > 0 && rest->p[0] == '@';

	if (!more)
		return true;
	while (more) {
		*rest = span_sub(*rest, 1, rest->n);
		if (!cut_domain(rest, ",:>", &domain, e))
			return false;
		more = rest->n > 1 && rest->p[0] == ',' && rest->p[1] == '@';
		if (more)
			*rest = span_sub(*rest, 1, rest->n);
	}
	if (RULE(bad_address) &&
	    (rest->n == 0 || rest->p[0] != ':' || before - rest->n > SMTP_ROUTE_MAX))
		return bad_path(e, "the source route has no end");
	*rest = span_sub(*rest, 1, rest->n);
	return true;
}

/* -- paths ---------------------------------------------------------------------------------------- */

/* What follows "<", up to and with ">". */
static bool
cut_mailbox(struct span *rest, struct smtp_path *path, struct err *e)
{
	path->kind = SMTP_PATH_MAILBOX;
	if (!skip_route(rest, e) || !cut_local(rest, &path->local, e) ||
	    !cut_domain(rest, "> ", &path->domain, e))
		return false;
	if (RULE(bad_address) && (rest->n == 0 || rest->p[0] != '>'))
		return bad_path(e, "the address is not in < >");
	if (RULE(bad_address) && path->local.n + 1 + path->domain.n > ADDRESS_MAX)
		return err_set(e, REFUSAL_bad_address, "the address is longer than %d octets",
		    ADDRESS_MAX);
	*rest = span_sub(*rest, 1, rest->n);
	return true;
}

/* `lone` is what may be there in place of a mailbox. */
static bool
cut_path(struct span *rest, struct span lone, enum smtp_path_kind kind, struct smtp_path *path,
    struct err *e)
{
	struct span in = *rest;

	*path = (struct smtp_path) { .kind = kind };
	if (span_eq_nocase(span_sub(in, 0, lone.n), lone)) {
		*rest = span_sub(in, lone.n, in.n);
		return true;
	}
	if (RULE(bad_address) && (in.n == 0 || in.p[0] != '<'))
		return bad_path(e, "the address is not in < >");
	in = span_sub(in, 1, in.n);
	if (!cut_mailbox(&in, path, e))
		return false;
	*rest = in;
	return true;
}

bool
smtp_path_reverse(struct span *rest, struct smtp_path *path, struct err *e)
{
	return cut_path(rest, SPAN_LIT("<>"), SMTP_PATH_NULL, path, e);
}

bool
smtp_path_forward(struct span *rest, struct smtp_path *path, struct err *e)
{
	return cut_path(rest, SPAN_LIT("<Postmaster>"), SMTP_PATH_POSTMASTER, path, e);
}

/* -- canonical ------------------------------------------------------------------------------------ */

/* Puts the octets between quotes, with a backslash only where one must be; 0: longer than `room`. */
static size_t
quote(struct span plain, char *out, size_t room)
{
	size_t len = 0;

	if (room < 2)
		return 0;
	out[len++] = '"';
	for (size_t i = 0; i < plain.n; i++) {
		bool pair = plain.p[i] == '"' || plain.p[i] == '\\';

		if (len + pair + 2 > room)
			return 0;
		if (pair)
			out[len++] = '\\';
		out[len++] = plain.p[i];
	}
	out[len++] = '"';
	return len;
}

static size_t
canonical_local(struct span local, char out[ADDRESS_MAX])
{
	char plain[ADDRESS_MAX];
	size_t n;

	if (local.n == 0 || local.n > ADDRESS_MAX)
		return 0;
	if (local.p[0] != '"') {
		memcpy(out, local.p, local.n);
		return local.n;
	}
	n = unquote(local, plain);
	if (!address_is_dot_string(span_of(plain, n)))
		return quote(span_of(plain, n), out, ADDRESS_MAX);
	memcpy(out, plain, n);
	return n;
}

bool
smtp_path_canonical(const struct smtp_path *path, domain_a_label_fn *a_label,
    char out[ADDRESS_STR_BYTES], struct err *e)
{
	struct domain domain;
	char local[ADDRESS_MAX];
	size_t n, m;

	out[0] = '\0';
	if (path->kind != SMTP_PATH_MAILBOX)
		return true;
	if (!domain_parse(path->domain, a_label, &domain, e))
		return false;
	n = canonical_local(path->local, local);
	m = domain_span(&domain).n;
	if (n == 0 || n + 1 + m > ADDRESS_MAX)
		return err_set(e, REFUSAL_bad_address, "the address is longer than %d octets",
		    ADDRESS_MAX);
	memcpy(out, local, n);
	out[n] = '@';
	memcpy(out + n + 1, domain.text, m + 1);
	return true;
}

bool
smtp_path_is_utf8(const struct smtp_path *path)
{
	return !span_is_ascii(path->local) || !span_is_ascii(path->domain);
}
