/* http — a stranger's URL, and the header of a stranger's answer: bounded, and never more than one request in
 * what we send for it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/http/http_head.h"

#define BODY_MAX 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

/* -- URLs ----------------------------------------------------------------------------------------- */

static void
plain(const char *s)
{
	for (; *s != '\0'; s++)
		must(*s > 0x20 && *s < 0x7f);
}

static void
same_url(const struct http_url *a, const struct http_url *b)
{
	must(strcmp(a->host, b->host) == 0 && a->port == b->port);
	must(strcmp(a->authority, b->authority) == 0 && strcmp(a->target, b->target) == 0);
}

/* What goes into a request holds no blank and no line's end; said again it is the same. */
static void
good_url(const struct http_url *u)
{
	char text[HTTP_URL_MAX * 2];
	struct http_url v;
	struct err e;
	int n;

	plain(u->host);
	plain(u->authority);
	plain(u->target);
	must(u->host[0] != '\0' && u->target[0] == '/' && strchr(u->target, '#') == NULL);
	must(strpbrk(u->host, "/?#@,+") == NULL);
	must(u->port == 80 || u->port == 443 || u->port >= 1024);
	n = snprintf(text, sizeof text, "%s://%s%s", u->tls ? "https" : "http", u->authority,
	    u->target);
	if (n <= HTTP_URL_MAX) {
		must(http_url_parse(span_of(text, (size_t)n), u->tls, &v, &e));
		same_url(u, &v);
	}
}

static void
urls(struct span in)
{
	struct http_url u, next;
	struct err e = { 0 };

	for (int tls = 0; tls < 2; tls++)
		if (http_url_parse(in, tls == 1, &u, &e))
			good_url(&u);
		else
			must(e.why == REFUSAL_bad_syntax || e.why == REFUSAL_bad_port);
	must(http_url_parse(SPAN_LIT("http://crl.test:8080/a"), false, &u, &e));
	if (http_url_follow(&u, in, &next, &e))
		good_url(&next);
	else
		must(e.why == REFUSAL_bad_syntax || e.why == REFUSAL_bad_port);
}

/* -- headers -------------------------------------------------------------------------------------- */

static void
good_head(const struct http_head *h)
{
	must(h->octets <= HTTP_HEAD_BYTES && h->status >= 100 && h->status <= 999);
	must(strlen(h->location) <= HTTP_URL_MAX);
	must(!h->sized || h->status != 200 || h->length <= BODY_MAX);
	must(!http_head_redirects(h) || (h->status > 300 && h->status < 309));
}

/* Line by line, as libcurl gives them; the last one may lack its end. */
static void
heads(struct span in)
{
	struct http_head h = { 0 };
	struct err e = { 0 };

	while (in.n > 0) {
		struct span line = in;
		size_t before = h.octets;

		(void)span_cut(&in, '\n');
		line.n -= in.n;
		if (!http_head_line(&h, line, BODY_MAX, &e)) {
			must(e.why == REFUSAL_bad_reply || e.why == REFUSAL_message_too_big);
			return;
		}
		must(h.octets == before + line.n);
		good_head(&h);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_of(data, n);

	urls(in);
	heads(in);
	return 0;
}
