/* letter_reply — the answer to a letter, and its line in the log; see letter_reply.h. */
#include "oms/submit/letter_reply.h"

#include "common/base/log.h"
#include "common/base/memory.h"

struct letter_reply *
letter_reply_new(struct reply_context to, const char *user, uint64_t size, size_t n_recipients)
{
	struct letter_reply *r = memory_new(sizeof *r);

	r->to = to;
	span_copy(span_str(user), r->user, sizeof r->user);
	r->size = size;
	r->n_recipients = n_recipients;
	return r;
}

void
letter_reply_log(const struct letter_reply *r, const char *event, const struct ulid *id,
    const struct err *e)
{
	char text[ULID_STR_BYTES] = "-", end[ULID_END_BYTES] = "-";

	if (id != NULL) {
		ulid_str(id, text);
		ulid_end(id, end);
	}
	log_fact_of(span_str(r->user), e == NULL ? LOG_INFO : LOG_WARN, event,
	    "sid=%llx user=%s id=%s as=%s size=%llu recipients=%zu word=%s",
	    (unsigned long long)r->to.conn, log_str(r->user), text, end,
	    (unsigned long long)r->size, r->n_recipients, e == NULL ? "ok" : refusal_word(e->why));
}
