/* submission_login — a program of this machine, known by its login: which user it is, and whom it may write to by a login alone.
 *
 * `local-user` of the configuration says whose address a login is; without it, the login at the smtp name is.
 *
 * Threads: the worker's loop, where it does not say otherwise.
 */
#ifndef OMS_SUBMISSION_SUBMISSION_LOGIN_H
#define OMS_SUBMISSION_SUBMISSION_LOGIN_H

#include <sys/types.h>

#include "oms/oms.h"

#define SUBMISSION_LOGIN_BYTES 64

struct submission_login {
	char name[SUBMISSION_LOGIN_BYTES]; /* the system's */
	char alias[ADDRESS_STR_BYTES];     /* the name at the smtp name */
	/* of submission_login_identify */
	char owner[ACCOUNTS_OWNER_BYTES];
	char user[ADDRESS_STR_BYTES];
};

/* From any thread; may block, as the system's names may come from a server. */
void submission_login_name(struct submission_login *l, uid_t uid, const struct conf *conf);
/* At each letter anew: the user may have been added, or named, a moment ago.  False: bad_from. */
bool submission_login_identify(struct submission_login *l, const struct conf *conf,
    struct accounts *all, struct err *e);
/* A login of this machine, at the smtp name, means the address that local-user gives it, and our own login its user. */
void submission_login_expand(const struct submission_login *l, const struct conf *conf,
    char address[ADDRESS_STR_BYTES]);

#endif
