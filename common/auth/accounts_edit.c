/* accounts_edit — changes to the accounts file, under its lock; see accounts.h. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/auth/accounts_private.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/memory.h"

#define LOCK_WAIT_MS 10000
#define PATH_BYTES   1200

struct accounts_edit {
	char path[PATH_BYTES];
	int lock;
	gid_t group;
	struct accounts_set *set; /* what commit writes */
};

/* What a rewrite leaves out or changes.  NULL: nothing. */
struct change {
	const struct account *without;
	const char *without_alias;
	const struct account *with_keys;
	const struct auth_keys *keys;
	const struct account_removed *restored; /* its line goes */
	int64_t forget_s;                       /* `removed` lines with an earlier UNTIL go */
	const struct buf *lines;                /* added at the end */
};

static void
text_of(const struct accounts_set *s, const struct change *c, struct buf *out)
{
	accounts_file_header(s->secret, out);
	for (size_t i = 0; i < s->n_users; i++) {
		const struct account *a = &s->users[i];

		if (a == c->without)
			continue;
		accounts_file_user(a->address, a == c->with_keys ? c->keys : &a->keys,
		    a->generation, out);
		for (size_t k = 1; k < a->n_addresses; k++)
			if (a->addresses[k] != c->without_alias)
				accounts_file_alias(a->addresses[k], a->address, out);
	}
	for (size_t i = 0; i < s->n_removed; i++) {
		const struct account_removed *r = &s->removed[i];

		if (r != c->restored && r->until_s >= c->forget_s)
			accounts_file_removed(r->address, r->generation, r->until_s, out);
	}
	if (c->lines != NULL)
		buf_add(out, c->lines->data, c->lines->len);
}

/* Writes the whole text again with the change and parses it at once, so that whatever is written can
 * be read. */
static bool
rewrite(struct accounts_edit *x, const struct change *c, struct err *e)
{
	struct buf text = BUF_INIT;
	struct accounts_set *fresh;

	text_of(x->set, c, &text);
	if (!accounts_file_parse_take(&text, &fresh, e))
		return false;
	accounts_set_put(&x->set);
	x->set = fresh;
	return true;
}

static bool
wait_lock(int fd, const char *path, struct err *e)
{
	const struct timespec pause = { 0, 20 * 1000 * 1000 };
	int64_t until = clock_mono_ms() + LOCK_WAIT_MS;

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_set_errno(e, REFUSAL_cannot_write, errno, "%s", path);
		if (clock_mono_ms() > until)
			return err_set(e, REFUSAL_cannot_write, "%s: another command holds it",
			    path);
		nanosleep(&pause, NULL);
	}
	return true;
}

bool
accounts_edit_new(const char *path, gid_t group, struct accounts_edit **out, struct err *e)
{
	struct accounts_edit *x = memory_new(sizeof *x);
	char lock[PATH_BYTES + 8];
	bool there;

	x->lock = -1;
	x->group = group;
	if (!span_copy(span_str(path), x->path, sizeof x->path)) {
		free(x);
		return err_set(e, REFUSAL_cannot_write,
		    "the name of the accounts file is too long");
	}
	snprintf(lock, sizeof lock, "%s.lock", path);
	x->lock = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (x->lock < 0)
		err_set_errno(e, REFUSAL_cannot_write, errno, "%s", lock);
	else if (wait_lock(x->lock, lock, e) && accounts_file_read(path, &x->set, &there, e)) {
		*out = x;
		return true;
	}
	accounts_edit_free(&x);
	return false;
}

void
accounts_edit_free(struct accounts_edit **x)
{
	if (*x == NULL)
		return;
	accounts_set_put(&(*x)->set);
	if ((*x)->lock >= 0)
		close((*x)->lock);
	free(*x);
	*x = NULL;
}

static bool
must_be_free(const struct accounts_edit *x, const char *address, struct err *e)
{
	const struct account *a = accounts_find(x->set, span_str(address));

	if (span_starts(span_str(address), SPAN_LIT("*@")))
		return err_set(e, REFUSAL_usage,
		    "there is no alias for all addresses of a domain: add each by its name");
	if (a == NULL)
		return true;
	if (strcmp(a->address, address) == 0)
		return err_set(e, REFUSAL_usage, "%s has a mailbox already", address);
	return err_set(e, REFUSAL_usage, "%s is an alias of %s already", address, a->address);
}

/* Finds the user by its own address only; an alias could name another mailbox by accident. */
static const struct account *
user_named(const struct accounts_edit *x, struct span address, struct err *e)
{
	const struct account *a = accounts_find(x->set, address);

	if (a == NULL)
		err_set(e, REFUSAL_no_such_user, "there is no mailbox %.*s",
		    (int)(address.n < 256 ? address.n : 256), address.p);
	else if (!span_eq_nocase(span_str(a->address), address)) {
		err_set(e, REFUSAL_no_such_user, "%.*s is an alias of %s",
		    (int)(address.n < 256 ? address.n : 256), address.p, a->address);
		a = NULL;
	}
	return a;
}

/* Greater than every number in the file.  Numbers of lines that the file has forgotten were times in the
 * past, so the time is greater than those. */
static uint64_t
next_generation(const struct accounts_set *s, int64_t now_s)
{
	uint64_t next = now_s > 0 ? (uint64_t)now_s : 1;

	for (size_t i = 0; i < s->n_users; i++)
		if (s->users[i].generation >= next)
			next = s->users[i].generation + 1;
	for (size_t i = 0; i < s->n_removed; i++)
		if (s->removed[i].generation >= next)
			next = s->removed[i].generation + 1;
	return next;
}

bool
accounts_edit_add(struct accounts_edit *x, struct span address, const struct auth_keys *keys,
    int64_t now_s, struct err *e)
{
	char own[ACCOUNTS_ADDRESS_BYTES];
	struct buf lines = BUF_INIT;
	bool ok;

	if (!accounts_file_address(address, own, e) || !must_be_free(x, own, e))
		return false;
	accounts_file_user(own, keys, next_generation(x->set, now_s), &lines);
	ok = rewrite(x, &(struct change) { .lines = &lines }, e);
	buf_clear(&lines);
	return ok;
}

bool
accounts_edit_restore(struct accounts_edit *x, struct span address, const struct auth_keys *keys,
    int64_t now_s, struct err *e)
{
	const struct account_removed *newest = NULL;
	char own[ACCOUNTS_ADDRESS_BYTES];
	struct buf lines = BUF_INIT;
	bool ok;

	if (!accounts_file_address(address, own, e) || !must_be_free(x, own, e))
		return false;
	for (size_t i = 0; i < x->set->n_removed; i++) { /* generations rise */
		const struct account_removed *r = &x->set->removed[i];

		if (strcmp(r->address, own) == 0 && r->until_s > now_s)
			newest = r;
	}
	if (newest == NULL)
		return err_set(e, REFUSAL_no_such_user,
		    "no user %s was removed in the last %d days; make a new one without --restore",
		    own, ACCOUNTS_KEEP_S / 86400);
	accounts_file_user(own, keys, newest->generation, &lines);
	ok = rewrite(x, &(struct change) { .restored = newest, .lines = &lines }, e);
	buf_clear(&lines);
	return ok;
}

bool
accounts_edit_keys(struct accounts_edit *x, struct span address, const struct auth_keys *keys,
    struct err *e)
{
	const struct account *a = user_named(x, address, e);

	return a != NULL && rewrite(x, &(struct change) { .with_keys = a, .keys = keys }, e);
}

bool
accounts_edit_remove(struct accounts_edit *x, struct span address, int64_t now_s, struct err *e)
{
	const struct account *a = user_named(x, address, e);
	struct change c = { .without = a, .forget_s = now_s - ACCOUNTS_FORGET_S };
	struct buf lines = BUF_INIT;
	bool ok;

	if (a == NULL)
		return false;
	accounts_file_removed(a->address, a->generation, now_s + ACCOUNTS_KEEP_S, &lines);
	c.lines = &lines;
	ok = rewrite(x, &c, e);
	buf_clear(&lines);
	return ok;
}

bool
accounts_edit_alias(struct accounts_edit *x, struct span alias, struct span user, struct err *e)
{
	char own[ACCOUNTS_ADDRESS_BYTES];
	const struct account *a = user_named(x, user, e);
	struct buf lines = BUF_INIT;
	bool ok;

	if (a == NULL || !accounts_file_address(alias, own, e) || !must_be_free(x, own, e))
		return false;
	if (a->n_addresses > ACCOUNTS_ALIASES_MAX)
		return err_set(e, REFUSAL_usage, "%s has %d aliases; there can be no more",
		    a->address, ACCOUNTS_ALIASES_MAX);
	accounts_file_alias(own, a->address, &lines);
	ok = rewrite(x, &(struct change) { .lines = &lines }, e);
	buf_clear(&lines);
	return ok;
}

bool
accounts_edit_unalias(struct accounts_edit *x, struct span alias, struct err *e)
{
	const struct account *a = accounts_find(x->set, alias);

	for (size_t i = 1; a != NULL && i < a->n_addresses; i++)
		if (span_eq_nocase(span_str(a->addresses[i]), alias))
			return rewrite(x, &(struct change) { .without_alias = a->addresses[i] }, e);
	return err_set(e, REFUSAL_no_such_user, "there is no alias %.*s",
	    (int)(alias.n < 256 ? alias.n : 256), alias.p);
}

/* -- to the disk ----------------------------------------------------------------------------- */

/* Keeps the owner, group and mode. */
static bool
keep_owner(const struct accounts_edit *x, int fd)
{
	struct stat old, now;
	uid_t uid = (uid_t)-1;
	gid_t gid = x->group;

	if (fstat(fd, &now) < 0)
		return false;
	if (stat(x->path, &old) == 0) {
		uid = old.st_uid != now.st_uid ? old.st_uid : (uid_t)-1;
		gid = old.st_gid != now.st_gid ? old.st_gid : (gid_t)-1;
	}
	return fchown(fd, uid, gid) == 0 && fchmod(fd, 0640) == 0;
}

static bool
sync_folder(const char *path)
{
	char copy[PATH_BYTES];

	snprintf(copy, sizeof copy, "%s", path);
	return file_sync_folder(dirname(copy));
}

bool
accounts_edit_commit(struct accounts_edit *x, struct err *e)
{
	char temporary[PATH_BYTES + 8];
	struct buf text = BUF_INIT;
	int fd, why;
	bool ok;

	snprintf(temporary, sizeof temporary, "%s.new", x->path);
	unlink(temporary); /* of a writer that died; we hold the lock */
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set_errno(e, REFUSAL_cannot_write, errno, "%s", temporary);
	text_of(x->set, &(struct change) { 0 }, &text);
	ok = text.len <= ACCOUNTS_FILE_BYTES && file_write(fd, buf_span(&text)) &&
	    keep_owner(x, fd) && fsync(fd) == 0;
	why = text.len > ACCOUNTS_FILE_BYTES ? EFBIG : errno;
	buf_clear(&text);
	if (close(fd) < 0 && ok) {
		ok = false;
		why = errno;
	}
	if (ok && rename(temporary, x->path) < 0) {
		ok = false;
		why = errno;
	}
	if (!ok) {
		unlink(temporary);
		return err_set_errno(e, REFUSAL_cannot_write, why, "%s", x->path);
	}
	if (!sync_folder(x->path))
		return err_set_errno(e, REFUSAL_cannot_write, errno,
		    "%s is written, but its folder "
		    "cannot be synced",
		    x->path);
	return true;
}
