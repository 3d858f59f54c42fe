/* submit_rows — the rows of the outbox, and tokens; see submit.h. */
#include "proto/submit.h"

#include <string.h>

static const char *const states[] = {
	[SUBMIT_WAITING] = "waiting",
	[SUBMIT_NOTIFIED] = "notified",
	[SUBMIT_HANDED_OUT] = "handed-out",
	[SUBMIT_FETCHED] = "fetched",
	[SUBMIT_REFUSED] = "refused",
	[SUBMIT_EXPIRED] = "expired",
	[SUBMIT_RECALLED] = "recalled",
	[SUBMIT_TOO_LATE] = "too-late",
	[SUBMIT_BY_SMTP] = "by-smtp",
	NULL,
};

static const char *const speakers[] = {
	[SUBMIT_SPEAKER_UNKNOWN] = "",
	[SUBMIT_SPEAKER_OMS] = "oms",
	[SUBMIT_SPEAKER_PEER] = "peer",
};

const char *
submit_state_name(enum submit_state s)
{
	return states[s];
}

const char *
submit_speaker_name(enum submit_speaker s)
{
	return speakers[s];
}

/* letter = "letter" id from date hold-until size */
void
submit_letter_write(struct buf *page, const struct submit_letter *l)
{
	struct row_writer w = row_begin(page, "letter");

	row_id(&w, "id", &l->id);
	row_text(&w, "from", span_str(l->from));
	row_date(&w, "date", l->date_s);
	row_date(&w, "hold-until", l->hold_until_s);
	row_u64(&w, "size", l->size);
	row_end(&w);
}

bool
submit_letter_read(struct row *r, struct submit_letter *l, struct err *e)
{
	row_read_id(r, "id", &l->id);
	row_read_text(r, "from", l->from, sizeof l->from);
	l->date_s = row_read_date(r, "date");
	l->hold_until_s = row_read_date(r, "hold-until");
	l->size = row_read_u64(r, "size");
	return row_done(r, e);
}

/* rcpt = "rcpt" to state [ since ] [ next ] tries [ word ] [ by ] [ text ] [ road ] [ host ] [ secured ] [ recall ] */
void
submit_recipient_write(struct buf *page, const struct submit_recipient *r)
{
	struct row_writer w = row_begin(page, "rcpt");

	row_text(&w, "to", span_str(r->to));
	row_text(&w, "state", span_str(states[r->state]));
	row_date(&w, "since", r->since_s);
	row_date(&w, "next", r->next_s);
	row_u64(&w, "tries", r->tries);
	row_text(&w, "word", span_str(r->word));
	row_text(&w, "by", span_str(r->text[0] != '\0' ? speakers[r->by] : ""));
	row_text(&w, "text", span_str(r->text));
	row_text(&w, "road", span_str(r->by_smtp ? "smtp" : ""));
	row_text(&w, "host", span_str(r->host));
	row_text(&w, "secured", span_str(r->secured));
	row_text(&w, "recall", span_str(r->no_recall ? "no" : ""));
	row_end(&w);
}

/* by = "oms" / "peer"; what a later version calls otherwise is unknown. */
static enum submit_speaker
read_speaker(struct row *r)
{
	char by[16];

	row_read_text(r, "by", by, sizeof by);
	for (int i = SUBMIT_SPEAKER_OMS; i <= SUBMIT_SPEAKER_PEER; i++)
		if (strcmp(by, speakers[i]) == 0)
			return (enum submit_speaker)i;
	return SUBMIT_SPEAKER_UNKNOWN;
}

/* Is it this word?  What a later version says otherwise is another. */
static bool
read_is(struct row *r, const char *key, const char *word)
{
	char text[16];

	row_read_text(r, key, text, sizeof text);
	return strcmp(text, word) == 0;
}

bool
submit_recipient_read(struct row *r, struct submit_recipient *out, struct err *e)
{
	row_read_text(r, "to", out->to, sizeof out->to);
	out->state = (enum submit_state)row_read_name(r, "state", states);
	out->since_s = row_read_date(r, "since");
	out->next_s = row_read_date(r, "next");
	out->tries = row_read_u64(r, "tries");
	row_read_text(r, "word", out->word, sizeof out->word);
	out->by = read_speaker(r);
	row_read_text(r, "text", out->text, sizeof out->text);
	out->by_smtp = read_is(r, "road", "smtp");
	row_read_text(r, "host", out->host, sizeof out->host);
	row_read_text(r, "secured", out->secured, sizeof out->secured);
	out->no_recall = read_is(r, "recall", "no");
	return row_done(r, e);
}

bool
submit_token_is_good(struct span t)
{
	for (size_t i = 0; i < t.n; i++) {
		char c = t.p[i];

		if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') &&
		    c != '-' && c != '_' && c != '.')
			return false;
	}
	return t.n > 0 && t.n <= SUBMIT_TOKEN_MAX;
}
