/* notify_play — one scene played to one engine, and what it says; after <cmocka.h>. */
#ifndef TESTS_NOTIFY_PLAY_H
#define TESTS_NOTIFY_PLAY_H

#include "proto/line.h"
#include "proto/reply.h"
#include "tests/drive.h"
#include "tests/notify_scene.h"

#define WELCOME "250 2.0.0 b.test listens to a.test\r\n"
#define OK      "250 2.1.5 noticed\r\n"

static struct scene sc;
static struct scene_role role;
static struct buf held;

static inline void
begin(void)
{
	scene_role_init(&role);
	scene_raw(&sc, "HELLO a.test\r\n");
}

static inline void
end(void)
{
	scene_role_clear(&role);
	scene_clear(&sc);
	buf_clear(&held);
}

/* The words of all replies so far: "250" or "[word]". */
static inline void
words(struct buf *out)
{
	struct buf *in = &role.engine.server.engine.out;
	struct span line;
	struct reply r;
	size_t used;
	struct err e;

	while (line_next(buf_span(in), &line, &used, &e) == LINE_READY) {
		assert_true(reply_parse(line, &r, &e));
		if (r.code < 300)
			buf_addf(out, "%d ", r.code);
		else
			buf_addf(out, "%.*s ", SPAN_FMT(r.word));
		buf_drop(in, used);
	}
	assert_int_equal(in->len, 0);
}

static inline void
says(const char *want)
{
	struct buf got = BUF_INIT;

	words(&got);
	buf_add(&got, "", 1);
	assert_string_equal(got.data, want);
	buf_clear(&got);
}

static inline void
feed(size_t chunk)
{
	drive(&role.engine.server.engine, &held, buf_span(&sc.wire), chunk);
	buf_reset(&sc.wire);
}

/* The scene said so far is played; ends it. */
static inline void
plays(const char *want)
{
	feed(sc.wire.len);
	says(want);
	assert_false(role.engine.server.engine.closing);
	end();
}

#endif
