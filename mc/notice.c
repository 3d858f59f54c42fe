/* notice — an announced letter, for people and as JSON; see notice.h. */
#include "mc/notice.h"

#include <stdio.h>
#include <string.h>

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
	else if (n->state == MAILBOX_HERE && n->road == MAILBOX_SMTP)
		snprintf(out, MEASURE_BYTES, "here, %s",
		    n->marks.unaccountable[0] != '\0' ? "unaccountable" : "by SMTP");
	else
		snprintf(out, MEASURE_BYTES, "%s",
		    n->state == MAILBOX_HELD           ? "at sender"
			: n->state == MAILBOX_BAD_SEAL ? "bad seal"
						       : mailbox_state_name(n->state));
}

static struct span
domain_of(const char *address)
{
	const char *at = strrchr(address, '@');

	return span_str(at == NULL ? address : at + 1);
}

void
notice_from_words(const struct mailbox_notice *n, struct buf *out)
{
	const struct mailbox_marks *m = &n->marks;

	if (n->road != MAILBOX_SMTP || m->header_from[0] == '\0')
		buf_addf(out, "%s", n->from);
	else if (m->via && n->from[0] != '\0')
		buf_addf(out, "%s via %.*s", m->header_from, SPAN_FMT(domain_of(n->from)));
	else
		buf_addf(out, "%s", m->header_from);
}

/* What nobody answers for is said first, as a table may cut the end. */
void
notice_vouched_words(const struct mailbox_notice *n, struct buf *out)
{
	const struct mailbox_marks *m = &n->marks;

	if (n->road != MAILBOX_SMTP) {
		buf_addf(out, "%s", n->issuer);
		return;
	}
	if (m->unaccountable[0] != '\0')
		buf_addf(out, "unaccountable (%s), ", m->unaccountable);
	buf_addf(out, "by SMTP");
	if (m->ehlo.text[0] != '\0')
		buf_addf(out, " from %s", m->ehlo.text);
	if (n->issuer[0] != '\0')
		buf_addf(out, ", vouched by %s", n->issuer);
}

/* null for a sealed letter. */
static void
put_smtp(struct json *o, const struct mailbox_notice *n)
{
	const struct mailbox_marks *m = &n->marks;
	char fingerprint[2 * MAILBOX_DIGEST_BYTES + 1];
	struct json *s;

	if (n->road != MAILBOX_SMTP) {
		json_put_str(o, "smtp", NULL);
		return;
	}
	s = json_new();
	hex_str(fingerprint, m->fingerprint, sizeof m->fingerprint);
	notice_put_text(s, "host", domain_span(&m->ehlo));
	json_put_str(s, "fingerprint", m->has_fingerprint ? fingerprint : NULL);
	json_put_str(s, "spf", mailbox_result_name(m->spf));
	json_put_str(s, "dkim", mailbox_result_name(m->dkim));
	notice_put_text(s, "dkim_domain", domain_span(&m->dkim_domain));
	json_put_str(s, "dmarc", mailbox_result_name(m->dmarc));
	notice_put_text(s, "author", span_str(m->header_from));
	json_put_bool(s, "via", m->via);
	notice_put_text(s, "unaccountable", span_str(m->unaccountable));
	json_put_take(o, "smtp", s);
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
	put_smtp(o, n);
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
