/* sts_file — files of policies; see sts_file_private.h. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/hex.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/loop/offload.h"
#include "common/sts/sts_file_private.h"
#include "common/text/digest.h"

#define DIGEST_HEX     (2 * DIGEST_BYTES)
#define FILE_BYTES_MAX (STS_TEXT_MAX + 1024)

static void
hex_of(struct span s, char out[DIGEST_HEX + 1])
{
	unsigned char digest[DIGEST_BYTES];

	digest_sha256(s, digest);
	hex_str(out, digest, sizeof digest);
}

void
sts_file_name(const char *domain, char out[STS_FILE_NAME_BYTES])
{
	char hex[DIGEST_HEX + 1];

	hex_of(span_str(domain), hex);
	snprintf(out, STS_FILE_NAME_BYTES, "%s.sts", hex);
}

void
sts_file_write(const struct sts_kept *k, struct buf *out)
{
	struct buf rest = BUF_INIT;
	char hex[DIGEST_HEX + 1];

	buf_addf(&rest, "%s %s %lld %lld\n", k->domain, k->id, (long long)k->fetched_s,
	    (long long)k->until_s);
	buf_add(&rest, k->text.data, k->text.len);
	hex_of(buf_span(&rest), hex);
	buf_addf(out, "%s ", hex);
	buf_add(out, rest.data, rest.len);
	buf_clear(&rest);
}

static bool
read_time(struct span s, int64_t *out)
{
	uint64_t n;

	if (!span_u64(s, &n) || n > INT64_MAX)
		return false;
	*out = (int64_t)n;
	return true;
}

static bool
read_head(struct span head, struct sts_kept *k)
{
	return span_copy(span_cut(&head, ' '), k->domain, sizeof k->domain) &&
	    domain_is_canonical(span_str(k->domain)) &&
	    span_copy(span_cut(&head, ' '), k->id, sizeof k->id) &&
	    read_time(span_cut(&head, ' '), &k->fetched_s) && read_time(head, &k->until_s);
}

bool
sts_file_read(struct span octets, struct sts_kept *k)
{
	struct span digest = span_cut(&octets, ' '), text = octets, head = span_cut(&text, '\n');
	char hex[DIGEST_HEX + 1];
	struct err e;

	memset(k, 0, sizeof *k);
	hex_of(octets, hex);
	if (span_eq(digest, span_str(hex)) && read_head(head, k)) {
		buf_add(&k->text, text.p, text.n);
		if (sts_policy_parse(buf_span(&k->text), &k->policy, &e))
			return true;
		buf_clear(&k->text);
	}
	memset(k, 0, sizeof *k);
	return false;
}

static int
is_file(const struct dirent *d)
{
	return strlen(d->d_name) == DIGEST_HEX + 4 && strcmp(d->d_name + DIGEST_HEX, ".sts") == 0;
}

static void
read_one(const char *folder, const char *name, void (*fn)(void *arg, struct sts_kept *k), void *arg)
{
	struct buf path = BUF_INIT, octets = BUF_INIT;
	char wanted[STS_FILE_NAME_BYTES] = "";
	struct sts_kept k = { 0 };

	buf_addf(&path, "%s/%s", folder, name);
	buf_add(&path, "", 1);
	if (file_read(path.data, FILE_BYTES_MAX, &octets) && sts_file_read(buf_span(&octets), &k))
		sts_file_name(k.domain, wanted);
	if (strcmp(wanted, name) == 0) {
		fn(arg, &k);
	} else {
		log_fact_of(SPAN_LIT("cache"), LOG_WARN, "sts.damaged", "file=%s",
		    log_str(path.data));
		(void)unlink(path.data);
		buf_clear(&k.text);
	}
	buf_clear(&path);
	buf_clear(&octets);
}

void
sts_file_each(const char *folder, void (*fn)(void *arg, struct sts_kept *k), void *arg)
{
	struct dirent **names;
	int n = scandir(folder, &names, is_file, alphasort);

	for (int i = 0; i < n; i++) {
		read_one(folder, names[i]->d_name, fn, arg);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

/* -- writing ------------------------------------------------------------------------------------ */

struct saving {
	struct sts_saver *of;
	TAILQ_ENTRY(saving) link;
	char name[STS_FILE_NAME_BYTES];
	struct buf octets; /* empty: the file is removed */
	struct err why;    /* REFUSAL_NONE: done */
};

struct sts_saver {
	char *folder;
	struct loop *loop;
	struct offload *offload;
	TAILQ_HEAD(savings, saving) waiting; /* the first one is under way */
	bool busy;
};

/* On a thread of the pool, or where nobody minds. */
static void
write_one(void *arg)
{
	struct saving *s = arg;
	struct buf path = BUF_INIT;

	s->why.why = REFUSAL_NONE;
	if (s->octets.len > 0) {
		file_replace(s->of->folder, s->name, buf_span(&s->octets), &s->why);
		return;
	}
	buf_addf(&path, "%s/%s", s->of->folder, s->name);
	buf_add(&path, "", 1);
	(void)unlink(path.data);
	buf_clear(&path);
}

static void
drop_first(struct sts_saver *s)
{
	struct saving *first = TAILQ_FIRST(&s->waiting);

	if (first->why.why != REFUSAL_NONE)
		log_fact_of(SPAN_LIT("cache"), LOG_ERROR, "sts.cache", "why=%s",
		    log_str(first->why.text));
	TAILQ_REMOVE(&s->waiting, first, link);
	buf_clear(&first->octets);
	free(first);
}

static void
write_all(struct sts_saver *s)
{
	while (!TAILQ_EMPTY(&s->waiting)) {
		write_one(TAILQ_FIRST(&s->waiting));
		drop_first(s);
	}
}

static void written(void *arg);

static void
begin_next(struct sts_saver *s)
{
	struct saving *first = TAILQ_FIRST(&s->waiting);
	struct err e;

	if (s->busy || first == NULL)
		return;
	if (s->offload != NULL && offload_run(s->offload, s->loop, write_one, written, first, &e))
		s->busy = true;
	else
		write_all(s);
}

static void
written(void *arg)
{
	struct sts_saver *s = ((struct saving *)arg)->of;

	s->busy = false;
	drop_first(s);
	begin_next(s);
}

void
sts_save(struct sts_saver *s, const char *domain, const struct sts_kept *k)
{
	struct saving *one = memory_new(sizeof *one);

	one->of = s;
	sts_file_name(domain, one->name);
	if (k != NULL)
		sts_file_write(k, &one->octets);
	TAILQ_INSERT_TAIL(&s->waiting, one, link);
	begin_next(s);
}

struct sts_saver *
sts_saver_new(const char *folder, struct loop *l, struct offload *o)
{
	struct sts_saver *s = memory_new(sizeof *s);

	s->folder = memory_text(folder);
	s->loop = l;
	s->offload = o;
	TAILQ_INIT(&s->waiting);
	return s;
}

void
sts_saver_free(struct sts_saver **sp)
{
	struct sts_saver *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	write_all(s);
	free(s->folder);
	free(s);
}
