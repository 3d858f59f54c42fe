/* letter_reply — what the answer to a whole letter needs once the store has written.
 *
 * The session may end meanwhile; the letter is kept nevertheless, and the log says so.
 *
 * Owner:  letter_reply_new makes it, and free() ends it.
 */
#ifndef OMS_SUBMIT_LETTER_REPLY_H
#define OMS_SUBMIT_LETTER_REPLY_H

#include "common/base/ulid.h"
#include "common/net/reply_context.h"
#include "oms/store/store.h"

struct letter_reply {
	struct reply_context to;
	char user[OMS_STORE_USER_BYTES];
	uint64_t size;
	size_t n_recipients;
};

struct letter_reply *letter_reply_new(struct reply_context to, const char *user, uint64_t size,
    size_t n_recipients);
/* id, e: as of oms_store_put_done. */
void letter_reply_log(const struct letter_reply *r, const char *event, const struct ulid *id,
    const struct err *e);

#endif
