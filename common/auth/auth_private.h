/* auth_private — shared by auth*.c and password.c: libgsasl, messages, keys. */
#ifndef COMMON_AUTH_AUTH_PRIVATE_H
#define COMMON_AUTH_AUTH_PRIVATE_H

#include <gsasl.h>

#include "common/auth/auth.h"
#include "common/base/base64.h"

#define AUTH_NAME_BYTES   256
#define AUTH_BINDING_TEXT (BASE64_CHARS(AUTH_BINDING_BYTES) + 1)

/* libgsasl fails on these only when memory runs out. */
void auth_need(bool ok);

/* "=" and "" are the empty message.  False: too long, or not base64 of a text. */
bool auth_message_in(struct span in, struct buf *raw);
void auth_message_out(const char *raw, size_t n, struct buf *out);

/* "": none.  False: neither none nor AUTH_BINDING_BYTES. */
bool auth_set_binding(char text[AUTH_BINDING_TEXT], struct span binding);

/* The same reply to every fault; it ends the exchange. */
enum auth_result auth_failed(bool *over, struct err *e);

/* Finds the keys of the user of that name.  False: there is no such user; *keys are then keys that no password fits,
 * always the same for that name. */
bool auth_find(const struct auth *a, struct span name, char user[AUTH_USER_BYTES],
    struct auth_keys *keys);

/* -- the arithmetic of SCRAM-SHA-256 ---------------------------------------------------------------- */

#define AUTH_PREPARED_BYTES (4 * AUTH_PASSWORD_BYTES)

void auth_hmac(const unsigned char key[AUTH_KEY_BYTES], struct span text,
    unsigned char out[AUTH_KEY_BYTES]);
/* SASLprep (RFC 4013).  *out is malloc'ed; the caller wipes and frees it. */
bool auth_prepare(struct span password, char **out, struct err *e);
/* PBKDF2 over the prepared password; false: a number is out of bounds. */
bool auth_salted(struct span prepared, const unsigned char *salt, size_t salt_bytes,
    uint32_t iterations, unsigned char out[AUTH_KEY_BYTES]);

#endif
