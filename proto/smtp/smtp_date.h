/* smtp_date — reads the dates of a letter's header; clock_mail_date writes them: "Mon, 30 Nov 2026 12:00:00 +0000".
 *
 * Spec:  RFC 5322 3.3:
 *	date-time = [ day-name "," ] 1*2DIGIT month 4DIGIT time zone
 *	time      = 2DIGIT ":" 2DIGIT [ ":" 2DIGIT ]	zone = ( "+" / "-" ) 4DIGIT / "GMT" / "UT" / "UTC" / "Z"
 *        with blanks and folds between the parts, and a comment after them.
 * Trust: what is read is a stranger's; a date that is none is none, and no fault.
 */
#ifndef PROTO_SMTP_DATE_H
#define PROTO_SMTP_DATE_H

#include "common/base/span.h"

/* False: it is no such date, or one before 1970. */
bool smtp_date_read(struct span s, int64_t *wall_s);

#endif
