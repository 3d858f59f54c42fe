/* log — one fact a line; see log.h. */
#include "common/base/log.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/hex.h"

#define VALUE_BYTES  1024
#define LINE_BYTES   8192
#define VALUES       8
#define MISSED_BYTES 32
#define HELD_MAX     4096 /* PIPE_BUF: a write of this size is atomic on a pipe */

struct held {
	char octets[HELD_MAX];
	size_t n;
	unsigned depth; /* of log_hold within log_hold */
};

static const char *program = "tillcalled";
static enum log_level threshold = LOG_INFO;
static log_limit_fn *limit;
static void *limit_arg;
static const char *const level_words[] = { "error", "warn", "info", "debug" };

void
log_open(const char *name, enum log_level most)
{
	program = name;
	threshold = most;
}

bool
log_level_parse(const char *word, enum log_level *out)
{
	for (int i = LOG_ERROR; i <= LOG_DEBUG; i++) {
		if (strcmp(word, level_words[i]) == 0) {
			*out = (enum log_level)i;
			return true;
		}
	}
	return false;
}

static bool
is_plain(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x21 || s.p[i] > 0x7e || s.p[i] == '"' || s.p[i] == '\\')
			return false;
	return s.n > 0;
}

static size_t
escape(char *dst, unsigned char c)
{
	if (c >= 0x20 && c <= 0x7e && c != '"' && c != '\\') {
		*dst = (char)c;
		return 1;
	}
	dst[0] = '\\';
	dst[1] = 'x';
	hex_str(dst + 2, &c, 1);
	return 4;
}

const char *
log_value(struct span s)
{
	static _Thread_local char values[VALUES][VALUE_BYTES + 8];
	static _Thread_local unsigned turn;
	char *v = values[turn++ % VALUES];
	size_t n = 0;
	bool plain = s.n < VALUE_BYTES && is_plain(s);

	if (!plain)
		v[n++] = '"';
	for (size_t i = 0; i < s.n && n < VALUE_BYTES; i++)
		n += escape(v + n, (unsigned char)s.p[i]);
	if (!plain)
		v[n++] = '"';
	v[n] = '\0';
	return v;
}

const char *
log_str(const char *s)
{
	return log_value(span_str(s));
}

static _Thread_local struct held held;

static void
put(const char *octets, size_t n)
{
	while (n > 0) {
		ssize_t written = write(STDERR_FILENO, octets, n);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return; /* standard error is closed */
		octets += written;
		n -= (size_t)written;
	}
}

static void
put_held(void)
{
	put(held.octets, held.n);
	held.n = 0;
}

void
log_hold(void)
{
	held.depth++;
}

void
log_release(void)
{
	assert(held.depth > 0);
	if (--held.depth == 0)
		put_held();
}

static void
put_line(const char *line, size_t n, bool hold)
{
	if (!hold || held.n + n > HELD_MAX)
		put_held();
	if (!hold || n > HELD_MAX) {
		put(line, n);
		return;
	}
	memcpy(held.octets + held.n, line, n);
	held.n += n;
}

/* Cached: many lines are of the same second. */
static const char *
date_of(int64_t wall_s)
{
	static _Thread_local int64_t last = -1;
	static _Thread_local char date[CLOCK_DATE_BYTES];

	if (wall_s != last) {
		clock_date(wall_s, date);
		date[CLOCK_DATE_BYTES - 2] = '\0';
		last = wall_s;
	}
	return date;
}

/* `missed` is the last value, also where the others had to be cut. */
static void
write_line(enum log_level level, const char *event, uint64_t missed, const char *fmt, va_list ap)
{
	static _Thread_local char
	    line[LINE_BYTES + MISSED_BYTES]; /* on the stack it would be zeroed */
	int64_t now = clock_wall_ms();
	size_t n;

	n = (size_t)snprintf(line, LINE_BYTES, "%s.%03dZ %s %s %s ", date_of(now / 1000),
	    (int)(now % 1000), program, level_words[level], event);
	vsnprintf(line + n, LINE_BYTES - n - 1, fmt, ap);
	n = strlen(line);
	if (missed > 0)
		n += (size_t)snprintf(line + n, MISSED_BYTES, " missed=%" PRIu64, missed);
	line[n++] = '\n';
	put_line(line, n, held.depth > 0 && level != LOG_ERROR);
}

void
log_fact(enum log_level level, const char *event, const char *fmt, ...)
{
	va_list ap;

	if (level > threshold)
		return;
	va_start(ap, fmt);
	write_line(level, event, 0, fmt, ap);
	va_end(ap);
}

void
log_fact_of(struct span peer, enum log_level level, const char *event, const char *fmt, ...)
{
	uint64_t missed = 0;
	va_list ap;

	if (level > threshold || (limit != NULL && !limit(limit_arg, event, peer, &missed)))
		return;
	va_start(ap, fmt);
	write_line(level, event, missed, fmt, ap);
	va_end(ap);
}

void
log_limit(log_limit_fn *fn, void *arg)
{
	limit = fn;
	limit_arg = arg;
}
