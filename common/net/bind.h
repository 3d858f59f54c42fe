/* bind — binds sockets to this host's addresses; if that fails, its error names the cure. */
#ifndef COMMON_NET_BIND_H
#define COMMON_NET_BIND_H

#include <sys/socket.h>

#include "common/base/err.h"

/* A socket that is bound and does not listen yet.  -1: os_error, and errno has the reason. */
int bind_listener(const struct sockaddr_storage *a, struct err *e);
/* Sets *e to "cannot DO ADDRESS", the meaning of errnum and its cure; returns false with errno = errnum. */
bool bind_refused(const struct sockaddr_storage *a, const char *does, int errnum, struct err *e);

/* Binds a socket that will connect to `own` (connect-from), whose port connect(2) chooses later. */
bool bind_source(int fd, const struct sockaddr_storage *own);
/* Can connections come from this address, numeric?  "": from any.  False: os_error. */
bool bind_source_fits(const char *own, struct err *e);

#endif
