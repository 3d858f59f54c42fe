/* mailqueue — the folder of letters that wait; see mailqueue.h. */
#include "mc/mailqueue.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/memory.h"

#define FOLDER_BYTES 4096
#define PATH_BYTES   (FOLDER_BYTES + 64)
#define HEAD         "tillcalled-queue 1\n"

static bool
folder(char out[FOLDER_BYTES], struct err *e)
{
	const char *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	bool own = xdg != NULL && xdg[0] == '/';
	int n;

	if (!own && (home == NULL || home[0] != '/'))
		return err_set(e, REFUSAL_cannot_write, "neither XDG_DATA_HOME nor HOME is set");
	n = snprintf(out, FOLDER_BYTES, "%s%s/tillcalled/queue", own ? xdg : home,
	    own ? "" : "/.local/share");
	return n < FOLDER_BYTES ||
	    err_set(e, REFUSAL_cannot_write, "the path of the queue is too long");
}

static bool
path_of(char out[PATH_BYTES], const struct ulid *id, const char *end, struct err *e)
{
	char at[FOLDER_BYTES], text[ULID_STR_BYTES];

	if (!folder(at, e))
		return false;
	ulid_str(id, text);
	snprintf(out, PATH_BYTES, "%s/%s%s", at, text, end);
	return true;
}

static bool
replace(const struct ulid *id, const char *end, struct span octets, struct err *e)
{
	char at[FOLDER_BYTES], path[PATH_BYTES], name[ULID_STR_BYTES + 8], text[ULID_STR_BYTES];

	ulid_str(id, text);
	snprintf(name, sizeof name, "%s%s", text, end);
	return folder(at, e) && path_of(path, id, end, e) && file_make_parents(path, 0700, e) &&
	    file_replace(at, name, octets, e);
}

bool
mailqueue_add(const struct mailqueue_letter *l, struct err *e)
{
	struct buf out = BUF_INIT;
	bool ok = true;

	buf_addf(&out, HEAD "token %s\n", l->token);
	for (size_t i = 0; l->argv[i] != NULL && ok; i++) {
		ok = i < MAILQUEUE_ARGS_MAX && strchr(l->argv[i], '\n') == NULL;
		buf_addf(&out, "arg %s\n", l->argv[i]);
	}
	buf_addf(&out, "\n");
	buf_add(&out, l->raw.data, l->raw.len);
	ok = ok ? replace(&l->id, "", buf_span(&out), e)
		: err_set(e, REFUSAL_usage, "arguments that a file of the queue cannot have");
	buf_clear(&out);
	return ok;
}

static int
is_id(const struct dirent *d)
{
	struct ulid id;

	return ulid_parse(span_str(d->d_name), &id);
}

bool
mailqueue_each(void (*each)(void *arg, const struct ulid *id), void *arg, struct err *e)
{
	char at[FOLDER_BYTES];
	struct dirent **names;
	int n;

	if (!folder(at, e))
		return false;
	n = scandir(at, &names, is_id, alphasort);
	if (n < 0)
		return errno == ENOENT || err_set_errno(e, REFUSAL_no_input, errno, "%s", at);
	for (int i = 0; i < n; i++) {
		struct ulid id;

		if (ulid_parse(span_str(names[i]->d_name), &id))
			each(arg, &id);
		free(names[i]);
	}
	free(names);
	return true;
}

static bool
take_line(struct mailqueue_letter *l, struct span line, size_t *n)
{
	struct span value = line, key = span_cut(&value, ' ');

	if (span_eq(key, SPAN_LIT("token")))
		return span_copy(value, l->token, sizeof l->token);
	if (!span_eq(key, SPAN_LIT("arg")) || *n == MAILQUEUE_ARGS_MAX)
		return false;
	l->argv[*n] = memory_new(value.n + 1);
	memcpy(l->argv[(*n)++], value.p, value.n);
	return true;
}

static bool
parse(struct mailqueue_letter *l, struct span file)
{
	size_t n = 0;

	if (!span_starts(file, span_str(HEAD)))
		return false;
	file = span_sub(file, strlen(HEAD), file.n);
	l->argv = memory_array(MAILQUEUE_ARGS_MAX + 1, sizeof *l->argv);
	while (file.n > 0) {
		struct span line = span_cut(&file, '\n');

		if (line.n == 0) {
			buf_add(&l->raw, file.p, file.n);
			return *l->token != '\0';
		}
		if (!take_line(l, line, &n))
			return false;
	}
	return false;
}

bool
mailqueue_read(const struct ulid *id, struct mailqueue_letter *l, struct err *e)
{
	struct buf file = BUF_INIT;
	char path[PATH_BYTES];
	bool ok;

	*l = (struct mailqueue_letter) { .id = *id };
	if (!path_of(path, id, "", e))
		return false;
	ok = file_read(path, MAILQUEUE_LETTER_BYTES + (size_t)1024 * 1024, &file) &&
	    parse(l, buf_span(&file));
	buf_clear(&file);
	if (ok)
		return true;
	mailqueue_letter_clear(l);
	return err_set(e, REFUSAL_no_input, "%s cannot be read, or is damaged", path);
}

void
mailqueue_letter_clear(struct mailqueue_letter *l)
{
	for (size_t i = 0; l->argv != NULL && l->argv[i] != NULL; i++)
		free(l->argv[i]);
	free(l->argv);
	buf_clear(&l->raw);
	*l = (struct mailqueue_letter) { .argv = NULL };
}

void
mailqueue_remove(const struct ulid *id)
{
	char path[PATH_BYTES], at[FOLDER_BYTES];
	struct err e;

	if (path_of(path, id, "", &e) && unlink(path) == 0 && folder(at, &e))
		(void)file_sync_folder(at);
}

void
mailqueue_why(const struct ulid *id, struct buf *out)
{
	char path[PATH_BYTES];
	struct err e;

	if (path_of(path, id, ".why", &e))
		(void)file_read(path, ERR_TEXT_BYTES, out);
}

bool
mailqueue_refuse(const struct ulid *id, const char *why, struct err *e)
{
	return replace(id, ".why", span_str(why), e);
}

bool
mailqueue_lock(void)
{
	char at[FOLDER_BYTES];
	struct err e;
	int fd;

	if (!folder(at, &e))
		return false;
	fd = open(at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT;
	return flock(fd, LOCK_EX | LOCK_NB) == 0; /* the descriptor is the process's */
}
