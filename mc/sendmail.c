/* sendmail — sends letters as sendmail(8) does, for the programs that call it; see verbs.h, sendmail_args.h and mc.1.
 *
 * Flow:  1 of 8.  An oms on this machine takes the letter by its socket.  Where there is none, the user's account does;
 *        and where that cannot be reached now, the letter waits in the queue (mailqueue.h) until `mc flush`.
 * Exit:  0 once the letter is durable anywhere, 75 where it could be stored nowhere, 67 after a refused recipient.
 */
#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/hex.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "mc/local.h"
#include "mc/mailqueue.h"
#include "mc/measure.h"
#include "mc/out.h"
#include "mc/recipients.h"
#include "mc/reencode.h"
#include "mc/scratch.h"
#include "mc/sendmail_args.h"
#include "mc/submission.h"
#include "mc/verbs.h"

#define STATUS_NO_USER   67 /* sysexits.h */
#define STATUS_TEMPORARY 75

struct job {
	const struct options *options;
	struct mailqueue_letter as_came;
	struct sendmail_args args;
	const char **to;
	bool recipient; /* a recipient was refused */
	struct fault fault;
};

/* -- the input ------------------------------------------------------------------------------------------- */

/* The end of the letter where a line of "." may end it. */
static bool
find_dot(const struct buf *raw, size_t from, size_t *end)
{
	for (size_t at = from; at < raw->len; at++) {
		const char *p = raw->data + at;
		size_t n = raw->len - at;

		if (*p == '.' && (at == 0 || p[-1] == '\n') && n > 1 &&
		    (p[1] == '\n' || (p[1] == '\r' && n > 2 && p[2] == '\n'))) {
			*end = at;
			return true;
		}
	}
	return false;
}

static bool
read_input(struct job *j, struct err *e)
{
	struct buf *raw = &j->as_came.raw;
	size_t seen = 0, end;
	ssize_t n;

	while ((n = read(STDIN_FILENO, buf_room(raw, 65536), 65536)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(e, REFUSAL_no_input, errno, "standard input");
		raw->len += (size_t)n;
		if (RULE(message_too_big) && raw->len > MAILQUEUE_LETTER_BYTES)
			return err_set(e, REFUSAL_message_too_big, "more than %d octets",
			    MAILQUEUE_LETTER_BYTES);
		if (!j->args.dots_stay && find_dot(raw, seen, &end)) {
			raw->len = end;
			return true;
		}
		seen = raw->len > 3 ? raw->len - 3 : 0;
	}
	return true;
}

/* -- the letter ------------------------------------------------------------------------------------------ */

static bool
take_recipient(void *letter, const char *address, struct err *e)
{
	return letter_to(letter, address, e);
}

static bool
name_recipients(const struct job *j, const char *domain, struct letter *l, struct err *e)
{
	bool ok = true;

	for (size_t i = 0; i < j->args.n_to && ok; i++) {
		struct buf list = BUF_INIT;

		compose_qualify(span_str(j->args.to[i]), domain, &list);
		ok = recipients_each(buf_span(&list), take_recipient, l, e);
		buf_clear(&list);
	}
	return ok;
}

/* Whoever sends: -f, else the From field.  "": nobody. */
static void
name_sender(const struct job *j, const char *domain, struct letter *l)
{
	struct span from = span_str(j->args.from);
	struct buf address = BUF_INIT;

	if (from.n > 1 && from.p[0] == '<' && from.p[from.n - 1] == '>')
		from = span_sub(from, 1, from.n - 2);
	if (from.n > 0)
		compose_qualify(from, domain, &address);
	buf_add(&address, "", 1);
	free(l->from);
	l->from = memory_text(address.data);
	buf_clear(&address);
}

/* own: the user's address, and logins are at `domain`. */
static bool
compose(const struct job *j, const char *own, const char *domain, struct letter *l, struct err *e)
{
	struct compose how = { .own = own,
		.domain = domain,
		.name = j->args.name,
		.from_header = j->args.from_header,
		.wall_s = ulid_wall_ms(&j->as_came.id) / 1000,
		.most = 2 * (uint64_t)MAILQUEUE_LETTER_BYTES };
	int fd = -1;
	bool ok;

	memcpy(how.random, j->as_came.id.b,
	    sizeof how.random); /* one Message-ID, however often it is tried */
	letter_init(l);
	ok = name_recipients(j, domain, l, e) && scratch_open(&fd, e) &&
	    scratch_add(fd, buf_span(&j->as_came.raw), e) && lseek(fd, 0, SEEK_SET) == 0 &&
	    compose_read(l, fd, &how, e) && reencode(l, e);
	if (fd >= 0)
		close(fd);
	if (ok && RULE(no_recipient) && l->n_to == 0)
		ok = err_set(e, REFUSAL_no_recipient, "no recipient was named");
	if (ok && j->args.from != NULL)
		name_sender(j, domain, l);
	return ok;
}

/* -- by the socket, by the account --------------------------------------------------------------------------- */

static const char *
login(void)
{
	const struct passwd *p = getpwuid(getuid());

	return p != NULL && address_is_dot_string(span_str(p->pw_name)) ? p->pw_name : "nobody";
}

static bool
by_socket(struct job *j, struct ulid *id)
{
	char own[ADDRESS_STR_BYTES];
	struct local *server;
	struct letter l;
	bool ok;

	ok = local_open(&server, &j->fault);
	if (ok) {
		snprintf(own, sizeof own, "%s@%s", login(), local_host(server));
		ok = compose(j, own, local_host(server), &l, &j->fault.err) &&
		    local_send(server, l.from, &l, id, &j->recipient, &j->fault);
		letter_clear(&l);
	}
	local_close(&server);
	return ok;
}

static bool
by_account(struct job *j, struct account *a, struct ulid *id)
{
	const char *at = strrchr(a->config.address, '@');
	struct submission *server = NULL;
	struct letter l;
	bool ok;

	ok = compose(j, a->config.address, at == NULL ? "" : at + 1, &l, &j->fault.err);
	if (ok && *l.from == '\0') { /* submit has no letter from nobody */
		free(l.from);
		l.from = memory_text(a->config.address);
	}
	ok = ok && submission_open(&server, a, &j->fault) &&
	    submission_sign_in(server, a, &j->fault) &&
	    submission_send(server, &l, 0, j->as_came.token, id, &j->fault);
	j->recipient = submission_refused_recipient(server);
	submission_close(&server);
	letter_clear(&l);
	return ok;
}

static bool
deliver(struct job *j)
{
	struct account a;
	struct ulid id;
	bool ok;

	j->recipient = false;
	j->fault = (struct fault) { .host = "" };
	if (local_is_there())
		return by_socket(j, &id);
	ok = account_read(&a, j->options, &j->fault.err) && by_account(j, &a, &id);
	account_clear(&a);
	return ok;
}

/* -- what becomes of it ------------------------------------------------------------------------------------- */

static int
refused(const struct job *j)
{
	int status = fault_print(j->options, "nothing was sent", &j->fault, NULL);

	return j->recipient                          ? STATUS_NO_USER
	    : j->fault.err.why == REFUSAL_no_account ? STATUS_TEMPORARY
						     : status;
}

/* Durable is durable: that a letter waits is no fault. */
static int
keep_for_later(const struct job *j)
{
	struct err e;

	if (mailqueue_add(&j->as_came, &e))
		return 0;
	(void)fault_print(j->options, "nothing was sent", &j->fault, NULL);
	(void)fault_print_err(j->options, "nor could it be kept for later", &e, NULL);
	return STATUS_TEMPORARY;
}

static void
make_id(struct mailqueue_letter *l)
{
	unsigned char token[16];

	random_bytes(token, sizeof token);
	ulid_new(&l->id);
	hex_str(l->token, token, sizeof token);
}

static int
send_one(struct job *j)
{
	struct err e;

	make_id(&j->as_came);
	if (!read_input(j, &e))
		return fault_print_err(j->options, "nothing was sent", &e, NULL);
	if (deliver(j))
		return 0;
	return !j->recipient && refusal_temporary(j->fault.err.why) ? keep_for_later(j)
								    : refused(j);
}

/* -- the queue ----------------------------------------------------------------------------------------------- */

struct queue_run {
	struct options *options;
	size_t waiting;
	struct out out;
	int64_t now_s;
};

static void
flush_one(void *arg, const struct ulid *id)
{
	struct queue_run *r = arg;
	struct job j = { .options = r->options };
	struct buf why = BUF_INIT;
	struct err e;

	mailqueue_why(id, &why);
	if (why.len == 0 && mailqueue_read(id, &j.as_came, &e)) {
		j.to = memory_array(MAILQUEUE_ARGS_MAX + 1, sizeof *j.to);
		if (!sendmail_args_parse(&j.args, j.to, j.as_came.argv, &e))
			(void)mailqueue_refuse(id, e.text, &e);
		else if (deliver(&j))
			mailqueue_remove(id);
		else if (j.recipient || !refusal_temporary(j.fault.err.why))
			(void)mailqueue_refuse(id, j.fault.err.text, &e);
		else
			r->waiting++;
		free(j.to);
		mailqueue_letter_clear(&j.as_came);
	}
	buf_clear(&why);
}

static int
flush(struct options *o)
{
	struct queue_run r = { .options = o };
	struct err e;

	if (!mailqueue_lock())
		return 0; /* another one is at it */
	if (!mailqueue_each(flush_one, &r, &e))
		return fault_print_err(o, "the queue", &e, NULL);
	return r.waiting > 0 ? STATUS_TEMPORARY : 0;
}

static void
print_one(void *arg, const struct ulid *id)
{
	char whole[ULID_STR_BYTES], age[MEASURE_BYTES], size[MEASURE_BYTES];
	struct queue_run *r = arg;
	struct mailqueue_letter l;
	struct buf why = BUF_INIT;
	struct err e;

	ulid_str(id, whole);
	measure_left(age, 2 * r->now_s - ulid_wall_ms(id) / 1000, r->now_s);
	mailqueue_why(id, &why);
	r->waiting++;
	if (!mailqueue_read(id, &l, &e)) {
		out_wrapf(&r->out, 0, 4, "%s  %s\n", whole, e.text);
		return;
	}
	measure_size(size, l.raw.len);
	out_textf(&r->out, "%s  %s  for %s ", whole, size, age);
	for (size_t i = 0; l.argv[i] != NULL; i++)
		out_textf(&r->out, " %s", l.argv[i]);
	out_textf(&r->out, "\n");
	if (why.len > 0)
		out_wrapf(&r->out, 4, 4, "refused: %.*s\n", SPAN_FMT(buf_span(&why)));
	buf_clear(&why);
	mailqueue_letter_clear(&l);
}

static int
print_queue(struct options *o)
{
	struct queue_run r = { .options = o, .now_s = clock_wall_ms() / 1000 };
	struct err e;

	out_init(&r.out, STDOUT_FILENO);
	if (!mailqueue_each(print_one, &r, &e))
		return fault_print_err(o, "the queue", &e, NULL);
	if (r.waiting == 0)
		out_textf(&r.out, "Mail queue is empty\n");
	return 0;
}

/* -- SMTP on standard input ------------------------------------------------------------------------------------ */

/* False: the end. */
static bool
move(int from, int to)
{
	char piece[65536];
	ssize_t n = read(from, piece, sizeof piece);

	return n > 0 && file_write(to, span_of(piece, (size_t)n));
}

/* The server's banner and EHLO have been read: the caller gets a banner of its own. */
static int
relay(const struct options *o)
{
	struct local *server;
	struct pollfd ends[2];
	struct fault f;

	if (!local_open(&server, &f)) {
		(void)fault_print(o, "SMTP needs an oms on this machine", &f, NULL);
		local_close(&server);
		return STATUS_TEMPORARY;
	}
	dprintf(STDOUT_FILENO, "220 %s ESMTP\r\n", local_host(server));
	ends[0] = (struct pollfd) { .fd = STDIN_FILENO, .events = POLLIN };
	ends[1] = (struct pollfd) { .fd = local_fd(server), .events = POLLIN };
	while (poll(ends, 2, -1) >= 0 || errno == EINTR) {
		if (ends[1].revents != 0 && !move(ends[1].fd, STDOUT_FILENO))
			break;
		if (ends[0].revents != 0 && !move(STDIN_FILENO, ends[1].fd))
			break;
	}
	local_close(&server);
	return 0;
}

int
verb_sendmail(struct options *o)
{
	struct job j = { .options = o };
	struct err e;
	int status;

	j.to = memory_array((size_t)o->n_args + 1, sizeof *j.to);
	j.as_came.argv = o->args;
	if (!sendmail_args_parse(&j.args, j.to, o->args, &e))
		status = fault_print_err(o, "sendmail", &e, NULL);
	else if (j.args.mode == SENDMAIL_MAILQ)
		status = print_queue(o);
	else if (j.args.mode == SENDMAIL_FLUSH)
		status = flush(o);
	else if (j.args.mode == SENDMAIL_SMTP)
		status = relay(o);
	else
		status = j.args.mode == SENDMAIL_NEWALIASES ? 0 : send_one(&j);
	buf_clear(&j.as_came.raw);
	free(j.to);
	return status;
}

int
verb_flush(struct options *o)
{
	return flush(o);
}

int
verb_mailq(struct options *o)
{
	return print_queue(o);
}
