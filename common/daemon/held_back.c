/* held_back — the peers and users that were refused lately; see held_back.h. */
#include "common/daemon/held_back.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/share/share.h"

static struct json *
row(const struct share_seen *s, int64_t now_ms)
{
	struct json *o = json_new();

	json_put_str(o, "kind", s->kind);
	json_put_str(o, "key", s->key);
	json_put_int(o, "held", s->held);
	json_put_int(o, "most", s->most);
	json_put_int(o, "refused", (int64_t)s->refused);
	json_put_int(o, "since_s", (now_ms - s->since_ms) / 1000);
	return o;
}

void
held_back_put(struct share *s, int64_t now_ms, struct json *status)
{
	struct share_seen *seen = memory_array(SHARE_SEEN_MAX, sizeof *seen);
	struct json *list = json_list();
	size_t n = share_seen(s, now_ms, seen, SHARE_SEEN_MAX);

	for (size_t i = 0; i < n; i++)
		json_push_take(list, row(&seen[i], now_ms));
	json_put_take(status, "held_back", list);
	free(seen);
}

static int64_t
number(const struct json *o, const char *key)
{
	int64_t v = 0;

	json_get_int(o, key, &v);
	return v;
}

static const char *
text(const struct json *o, const char *key)
{
	const char *s = json_get_str(o, key);

	return s == NULL ? "?" : s;
}

/* An account and an address are parted by a blank (share_key_pair). */
static void
show_key(const char *key)
{
	struct span rest = span_str(key), first = span_cut(&rest, ' ');

	if (span_eq(first, SPAN_LIT(SHARE_KEY_CROWD)))
		printf("others together");
	else if (rest.n > 0)
		printf("%s from %s", log_value(first), log_value(rest));
	else
		printf("%s", log_value(first));
}

static void
show_row(const struct json *o)
{
	int64_t s = number(o, "since_s");

	printf("  held back         %s of ", text(o, "kind"));
	show_key(text(o, "key"));
	printf(": %" PRId64 " refused", number(o, "refused"));
	if (s < 1)
		printf(" just now\n");
	else if (s < 120)
		printf(" in %" PRId64 " s\n", s);
	else
		printf(" in %" PRId64 " min\n", s / 60);
}

void
held_back_show(const struct json *status)
{
	const struct json *list = json_get(status, "held_back");

	for (size_t i = 0; list != NULL && i < json_count(list); i++)
		show_row(json_at(list, i));
}
