/* reencode — plain text with lines that SMTP does not carry becomes quoted-printable.
 *
 * For sendmail: the output of a cron job has lines of any length, and nobody is there to be told.
 *
 * Spec:  RFC 2045 6.7, RFC 5321 4.5.3.1.6.
 */
#ifndef MC_REENCODE_H
#define MC_REENCODE_H

#include "mc/compose.h"

/* A letter that was composed: where its body has a line of more than 998 octets, and its header no field of MIME, the
 * body is encoded anew and the header says so.  Others stay as they are.  False: cannot_write, no_input. */
bool reencode(struct letter *l, struct err *e);

#endif
