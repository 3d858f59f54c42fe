/* limits — the machine's limits at this minute, beside which the figures of the daemons are read.
 *
 * Usage: limits FOLDER [MILLISECONDS [NAME]]
 * Measures each, or the one of that name, for so many milliseconds (500), in files of FOLDER that it removes,
 * and prints a line each, NAME FIGURE:
 *
 *	append       4 KiB written at the end of a file, then fdatasync: times a second (F)
 *	overwrite    4 KiB written over what the file has already, then fdatasync (F')
 *	lmdb_1       values of 4,096 octets put into one tree of a bare LMDB a second, one a commit
 *	lmdb_5, _25  the same, 5 and 25 a commit
 *	p256_verify  microseconds of CPU time that one P-256 verification takes
 *	p256_sign    and one signature
 */
#include <fcntl.h>
#include <lmdb.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define OCTETS      4096
#define OVERWRITTEN 256 /* places of OCTETS in the file that is overwritten */

static long for_us = 500000;

static long long
clock_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
fail(const char *what)
{
	perror(what);
	exit(74);
}

/* -- the disk ------------------------------------------------------------------------------------------------ */

static int
file_in(const char *folder)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof path, "%s/limits-XXXXXX", folder);
	if ((fd = mkstemp(path)) < 0)
		fail(path);
	unlink(path);
	return fd;
}

/* places 0: at the end of the file. */
static double
disk_rate(const char *folder, long places)
{
	static const char octets[OCTETS] = { 'x' };
	int fd = file_in(folder);
	long long began, took;
	long n = 0;

	for (long i = 0; i < places; i++)
		if (pwrite(fd, octets, OCTETS, i * OCTETS) != OCTETS)
			fail(folder);
	if (fsync(fd) != 0)
		fail(folder);
	began = clock_us(CLOCK_MONOTONIC);
	for (; (took = clock_us(CLOCK_MONOTONIC) - began) < for_us; n++)
		if (pwrite(fd, octets, OCTETS, (places > 0 ? n % places : n) * OCTETS) != OCTETS ||
		    fdatasync(fd) != 0)
			fail(folder);
	close(fd);
	return (double)n * 1e6 / (double)took;
}

/* -- LMDB ---------------------------------------------------------------------------------------------------- */

static void
must(int rc, const char *what)
{
	if (rc != 0) {
		fprintf(stderr, "limits: %s: %s\n", what, mdb_strerror(rc));
		exit(74);
	}
}

static void
commit_some(MDB_env *env, MDB_dbi *dbi, unsigned long long *number, long count)
{
	static char octets[OCTETS] = { 'x' };
	unsigned char key[8];
	MDB_val k = { sizeof key, key }, v = { sizeof octets, octets };
	MDB_txn *t;

	must(mdb_txn_begin(env, NULL, 0, &t), "begin");
	must(mdb_dbi_open(t, NULL, 0, dbi), "open");
	for (long i = 0; i < count; i++) {
		unsigned long long n = ++*number;

		for (int b = 7; b >= 0; b--, n >>= 8)
			key[b] = (unsigned char)n;
		must(mdb_put(t, *dbi, &k, &v, 0), "put");
	}
	must(mdb_txn_commit(t), "commit");
}

static double
lmdb_rate(const char *folder, long a_commit)
{
	static const char *const files[] = { "data.mdb", "lock.mdb" };
	char own[4000], path[4096];
	unsigned long long number = 0;
	long long began, took;
	MDB_env *env;
	MDB_dbi dbi;

	snprintf(own, sizeof own, "%s/limits-XXXXXX", folder);
	if (mkdtemp(own) == NULL)
		fail(own);
	must(mdb_env_create(&env), "create");
	must(mdb_env_set_mapsize(env, (size_t)4 << 30), "size");
	must(mdb_env_open(env, own, MDB_NOTLS, 0600), own);
	began = clock_us(CLOCK_MONOTONIC);
	while ((took = clock_us(CLOCK_MONOTONIC) - began) < for_us)
		commit_some(env, &dbi, &number, a_commit);
	mdb_env_close(env);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		snprintf(path, sizeof path, "%s/%s", own, files[i]);
		unlink(path);
	}
	rmdir(own);
	return (double)number * 1e6 / (double)took;
}

/* -- P-256 --------------------------------------------------------------------------------------------------- */

static void
good(bool was, const char *what)
{
	if (!was) {
		fprintf(stderr, "limits: %s\n", what);
		exit(70);
	}
}

static double
p256_us(const char *folder, long verify)
{
	static const unsigned char digest[32] = { 'x' };
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	EVP_PKEY_CTX *c = key != NULL ? EVP_PKEY_CTX_new(key, NULL) : NULL;
	unsigned char signature[128];
	size_t length = sizeof signature;
	long long began, took;
	long n = 0;

	(void)folder;
	good(c != NULL && EVP_PKEY_sign_init(c) > 0 &&
		EVP_PKEY_sign(c, signature, &length, digest, sizeof digest) > 0,
	    "no signature");
	if (verify)
		good(EVP_PKEY_verify_init(c) > 0, "no verification");
	began = clock_us(CLOCK_THREAD_CPUTIME_ID);
	for (; (took = clock_us(CLOCK_THREAD_CPUTIME_ID) - began) < for_us; n++)
		if (verify) {
			good(EVP_PKEY_verify(c, signature, length, digest, sizeof digest) == 1,
			    "a signature is not good");
		} else {
			length = sizeof signature;
			good(EVP_PKEY_sign(c, signature, &length, digest, sizeof digest) > 0,
			    "no signature");
		}
	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(key);
	return (double)took / (double)n;
}

static const struct {
	const char *name;
	double (*measure)(const char *folder, long n);
	long n;
} measures[] = {
	{ "append", disk_rate, 0 },
	{ "overwrite", disk_rate, OVERWRITTEN },
	{ "lmdb_1", lmdb_rate, 1 },
	{ "lmdb_5", lmdb_rate, 5 },
	{ "lmdb_25", lmdb_rate, 25 },
	{ "p256_verify", p256_us, true },
	{ "p256_sign", p256_us, false },
};

int
main(int argc, char **argv)
{
	const char *only = argc > 3 ? argv[3] : NULL;

	if (argc < 2 || argc > 4 ||
	    (argc > 2 && (for_us = strtol(argv[2], NULL, 10) * 1000) < 1000)) {
		fprintf(stderr, "usage: limits FOLDER [MILLISECONDS [NAME]]\n");
		return 64;
	}
	for (size_t i = 0; i < sizeof measures / sizeof *measures; i++)
		if (only == NULL || strcmp(only, measures[i].name) == 0)
			printf("%s %.1f\n", measures[i].name,
			    measures[i].measure(argv[1], measures[i].n));
	return 0;
}
