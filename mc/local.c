/* local — a letter for an oms on this machine; see local.h. */
#include "mc/local.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/memory.h"
#include "proto/smtp/smtp_data.h"
#include "proto/smtp/smtp_reply.h"

#define REPLY_S     600 /* RFC 5321 4.5.3.2.6 */
#define PIECE_BYTES 65536

struct local {
	int fd;
	struct buf in;
	struct smtp_reply reply;
	char host[DOMAIN_BYTES];
};

static const char *
path(void)
{
	const char *named = getenv(LOCAL_SOCKET_VARIABLE);

	return named != NULL ? named : LOCAL_SOCKET_DEFAULT;
}

bool
local_is_there(void)
{
	struct stat st;

	return stat(path(), &st) == 0 && S_ISSOCK(st.st_mode);
}

/* -- octets ------------------------------------------------------------------------------------------- */

static bool
lost(struct err *e)
{
	return err_set_errno(e, REFUSAL_unreachable, errno, "%s", path());
}

static bool
say(struct local *l, struct span s, struct err *e)
{
	ssize_t n;

	while (s.n > 0) {
		n = send(l->fd, s.p, s.n, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return lost(e);
		s = span_sub(s, (size_t)n, s.n);
	}
	return true;
}

static bool
hear_more(struct local *l, struct err *e)
{
	ssize_t n = recv(l->fd, buf_room(&l->in, 4096), 4096, 0);

	if (n < 0 && errno == EINTR)
		return true;
	if (n < 0)
		return lost(e);
	l->in.len += (size_t)n;
	return n > 0 || err_set(e, REFUSAL_unreachable, "%s: the connection is gone", path());
}

/* One whole reply.  False: there is none, or it refuses, in the server's own word. */
static bool
hear(struct local *l, struct err *e)
{
	struct span text;
	size_t used;

	l->reply = (struct smtp_reply) { 0 };
	while (!l->reply.done) {
		switch (smtp_reply_next(&l->reply, buf_span(&l->in), &text, &used, e)) {
		case SMTP_REPLY_MORE:
			if (!hear_more(l, e))
				return false;
			break;
		case SMTP_REPLY_LINE:
			buf_drop(&l->in, used);
			break;
		case SMTP_REPLY_BAD:
			return false;
		}
	}
	return true;
}

/* The word that a refusal of ours has first: "[no-such-user] there is ...". */
static enum refusal
word_of(const struct smtp_reply *r)
{
	struct span rest = span_str(r->text), word;

	if (rest.n == 0 || rest.p[0] != '[')
		return REFUSAL_NONE;
	rest = span_sub(rest, 1, rest.n);
	word = span_cut(&rest, ']');
	return refusal_by_word(word);
}

static bool
accepted(const struct smtp_reply *r, struct err *e)
{
	const char *end = strchr(r->text, ']');
	enum refusal why = word_of(r);

	if (r->code < 400)
		return true;
	if (why == REFUSAL_NONE)
		return smtp_reply_err(r, e);
	err_set(e, why, "%s", end + 1 + strspn(end + 1, " "));
	e->said = true;
	return false;
}

static bool
ask(struct local *l, struct err *e, const char *verb, const char *value, const char *after)
{
	struct buf line = BUF_INIT;
	bool ok;

	buf_addf(&line, "%s%s%s\r\n", verb, value, after);
	ok = say(l, buf_span(&line), e) && hear(l, e) && accepted(&l->reply, e);
	buf_clear(&line);
	return ok;
}

/* -- the session ---------------------------------------------------------------------------------------- */

static bool
greet(struct local *l, struct err *e)
{
	struct span rest, host;

	if (!hear(l, e) || !accepted(&l->reply, e))
		return false;
	rest = span_str(l->reply.text);
	host = span_cut(&rest, ' ');
	if (!domain_is_canonical(host) || !span_copy(host, l->host, sizeof l->host))
		return err_set(e, REFUSAL_bad_reply, "%s: it does not name its host", path());
	return ask(l, e, "EHLO ", "localhost", "");
}

bool
local_open(struct local **out, struct fault *f)
{
	const struct timeval patience = { .tv_sec = REPLY_S };
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct local *l = memory_new(sizeof *l);

	*f = (struct fault) { .host = "" };
	*out = l;
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!span_copy(span_str(path()), at.sun_path, sizeof at.sun_path))
		return err_set(&f->err, REFUSAL_usage, "%s is too long", LOCAL_SOCKET_VARIABLE);
	if (l->fd < 0 || connect(l->fd, (const struct sockaddr *)&at, sizeof at) < 0)
		return lost(&f->err);
	(void)setsockopt(l->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	(void)setsockopt(l->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	return greet(l, &f->err);
}

void
local_close(struct local **lp)
{
	struct local *l = *lp;

	if (l == NULL)
		return;
	if (l->fd >= 0)
		close(l->fd);
	buf_clear(&l->in);
	free(l);
	*lp = NULL;
}

int
local_fd(const struct local *l)
{
	return l->fd;
}

const char *
local_host(const struct local *l)
{
	return l->host;
}

/* -- a letter --------------------------------------------------------------------------------------------- */

static bool
say_content(struct local *l, const struct letter *letter, struct err *e)
{
	struct source *source = letter_source(letter);
	char *piece = memory_new(PIECE_BYTES), *dotted = memory_new(PIECE_BYTES);
	struct smtp_dots dots = { 0 };
	uint64_t at = 0;
	bool ok = true;
	ssize_t n = 0;

	while (ok && at < letter_size(letter) &&
	    (n = source->read(source, at, piece, PIECE_BYTES)) > 0) {
		struct span rest = span_of(piece, (size_t)n);

		at += rest.n;
		while (ok && rest.n > 0)
			ok = say(l,
			    span_of(dotted, smtp_dots_put(&dots, &rest, dotted, PIECE_BYTES)), e);
	}
	if (ok && at < letter_size(letter))
		ok = err_set(e, REFUSAL_no_input, "a temporary file is shorter than it was");
	source->free(source);
	free(piece);
	free(dotted);
	return ok && say(l, smtp_dots_end(&dots), e);
}

static bool
say_recipients(struct local *l, const struct letter *letter, bool *recipient, struct err *e)
{
	for (size_t i = 0; i < letter->n_to; i++) {
		if (ask(l, e, "RCPT TO:<", letter->to[i], ">"))
			continue;
		*recipient = l->reply.done;
		return err_prefix(e, "%s", letter->to[i]);
	}
	return true;
}

/* "kept as 01J..." */
static bool
read_id(const struct local *l, struct ulid *id, struct err *e)
{
	const char *blank = strrchr(l->reply.text, ' ');

	return (blank != NULL && ulid_parse(span_str(blank + 1), id)) ||
	    err_set(e, REFUSAL_bad_reply, "the letter was kept, and the answer names no id");
}

bool
local_send(struct local *l, const char *from, const struct letter *letter, struct ulid *id,
    bool *recipient, struct fault *f)
{
	struct err *e = &f->err;

	*recipient = false;
	*f = (struct fault) { .host = "" };
	if (ask(l, e, "MAIL FROM:<", from, "> BODY=8BITMIME SMTPUTF8") &&
	    say_recipients(l, letter, recipient, e) && ask(l, e, "DATA", "", "") &&
	    say_content(l, letter, e) && hear(l, e) && accepted(&l->reply, e) && read_id(l, id, e))
		return true;
	if (e->said)
		snprintf(f->host, sizeof f->host, "%s", l->host);
	return false;
}
