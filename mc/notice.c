/* notice — an announced letter, for people and as JSON; see notice.h. */
#include "mc/notice.h"

#include <stdio.h>

#include "common/base/hex.h"
#include "mc/measure.h"
#include "mc/sent.h"

#define SOON_S (7 * 86400) /* the time left is shown below this */

_Static_assert(MEASURE_BYTES == 40, "notice_body_words writes as much");

bool
notice_is_held(const struct mailbox_notice *n)
{
	return n->state == MAILBOX_HELD || n->state == MAILBOX_FETCHING;
}

bool
notice_has_header(const struct mailbox_notice *n)
{
	return n->state == MAILBOX_HERE || (n->summary > 0 && notice_is_held(n));
}

void
notice_body_words(const struct mailbox_notice *n, int64_t now_s, char out[40])
{
	if (n->state == MAILBOX_HELD && n->hold_until_s != 0 && n->hold_until_s - now_s < SOON_S)
		measure_left(out, n->hold_until_s, now_s);
	else if (n->state == MAILBOX_FETCHING && n->size > 0)
		snprintf(out, MEASURE_BYTES, "%u %%",
		    (unsigned)((double)n->got / (double)n->size * 100));
	else
		snprintf(out, MEASURE_BYTES, "%s",
		    n->state == MAILBOX_HELD           ? "at sender"
			: n->state == MAILBOX_BAD_SEAL ? "bad seal"
						       : mailbox_state_name(n->state));
}

static void
put_flags(struct json *o, unsigned flags)
{
	struct json *list = json_list();

	if (flags & MAILBOX_SEEN)
		json_push_str(list, "seen");
	if (flags & MAILBOX_ANSWERED)
		json_push_str(list, "answered");
	if (flags & MAILBOX_FLAGGED)
		json_push_str(list, "flagged");
	json_put_take(o, "flags", list);
}

void
notice_put_text(struct json *o, const char *key, struct span s)
{
	if (s.n == 0)
		json_put_str(o, key, NULL);
	else
		json_put_span(o, key, s);
}

void
notice_put(struct json *o, const struct mailbox_notice *n, const struct mime_letter *header)
{
	static const struct mime_letter nothing;
	const struct mime_letter *h = header != NULL ? header : &nothing;
	char id[ULID_STR_BYTES], digest[2 * MAILBOX_DIGEST_BYTES + 1];

	ulid_str(&n->id, id);
	hex_str(digest, n->digest, sizeof n->digest);
	json_put_int(o, "number", (int64_t)n->number);
	json_put_str(o, "id", id);
	json_put_str(o, "from", n->from);
	json_put_str(o, "to", n->to);
	json_put_int(o, "size", (int64_t)n->size);
	json_put_str(o, "state", mailbox_state_name(n->state));
	notice_put_text(o, "word", span_str(n->word));
	json_put_str(o, "road", mailbox_road_name(n->road));
	sent_put_date(o, "sent", n->date_s);
	sent_put_date(o, "received", n->received_s);
	sent_put_date(o, "hold_until", n->hold_until_s);
	notice_put_text(o, "vouched_by", span_str(n->issuer));
	json_put_str(o, "digest", n->has_digest ? digest : NULL);
	json_put_bool(o, "known", n->known);
	put_flags(o, n->flags);
	notice_put_text(o, "subject", buf_span(&h->subject));
	notice_put_text(o, "header_from", buf_span(&h->from));
}
