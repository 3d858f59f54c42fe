/* show — shows a letter; see verbs.h and mc.1.  Flow: 6 and 7 of 8. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "mc/cancel.h"
#include "mc/measure.h"
#include "mc/notice.h"
#include "mc/reading.h"
#include "mc/render.h"
#include "mc/sent.h"
#include "mc/verbs.h"

#define PIECE_BYTES 65536

struct showing {
	const struct options *options;
	struct account account;
	struct inbox *server;
	struct out out, progress;
	uint64_t number;
	struct mailbox_notice notice;
	int fd; /* the letter */
};

static bool
show_raw(struct showing *s, struct err *e)
{
	char *piece = memory_new(PIECE_BYTES);
	off_t at = 0;
	ssize_t n;
	bool ok = true;

	while (ok && (n = pread(s->fd, piece, PIECE_BYTES, at)) != 0) {
		if (n < 0)
			ok = err_set_errno(e, REFUSAL_no_input, errno, "a temporary file");
		else
			ok = out_raw(&s->out, span_of(piece, (size_t)n), e);
		at += n;
	}
	free(piece);
	return ok;
}

static bool
show_headers(struct showing *s, struct err *e)
{
	char *beginning = memory_new(BOUNDS_HEADER_BYTES);
	ssize_t n;

	n = pread(s->fd, beginning, BOUNDS_HEADER_BYTES, 0);
	if (n >= 0)
		render_header(&s->out, span_of(beginning, (size_t)n));
	else
		err_set_errno(e, REFUSAL_no_input, errno, "a temporary file");
	free(beginning);
	return n >= 0;
}

static void
put_parts(struct json *o, const struct mime_letter *l)
{
	struct json *list = json_list();

	for (size_t i = 0; i < l->n_parts; i++) {
		struct json *one = json_new();

		json_put_int(one, "number", (int64_t)i + 1);
		notice_put_text(one, "name", buf_span(&l->parts[i].name));
		notice_put_text(one, "type", buf_span(&l->parts[i].type));
		json_put_int(one, "size", (int64_t)l->parts[i].octets);
		json_push_take(list, one);
	}
	json_put_take(o, "attachments", list);
}

static void
show_json(struct showing *s, const struct mime_letter *l)
{
	struct json *o = json_new();
	struct buf b = BUF_INIT;

	notice_put(o, &s->notice, l);
	notice_put_text(o, "header_to", buf_span(&l->to));
	notice_put_text(o, "header_cc", buf_span(&l->cc));
	sent_put_date(o, "header_date", l->has_date ? l->date_s : 0);
	notice_put_text(o, "message_id", buf_span(&l->message_id));
	json_put_bool(o, "from_agrees", render_from_agrees(l, s->notice.from));
	json_put_span(o, "text", buf_span(&l->text));
	json_put_bool(o, "text_complete", mime_is_complete(l));
	put_parts(o, l);
	json_write(o, &b);
	out_json_line(&s->out, buf_span(&b));
	buf_clear(&b);
	json_free(&o);
}

static void
show_text(struct showing *s, const struct mime_letter *l)
{
	char when[MEASURE_BYTES];
	const struct render_sender sender = { .number = s->number,
		.command = s->options->command.data,
		.from = s->notice.from,
		.vouched_by = s->notice.issuer,
		.octets = s->notice.size,
		.received = when,
		.marks = s->notice.road == MAILBOX_SMTP ? &s->notice.marks : NULL };

	measure_when(when, s->notice.received_s, clock_wall_ms() / 1000);
	render_letter(&s->out, &sender, l);
}

static bool
show(struct showing *s, struct err *e)
{
	struct mime_letter l;

	if (options_has(s->options, "raw"))
		return show_raw(s, e);
	if (options_has(s->options, "headers"))
		return show_headers(s, e);
	if (!mime_read(&l, s->fd, e))
		return false;
	if (s->options->json)
		show_json(s, &l);
	else
		show_text(s, &l);
	mime_clear(&l);
	return out_ok(&s->out, e);
}

static int
run(struct showing *s)
{
	struct fault f;
	struct err e;
	char what[64];
	int status = 0;

	snprintf(what, sizeof what, "letter %llu", (unsigned long long)s->number);
	if (!inbox_open(&s->server, &s->account, &f) ||
	    !inbox_sign_in(s->server, &s->account, &f) ||
	    !inbox_find(s->server, s->number, &s->notice, &f) ||
	    !reading_whole(s->server, &s->notice, s->options->quiet ? NULL : &s->progress, &s->fd,
		&f) ||
	    !inbox_find(s->server, s->number, &s->notice, &f))
		return fault_print(s->options, what, &f, NULL);
	cancel_end(); /* from now on a part of it may have been shown */
	if (!show(s, &e))
		status = fault_print_err(s->options, what, &e, NULL);
	return status;
}

int
verb_show(struct options *o)
{
	struct showing s = { .options = o, .fd = -1 };
	struct err e;
	int status;

	out_init(&s.out, STDOUT_FILENO);
	out_init(&s.progress, STDERR_FILENO);
	if (!reading_number(o->args[0], &s.number, &e))
		return fault_print_err(o, o->args[0], &e, "list them:  %s list");
	if (options_has(o, "raw") && s.out.terminal) {
		err_set(&e, REFUSAL_usage, "a letter's octets are never written to a terminal");
		return fault_print_err(o, "--raw", &e, "into a file:  %s show %1 --raw > %1.eml");
	}
	if (!account_load(&s.account, o, &status))
		return status;
	cancel_begin(o, CANCEL_NOT_SHOWN);
	status = run(&s);
	cancel_end();
	inbox_close(&s.server);
	account_clear(&s.account);
	if (s.fd >= 0)
		close(s.fd);
	return status;
}
