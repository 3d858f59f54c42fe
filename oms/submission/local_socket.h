/* local_socket — the socket where programs of this machine submit: local-socket of the configuration.
 *
 * Everybody on the machine may connect; SO_PEERCRED says who it is, and submission_service_local serves it.
 *
 * Threads: made and freed on the daemon's main thread; accepts on that of the first worker, and gives the
 *          connections to the workers in turn.
 * Disk:    the file is removed at the end.  One that a killed daemon left is replaced.
 */
#ifndef OMS_SUBMISSION_LOCAL_SOCKET_H
#define OMS_SUBMISSION_LOCAL_SOCKET_H

#include "oms/oms.h"

struct local_socket;

/* Nothing to do, and *out is NULL, where the configuration names none.  False: config. */
bool local_socket_new(struct oms *o, struct local_socket **out, struct err *e);
void local_socket_free(struct local_socket **s); /* once the workers have ended */

#endif
