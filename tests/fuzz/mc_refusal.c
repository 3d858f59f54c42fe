/* mc_refusal — the text of a refusal is a stranger's: whatever octets it is made of, what fault and
 * outbox show of it moves no cursor and begins no line of its own, and the log says it in one word.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/log.h"
#include "mc/fault.h"
#include "mc/safe.h"
#include "mc/sent.h"
#include "mc/visible.h"
#include "proto/line.h"
#include "proto/reply.h"
#include "proto/submit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

/* What was written into the file, which is emptied. */
static void
take(int fd, struct buf *out)
{
	off_t n = lseek(fd, 0, SEEK_END);

	must(n >= 0);
	buf_reset(out);
	must(pread(fd, buf_room(out, (size_t)n + 1), (size_t)n, 0) == n);
	out->len = (size_t)n;
	must(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
}

static void
harmless(struct span s, size_t lines, bool ascii)
{
	uint32_t c = 0;
	size_t n;

	for (; s.n > 0; s = span_sub(s, n, s.n)) {
		n = visible_utf8(s, &c);
		must(n > 0 && (n == 1 || !ascii));
		must(c == '\n' ? lines-- > 0 : visible_is(c));
	}
	must(lines == 0);
}

/* fault writes to standard error. */
static void
fault(const struct fault *f, int fd, bool json, struct buf *said)
{
	struct options o = { .called = "mc", .json = json };
	int kept = dup(STDERR_FILENO);

	must(kept >= 0 && dup2(fd, STDERR_FILENO) >= 0);
	fault_print(&o, "letter 2", f, NULL);
	must(dup2(kept, STDERR_FILENO) >= 0);
	close(kept);
	take(fd, said);
	harmless(buf_span(said), json ? 1 : 3, json);
}

/* Our server keeps it and tells it in a row; the outbox shows the row. */
static void
outbox(const struct reply *r, const struct err *e, int fd, bool ascii, struct buf *said)
{
	struct submit_recipient kept = { .state = SUBMIT_WAITING, .tries = 1 }, one = { 0 };
	struct sent_letter l = { .recipients = &one, .n_recipients = 1 };
	struct span page;
	struct row row;
	struct out out;
	struct err fault;

	snprintf(kept.to, sizeof kept.to, "bob@b.test");
	snprintf(kept.text, sizeof kept.text, "%s", e->text);
	snprintf(kept.word, sizeof kept.word, "%.*s", SPAN_FMT(r->word));
	buf_reset(said);
	submit_recipient_write(said, &kept);
	page = buf_span(said);
	must(page.n <= LINE_MAX_BYTES && row_parse(&row, span_sub(page, 0, page.n - 2), &fault));
	must(submit_recipient_read(&row, &one, &fault));
	out_init(&out, fd);
	out.ascii = ascii;
	sent_print_recipients(&out, &l, "oms.a.test", 0);
	take(fd, said);
	harmless(buf_span(said), 1, ascii);
}

static void
show(const struct reply *r)
{
	static int fd = -1;
	struct buf said = BUF_INIT;
	struct fault f = { .host = "ims.b.test" };

	if (fd < 0)
		fd = memfd_create("shown", MFD_CLOEXEC);
	must(!reply_err(r, &f.err) && f.err.why != REFUSAL_NONE);
	fault(&f, fd, false, &said);
	fault(&f, fd, true, &said);
	outbox(r, &f.err, fd, false, &said);
	outbox(r, &f.err, fd, true, &said);
	for (const char *p = log_str(f.err.text); *p != '\0'; p++)
		must(*p >= 0x20 && *p < 0x7f);
	buf_clear(&said);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_of(data, n);
	struct reply r;
	struct err e;

	/* As the line says it; and any octets as the text, as if they had got past the line. */
	if (n <= LINE_MAX_BYTES - 2 && line_is_text(in) && reply_parse(in, &r, &e) && r.code >= 400)
		show(&r);
	r = (struct reply) { .code = 550,
		.why = REFUSAL_no_such_user,
		.text = in,
		.word = span_sub(in, 0, 32) };
	show(&r);
	return 0;
}
