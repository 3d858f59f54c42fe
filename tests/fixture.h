/* fixture — stores that an earlier commit wrote (tests/fixtures/make), and the lists of what is in them.
 *
 * tests/fixtures/ROLE.tgz is the store, tests/fixtures/ROLE.rows what its users see of it.  Where a list
 * differs, the test shows the first line that does, and writes all that it saw to the file that
 * FIXTURE_ROWS names.  After <cmocka.h>.
 */
#ifndef TESTS_FIXTURE_H
#define TESTS_FIXTURE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/span.h"
#include "common/base/ulid.h"
#include "common/text/digest.h"

#define T0 INT64_C(4000000000) /* when such a store was made, by its own clock */

/* The id that an OMS gave to its letter n. */
static inline struct ulid
fixture_id(unsigned n)
{
	unsigned char random[10] = { [8] = 7, [9] = (unsigned char)n };
	struct ulid id;

	ulid_make(&id, (T0 + n) * 1000, random);
	return id;
}

static inline void
fixture_unpack(const char *role, const char *folder)
{
	char command[256];

	snprintf(command, sizeof command,
	    "gzip -dc tests/fixtures/%s.tgz | tar -xf - -C %s --no-same-owner", role, folder);
	assert_int_equal(system(command), 0);
}

static inline void
fixture_read(const char *role, struct buf *out)
{
	char path[64], piece[4096];
	size_t n;
	FILE *f;

	snprintf(path, sizeof path, "tests/fixtures/%s.rows", role);
	assert_non_null(f = fopen(path, "r"));
	while ((n = fread(piece, 1, sizeof piece, f)) > 0)
		buf_add(out, piece, n);
	fclose(f);
}

static inline void
fixture_write(struct span rows)
{
	const char *path = getenv("FIXTURE_ROWS");
	FILE *f;

	if (path == NULL)
		return;
	assert_non_null(f = fopen(path, "w"));
	assert_int_equal(fwrite(rows.p, 1, rows.n, f), rows.n);
	fclose(f);
}

/* The rows are those of the list, line by line. */
static inline void
fixture_same(const char *role, struct span rows)
{
	struct buf list = BUF_INIT;
	struct span want, got = rows;
	unsigned line = 0;

	fixture_write(rows);
	fixture_read(role, &list);
	want = buf_span(&list);
	while (want.n > 0 || got.n > 0) {
		struct span w = span_cut(&want, '\n'), g = span_cut(&got, '\n');

		line++;
		if (!span_eq(w, g))
			fail_msg("%s.rows:%u: '%.*s', and the store says '%.*s'", role, line,
			    (int)w.n, w.p, (int)g.n, g.p);
	}
	buf_clear(&list);
}

/* Four octets of the digest of what is too long for a line. */
static inline const char *
fixture_digest(struct span octets)
{
	static char text[2 * 4 + 1];
	unsigned char digest[DIGEST_BYTES];

	digest_sha256(octets, digest);
	snprintf(text, sizeof text, "%02x%02x%02x%02x", digest[0], digest[1], digest[2], digest[3]);
	return text;
}

static inline bool
fixture_has(const char *folder, const char *name)
{
	char path[192];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

/* A file that no letter names: what a crash of the older version left.  name: below `bodies`. */
static inline void
fixture_orphan(const char *folder, const char *name)
{
	char path[192];
	FILE *f;

	snprintf(path, sizeof path, "%s/bodies/%s", folder, name);
	assert_non_null(f = fopen(path, "w"));
	fputs("an orphan", f);
	fclose(f);
}

/* Another process that holds the old store and has made a part of the new one. */
struct fixture_other {
	char made[192];
	int held;
};

static inline void
fixture_other_begin(struct fixture_other *o, const char *folder)
{
	char path[128];

	snprintf(path, sizeof path, "%s/held", folder);
	o->held = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(o->held >= 0 && flock(o->held, LOCK_EX | LOCK_NB) == 0);
	snprintf(path, sizeof path, "%s/store.new", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(o->made, sizeof o->made, "%s/data.mdb", path);
	close(open(o->made, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

/* Nobody has touched what it made. */
static inline void
fixture_other_end(struct fixture_other *o)
{
	assert_int_equal(access(o->made, F_OK), 0);
	close(o->held);
}

#endif
