/* sts_file — one kept policy as a file, and the order in which files are written.
 *
 * Part of sts; see there for the folder.
 *
 *	file = digest SP domain SP id SP fetched SP until LF policy
 *
 * digest is the SHA-256 of all that follows the blank after it; times are seconds since 1970.
 */
#ifndef COMMON_STS_STS_FILE_PRIVATE_H
#define COMMON_STS_STS_FILE_PRIVATE_H

#include "common/base/address.h"
#include "common/sts/sts_policy.h"

#define STS_FILE_NAME_BYTES 72

struct loop;
struct offload;

struct sts_kept {
	char domain[DOMAIN_BYTES], id[STS_ID_BYTES];
	int64_t fetched_s, until_s;
	struct buf text;
	struct sts_policy policy; /* of text */
};

void sts_file_name(const char *domain, char out[STS_FILE_NAME_BYTES]);
void sts_file_write(const struct sts_kept *k, struct buf *out);
/* False: not such a file; *k is then all zero. */
bool sts_file_read(struct span octets, struct sts_kept *k);
/* Each that can be read is given to fn, which takes its text; one that cannot is removed. */
void sts_file_each(const char *folder, void (*fn)(void *arg, struct sts_kept *k), void *arg);

/* -- writing ------------------------------------------------------------------------------------ */

struct sts_saver;

/* offload NULL: writes at once. */
struct sts_saver *sts_saver_new(const char *folder, struct loop *l, struct offload *o);
/* Writes what is left.  No job of it is under way then. */
void sts_saver_free(struct sts_saver **s);
/* One after the other.  k NULL: removes the domain's file. */
void sts_save(struct sts_saver *s, const char *domain, const struct sts_kept *k);

#endif
