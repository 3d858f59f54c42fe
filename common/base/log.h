/* log — one fact per line, key=value, on standard error.
 *
 *	log_fact(LOG_INFO, "notify.hello", "sid=%llx domain=%s", ...)
 *	-> 2026-11-23T14:00:02.114Z ims info notify.hello sid=7f3a domain=a.test
 *
 * A foreign value must go through log_value, which quotes and escapes it and cuts it at 1 KiB; so no
 * value can begin or end a line.  Each line is one write(2), unless that writes only a part of it.
 * Secrets, bodies and passwords are never logged.  Thread-safe.
 *
 * Whatever a peer can cause is logged by log_fact_of, which asks the limit that the daemon has set
 * (log_limit) before it writes: a peer's flood must not become a flood of lines.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "common/base/buf.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_open(const char *program, enum log_level most);
bool log_level_parse(const char *word, enum log_level *out);
void log_fact(enum log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a fact that `peer` caused: its domain where it is certified, else its address (see
 * common/share/share_key.h).  Where the limit says no, nothing is written; the next line of this event
 * and peer ends with missed=N, the number of lines that were left out before it. */
void log_fact_of(struct span peer, enum log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* True: the line may be written, and *missed is how many were not since the last one. */
typedef bool log_limit_fn(void *arg, const char *event, struct span peer, uint64_t *missed);
/* NULL: no limit.  Set while there is one thread. */
void log_limit(log_limit_fn *fn, void *arg);

/* Between these, which may be nested, the lines of this thread are gathered and written together: at the
 * end, before an error (which is written at once), and before they exceed 4 KiB.  Use them only around
 * code that never waits: a crash loses the lines, although the peer may have its reply already, and later
 * lines of another thread may come first. */
void log_hold(void);
void log_release(void);

/* The safe form of a foreign value, valid until the eighth next call by the same thread. */
const char *log_value(struct span s);
const char *log_str(const char *s);

#endif
