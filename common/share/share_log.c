/* share_log — the limit that log_fact_of asks; see share_log.h. */
#include "common/share/share_log.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/share/share_key.h"

#define LINES_MAX 100

#define STRANGERS SPAN_LIT("* strangers")

/* A domain's last label is never a number, and no user is without "@". */
static bool
is_address(struct span peer)
{
	for (size_t i = 0; i < peer.n; i++)
		if (peer.p[i] == ':')
			return true;
		else if ((peer.p[i] < '0' || peer.p[i] > '9') && peer.p[i] != '.' &&
		    peer.p[i] != '-')
			return false;
	return true;
}

static enum share_kind
kind_of(const char *event)
{
	return strcmp(event, "recipient.state") == 0 ? SHARE_log_letters : SHARE_log;
}

static bool
may_log(void *arg, const char *event, struct span peer, uint64_t *missed)
{
	char text[SHARE_KEY_BYTES];
	struct span key = share_key_pair(span_str(event), peer, text);
	enum share_kind kind = kind_of(event);
	int64_t now_ms = clock_mono_ms();
	struct err e;
	bool stranger = is_address(peer);

	if (stranger && !share_take(arg, SHARE_log_strangers, STRANGERS, 1, now_ms, &e))
		return false;
	if (!share_take(arg, kind, key, 1, now_ms, &e)) {
		if (stranger)
			share_give(arg, SHARE_log_strangers, STRANGERS, 1, now_ms);
		return false;
	}
	*missed = share_missed(arg, kind, key);
	return true;
}

void
share_log_begin(struct share *s)
{
	log_limit(may_log, s);
}

void
share_log_end(void)
{
	log_limit(NULL, NULL);
}

void
share_log_tell(struct share *s, int64_t now_ms)
{
	static const enum share_kind kinds[] = { SHARE_log, SHARE_log_letters,
		SHARE_log_strangers };
	struct share_seen seen;

	for (int i = 0, k = 0; i < LINES_MAX && k < 3; i++) {
		if (!share_missed_next(s, kinds[k], now_ms, SHARE_LOG_QUIET_MS, &seen)) {
			k++;
			continue;
		}

		struct span peer = span_str(seen.key), event = span_cut(&peer, ' ');

		log_fact(LOG_WARN, "log.missed", "event=%.*s peer=%s missed=%" PRIu64,
		    SPAN_FMT(event), log_value(peer), seen.refused);
	}
}
