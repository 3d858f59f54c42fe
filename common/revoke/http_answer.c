/* http_answer — see http_answer.h. */
#include "common/revoke/http_answer.h"

#include <string.h>

/* status-line = "HTTP/1." DIGIT SP 3DIGIT [ SP text ] */
static bool
parse_status(struct span line, int *out)
{
	uint64_t n;

	if (!span_starts(line, SPAN_LIT("HTTP/1.")) || line.n < 12 || line.p[8] != ' ' ||
	    (line.n > 12 && line.p[12] != ' ' && line.p[12] != '\r') ||
	    !span_u64(span_sub(line, 9, 3), &n) || n < 100)
		return false;
	*out = (int)n;
	return true;
}

/* field-line = name ":" OWS value OWS */
static bool
parse_field(struct http_answer *a, struct span line, struct err *e)
{
	struct span value = line, name = span_cut(&value, ':');
	uint64_t n;

	value = span_trim(value);
	if (name.n + 1 > line.n || name.n == 0)
		return err_set(e, REFUSAL_bad_reply, "a header line without a name");
	if (span_eq_nocase(name, SPAN_LIT("Content-Length"))) {
		if (!span_u64(value, &n) || (a->sized && n != a->length))
			return err_set(e, REFUSAL_bad_reply, "no Content-Length to go by");
		a->sized = true;
		a->length = n;
	}
	if ((span_eq_nocase(name, SPAN_LIT("Transfer-Encoding")) ||
		span_eq_nocase(name, SPAN_LIT("Content-Encoding"))) &&
	    !span_eq_nocase(value, SPAN_LIT("identity")))
		return err_set(e, REFUSAL_bad_reply, "the answer comes coded");
	if (span_eq_nocase(name, SPAN_LIT("Location")))
		(void)span_copy(value, a->location, sizeof a->location);
	return true;
}

static bool
parse_head(struct http_answer *a, struct span head, struct err *e)
{
	struct span line = span_cut(&head, '\n');

	if (!parse_status(line, &a->status))
		return err_set(e, REFUSAL_bad_reply, "no HTTP/1 answer");
	while (head.n > 0) {
		line = span_trim(span_cut(&head, '\n'));
		if (line.n > 0 && !parse_field(a, line, e))
			return false;
	}
	return true;
}

static enum http_answer_state
bad(struct err *e, enum refusal why, const char *text)
{
	err_set(e, why, "%s", text);
	return HTTP_ANSWER_BAD;
}

static enum http_answer_state
read_body(struct http_answer *a, uint64_t here, bool eof, uint64_t max, struct err *e)
{
	if (http_answer_redirects(a) || a->status != 200)
		return HTTP_ANSWER_DONE; /* its body is nothing to us */
	if (here > max || (a->sized && a->length > max))
		return bad(e, REFUSAL_message_too_big, "the answer is too large");
	if (a->sized && here >= a->length)
		return HTTP_ANSWER_DONE;
	if (!eof)
		return HTTP_ANSWER_MORE;
	if (a->sized)
		return bad(e, REFUSAL_bad_reply, "the answer was cut short");
	a->length = here;
	return HTTP_ANSWER_DONE;
}

enum http_answer_state
http_answer_read(struct http_answer *a, struct span in, bool eof, size_t head_max,
    uint64_t body_max, struct err *e)
{
	const char *end;

	if (a->status == 0) {
		end = in.n == 0 ? NULL
				: memmem(in.p, in.n < head_max ? in.n : head_max, "\r\n\r\n", 4);
		if (end == NULL && in.n >= head_max)
			return bad(e, REFUSAL_bad_reply, "the answer's header is too long");
		if (end == NULL)
			return eof ? bad(e, REFUSAL_bad_reply, "no HTTP answer") : HTTP_ANSWER_MORE;
		a->head = (size_t)(end - in.p) + 4;
		if (!parse_head(a, span_sub(in, 0, a->head), e))
			return HTTP_ANSWER_BAD;
	}
	return read_body(a, in.n - a->head, eof, body_max, e);
}

bool
http_answer_redirects(const struct http_answer *a)
{
	return a->status == 301 || a->status == 302 || a->status == 303 || a->status == 307 ||
	    a->status == 308;
}
