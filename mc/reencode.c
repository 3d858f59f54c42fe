/* reencode — plain text as quoted-printable; see reencode.h. */
#include "mc/reencode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/memory.h"
#include "mc/scratch.h"
#include "proto/header.h"

#define LINE_MAX_SMTP 998 /* octets without the CRLF */
#define LINE_MAX_QP   75  /* with room for the "=" that breaks a line */
#define PIECE_BYTES   65536

struct text {
	uint64_t line, longest;
	bool eight_bit;
};

/* Reads the body; `take` may stop it. */
static bool
each_piece(const struct letter *l, bool (*take)(void *arg, struct span piece, struct err *e),
    void *arg, struct err *e)
{
	char *piece = memory_new(PIECE_BYTES);
	uint64_t at = 0;
	bool ok = true;

	while (ok && at < l->body_octets) {
		ssize_t n = pread(l->fd, piece, PIECE_BYTES, (off_t)(l->body_at + at));

		ok = n > 0 ? take(arg, span_of(piece, (size_t)n), e)
			   : err_set_errno(e, REFUSAL_no_input, errno, "a temporary file");
		at += n > 0 ? (uint64_t)n : 0;
	}
	free(piece);
	return ok;
}

static bool
measure(void *arg, struct span piece, struct err *e)
{
	struct text *t = arg;

	(void)e;
	for (size_t i = 0; i < piece.n; i++) {
		t->eight_bit = t->eight_bit || (unsigned char)piece.p[i] >= 0x80;
		t->line = piece.p[i] == '\n' || piece.p[i] == '\r' ? 0 : t->line + 1;
		if (t->line > t->longest)
			t->longest = t->line;
	}
	return true;
}

/* -- quoted-printable ------------------------------------------------------------------------------------- */

struct encoder {
	int fd;
	uint64_t octets;
	size_t column;
	char held; /* a blank that may end its line; 0: none */
	bool cr;
	struct buf out;
};

static void
put(struct encoder *x, const char *word)
{
	size_t n = strlen(word);

	if (x->column + n > LINE_MAX_QP) {
		buf_add(&x->out, "=\r\n", 3);
		x->column = 0;
	}
	buf_add(&x->out, word, n);
	x->column += n;
}

static void
put_octet(struct encoder *x, unsigned char c, bool as_it_is)
{
	static const char digits[] = "0123456789ABCDEF";
	const char quoted[] = { '=', digits[c >> 4], digits[c & 15], '\0' };
	const char plain[] = { (char)c, '\0' };

	put(x, as_it_is ? plain : quoted);
}

/* A blank before a line's end would be lost on some ways. */
static void
release(struct encoder *x, bool as_it_is)
{
	if (x->held != '\0')
		put_octet(x, (unsigned char)x->held, as_it_is);
	x->held = '\0';
}

static void
take_octet(struct encoder *x, char c)
{
	if (c == '\r') {
		x->cr = true; /* of a CRLF: compose leaves no other before an LF */
		return;
	}
	if (c == '\n') {
		release(x, false);
		buf_add(&x->out, "\r\n", 2);
		x->column = 0;
		x->cr = false;
		return;
	}
	if (x->cr) {
		release(x, true);
		put_octet(x, '\r', false);
		x->cr = false;
	}
	release(x, true);
	if (c == ' ' || c == '\t')
		x->held = c;
	else
		put_octet(x, (unsigned char)c, c > ' ' && c < 127 && c != '=');
}

static bool
write_out(struct encoder *x, struct err *e)
{
	bool ok = scratch_add(x->fd, buf_span(&x->out), e);

	x->octets += x->out.len;
	buf_reset(&x->out);
	return ok;
}

static bool
encode(void *arg, struct span piece, struct err *e)
{
	struct encoder *x = arg;

	for (size_t i = 0; i < piece.n; i++)
		take_octet(x, piece.p[i]);
	return write_out(x, e);
}

static bool
encode_body(struct letter *l, struct err *e)
{
	struct encoder x = { .fd = -1 };
	bool ok = scratch_open(&x.fd, e) && each_piece(l, encode, &x, e);

	release(&x, false);
	ok = ok && write_out(&x, e);
	buf_clear(&x.out);
	if (!ok) {
		if (x.fd >= 0)
			close(x.fd);
		return false;
	}
	close(l->fd);
	l->fd = x.fd;
	l->body_at = 0;
	l->body_octets = x.octets;
	return true;
}

/* -- the header -------------------------------------------------------------------------------------------- */

static bool
has_mime(struct span header)
{
	struct span field, value;

	for (size_t at = 0; (field = header_field_at(header, at)).n > 0; at += field.n)
		if (header_field_is(field, SPAN_LIT("MIME-Version"), &value) ||
		    header_field_is(field, SPAN_LIT("Content-Type"), &value) ||
		    header_field_is(field, SPAN_LIT("Content-Transfer-Encoding"), &value))
			return true;
	return false;
}

/* Before the empty line, with which a header that has a body ends. */
static void
say_how(struct letter *l, bool eight_bit)
{
	l->header.len -= 2;
	buf_addf(&l->header,
	    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=%s\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
	    eight_bit ? "utf-8" : "us-ascii");
}

bool
reencode(struct letter *l, struct err *e)
{
	struct text t = { .line = 0 };

	if (has_mime(buf_span(&l->header)))
		return true;
	if (!each_piece(l, measure, &t, e))
		return false;
	if (t.longest <= LINE_MAX_SMTP || l->header.len < 4 ||
	    memcmp(l->header.data + l->header.len - 4, "\r\n\r\n", 4) != 0)
		return true;
	if (!encode_body(l, e))
		return false;
	say_how(l, t.eight_bit);
	return true;
}
