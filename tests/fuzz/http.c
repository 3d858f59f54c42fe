/* http — a stranger's URL, and a stranger's answer to it: read alike however it arrives, bounded,
 * and never more than one request in what we send for it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/revoke/http_answer.h"

#define HEAD_MAX 200
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
	must(u->port == 80 || u->port == 443 || u->port >= 1024);
	n = snprintf(text, sizeof text, "http://%s%s", u->authority, u->target);
	if (n <= HTTP_URL_MAX) {
		must(http_url_parse(span_of(text, (size_t)n), &v, &e));
		same_url(u, &v);
	}
}

static void
urls(struct span in)
{
	struct http_url u, next;
	struct err e = { 0 };

	if (http_url_parse(in, &u, &e))
		good_url(&u);
	else
		must(e.why == REFUSAL_bad_syntax || e.why == REFUSAL_bad_port);
	must(http_url_parse(SPAN_LIT("http://crl.test:8080/a"), &u, &e));
	if (http_url_follow(&u, in, &next, &e))
		good_url(&next);
	else
		must(e.why == REFUSAL_bad_syntax || e.why == REFUSAL_bad_port);
}

/* -- answers -------------------------------------------------------------------------------------- */

static bool
fits(const struct http_answer *a, struct span in, bool eof, enum http_answer_state s,
    const struct err *e)
{
	if (s == HTTP_ANSWER_BAD)
		return e->why == REFUSAL_bad_reply || e->why == REFUSAL_message_too_big;
	if (a->status == 0)
		return s == HTTP_ANSWER_MORE && !eof;
	if (a->status < 100 || a->status > 999 || a->head < 16 || a->head > HEAD_MAX ||
	    a->head > in.n)
		return false;
	if (s == HTTP_ANSWER_DONE && a->status == 200)
		return a->length <= BODY_MAX && a->length <= in.n - a->head;
	return s == HTTP_ANSWER_DONE || !eof;
}

static void
answers(struct span in)
{
	struct http_answer whole = { 0 }, bits = { 0 };
	struct err e = { 0 }, e_bits = { 0 };
	enum http_answer_state s = http_answer_read(&whole, in, true, HEAD_MAX, BODY_MAX, &e), t;
	size_t have = 0;

	must(s != HTTP_ANSWER_MORE && fits(&whole, in, true, s, &e));
	do {
		struct span part = span_sub(in, 0, have);

		t = http_answer_read(&bits, part, false, HEAD_MAX, BODY_MAX, &e_bits);
		must(fits(&bits, part, false, t, &e_bits));
	} while (t == HTTP_ANSWER_MORE && have++ < in.n);
	if (t == HTTP_ANSWER_MORE)
		t = http_answer_read(&bits, in, true, HEAD_MAX, BODY_MAX, &e_bits);
	/* More than was announced may be here at once, and is then too much. */
	if (s == HTTP_ANSWER_BAD && e.why == REFUSAL_message_too_big && t == HTTP_ANSWER_DONE)
		return;
	must(s == t && whole.status == bits.status && whole.head == bits.head);
	must(whole.sized == bits.sized && whole.length == bits.length);
	must(strcmp(whole.location, bits.location) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_of(data, n);

	urls(in);
	answers(in);
	return 0;
}
