/* replay — plays the transcripts of proto/SPEC.md to the engines they name, and speaks TAP.
 *
 *	replay [SPEC.md [TITLE]]
 *
 * Each block is two tests: what comes in is fed at a single stroke, and octet by octet.  An `A:`
 * line divides a block into scenes: the input lines of a scene are fed, and what must have come out in
 * it is compared at its end; so pipelined lines may come in any order within a scene.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/drive.h"
#include "tests/hesitant.h"
#include "tests/replay.h"

static const struct replay_engine *const engines[] = {
	&replay_notify_server,
	&replay_notify_client,
	&replay_fetch_server,
	&replay_fetch_client,
	&replay_submit_server,
	&replay_submit_client,
	&replay_mailbox_server,
	&replay_mailbox_client,
	&replay_smtp_server,
	&replay_submission_server,
	&replay_smtp_client,
};

struct play {
	const struct replay_engine *kind;
	void *role;
	struct engine *engine;
	size_t chunk;
	struct buf in, want;  /* of this scene */
	struct buf held, got; /* not taken yet; come out */
	bool want_closed;
	size_t line; /* in the file, for people */
	char fault[256];
};

/* -- moving octets ------------------------------------------------------------------------- */

/* Its source waits before each piece. */
static void
drain_payload(struct play *p)
{
	struct payload *from = &p->engine->payload;
	char piece[512];
	ssize_t n;

	hesitant_wake(from);
	while (from->source != NULL) {
		hesitant_put(from);
		n = engine_payload_read(p->engine, piece, sizeof piece);
		if (n == SOURCE_WAIT)
			return;
		if (n < 0) {
			snprintf(p->fault, sizeof p->fault, "a payload cannot be read");
			return;
		}
		buf_add(&p->got, piece, (size_t)n);
		engine_payload_moved(p->engine, (size_t)n);
	}
}

/* Until the engine neither says nor takes anything more. */
static void
move(struct play *p)
{
	size_t before;

	do {
		before = p->held.len + p->engine->out.len;
		buf_add(&p->got, p->engine->out.data, p->engine->out.len);
		buf_reset(&p->engine->out);
		drain_payload(p);
		drive_again(p->engine, &p->held);
	} while (p->fault[0] == '\0' &&
	    (p->engine->out.len > 0 || p->engine->payload.source != NULL ||
		p->held.len + p->engine->out.len != before));
}

static void
feed(struct play *p)
{
	size_t chunk = p->chunk > 0 ? p->chunk : p->in.len;

	for (size_t at = 0; at < p->in.len; at += chunk) {
		drive(p->engine, &p->held, span_sub(buf_span(&p->in), at, chunk), chunk);
		move(p);
	}
	move(p);
	buf_reset(&p->in);
}

/* -- comparing ----------------------------------------------------------------------------- */

static void
show(const char *what, struct span s)
{
	printf("# %s: ", what);
	for (size_t i = 0; i < s.n && i < 4000; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '\n')
			printf("\\n\n#	");
		else if (c == '\r')
			printf("\\r");
		else if (c < 0x20 || c == 0x7f)
			printf("\\x%02x", c);
		else
			putchar(c);
	}
	putchar('\n');
}

static void
compare(struct play *p)
{
	if (p->fault[0] == '\0' && !span_eq(buf_span(&p->got), buf_span(&p->want))) {
		snprintf(p->fault, sizeof p->fault, "before line %zu: not what must come out",
		    p->line);
		show("must come", buf_span(&p->want));
		show("has come", buf_span(&p->got));
	}
	buf_reset(&p->got);
	buf_reset(&p->want);
}

static void
compare_end(struct play *p)
{
	compare(p);
	if (p->fault[0] != '\0')
		return;
	if (p->engine->closing != p->want_closed)
		snprintf(p->fault, sizeof p->fault, "the engine %s to close",
		    p->want_closed ? "does not ask" : "asks");
	else if (p->held.len > 0 && !p->want_closed)
		snprintf(p->fault, sizeof p->fault, "%zu octets are not taken", p->held.len);
}

/* -- one block ----------------------------------------------------------------------------- */

static int
hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \r \n \\ \xHH */
static bool
unescape(struct span s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '\\' && ++i == s.n)
			return false;
		if (c == '\\' && s.p[i] == 'x') {
			if (i + 2 >= s.n || hex_digit(s.p[i + 1]) < 0 || hex_digit(s.p[i + 2]) < 0)
				return false;
			c = (char)(hex_digit(s.p[i + 1]) * 16 + hex_digit(s.p[i + 2]));
			i += 2;
		} else if (c == '\\') {
			c = s.p[i] == 'r' ? '\r' : s.p[i] == 'n' ? '\n' : '\\';
		}
		buf_add(out, &c, 1);
	}
	return true;
}

static bool
act(struct play *p, struct span words)
{
	if (p->in.len + p->want.len > 0) { /* not between two A: lines */
		feed(p);
		compare(p);
	}
	if (p->fault[0] != '\0')
		return false;
	p->engine->now_ms++;
	if (!p->kind->act(p->role, words)) {
		snprintf(p->fault, sizeof p->fault, "line %zu: A: %.*s: no", p->line,
		    SPAN_FMT(span_sub(words, 0, 150)));
		return false;
	}
	move(p);
	return true;
}

/* What the other side says goes in, what this side says must come out. */
static bool
play_line(struct play *p, struct span line)
{
	size_t n = strlen(p->kind->name);
	char other = strcmp(p->kind->name + n - 6, "client") == 0 ? 'S' : 'C';
	struct buf *to = line.p[0] == other ? &p->in : &p->want;
	struct span text = span_sub(line, 3, line.n);

	if (span_starts(line, SPAN_LIT("C: ")) || span_starts(line, SPAN_LIT("S: "))) {
		buf_add(to, text.p, text.n);
		buf_add(to, "\r\n", 2);
		return true;
	}
	if (span_starts(line, SPAN_LIT("C! ")) || span_starts(line, SPAN_LIT("S! ")))
		return unescape(text, to);
	if (span_starts(line, SPAN_LIT("A: ")))
		return act(p, text);
	if (span_eq(line, SPAN_LIT("S# closed")))
		return p->want_closed = true;
	return false;
}

static bool
play(const struct replay_engine *kind, struct span block, size_t line, size_t chunk)
{
	struct play p = { .kind = kind, .chunk = chunk, .line = line };
	struct span rest = block;

	p.role = kind->make(&p.engine);
	p.engine->now_ms = 1;
	while (rest.n > 0 && p.fault[0] == '\0') {
		struct span l = span_cut(&rest, '\n');

		p.line++;
		if (!play_line(&p, l) && p.fault[0] == '\0')
			snprintf(p.fault, sizeof p.fault, "line %zu is not of a transcript's form",
			    p.line);
	}
	if (p.fault[0] == '\0') {
		feed(&p);
		compare_end(&p);
	}
	if (p.fault[0] != '\0')
		printf("# %s\n", p.fault);
	kind->clear(p.role);
	buf_clear(&p.in);
	buf_clear(&p.want);
	buf_clear(&p.held);
	buf_clear(&p.got);
	return p.fault[0] == '\0';
}

/* -- the file ------------------------------------------------------------------------------ */

static const struct replay_engine *
find(struct span name)
{
	for (size_t i = 0; i < sizeof engines / sizeof engines[0]; i++)
		if (span_eq(name, span_str(engines[i]->name)))
			return engines[i];
	return NULL;
}

struct count {
	size_t tests, bad;
};

static void
test(struct count *n, struct span title, const char *how, bool good)
{
	n->bad += !good;
	printf("%sok %zu - %.*s, %s\n", good ? "" : "not ", ++n->tests, SPAN_FMT(title), how);
}

static void
play_block(struct count *n, struct span title, struct span block, size_t line)
{
	struct span rest = title;
	const struct replay_engine *kind = find(span_cut(&rest, ' '));

	if (kind == NULL) {
		printf("# line %zu: no such engine\n", line);
		test(n, title, "not played", false);
		return;
	}
	test(n, title, "at once", play(kind, block, line, 0));
	test(n, title, "octet by octet", play(kind, block, line, 1));
}

static bool
ends_with(struct span s, struct span end)
{
	return s.n >= end.n && span_eq(span_sub(s, s.n - end.n, end.n), end);
}

static struct count
play_all(struct span spec, const char *only)
{
	static const struct span fence = { "```", 3 }, open = { "```transcript ", 14 };
	struct count n = { 0 };
	struct span rest = spec;
	size_t line = 0;

	while (rest.n > 0) {
		struct span l = span_cut(&rest, '\n'), title, block = rest, end;
		size_t from = ++line;

		if (!span_starts(l, open))
			continue;
		title = span_sub(l, open.n, l.n);
		do {
			end = rest;
			l = span_cut(&rest, '\n');
			line++;
		} while (rest.n > 0 && !span_starts(l, fence));
		block.n = (size_t)(end.p - block.p);
		if (only == NULL || ends_with(title, span_str(only)))
			play_block(&n, title, block, from);
	}
	return n;
}

static bool
read_file(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "r");
	char piece[65536];
	size_t n;

	if (f == NULL)
		return false;
	while ((n = fread(piece, 1, sizeof piece, f)) > 0)
		buf_add(out, piece, n);
	fclose(f);
	return true;
}

int
main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "proto/SPEC.md";
	struct buf spec = BUF_INIT;
	struct count n;

	if (!read_file(path, &spec)) {
		perror(path);
		return 66;
	}
	n = play_all(buf_span(&spec), argc > 2 ? argv[2] : NULL);
	printf("1..%zu\n", n.tests);
	buf_clear(&spec);
	return n.bad > 0 || n.tests == 0;
}
