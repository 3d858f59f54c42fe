/* digest — SHA-256, at once or as octets come.
 *
 * digest_sha256 has the form the engines ask for (proto/statement.h).  Threads: a struct digest is
 * one thread's at a time; digest_sha256 is any thread's.
 */
#ifndef COMMON_TEXT_DIGEST_H
#define COMMON_TEXT_DIGEST_H

#include "common/base/span.h"

#define DIGEST_BYTES 32

struct digest;

void digest_sha256(struct span octets, unsigned char out[DIGEST_BYTES]);

struct digest *digest_new(void);
void digest_add(struct digest *d, struct span octets);
void digest_end(struct digest *d, unsigned char out[DIGEST_BYTES]); /* begins anew */
void digest_free(struct digest **d);

#endif
