/* Any octets as a letter: read, turned into text, and nothing of it may hurt a terminal; and any
 * octets as what a program sends. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "mc/compose.h"
#include "mc/html.h"
#include "mc/mime.h"
#include "mc/safe.h"
#include "mc/scratch.h"
#include "mc/visible.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
harmless(struct span s)
{
	struct buf b = BUF_INIT;
	uint32_t c = 0;
	size_t n;

	safe_add(&b, s, SAFE_LINE);
	for (struct span rest = buf_span(&b); rest.n > 0; rest = span_sub(rest, n, rest.n)) {
		n = visible_utf8(rest, &c);
		assert(n > 0 && visible_is(c));
	}
	buf_clear(&b);
}

static void
read_letter(int fd)
{
	struct mime_letter l;
	struct err e;

	if (mime_read(&l, fd, &e)) {
		harmless(buf_span(&l.subject));
		harmless(buf_span(&l.from));
		harmless(buf_span(&l.text));
		for (size_t i = 0; i < l.n_parts; i++)
			harmless(buf_span(&l.parts[i].name));
		mime_clear(&l);
	}
}

static void
compose(int fd)
{
	const struct compose how = { .own = "a@a.test", .from_header = true, .most = 1 << 20 };
	struct letter l;
	struct err e;
	char piece[512];

	letter_init(&l);
	lseek(fd, 0, SEEK_SET);
	if (compose_read(&l, fd, &how, &e)) {
		struct source *s = letter_source(&l);
		uint64_t at = 0;

		while (at < letter_size(&l)) {
			ssize_t n = s->read(s, at, piece, sizeof piece);

			assert(n > 0);
			at += (uint64_t)n;
		}
		s->free(s);
	}
	letter_clear(&l);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool started;
	struct buf text = BUF_INIT;
	struct err e;
	int fd;

	if (!started)
		mime_start();
	started = true;
	html_text(span_of(data, size), &text);
	harmless(buf_span(&text));
	buf_clear(&text);
	if (!scratch_open(&fd, &e) || !scratch_add(fd, span_of(data, size), &e))
		abort();
	read_letter(fd);
	compose(fd);
	close(fd);
	return 0;
}
