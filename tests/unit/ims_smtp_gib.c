/* ims_smtp_gib — a letter of 1 GiB passes from client to server, whole, and neither keeps more of it than 64 KiB. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/memory.h"
#include "common/text/idn.h"
#include "ims/smtp/smtp_arriving.h"
#include "proto/smtp/smtp_client.h"
#include "proto/smtp/smtp_server.h"

#define GIB   (UINT64_C(1) << 30)
#define PIECE 16384
#define HEAD  "From: eve@old.test\r\n\r\n"

/* -- the letter: a header, then lines of 64 octets, of which each begins with a dot --------------------------- */

struct made {
	struct source source; /* first */
};

static char
octet_at(uint64_t offset)
{
	static const char line[] =
	    ".bcdefghijklmnopqrstuvwxyz.ABCDEFGHIJKLMNOPQRSTUVWXYZ.012345678\r\n";
	const size_t head = sizeof HEAD - 1;

	if (offset >= GIB)
		return offset == GIB ? '\r' : '\n';
	return offset < head ? HEAD[offset] : line[(offset - head) % (sizeof line - 1)];
}

static ssize_t
read_made(struct source *s, uint64_t offset, char *dst, size_t n)
{
	(void)s;
	for (size_t i = 0; i < n; i++)
		dst[i] = octet_at(offset + i);
	return (ssize_t)n;
}

static void
free_made(struct source *s)
{
	free(s);
}

static struct source *
made_new(void)
{
	struct made *m = memory_new(sizeof *m);

	m->source = (struct source) { .read = read_made, .free = free_made };
	return &m->source;
}

/* -- the two sides -------------------------------------------------------------------------------------------- */

struct scene {
	struct smtp_server server;
	struct smtp_client client;
	struct smtp_arriving letter; /* as the inbound gateway takes it */
	struct smtp_letter given;    /* by the client */
	uint64_t came, wrong;
	bool kept, over;
	struct span to[1];
	size_t heap, most; /* at the beginning, and the most since */
};

static struct scene scene;
static const struct smtp_server_config config = { .name = "mx.a.test", .size_max = 2 * GIB };

static bool
admit(void *role, struct err *e)
{
	(void)role;
	(void)e;
	return true;
}

static void
hello(void *role, const struct smtp_name *name)
{
	(void)role;
	(void)name;
}

static enum outcome
mail(void *role, uint64_t request, const struct smtp_mail *m, struct err *e)
{
	(void)role;
	(void)request;
	(void)m;
	(void)e;
	return DONE;
}

static enum outcome
rcpt(void *role, uint64_t request, const struct smtp_path *to, struct err *e)
{
	(void)role;
	(void)request;
	(void)to;
	(void)e;
	return DONE;
}

static enum outcome
yes(void *role, uint64_t request, struct err *e)
{
	(void)role;
	(void)request;
	(void)e;
	return DONE;
}

static void
octets(void *role, struct span piece)
{
	struct scene *s = role;
	struct span body;

	for (size_t i = 0; i < piece.n; i++)
		s->wrong += piece.p[i] != octet_at(s->came + i);
	s->came += piece.n;
	smtp_arriving_take(&s->letter, piece, &body);
}

static enum outcome
end(void *role, uint64_t request, struct err *e)
{
	struct scene *s = role;

	(void)request;
	s->kept = smtp_arriving_end(&s->letter, e);
	return s->kept ? DONE : REFUSED;
}

static void
reset(void *role)
{
	(void)role;
}

static const struct smtp_server_ops server_ops = { .admit = admit,
	.a_label = idn_a_label,
	.hello = hello,
	.mail = mail,
	.rcpt = rcpt,
	.data = yes,
	.octets = octets,
	.end = end,
	.reset = reset };

static void
ready(void *role)
{
	struct scene *s = role;
	struct err e;

	if (s->over) {
		smtp_client_quit(&s->client);
		return;
	}
	s->given = (struct smtp_letter) { .from = SPAN_LIT("eve@old.test"),
		.to = s->to,
		.n_to = 1,
		.content = made_new(),
		.octets = GIB };
	if (!smtp_client_send(&s->client, &s->given, &e))
		fail_msg("%s", e.text);
}

static void
recipient(void *role, size_t i, const struct smtp_reply *r)
{
	(void)role;
	(void)i;
	assert_int_equal(r->code, 250);
}

static void
giving(void *role)
{
	smtp_client_give(&((struct scene *)role)->client);
}

static void
done(void *role, enum smtp_stage stage, const struct smtp_reply *r)
{
	struct scene *s = role;

	assert_int_equal(stage, SMTP_STAGE_END);
	assert_int_equal(r->code, 250);
	s->over = true;
}

static void
failed(void *role, enum smtp_stage stage, const struct err *why)
{
	(void)role;
	fail_msg("at %d: %s", (int)stage, why->text);
}

static const struct smtp_client_ops client_ops = {
	.ready = ready, .recipient = recipient, .giving = giving, .done = done, .failed = failed
};

/* -- between them --------------------------------------------------------------------------------------------- */

/* What is allocated now.  Under a sanitizer nobody counts, and it is 0. */
static size_t
heap(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static void
look(struct scene *s)
{
	size_t now = heap();

	if (now > s->heap && now - s->heap > s->most)
		s->most = now - s->heap;
}

/* The output of one is the input of the other, which is offered again what it has not taken. */
static bool
move(struct engine *from, struct engine *to, struct buf *held)
{
	char piece[PIECE];
	ssize_t n = 0;
	bool any = from->out.len > 0;

	buf_add(held, from->out.data, from->out.len);
	buf_reset(&from->out);
	if (from->payload.source != NULL && held->len < PIECE) {
		n = engine_payload_read(from, piece, sizeof piece);
		assert_true(n >= 0);
		buf_add(held, piece, (size_t)n);
		engine_payload_moved(from, (size_t)n);
		any = true;
	}
	buf_drop(held, to->feed(to, buf_span(held)));
	return any;
}

static void
a_gibibyte_passes(void **state)
{
	struct scene *s = &scene;
	struct buf up = BUF_INIT, down = BUF_INIT;
	bool goes_on = true;

	(void)state;
	s->to[0] = SPAN_LIT("bob@a.test");
	s->heap = heap();
	smtp_server_init(&s->server, &config, &server_ops, s);
	smtp_client_init(&s->client, "mx.old.test", &client_ops, s);
	for (uint64_t i = 0; goes_on; i++) {
		bool answered = move(&s->server.engine, &s->client.engine, &down);

		goes_on = move(&s->client.engine, &s->server.engine, &up) || answered;
		if (i % 64 == 0)
			look(s);
	}
	assert_true(s->over && s->kept);
	assert_int_equal(s->wrong, 0);
	/* the client ends the last line, and the server gets that */
	assert_in_range(s->came, GIB, GIB + 2);
	assert_in_range(s->most, 0, 65536);
	assert_int_equal(s->letter.header.len, sizeof HEAD - 1);
	buf_clear(&up);
	buf_clear(&down);
	smtp_arriving_clear(&s->letter);
	smtp_server_clear(&s->server);
	smtp_client_clear(&s->client);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_gibibyte_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
