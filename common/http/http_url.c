/* http_url — see http_url.h. */
#include "common/http/http_url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "common/text/address_scope.h"

#define NAME_SIGN "abcdefghijklmnopqrstuvwxyz0123456789-_."
#define V6_SIGN   "0123456789abcdef:."

static struct span
scheme(bool tls)
{
	return tls ? SPAN_LIT("https://") : SPAN_LIT("http://");
}

static uint16_t
usual_port(const struct http_url *u)
{
	return u->tls ? 443 : 80;
}

static bool
printable(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x21 || s.p[i] > 0x7e)
			return false;
	return s.n <= HTTP_URL_MAX;
}

/* libcurl gives an IPv6 address in brackets. */
static bool
set_host(struct http_url *u, const char *text)
{
	struct span host = span_str(text);
	bool v6 = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
	struct sockaddr_storage unused;

	if (v6)
		host = span_sub(host, 1, host.n - 2);
	if (host.n == 0 || !span_copy(host, u->host, sizeof u->host))
		return false;
	for (char *p = u->host; *p != '\0'; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
		if (strchr(v6 ? V6_SIGN : NAME_SIGN, *p) == NULL)
			return false;
	}
	return !v6 || address_scope_parse(span_str(u->host), 0, &unused);
}

/* text: digits; NULL: none were written */
static bool
set_port(struct http_url *u, const char *text, struct err *e)
{
	uint64_t n = usual_port(u);

	if (text != NULL && (!span_u64(span_str(text), &n) || n == 0 || n > 65535))
		return err_set(e, REFUSAL_bad_syntax, "no port in the URL");
	if (RULE(bad_port) && n < 1024 && n != 80 && n != 443)
		return err_set(e, REFUSAL_bad_port, "the URL leads to port %u", (unsigned)n);
	u->port = (uint16_t)n;
	return true;
}

static void
set_authority(struct http_url *u)
{
	bool v6 = strchr(u->host, ':') != NULL;
	char port[8] = "";

	if (u->port != usual_port(u))
		snprintf(port, sizeof port, ":%u", (unsigned)u->port);
	snprintf(u->authority, sizeof u->authority, v6 ? "[%s]%s" : "%s%s", u->host, port);
}

/* A part of the URL; NULL: it has none.  The caller frees it with curl_free. */
static char *
part(CURLU *parsed, CURLUPart what)
{
	char *text = NULL;

	return curl_url_get(parsed, what, &text, 0) == CURLUE_OK ? text : NULL;
}

static bool
set_target(struct http_url *u, CURLU *parsed)
{
	char *path = part(parsed, CURLUPART_PATH), *query = part(parsed, CURLUPART_QUERY);
	int n = path == NULL ? -1
			     : snprintf(u->target, sizeof u->target, "%s%s%s", path,
				   query == NULL ? "" : "?", query == NULL ? "" : query);

	curl_free(path);
	curl_free(query);
	return n > 0 && (size_t)n < sizeof u->target && u->target[0] == '/';
}

static bool
take_apart(CURLU *parsed, struct http_url *u, struct err *e)
{
	char *host = part(parsed, CURLUPART_HOST), *port = part(parsed, CURLUPART_PORT);
	bool good = host != NULL && set_host(u, host) && set_target(u, parsed);

	curl_free(host);
	if (!good)
		err_set(e, REFUSAL_bad_syntax, "no host in the URL");
	good = good && set_port(u, port, e);
	curl_free(port);
	if (good)
		set_authority(u);
	return good;
}

bool
http_url_parse(struct span text, bool tls, struct http_url *out, struct err *e)
{
	char copy[HTTP_URL_MAX + 1];
	struct span begin = scheme(tls);
	CURLU *parsed;
	bool good;

	memset(out, 0, sizeof *out);
	out->tls = tls;
	if (!printable(text) || !span_copy(text, copy, sizeof copy) ||
	    !span_eq_nocase(span_sub(text, 0, begin.n), begin) || copy[begin.n] == '/')
		return err_set(e, REFUSAL_bad_syntax, "no %s URL", tls ? "https" : "http");
	if ((parsed = curl_url()) == NULL)
		abort();
	if (curl_url_set(parsed, CURLUPART_URL, copy, CURLU_DISALLOW_USER | CURLU_PATH_AS_IS) ==
	    CURLUE_OK)
		good = take_apart(parsed, out, e);
	else
		good = err_set(e, REFUSAL_bad_syntax, "no host in the URL");
	curl_url_cleanup(parsed);
	return good;
}

bool
http_url_follow(const struct http_url *from, struct span location, struct http_url *out,
    struct err *e)
{
	char text[HTTP_URL_MAX * 2];
	int n;

	if (!span_starts(location, SPAN_LIT("/")) || span_starts(location, SPAN_LIT("//")))
		return http_url_parse(location, from->tls, out, e);
	if (!printable(location))
		return err_set(e, REFUSAL_bad_syntax, "no http URL");
	n = snprintf(text, sizeof text, "%s%s%.*s", scheme(from->tls).p, from->authority,
	    SPAN_FMT(location));
	return http_url_parse(span_of(text, (size_t)n), from->tls, out, e);
}
