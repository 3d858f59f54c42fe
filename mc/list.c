/* list — lists what was announced; see verbs.h and mc.1.  Flow: 5 of 8. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/memory.h"
#include "mc/mailqueue.h"
#include "mc/measure.h"
#include "mc/notice.h"
#include "mc/out.h"
#include "mc/table.h"
#include "mc/verbs.h"

#define HEADERS_MAX 200 /* of the newest letters; one question each */

struct list {
	const struct options *options;
	struct account account;
	struct inbox *server;
	struct out out;
	bool held_only;
	struct mailbox_notice *notices; /* by number, upwards */
	struct mime_letter *headers;    /* of the same index */
	size_t n, all;
	int64_t now_s;
};

static const struct table_column columns[] = {
	{ "#", true, 0, false, false },
	{ "When", false, 0, true, false },
	{ "From", false, 10, false, false },
	{ "Subject", false, 8, false, true },
	{ "Size", true, 0, true, false },
	{ "Body", false, 0, false, false },
	{ "Vouched by", false, 10, true, true },
};

static void
keep(void *arg, const struct mailbox_notice *n)
{
	struct list *l = arg;

	l->all++;
	if (l->held_only && !notice_is_held(n))
		return;
	l->notices = memory_resize(l->notices, l->n + 1, sizeof *l->notices);
	l->notices[l->n++] = *n;
}

static int
by_number(const void *a, const void *b)
{
	uint64_t x = ((const struct mailbox_notice *)a)->number,
		 y = ((const struct mailbox_notice *)b)->number;

	return x < y ? -1 : x > y;
}

/* A header that the server does not give is left empty; a lost connection is an error. */
static bool
read_headers(struct list *l, struct fault *f)
{
	struct buf b = BUF_INIT;

	l->headers = memory_array(l->n + 1, sizeof *l->headers);
	for (size_t i = l->n; i-- > 0 && l->n - i <= HEADERS_MAX;) {
		if (file_has_no_reader(STDOUT_FILENO))
			break;
		if (!notice_has_header(&l->notices[i]))
			continue;
		buf_reset(&b);
		if (inbox_summary(l->server, l->notices[i].number, &b, f)) {
			buf_addf(&b, "\r\n\r\n"); /* it may end within a line */
			mime_read_header(&l->headers[i], buf_span(&b));
		} else if (!inbox_is_up(l->server)) {
			buf_clear(&b);
			return false;
		}
	}
	buf_clear(&b);
	return true;
}

static void
print_json(struct list *l)
{
	for (size_t i = l->n; i-- > 0 && l->out.failed == 0;) {
		struct json *o = json_new();
		struct buf b = BUF_INIT;

		notice_put(o, &l->notices[i], &l->headers[i]);
		json_write(o, &b);
		out_json_line(&l->out, buf_span(&b));
		buf_clear(&b);
		json_free(&o);
	}
}

static void
add_row(const struct list *l, struct table *t, size_t i)
{
	const struct mailbox_notice *n = &l->notices[i];
	char when[MEASURE_BYTES], size[MEASURE_BYTES], body[MEASURE_BYTES];
	struct buf from = BUF_INIT, vouched = BUF_INIT;

	notice_from_words(n, &from);
	notice_vouched_words(n, &vouched);
	measure_when(when, n->received_s, l->now_s);
	measure_size(size, n->size);
	notice_body_words(n, l->now_s, body);
	table_cellf(t, "%llu", (unsigned long long)n->number);
	table_cell(t, span_str(n->received_s == 0 ? "" : when));
	table_cell(t, buf_span(&from));
	table_cell(t, buf_span(&l->headers[i].subject));
	table_cell(t, span_str(size));
	table_cell(t, span_str(body));
	table_cell(t, buf_span(&vouched));
	buf_clear(&from);
	buf_clear(&vouched);
}

/* How much is still with its senders, and how to read the newest. */
static void
print_held(struct list *l)
{
	uint64_t octets = 0, newest = 0;
	size_t held = 0;
	char size[MEASURE_BYTES];

	for (size_t i = 0; i < l->n; i++)
		if (notice_is_held(&l->notices[i])) {
			held++;
			octets += l->notices[i].size;
			newest = l->notices[i].number;
		}
	measure_size(size, octets);
	if (held > 0)
		out_wrapf(&l->out, 0, 2, "%zu %s still with %s (%s).  Read one: %s show %llu\n",
		    held, held == 1 ? "body is" : "bodies are",
		    held == 1 ? "its sender" : "their senders", size, l->options->command.data,
		    (unsigned long long)newest);
}

static void
print_empty(struct list *l)
{
	char when[MEASURE_BYTES];

	measure_when(when, l->now_s, l->now_s);
	if (l->all > 0)
		out_wrapf(&l->out, 0, 2, "Nothing is held: %s here or done with.\n",
		    l->all == 1 ? "the one letter is" : "all letters are");
	else
		out_wrapf(&l->out, 0, 2,
		    "No letters for %s. The server answered at %s, all is well.\n"
		    "To see how it works, write to yourself:  echo Hello | %s send %s\n",
		    l->account.config.address, when, l->options->command.data,
		    l->account.config.address);
}

static void
print_text(struct list *l)
{
	struct table *t = table_new(columns, sizeof columns / sizeof columns[0], l->out.ascii);
	struct buf b = BUF_INIT;

	for (size_t i = l->n; i-- > 0;)
		add_row(l, t, i);
	table_print(t, l->out.columns, &b);
	out_text(&l->out, buf_span(&b));
	buf_clear(&b);
	table_free(&t);
	if (!l->options->quiet)
		print_held(l);
}

struct queued {
	size_t n;
	int64_t oldest_ms;
};

static void
count_queued(void *arg, const struct ulid *id)
{
	struct queued *q = arg;

	if (q->n++ == 0)
		q->oldest_ms = ulid_wall_ms(id);
}

/* Letters of sendmail that are still on this machine. */
static void
print_queued(struct list *l)
{
	struct queued q = { .n = 0 };
	char age[MEASURE_BYTES];
	struct err e;

	if (!mailqueue_each(count_queued, &q, &e) || q.n == 0)
		return;
	measure_left(age, 2 * l->now_s - q.oldest_ms / 1000, l->now_s);
	out_wrapf(&l->out, 0, 2,
	    "%zu of yours %s not been handed in, the oldest for %s: %s mailq\n", q.n,
	    q.n == 1 ? "has" : "have", age, l->options->command.data);
}

static int
print(struct list *l)
{
	struct err e;

	out_init(&l->out, STDOUT_FILENO);
	if (l->options->json)
		print_json(l);
	else if (l->n > 0)
		print_text(l);
	else if (!l->options->quiet)
		print_empty(l);
	if (!l->options->json && !l->options->quiet)
		print_queued(l);
	return out_ok(&l->out, &e) ? 0 : fault_print_err(l->options, "the list", &e, NULL);
}

static int
run(struct list *l)
{
	struct fault f;

	if (!inbox_open(&l->server, &l->account, &f) ||
	    !inbox_sign_in(l->server, &l->account, &f) || !inbox_list(l->server, keep, l, &f))
		return fault_print(l->options, "your letters", &f, NULL);
	if (l->n > 0)
		qsort(l->notices, l->n, sizeof *l->notices, by_number);
	if (!read_headers(l, &f))
		return fault_print(l->options, "your letters", &f, NULL);
	return print(l);
}

int
verb_list(struct options *o)
{
	struct list l = { .options = o,
		.held_only = options_has(o, "held"),
		.now_s = clock_wall_ms() / 1000 };
	int status;

	if (!account_load(&l.account, o, &status))
		return status;
	status = run(&l);
	inbox_close(&l.server);
	for (size_t i = 0; l.headers != NULL && i < l.n; i++)
		mime_clear(&l.headers[i]);
	free(l.headers);
	free(l.notices);
	account_clear(&l.account);
	return status;
}
