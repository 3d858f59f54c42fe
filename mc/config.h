/* config — mc.conf: the user's address, and how to find the servers.
 *
 * The file is that of -C, or mc.conf in $XDG_CONFIG_HOME/tillcalled or ~/.config/tillcalled; -A NAME
 * means NAME.conf in the same folder.  Each has a password file of its own beside it.  A line is
 * `key = "value"`; `#` begins a comment.  An unknown or repeated key is refused with FILE:LINE and
 * the nearest known key (config, status 78).  Keys: address, password-file, resolver, trust, crls,
 * allow-private-peers (true or false).
 *
 * Disk:  both files have mode 0600, in a folder of mode 0700, and are replaced as a whole.  A file
 *        that others may change, or a password file that others may read, is refused.
 */
#ifndef MC_CONFIG_H
#define MC_CONFIG_H

#include "common/auth/password.h"
#include "common/base/err.h"

#define CONFIG_VALUE_BYTES 1024
#define CONFIG_FILE_BYTES  (64 * 1024)

#define CONFIG_TRUST_DEFAULT    "/etc/ssl/certs"
#define CONFIG_RESOLVER_DEFAULT "system"

struct config {
	char file[CONFIG_VALUE_BYTES]; /* read from here, or to be written here */
	char address[CONFIG_VALUE_BYTES];
	char password_file[CONFIG_VALUE_BYTES];
	char resolver[CONFIG_VALUE_BYTES];
	char trust[CONFIG_VALUE_BYTES];
	char crls[CONFIG_VALUE_BYTES]; /* empty: none */
	bool allow_private;
};

/* Which account to use; both NULL: the usual one. */
struct config_choice {
	const char *file, *name; /* of -C and of -A: letters, digits, "-", "_" and "." */
};

/* TILLCALLED_RESOLVER, _TRUST, _CRLS and _ALLOW_PRIVATE (1) override the file if they are set;
 * setup writes them into it. */
bool config_begin(struct config *c, const struct config_choice *which, struct err *e);
bool config_load(struct config *c, const struct config_choice *which, struct err *e);
/* Writes both files. */
bool config_save(const struct config *c, const char *password, struct err *e);
bool config_password(const struct config *c, char out[PASSWORD_BYTES], struct err *e);

/* The parser itself: a whole file's text. */
bool config_parse(struct config *c, struct span text, struct err *e);

#endif
