/* auth_salted_private — the arithmetic of SCRAM-SHA-256, between the two sides and auth_keys.c. */
#ifndef COMMON_AUTH_AUTH_SALTED_PRIVATE_H
#define COMMON_AUTH_AUTH_SALTED_PRIVATE_H

#include "common/auth/auth.h"

#define AUTH_PREPARED_BYTES (4 * AUTH_PASSWORD_BYTES)

void auth_hmac(const unsigned char key[AUTH_KEY_BYTES], struct span text,
    unsigned char out[AUTH_KEY_BYTES]);
/* SASLprep (RFC 4013).  *out is malloc'ed; the caller wipes and frees it. */
bool auth_prepare(struct span password, char **out, struct err *e);
/* PBKDF2 over the prepared password; false: a number is out of bounds. */
bool auth_salted(struct span prepared, const unsigned char *salt, size_t salt_bytes,
    uint32_t iterations, unsigned char out[AUTH_KEY_BYTES]);

#endif
