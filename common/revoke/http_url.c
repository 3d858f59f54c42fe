/* http_url — see http_url.h. */
#include "common/revoke/http_url.h"

#include <stdio.h>
#include <string.h>

#define SCHEME SPAN_LIT("http://")

static bool
printable(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x21 || s.p[i] > 0x7e)
			return false;
	return s.n <= HTTP_URL_MAX;
}

static bool
copy_host(struct span host, const char *allowed, struct http_url *out)
{
	if (host.n == 0 || !span_copy(host, out->host, sizeof out->host))
		return false;
	for (char *p = out->host; *p != '\0'; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
		if (strchr(allowed, *p) == NULL)
			return false;
	}
	return true;
}

/* authority = host [ ":" port ]; *port: what follows the colon, or empty */
static bool
parse_host(struct span authority, struct http_url *out, struct span *port)
{
	struct span rest = authority, host;

	*port = span_sub(authority, authority.n, 0);
	if (!span_starts(authority, SPAN_LIT("["))) {
		host = span_cut(&rest, ':');
		*port = rest;
		return copy_host(host, "abcdefghijklmnopqrstuvwxyz0123456789-_.", out);
	}
	host = span_cut(&rest, ']');
	if (host.n == authority.n || (rest.n > 0 && rest.p[0] != ':'))
		return false;
	*port = span_sub(rest, 1, rest.n);
	return copy_host(span_sub(host, 1, host.n), "0123456789abcdef:.", out);
}

static bool
parse_port(struct span text, uint16_t *out, struct err *e)
{
	uint64_t n = 80;

	if (text.n > 0 && (!span_u64(text, &n) || n == 0 || n > 65535))
		return err_set(e, REFUSAL_bad_syntax, "no port in the URL");
	if (RULE(bad_port) && n < 1024 && n != 80 && n != 443)
		return err_set(e, REFUSAL_bad_port, "the URL leads to port %u", (unsigned)n);
	*out = (uint16_t)n;
	return true;
}

static size_t
until(struct span s, const char *ends)
{
	size_t n = 0;

	while (n < s.n && strchr(ends, s.p[n]) == NULL)
		n++;
	return n;
}

static void
set_target(struct http_url *u, struct span rest)
{
	struct span target = span_sub(rest, 0, until(rest, "#"));
	bool slash = target.n > 0 && target.p[0] == '/';

	snprintf(u->target, sizeof u->target, "%s%.*s", slash ? "" : "/", SPAN_FMT(target));
}

bool
http_url_parse(struct span text, struct http_url *out, struct err *e)
{
	struct span rest = span_sub(text, SCHEME.n, text.n), authority, port;

	memset(out, 0, sizeof *out);
	if (!printable(text) || !span_eq_nocase(span_sub(text, 0, SCHEME.n), SCHEME))
		return err_set(e, REFUSAL_bad_syntax, "no http URL");
	authority = span_sub(rest, 0, until(rest, "/?#"));
	if (!parse_host(authority, out, &port) ||
	    !span_copy(authority, out->authority, sizeof out->authority))
		return err_set(e, REFUSAL_bad_syntax, "no host in the URL");
	set_target(out, span_sub(rest, authority.n, rest.n));
	return parse_port(port, &out->port, e);
}

bool
http_url_follow(const struct http_url *from, struct span location, struct http_url *out,
    struct err *e)
{
	if (!span_starts(location, SPAN_LIT("/")) || span_starts(location, SPAN_LIT("//")))
		return http_url_parse(location, out, e);
	if (!printable(location))
		return err_set(e, REFUSAL_bad_syntax, "no http URL");
	*out = *from;
	set_target(out, location);
	return true;
}
