/* reading — gets a letter into a scratch file; see reading.h. */
#include "mc/reading.h"

#include <string.h>
#include <unistd.h>

#include "common/base/hex.h"
#include "common/text/digest.h"
#include "mc/progress.h"
#include "mc/scratch.h"

_Static_assert(DIGEST_BYTES == MAILBOX_DIGEST_BYTES, "both are SHA-256");

struct reading {
	struct progress fetched, received; /* to the user's server, and from there */
	struct digest *digest;
	uint64_t got, octets;
	int fd;
};

bool
reading_number(const char *typed, uint64_t *number, struct err *e)
{
	return (span_u64(span_str(typed), number) && *number > 0) ||
	    err_set(e, REFUSAL_usage, "\"%s\" is not the number of a letter", typed);
}

static void
on_progress(void *arg, uint64_t got, uint64_t octets)
{
	struct reading *r = arg;

	progress_step(&r->fetched, got, octets);
}

static bool
no_piece(void *arg, struct span s, struct err *e)
{
	(void)arg;
	return s.n == 0 || err_set(e, REFUSAL_bad_reply, "octets that were not asked for");
}

static bool
on_piece(void *arg, struct span s, struct err *e)
{
	struct reading *r = arg;

	digest_add(r->digest, s);
	r->got += s.n;
	progress_step(&r->received, r->got, r->octets);
	return scratch_add(r->fd, s, e);
}

bool
reading_fetch(struct inbox *b, const struct mailbox_notice *n, struct out *progress,
    struct fault *f)
{
	struct reading r = { .fd = -1 };
	const struct inbox_reader reader = { on_progress, no_piece, &r };
	bool ok;

	progress_begin(&r.fetched, progress, "from sender");
	ok = inbox_read(b, n, n->size, &reader, f);
	progress_end(&r.fetched);
	return ok;
}

/* Nobody announced a letter that came by SMTP; any other must be the announced one. */
static bool
is_announced(struct reading *r, const struct mailbox_notice *n, struct err *e)
{
	unsigned char got[DIGEST_BYTES];
	char is[2 * DIGEST_BYTES + 1], was[2 * DIGEST_BYTES + 1];

	digest_end(r->digest, got);
	if (RULE(broken_promise) && !n->has_digest && n->road != MAILBOX_SMTP)
		return err_set(e, REFUSAL_broken_promise,
		    "the server does not say which SHA-256 it has");
	if (!n->has_digest || memcmp(got, n->digest, sizeof got) == 0)
		return true;
	hex_str(is, got, sizeof got);
	hex_str(was, n->digest, sizeof n->digest);
	return RULE(broken_promise) ? err_set(e, REFUSAL_broken_promise,
					  "announced was SHA-256 %.8s.., received %.8s..", was, is)
				    : true;
}

bool
reading_whole(struct inbox *b, const struct mailbox_notice *n, struct out *progress, int *fd,
    struct fault *f)
{
	struct reading r = { .octets = n->size };
	const struct inbox_reader reader = { on_progress, on_piece, &r };
	bool ok;

	*f = (struct fault) { .host = "" };
	if (!scratch_open(&r.fd, &f->err))
		return false;
	r.digest = digest_new();
	progress_begin(&r.fetched, progress, "from sender");
	progress_begin(&r.received, progress, "from server");
	ok = inbox_read(b, n, 0, &reader, f);
	progress_end(&r.fetched);
	progress_end(&r.received);
	ok = ok && is_announced(&r, n, &f->err);
	digest_free(&r.digest);
	if (!ok)
		close(r.fd);
	else
		*fd = r.fd;
	return ok;
}
