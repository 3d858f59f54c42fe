/* notice — shows an announced letter to people and as JSON, with its header if the server has it.
 *
 * mc asks for the beginning of a letter (its summary) only where the user's server has it: for
 * letters that are here, and for those of known senders.  Asking for a stranger's would fetch it, and
 * so tell the stranger that somebody looked.
 */
#ifndef MC_NOTICE_H
#define MC_NOTICE_H

#include "common/text/json.h"
#include "mc/inbox.h"
#include "mc/mime.h"

/* Whether the beginning is at the server, so that asking for it tells nobody. */
bool notice_has_header(const struct mailbox_notice *n);
bool notice_is_held(const struct mailbox_notice *n); /* with the sender, or on its way */
/* "at sender", "6 days" (left to fetch it), "here", "here, by SMTP", "here, unaccountable", "gone", "bad seal", ... */
void notice_body_words(const struct mailbox_notice *n, int64_t now_s, char out[40]);
/* The sealed sender.  By SMTP the author in From, and "via" the domain that sent it where that is another.  The words are
 * the server's: the caller cleans them. */
void notice_from_words(const struct mailbox_notice *n, struct buf *out);
/* The CA that vouches for the sender.  By SMTP "by SMTP from HOST, vouched by CA", or why nobody vouches. */
void notice_vouched_words(const struct mailbox_notice *n, struct buf *out);
/* Sets the members of a list row; `header` NULL: nothing is known of it. */
void notice_put(struct json *o, const struct mailbox_notice *n, const struct mime_letter *header);
/* Sets a text, or null if it is empty. */
void notice_put_text(struct json *o, const char *key, struct span s);

#endif
