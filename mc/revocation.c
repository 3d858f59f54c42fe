/* revocation — CRLs for the user's own servers; see revocation.h. */
#include "mc/revocation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/revoke/crl_fetch.h"

/* -- the folder ------------------------------------------------------------------------------------- */

static bool
make_folders(const char *path)
{
	struct err e;

	return file_make_parents(path, 0700, &e) && (mkdir(path, 0700) == 0 || errno == EEXIST) &&
	    access(path, R_OK | W_OK | X_OK) == 0;
}

static bool
private_folder(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	    (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

void
revocation_open(struct revocation *r, const struct config *c)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	int n;

	*r = (struct revocation) { .allow_private = c->allow_private };
	snprintf(r->resolver, sizeof r->resolver, "%s", c->resolver);
	if (xdg != NULL && *xdg == '/')
		n = snprintf(r->folder, sizeof r->folder, "%s/tillcalled/crls", xdg);
	else if (home != NULL && *home == '/')
		n = snprintf(r->folder, sizeof r->folder, "%s/.cache/tillcalled/crls", home);
	else
		return;
	if (n < 0 || n >= (int)sizeof r->folder || !make_folders(r->folder) ||
	    !private_folder(r->folder))
		r->folder[0] = '\0';
}

/* -- fetching ---------------------------------------------------------------------------------------- */

static struct crl_fetch *
fetcher(struct revocation *r)
{
	const struct crl_fetch_settings s = {
		.cache = r->folder,
		.resolver = r->resolver,
		.allow_private = r->allow_private,
		.refresh_ms = REVOCATION_AGAIN_S * 1000,
	};
	struct crl_fetch *f = NULL;
	struct err e;

	return r->folder[0] != '\0' && crl_fetch_new(&f, &s, r->tls, &e) ? f : NULL;
}

/* The time of `.looked` is that of the last try. */
static bool
is_time(const struct revocation *r)
{
	char path[CONFIG_VALUE_BYTES + 16];
	struct stat st;
	int fd;

	if (r->folder[0] == '\0')
		return false;
	snprintf(path, sizeof path, "%s/.looked", r->folder);
	if (stat(path, &st) == 0 && time(NULL) - st.st_mtim.tv_sec < REVOCATION_AGAIN_S &&
	    st.st_mtim.tv_sec <= time(NULL))
		return false;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return false;
	(void)futimens(fd, NULL);
	close(fd);
	return true;
}

static void
wanted(void *arg, const struct chain *c, const struct judgement *j)
{
	struct revocation *r = arg;

	chain_unref(&r->chain);
	r->chain = chain_ref((struct chain *)c);
	r->judgement = *j;
}

static void
used(void *arg, const struct chain *c)
{
	const struct revocation *r = arg;

	if (r->folder[0] != '\0')
		crl_fetch_used_in(r->folder, r->tls, c);
}

void
revocation_begin(struct revocation *r, struct tls_holder *h)
{
	struct crl_fetch *f;

	r->tls = h;
	tls_holder_on_unknown(h, wanted, r);
	tls_holder_on_good(h, used, r);
	if (!is_time(r) || (f = fetcher(r)) == NULL)
		return;
	crl_fetch_all(f);
	(void)crl_fetch_wait(f, REVOCATION_AGAIN_MS);
	crl_fetch_free(&f);
}

bool
revocation_fetch(struct revocation *r)
{
	uint64_t before;
	struct crl_fetch *f;
	struct tls *t;
	bool news;

	if (r->chain == NULL || (f = fetcher(r)) == NULL)
		return false;
	t = tls_holder_get(r->tls);
	before = tls_generation(t);
	tls_unref(&t);
	crl_fetch_wanted(f, r->chain, &r->judgement);
	chain_unref(&r->chain);
	(void)crl_fetch_wait(f, REVOCATION_FETCH_MS);
	crl_fetch_free(&f);
	t = tls_holder_get(r->tls);
	news = tls_generation(t) != before;
	tls_unref(&t);
	return news;
}

void
revocation_clear(struct revocation *r)
{
	chain_unref(&r->chain);
}
