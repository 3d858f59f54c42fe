/* outbox — what became of the letters that the user sent; see verbs.h and mc.1.  Flow: 8 of 8. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "mc/measure.h"
#include "mc/newest.h"
#include "mc/sent.h"
#include "mc/verbs.h"

struct outbox {
	const struct options *options;
	struct out out;
	const char *host;   /* that told it */
	const char *wanted; /* an ending of an id; NULL: all */
	struct newest letters;
};

static void
keep(void *arg, struct sent_letter *l)
{
	struct outbox *b = arg;

	if (b->wanted != NULL && !measure_id_ends(span_str(l->id), b->wanted)) {
		sent_clear(l);
		return;
	}
	newest_take(&b->letters, l);
}

static void
print_json(struct outbox *b, const struct sent_letter *l)
{
	struct json *o = json_new();
	struct buf text = BUF_INIT;

	json_put_str(o, "id", l->id);
	json_put_int(o, "size", (int64_t)l->letter.size);
	sent_put_date(o, "date", l->letter.date_s);
	sent_put_date(o, "hold_until", l->letter.hold_until_s);
	json_put_str(o, "from", l->letter.from);
	sent_put_recipients(o, l, b->host);
	json_write(o, &text);
	out_json_line(&b->out, buf_span(&text));
	json_free(&o);
	buf_clear(&text);
}

static void
print_text(struct outbox *b, const struct sent_letter *l)
{
	int64_t now_s = clock_wall_ms() / 1000;
	char id[MEASURE_BYTES], size[MEASURE_BYTES], when[MEASURE_BYTES], until[MEASURE_BYTES];
	size_t fetched = 0;

	for (size_t i = 0; i < l->n_recipients; i++)
		fetched += l->recipients[i].state == SUBMIT_FETCHED;
	measure_id(id, span_str(l->id));
	measure_size(size, l->letter.size);
	measure_when(when, l->letter.date_s, now_s);
	measure_day(until, l->letter.hold_until_s, now_s);
	out_wrapf(&b->out, 0, 4, "%s  %s  %s  kept until %s  %zu of %zu fetched\n", id, when, size,
	    until, fetched, l->n_recipients);
	sent_print_recipients(&b->out, l, b->host, now_s);
}

static void
say_dropped(const struct outbox *b)
{
	if (b->letters.dropped > 0)
		fprintf(stderr,
		    "%s: these are the newest %zu letters; %" PRIu64 " older ones are not shown\n",
		    b->options->called, b->letters.n, b->letters.dropped);
}

static int
print(struct outbox *b)
{
	struct err e;

	if (b->wanted != NULL && b->letters.n == 0) {
		err_set(&e, REFUSAL_unknown_id, "no letter of yours has an id that ends in \"%s\"",
		    b->wanted);
		return fault_print_err(b->options, b->wanted, &e, NULL);
	}
	if (b->wanted != NULL && b->letters.n > 1) {
		err_set(&e, REFUSAL_unknown_id, "%zu letters have an id that ends in \"%s\"",
		    b->letters.n, b->wanted);
		return fault_print_err(b->options, b->wanted, &e,
		    "type more of it;  %s outbox --json  has all");
	}
	out_init(&b->out, STDOUT_FILENO);
	for (size_t i = 0; i < b->letters.n && b->out.failed == 0; i++)
		if (b->options->json)
			print_json(b, newest_at(&b->letters, i));
		else
			print_text(b, newest_at(&b->letters, i));
	say_dropped(b);
	if (b->letters.n == 0 && !b->options->json && !b->options->quiet)
		out_wrapf(&b->out, 0, 2, "You have sent nothing that is still kept for anyone.\n");
	return out_ok(&b->out, &e) ? 0 : fault_print_err(b->options, "the outbox", &e, NULL);
}

int
verb_outbox(struct options *o)
{
	struct outbox b = { .options = o, .wanted = o->n_args > 0 ? o->args[0] : NULL };
	struct account a;
	struct submission *s = NULL;
	struct fault f;
	int status;

	if (b.wanted != NULL && measure_id_letters(b.wanted) < MEASURE_ID_LEAST)
		return options_usage(o,
		    "\"%s\" is too short: the last %d letters of an id are needed, or more",
		    b.wanted, MEASURE_ID_LEAST);
	if (!account_load(&a, o, &status))
		return status;
	newest_init(&b.letters, NEWEST_LETTERS_MAX);
	if (submission_open(&s, &a, &f) && submission_sign_in(s, &a, &f) &&
	    submission_outbox(s, keep, &b, &f)) {
		b.host = submission_host(s);
		status = print(&b);
	} else
		status = fault_print(o, "the outbox", &f, NULL);
	submission_close(&s);
	newest_clear(&b.letters);
	account_clear(&a);
	return status;
}
