/* sent — a letter that was sent, for people and as JSON; see sent.h. */
#include "mc/sent.h"

#include <string.h>

#include "common/base/clock.h"
#include "mc/measure.h"
#include "mc/safe.h"
#include "mc/said.h"

/* Of the column of addresses: as wide as the widest that takes at most half of a terminal. */
static size_t
address_width(const struct sent_letter *l, size_t columns)
{
	size_t most = 0;

	for (size_t i = 0; i < l->n_recipients; i++) {
		size_t w = safe_columns(span_str(l->recipients[i].to));

		if (w > most && (columns == 0 || w <= columns / 2))
			most = w;
	}
	return most;
}

const char *
sent_speaker(const struct submit_recipient *r, const char *host)
{
	const char *at = strrchr(r->to, '@');

	if (r->by != SUBMIT_SPEAKER_OMS && r->state == SUBMIT_BY_SMTP && r->host[0] != '\0')
		return r->host;
	return r->by == SUBMIT_SPEAKER_OMS ? host : at == NULL ? r->to : at + 1;
}

/* Of SMTP: which server has the letter, or may, and that it keeps it. */
static void
add_smtp(struct buf *b, const struct submit_recipient *r)
{
	if (r->state == SUBMIT_BY_SMTP && r->host[0] != '\0') {
		buf_add(b, ", accepted by ", 14);
		safe_add(b, span_str(r->host), SAFE_LINE);
		if (strstr(r->secured, "relay") != NULL)
			buf_addf(b, ", which passes it on; what comes of it there is not known");
	} else if (r->state == SUBMIT_WAITING && r->by_smtp) {
		buf_addf(b, ", by SMTP");
	}
	if (r->no_recall)
		buf_addf(b, "; cannot be recalled");
}

/* The speaker, the words, the refusal word, and the time of the next try. */
static void
add_words(struct buf *b, const struct out *o, const struct submit_recipient *r, const char *host,
    int64_t now_s)
{
	char next[MEASURE_BYTES];

	if (r->text[0] != '\0') {
		buf_add(b, ": ", 2);
		said_add(b, o, sent_speaker(r, host), r->text, r->by != SUBMIT_SPEAKER_OMS, 6);
	}
	if (r->word[0] != '\0') {
		buf_add(b, " [", 2);
		safe_add(b, span_str(r->word), SAFE_LINE);
		buf_add(b, "]", 1);
	}
	measure_when(next, r->next_s, now_s);
	if (r->state == SUBMIT_WAITING && r->tries > 0 && r->next_s != 0)
		buf_addf(b, ", next try %s", next);
}

static const char *
state_name(enum submit_state s)
{
	return s == SUBMIT_BY_SMTP ? "by SMTP" : submit_state_name(s);
}

void
sent_print_recipients(struct out *o, const struct sent_letter *l, const char *host, int64_t now_s)
{
	size_t width = address_width(l, o->columns);
	struct buf b = BUF_INIT, all = BUF_INIT;

	for (size_t i = 0; i < l->n_recipients; i++) {
		const struct submit_recipient *r = &l->recipients[i];
		char when[MEASURE_BYTES];
		bool own_line;

		buf_reset(&b);
		safe_add(&b, span_str(r->to), SAFE_LINE);
		own_line = safe_columns(buf_span(&b)) > width;
		if (own_line) {
			out_wrap(o, &all, buf_span(&b), 2, 4);
			buf_reset(&b);
		}
		for (size_t w = safe_columns(buf_span(&b)); !own_line && w < width + 2; w++)
			buf_add(&b, " ", 1);
		buf_addf(&b, "%-10s", state_name(r->state));
		measure_when(when, r->since_s, now_s);
		if (r->since_s != 0)
			buf_addf(&b, " %s", when);
		add_smtp(&b, r);
		add_words(&b, o, r, host, now_s);
		out_wrap(o, &all, buf_span(&b), own_line ? 4 : 2, own_line ? 6 : 4);
	}
	out_text(o, buf_span(&all));
	buf_clear(&b);
	buf_clear(&all);
}

enum refusal
sent_refusal(const struct submit_recipient *r)
{
	enum refusal why = refusal_by_word(span_str(r->word));

	return why == REFUSAL_NONE || refusal_status(why) == 0 ? REFUSAL_no_such_user : why;
}

static int
badness(const struct submit_recipient *r)
{
	enum refusal why = sent_refusal(r);

	return refusal_status(why) + (refusal_temporary(why) ? 0 : 1000);
}

const struct submit_recipient *
sent_worst(const struct sent_letter *l)
{
	const struct submit_recipient *worst = NULL;

	for (size_t i = 0; i < l->n_recipients; i++)
		if (l->recipients[i].state == SUBMIT_REFUSED &&
		    (worst == NULL || badness(&l->recipients[i]) > badness(worst)))
			worst = &l->recipients[i];
	return worst;
}

int
sent_status(const struct sent_letter *l)
{
	const struct submit_recipient *worst = sent_worst(l);

	return worst == NULL ? 0 : refusal_status(sent_refusal(worst));
}

void
sent_put_date(struct json *o, const char *key, int64_t wall_s)
{
	char date[CLOCK_DATE_BYTES];

	clock_date(wall_s, date);
	json_put_str(o, key, wall_s == 0 ? NULL : date);
}

void
sent_put_recipients(struct json *o, const struct sent_letter *l, const char *host)
{
	struct json *list = json_list();

	for (size_t i = 0; i < l->n_recipients; i++) {
		const struct submit_recipient *r = &l->recipients[i];
		struct json *one = json_new();

		json_put_str(one, "address", r->to);
		json_put_str(one, "state", submit_state_name(r->state));
		sent_put_date(one, "since", r->since_s);
		sent_put_date(one, "next", r->next_s);
		json_put_int(one, "tries", (int64_t)r->tries);
		json_put_str(one, "word", r->word[0] == '\0' ? NULL : r->word);
		json_put_str(one, "text", r->text[0] == '\0' ? NULL : r->text);
		json_put_str(one, "by", r->text[0] == '\0' ? NULL : sent_speaker(r, host));
		json_put_str(one, "road", r->by_smtp ? "smtp" : NULL);
		json_put_str(one, "host", r->host[0] == '\0' ? NULL : r->host);
		json_put_str(one, "secured", r->secured[0] == '\0' ? NULL : r->secured);
		json_put_bool(one, "recall", !r->no_recall);
		json_push_take(list, one);
	}
	json_put_take(o, "recipients", list);
}
