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
	if (m->n < MEND_MAX && (m->n == 0 || at > m->at[m->n - 1]))
		m->at[m->n++] = at;
}

/* Where the letter's own header ends. */
static uint64_t
header_end(int fd)
{
	char *beginning = memory_new(BOUNDS_HEADER_BYTES + 4);
	ssize_t n = pread(fd, beginning, BOUNDS_HEADER_BYTES + 4, 0);
	uint64_t at = UINT64_MAX;

	for (ssize_t i = 0; i + 3 <= n && at == UINT64_MAX; i++)
		if (memcmp(beginning + i, "\n\r\n", 3) == 0)
			at = (uint64_t)i;
	free(beginning);
	return at;
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

bool
mend_copy(const struct mend *m, int fd, uint64_t octets, int *out, struct err *e)
{
	uint64_t from = header_end(fd), at = 0;
	bool ok = true;

	*out = -1;
	if (m->n == 0 || m->at[m->n - 1] <= from || from == UINT64_MAX)
		return true;
	if (!scratch_open(out, e))
		return false;
	for (size_t i = 0; i < m->n && ok; i++) {
		if (m->at[i] <= from || m->at[i] > octets)
			continue;
		ok = copy(fd, at, m->at[i], *out, e) && scratch_add(*out, SPAN_LIT("\r\n"), e);
		at = m->at[i];
	}
	ok = ok && copy(fd, at, octets, *out, e);
	if (!ok) {
		close(*out);
		*out = -1;
	}
	return ok;
}
