/* password — reads a password from the places where people may enter one.
 *
 * In this order: the file named by an environment variable (first line; one that others can read
 * is refused), the terminal without echo, standard input where it is not a terminal (first line).
 * The caller wipes it by password_wipe.
 */
#ifndef COMMON_AUTH_PASSWORD_H
#define COMMON_AUTH_PASSWORD_H

#include "common/base/err.h"

#define PASSWORD_BYTES         1025 /* AUTH_PASSWORD_BYTES and a NUL */
#define PASSWORD_LEAST         8    /* characters of a new password */
#define PASSWORD_FILE_VARIABLE "TILLCALLED_PASSWORD_FILE"

/* twice: asked again on a terminal, for new passwords. */
bool password_read(const char *prompt, bool twice, char out[PASSWORD_BYTES], struct err *e);
/* May it be a new password?  False (usage): as SASLprep leaves it, it has fewer than PASSWORD_LEAST characters,
 * or blanks only; or it contains a control character or malformed UTF-8. */
bool password_is_fit(const char *password, struct err *e);
void password_wipe(char p[PASSWORD_BYTES]);

#endif
