/* trust_folder — see trust_folder.h. */
#include "common/pki/trust_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/pki/trust.h"

#define PATH_BYTES 4096

static int
visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static bool
read_file(int fd, size_t max, struct buf *b, const char *path, struct err *e)
{
	ssize_t n;

	while ((n = read(fd, buf_room(b, 65536), 65536)) > 0)
		if ((b->len += (size_t)n) > max)
			return err_set(e, REFUSAL_config, "%s is larger than %zu octets", path,
			    max);
	return n == 0 || err_set_errno(e, REFUSAL_config, errno, "%s", path);
}

struct own { /* what a file is to us, and whose it may be */
	enum guard_kind kind;
	const struct guard_user *user;
};

/* Folders and sockets are passed over; a file that goes meanwhile too.  *guarded: false where others
 * can change it.  own NULL: whoever names the file answers for it. */
static bool
one_file(const char *path, const struct own *own, size_t max,
    bool (*fn)(void *arg, const char *path, struct span contents, struct err *e), void *arg,
    bool *guarded, struct err *e)
{
	struct buf b = BUF_INIT;
	struct stat st = { 0 };
	bool ok = true;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return errno == ENOENT || err_set_errno(e, REFUSAL_config, errno, "%s", path);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && own != NULL)
		ok = *guarded = guard_fd(own->kind, fd, path, own->user, e);
	if (ok && S_ISREG(st.st_mode))
		ok = read_file(fd, max, &b, path, e) && fn(arg, path, buf_span(&b), e);
	close(fd);
	buf_clear(&b);
	return ok;
}

bool
trust_folder_file(const char *path, size_t file_bytes,
    bool (*fn)(void *arg, const char *path, struct span contents, struct err *e), void *arg,
    struct err *e)
{
	struct stat st;
	bool guarded = true;

	if (stat(path, &st) < 0)
		return err_set_errno(e, REFUSAL_no_input, errno, "%s", path);
	if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode))
		return err_set(e, REFUSAL_no_input, "%s is no file", path);
	return one_file(path, NULL, file_bytes, fn, arg, &guarded, e);
}

bool
trust_folder_each(const char *folder, enum guard_kind kind, const struct guard_user *u,
    size_t file_bytes, bool (*fn)(void *arg, const char *path, struct span contents, struct err *e),
    void (*skip)(void *arg, const char *path, const struct err *e), void *arg, struct err *e)
{
	struct dirent **names;
	char path[PATH_BYTES];
	const struct own own = { kind, u };
	bool ok = true, guarded = true;
	int n;

	if (!guard_path(GUARD_FOLDER, folder, u, e))
		return false;
	n = scandir(folder, &names, visible, alphasort);
	if (n < 0)
		return err_set_errno(e, REFUSAL_config, errno, "%s", folder);
	for (int i = 0; i < n; i++) {
		if (ok &&
		    snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name) <
			(int)sizeof path)
			ok = i < TRUST_FILES_MAX
			    ? one_file(path, &own, file_bytes, fn, arg, &guarded, e)
			    : err_set(e, REFUSAL_config, "%s: more than %d files", path,
				  TRUST_FILES_MAX);
		if (!ok && skip != NULL && guarded) {
			skip(arg, path, e);
			ok = true;
		}
		free(names[i]);
	}
	free(names);
	return ok;
}

static uint64_t
mix(uint64_t h, const void *p, size_t n)
{
	const unsigned char *c = p;

	while (n-- > 0)
		h = (h ^ *c++) * 1099511628211U;
	return h;
}

static uint64_t
file_signature(const char *folder, const char *name)
{
	char path[PATH_BYTES];
	struct stat st;
	uint64_t h = 14695981039346656037U;

	if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path ||
	    stat(path, &st) < 0)
		return 0;
	while (*name != '\0')
		h = mix(h, name++, 1);
	h = mix(h, &st.st_ino, sizeof st.st_ino);
	h = mix(h, &st.st_size, sizeof st.st_size);
	h = mix(h, &st.st_mtim.tv_sec, sizeof st.st_mtim.tv_sec);
	h = mix(h, &st.st_mtim.tv_nsec, sizeof st.st_mtim.tv_nsec);
	h = mix(h, &st.st_ctim.tv_sec, sizeof st.st_ctim.tv_sec);
	return mix(h, &st.st_ctim.tv_nsec, sizeof st.st_ctim.tv_nsec);
}

/* The sum does not depend on the order in which the folder gives its names. */
uint64_t
trust_signature(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *f;
	uint64_t sum = 1;

	if (d == NULL)
		return 0;
	while ((f = readdir(d)) != NULL)
		if (visible(f))
			sum += file_signature(folder, f->d_name);
	closedir(d);
	return sum == 0 ? 1 : sum;
}
