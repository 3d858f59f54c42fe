/* sent — shows a letter that was sent, to people and as JSON: its recipients and their states. */
#ifndef MC_SENT_H
#define MC_SENT_H

#include "common/text/json.h"
#include "mc/out.h"
#include "mc/submission.h"

/* Prints a line for each recipient: address, state, who said what. */
/* `host`: the user's own server, which told it. */
void sent_print_recipients(struct out *o, const struct sent_letter *l, const char *host,
    int64_t now_s);
/* Sets "recipients" in o. */
void sent_put_recipients(struct json *o, const struct sent_letter *l, const char *host);
/* Whose words a recipient's text is: `host`, or the recipient's domain unless it is known to be `host`. */
const char *sent_speaker(const struct submit_recipient *r, const char *host);
/* The recipient with the worst refusal: a permanent one is worse than a temporary one, then the higher
 * status counts.  NULL: nobody refused. */
const struct submit_recipient *sent_worst(const struct sent_letter *l);
/* Why a recipient refused, by the refusal word. */
enum refusal sent_refusal(const struct submit_recipient *r);
/* The exit status for a letter: that of the worst refusal, or 0. */
int sent_status(const struct sent_letter *l);
/* Sets a date, or null if it is not known. */
void sent_put_date(struct json *o, const char *key, int64_t wall_s);

#endif
