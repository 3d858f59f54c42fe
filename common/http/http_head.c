/* http_head — see http_head.h. */
#include "common/http/http_head.h"

/* status-line = "HTTP/1." DIGIT SP 3DIGIT [ SP text ] */
static bool
parse_status(struct span line, int *out)
{
	uint64_t n;

	if (!span_starts(line, SPAN_LIT("HTTP/1.")) || line.n < 12 || line.p[8] != ' ' ||
	    (line.n > 12 && line.p[12] != ' ') || !span_u64(span_sub(line, 9, 3), &n) || n < 100)
		return false;
	*out = (int)n;
	return true;
}

static bool
parse_length(struct http_head *h, struct span value, uint64_t body_most, struct err *e)
{
	uint64_t n;

	if (!span_u64(value, &n) || (h->sized && n != h->length))
		return err_set(e, REFUSAL_bad_reply, "no Content-Length to go by");
	h->sized = true;
	h->length = n;
	if (RULE(message_too_big) && h->status == 200 && n > body_most)
		return err_set(e, REFUSAL_message_too_big, "the answer is too large");
	return true;
}

static bool
is_plain(struct span name, struct span value)
{
	if (span_eq_nocase(name, SPAN_LIT("Transfer-Encoding")))
		return span_eq_nocase(value, SPAN_LIT("chunked")) ||
		    span_eq_nocase(value, SPAN_LIT("identity"));
	return !span_eq_nocase(name, SPAN_LIT("Content-Encoding")) ||
	    span_eq_nocase(value, SPAN_LIT("identity"));
}

/* field-line = name ":" OWS value OWS */
static bool
parse_field(struct http_head *h, struct span line, uint64_t body_most, struct err *e)
{
	struct span value = line, name = span_cut(&value, ':');

	value = span_trim(value);
	if (name.n + 1 > line.n || name.n == 0)
		return err_set(e, REFUSAL_bad_reply, "a header line without a name");
	if (!is_plain(name, value))
		return err_set(e, REFUSAL_bad_reply, "the answer comes coded");
	if (span_eq_nocase(name, SPAN_LIT("Location")))
		(void)span_copy(value, h->location, sizeof h->location);
	if (span_eq_nocase(name, SPAN_LIT("Content-Type")))
		(void)span_copy(span_trim(span_cut(&value, ';')), h->media, sizeof h->media);
	return !span_eq_nocase(name, SPAN_LIT("Content-Length")) ||
	    parse_length(h, value, body_most, e);
}

static struct span
without_end(struct span line)
{
	if (line.n > 0 && line.p[line.n - 1] == '\n')
		line.n--;
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

bool
http_head_line(struct http_head *h, struct span line, uint64_t body_most, struct err *e)
{
	size_t octets = h->octets + line.n;
	bool interim = h->whole && h->status < 200;

	line = without_end(line);
	if (octets > HTTP_HEAD_BYTES)
		return err_set(e, REFUSAL_bad_reply, "the answer's header is too long");
	if (h->status == 0 || interim) {
		*h = (struct http_head) { .octets = octets };
		return parse_status(line, &h->status) ||
		    err_set(e, REFUSAL_bad_reply, "no HTTP/1 answer");
	}
	h->octets = octets;
	if (h->whole) /* a trailer */
		return true;
	if (line.n == 0)
		return h->whole = true;
	if (line.p[0] == ' ' || line.p[0] == '\t') /* goes on with the value before */
		return true;
	return parse_field(h, line, body_most, e);
}

bool
http_head_redirects(const struct http_head *h)
{
	return h->status == 301 || h->status == 302 || h->status == 303 || h->status == 307 ||
	    h->status == 308;
}
