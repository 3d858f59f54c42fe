/* mend — a copy of a letter whose parts' headers end; see mend.h. */
#include "mc/mend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/memory.h"
#include "common/base/span.h"
#include "mc/bounds.h"
#include "mc/scratch.h"

#define PIECE_BYTES 65536

void
mend_note(struct mend *m, uint64_t at)
{
	m->headless = m->headless || at == 0;
	if (at > 0 && m->n < MEND_MAX && (m->n == 0 || at > m->at[m->n - 1]))
		m->at[m->n++] = at;
}

/* field = 1*( %d33-57 / %d59-126 ) ":", at the front of s */
static bool
is_field(struct span s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] > ' ' && s.p[n] < 0x7f && s.p[n] != ':')
		n++;
	return n > 0 && n < s.n && s.p[n] == ':';
}

struct header {
	uint64_t begin; /* of its first field; UINT64_MAX: there is none */
	uint64_t end;   /* of its last line; UINT64_MAX: it does not end */
};

static struct header
find_header(int fd)
{
	char *beginning = memory_new(BOUNDS_HEADER_BYTES + 4);
	ssize_t n = pread(fd, beginning, BOUNDS_HEADER_BYTES + 4, 0);
	struct header h = { UINT64_MAX, UINT64_MAX };
	struct span all = span_of(beginning, n > 0 ? (size_t)n : 0), rest = all;

	while (rest.n > 0 && h.end == UINT64_MAX) {
		size_t at = all.n - rest.n;
		struct span line = span_cut(&rest, '\n');

		if (span_eq(line, SPAN_LIT("\r")))
			h.end = at > 0 ? at - 1 : 0;
		else if (h.begin == UINT64_MAX && is_field(line))
			h.begin = at;
	}
	free(beginning);
	return h;
}

static bool
copy(int from, uint64_t at, uint64_t until, int to, struct err *e)
{
	char *piece = memory_new(PIECE_BYTES);
	ssize_t n = 1;
	bool ok = true;

	while (ok && at < until && n > 0) {
		size_t most = until - at < PIECE_BYTES ? (size_t)(until - at) : PIECE_BYTES;

		n = pread(from, piece, most, (off_t)at);
		if (n < 0)
			ok = err_set_errno(e, REFUSAL_no_input, errno, "the letter");
		else
			ok = scratch_add(to, span_of(piece, (size_t)n), e);
		at += n > 0 ? (uint64_t)n : 0;
	}
	free(piece);
	return ok;
}

/* Adds the letter from `at` on, with an empty line at each place after `from`. */
static bool
copy_mended(const struct mend *m, int fd, uint64_t from, uint64_t at, uint64_t octets, int out,
    struct err *e)
{
	bool ok = true;

	for (size_t i = 0; i < m->n && ok; i++) {
		if (m->at[i] <= from || m->at[i] <= at || m->at[i] > octets)
			continue;
		ok = copy(fd, at, m->at[i], out, e) && scratch_add(out, SPAN_LIT("\r\n"), e);
		at = m->at[i];
		if (from == 0)
			break; /* what follows is text */
	}
	return ok && copy(fd, at, octets, out, e);
}

bool
mend_copy(const struct mend *m, int fd, uint64_t octets, int *out, struct err *e)
{
	struct header h = find_header(fd);
	uint64_t from = h.end, at = 0;
	bool ok = true, endless = h.end == UINT64_MAX && octets <= BOUNDS_HEADER_BYTES;

	*out = -1;
	if (endless)
		from = 0;
	if (!m->headless && (m->n == 0 || m->at[m->n - 1] <= from || from == UINT64_MAX))
		return true;
	if (!scratch_open(out, e))
		return false;
	if (m->headless && h.begin != UINT64_MAX)
		at = h.begin;
	else if (m->headless) {
		ok = scratch_add(*out, SPAN_LIT("\r\n"), e);
		from = UINT64_MAX; /* all of it is text */
	}
	ok = ok && copy_mended(m, fd, from, at, octets, *out, e);
	if (!ok) {
		close(*out);
		*out = -1;
	}
	return ok;
}
