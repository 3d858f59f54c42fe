/* compose — turns what a program writes into a letter; see compose.h. */
#include "mc/compose.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/address.h"
#include "common/base/hex.h"
#include "common/base/memory.h"
#include "mc/address_list.h"
#include "mc/measure.h"
#include "mc/recipients.h"
#include "mc/scratch.h"

#define PIECE_BYTES 65536

struct letter_source {
	struct source source;
	const struct letter *letter;
};

struct fields {                 /* found in the header */
	size_t from, addresses; /* From fields, and addresses in the last of them */
	bool date, message_id;
};

/* -- line ends ------------------------------------------------------------------------------ */

static void
add_crlf(struct buf *out, struct span in, bool *cr)
{
	const char *lf;

	while (in.n > 0 && (lf = memchr(in.p, '\n', in.n)) != NULL) {
		size_t n = (size_t)(lf - in.p);
		bool whole = n > 0 ? lf[-1] == '\r' : *cr;

		buf_add(out, in.p, n);
		buf_add(out, whole ? "\n" : "\r\n", whole ? 1 : 2);
		in = span_sub(in, n + 1, in.n);
		*cr = false;
	}
	buf_add(out, in.p, in.n);
	if (in.n > 0)
		*cr = in.p[in.n - 1] == '\r';
}

static bool
read_all(struct letter *l, int in, uint64_t most, struct err *e)
{
	char *piece = memory_new(PIECE_BYTES);
	struct buf out = BUF_INIT;
	uint64_t total = 0;
	bool cr = false, ok = true;
	ssize_t n;

	while (ok && (n = read(in, piece, PIECE_BYTES)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			ok = err_set_errno(e, REFUSAL_no_input, errno, "standard input");
			break;
		}
		buf_reset(&out);
		add_crlf(&out, span_of(piece, (size_t)n), &cr);
		total += out.len;
		if (RULE(message_too_big) && total > most)
			ok = err_set(e, REFUSAL_message_too_big, "more than %llu octets",
			    (unsigned long long)most);
		else
			ok = scratch_add(l->fd, buf_span(&out), e);
	}
	if (ok && total == 0)
		ok = err_set(e, REFUSAL_bad_message, "nothing came on standard input");
	l->body_octets = total;
	free(piece);
	buf_clear(&out);
	return ok;
}

/* -- the header ------------------------------------------------------------------------------- */

/* field-name = 1*( %d33-57 / %d59-126 ), blanks before the colon as in RFC 822; empty: no field. */
static struct span
field_name(struct span line)
{
	size_t n = 0, end;

	while (n < line.n && line.p[n] > ' ' && line.p[n] < 127 && line.p[n] != ':')
		n++;
	for (end = n; end < line.n && (line.p[end] == ' ' || line.p[end] == '\t');)
		end++;
	return span_sub(line, 0, end < line.n && line.p[end] == ':' ? n : 0);
}

/* The line at the front of `s` with its CR LF. */
static struct span
line_of(struct span s)
{
	const char *lf = s.n > 0 ? memchr(s.p, '\n', s.n) : NULL;

	return span_sub(s, 0, lf == NULL ? s.n : (size_t)(lf - s.p) + 1);
}

static struct span
without_end(struct span line)
{
	while (line.n > 0 && (line.p[line.n - 1] == '\r' || line.p[line.n - 1] == '\n'))
		line.n--;
	return line;
}

static bool
is_folded(struct span s)
{
	return s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t');
}

static bool
name_is(struct span name, const char *word)
{
	return span_eq_nocase(name, span_str(word));
}

struct from {
	struct letter *letter;
	struct fields *met;
};

static bool
take_from(void *arg, const char *address, struct err *e)
{
	struct from *f = arg;

	(void)e;
	if (f->met->addresses++ == 0 && f->letter->from == NULL)
		f->letter->from = memory_text(address);
	return true;
}

/* The server takes exactly one address. */
static bool
read_from(struct letter *l, struct span value, struct fields *met, struct err *e)
{
	struct from f = { .letter = l, .met = met };

	met->from++;
	met->addresses = 0;
	if (!address_list_each(value, take_from, &f, e) || met->addresses == 0)
		return err_set(e, REFUSAL_bad_message,
		    "From names no address: write your own, or leave out From");
	if (RULE(bad_message) && met->addresses > 1)
		return err_set(e, REFUSAL_bad_message,
		    "From names %zu addresses: leave only your own, or leave out From",
		    met->addresses);
	return true;
}

static bool
take_recipient(void *arg, const char *address, struct err *e)
{
	return letter_to(arg, address, e);
}

static bool
is_empty(struct span value)
{
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] > ' ' || value.p[i] < 0)
			return false;
	return true;
}

/* Items that are more than one word have their own domain, or are refused later. */
void
compose_qualify(struct span list, const char *domain, struct buf *out)
{
	bool plain = true, first = true;

	for (size_t i = 0; i < list.n; i++)
		plain = plain && strchr("\"(<:;", list.p[i]) == NULL;
	while (list.n > 0 && plain) {
		struct span item = span_trim_folds(span_cut(&list, ','));

		if (item.n == 0)
			continue;
		buf_addf(out, "%s%.*s", first ? "" : ", ", SPAN_FMT(item));
		if (address_is_dot_string(item))
			buf_addf(out, "@%s", domain);
		first = false;
	}
	buf_add(out, list.p, list.n);
}

static bool
read_recipients(struct letter *l, const struct compose *how, struct span value, struct err *e)
{
	struct buf list = BUF_INIT;
	bool ok;

	if (how->domain == NULL)
		return recipients_each(value, take_recipient, l, e);
	compose_qualify(span_trim(value), how->domain, &list);
	ok = recipients_each(buf_span(&list), take_recipient, l, e);
	buf_clear(&list);
	return ok;
}

/* The words of its comment are the name of whoever writes. */
static void
keep_name(struct letter *l, struct span value)
{
	struct span rest = value, comment;

	(void)span_cut(&rest, '(');
	comment = span_trim(span_cut(&rest, ')'));
	if (comment.n > 0 && l->name == NULL) {
		l->name = memory_new(comment.n + 1);
		memcpy(l->name, comment.p, comment.n);
	}
}

/* `root (Cron Daemon)`: it is replaced by the user's own. */
static bool
is_login_alone(const struct compose *how, struct span name, struct span value)
{
	return how->domain != NULL && name_is(name, "From") && !span_has(value, '@');
}

/* Takes one field with its folded lines; adds it to the header unless it is removed. */
static bool
take_field(struct letter *l, const struct compose *how, struct span name, struct span field,
    struct fields *met, struct err *e)
{
	struct span value = field;
	bool bcc = name_is(name, "Bcc") || name_is(name, "Resent-Bcc");

	(void)span_cut(&value, ':');
	met->date |= name_is(name, "Date");
	met->message_id |= name_is(name, "Message-ID");
	if (is_login_alone(how, name, value)) {
		keep_name(l, value);
		return true;
	}
	if (name_is(name, "From") && !read_from(l, value, met, e))
		return false;
	/* Other programs send to these and not to the others; neither may be meant. */
	if (RULE(bad_message) && how->from_header && !is_empty(value) &&
	    (name_is(name, "Resent-To") || name_is(name, "Resent-Cc") ||
		name_is(name, "Resent-Bcc")))
		return err_set(e, REFUSAL_bad_message,
		    "-t does not read %.*s: leave it out, or name the recipients instead of -t",
		    SPAN_FMT(name));
	if (how->from_header && !is_empty(value) &&
	    (name_is(name, "To") || name_is(name, "Cc") || name_is(name, "Bcc")) &&
	    !read_recipients(l, how, value, e))
		return err_prefix(e, "in %.*s", SPAN_FMT(name));
	if (!bcc)
		buf_add(&l->header, field.p, field.n);
	return true;
}

/* A name that a quoted string cannot have is left out. */
static void
add_own_from(const struct letter *l, const struct compose *how, struct buf *out)
{
	const char *name = how->name != NULL ? how->name : l->name;
	bool fit = name != NULL && *name != '\0';

	for (const char *c = name; fit && *c != '\0'; c++)
		fit = *c >= ' ' && *c < 127 && *c != '"' && *c != '\\';
	if (fit)
		buf_addf(out, "From: \"%s\" <%s>\r\n", name, how->own);
	else
		buf_addf(out, "From: %s\r\n", how->own);
}

static void
add_missing(struct letter *l, const struct compose *how, const struct fields *met)
{
	struct buf front = BUF_INIT;
	const char *at = strrchr(how->own, '@');
	char date[MEASURE_BYTES], random[2 * sizeof how->random + 1];

	if (met->from == 0)
		add_own_from(l, how, &front);
	measure_rfc5322(date, how->wall_s);
	if (!met->date)
		buf_addf(&front, "Date: %s\r\n", date);
	hex_str(random, how->random, sizeof how->random);
	if (!met->message_id)
		buf_addf(&front, "Message-ID: <%s@%s>\r\n", random,
		    at == NULL ? "localhost" : at + 1);
	buf_add(&front, l->header.data, l->header.len);
	buf_clear(&l->header);
	l->header = front;
	if (met->from == 0)
		l->from = memory_text(how->own);
}

/* `s` is the beginning of the letter, or all of it where `whole` is set. */
static bool
take_header(struct letter *l, const struct compose *how, struct span s, bool whole, struct err *e)
{
	struct fields met = { .from = 0 };
	size_t at = span_starts(s, SPAN_LIT("From ")) ? line_of(s).n : 0; /* mbox */
	bool ended = false;

	while (at < s.n && !ended) {
		struct span rest = span_sub(s, at, s.n), line = line_of(rest);
		struct span name = field_name(line);
		size_t n = line.n;

		if (!whole && at > 0 && line.p[line.n - 1] != '\n')
			break; /* cut off by the window */
		ended = name.n == 0;
		/* What follows could name recipients, who would not get the letter. */
		if (RULE(bad_message) && ended && how->from_header &&
		    (at > 0 || span_starts(line, SPAN_LIT("\357\273\277"))) &&
		    without_end(line).n > 0)
			return err_set(e, REFUSAL_bad_message,
			    "a line of its header is not a field: %.*s",
			    SPAN_FMT(span_sub(without_end(line), 0, 100)));
		if (ended) {
			at += span_eq(line, SPAN_LIT("\r\n")) ? 2 : 0;
			break;
		}
		while (is_folded(span_sub(rest, n, rest.n)))
			n += line_of(span_sub(rest, n, rest.n)).n;
		if (!take_field(l, how, name, span_sub(rest, 0, n), &met, e))
			return false;
		at += n;
	}
	if (!ended && !whole)
		return err_set(e, REFUSAL_bad_message, "its header is longer than %d KiB",
		    COMPOSE_HEADER_BYTES / 1024);
	if (RULE(bad_message) && met.from > 1)
		return err_set(e, REFUSAL_bad_message, "there are %zu From fields: leave only one",
		    met.from);
	add_missing(l, how, &met);
	if (ended)
		buf_add(&l->header, "\r\n", 2);
	l->body_at = at;
	l->body_octets -= at;
	return true;
}

/* -- the letter ------------------------------------------------------------------------------- */

void
letter_init(struct letter *l)
{
	*l = (struct letter) { .fd = -1 };
}

static bool
read_header(struct letter *l, const struct compose *how, struct err *e)
{
	char *window = memory_new(COMPOSE_HEADER_BYTES);
	ssize_t n;
	bool ok;

	n = pread(l->fd, window, COMPOSE_HEADER_BYTES, 0);
	ok = n >= 0
	    ? take_header(l, how, span_of(window, (size_t)n), (uint64_t)n == l->body_octets, e)
	    : err_set_errno(e, REFUSAL_no_input, errno, "a temporary file");
	free(window);
	return ok;
}

bool
compose_read(struct letter *l, int in, const struct compose *how, struct err *e)
{
	if (!scratch_open(&l->fd, e) || !read_all(l, in, how->most, e) || !read_header(l, how, e))
		return false;
	if (RULE(message_too_big) && letter_size(l) > how->most)
		return err_set(e, REFUSAL_message_too_big, "more than %llu octets",
		    (unsigned long long)how->most);
	return true;
}

/* Local parts are compared as they are, domains in any case. */
static bool
same_address(const char *a, const char *b)
{
	const char *at = strrchr(a, '@');
	size_t n = at == NULL ? strlen(a) : (size_t)(at - a);

	return strlen(a) == strlen(b) && memcmp(a, b, n) == 0 &&
	    span_eq_nocase(span_str(a + n), span_str(b + n));
}

bool
letter_to(struct letter *l, const char *address, struct err *e)
{
	const char *at = strrchr(address, '@');

	if (RULE(bad_address) && (at == NULL || at == address || at[1] == '\0'))
		return err_set(e, REFUSAL_bad_address, "\"%s\" is not local@domain", address);
	for (size_t i = 0; i < l->n_to; i++)
		if (same_address(l->to[i], address))
			return true;
	if (RULE(too_many_recipients) && l->n_to >= COMPOSE_RECIPIENTS_MAX)
		return err_set(e, REFUSAL_too_many_recipients, "more than %d",
		    COMPOSE_RECIPIENTS_MAX);
	l->to = memory_resize(l->to, l->n_to + 1, sizeof *l->to);
	l->to[l->n_to++] = memory_text(address);
	return true;
}

uint64_t
letter_size(const struct letter *l)
{
	return l->header.len + l->body_octets;
}

static ssize_t
source_read(struct source *s, uint64_t offset, char *dst, size_t n)
{
	const struct letter *l = ((struct letter_source *)s)->letter;
	struct span head = span_sub(buf_span(&l->header), (size_t)offset, n);
	ssize_t got = (ssize_t)head.n;

	if (offset >= l->header.len)
		got = pread(l->fd, dst, n, (off_t)(l->body_at + offset - l->header.len));
	else
		memcpy(dst, head.p, head.n);
	if (got > 0 && l->on_read != NULL)
		l->on_read(l->on_read_arg, offset + (uint64_t)got);
	return got;
}

static void
source_free(struct source *s)
{
	free(s);
}

struct source *
letter_source(const struct letter *l)
{
	struct letter_source *s = memory_new(sizeof *s);

	s->source = (struct source) { .read = source_read, .free = source_free };
	s->letter = l;
	return &s->source;
}

void
letter_clear(struct letter *l)
{
	buf_clear(&l->header);
	if (l->fd >= 0)
		close(l->fd);
	free(l->from);
	free(l->name);
	for (size_t i = 0; i < l->n_to; i++)
		free(l->to[i]);
	free(l->to);
	letter_init(l);
}
