/* sealing — deliveries of one pair of domains under one seal, and what became of each.
 *
 * Flow:  3 of 8.  Pure bookkeeping between the store, the seal and the client engine; when it goes
 *        and what follows is the notifier's.
 */
#ifndef OMS_NOTIFY_SEALING_H
#define OMS_NOTIFY_SEALING_H

#include "oms/store/store.h"
#include "proto/notify_client.h"

struct line;

struct batch {
	struct batch *next;
	struct line *line;
	struct oms_delivery deliveries[OMS_STORE_DUE_PAGE];
	size_t n;
	struct buf seal;
	bool failed;       /* could not be sent at all */
	bool seal_refused; /* the seal was at fault, maybe not each letter */
};

struct batch *batch_new(struct line *l);
void batch_free(struct batch **b);
/* Leaves out what does not fit into so many octets; at least one stays. */
void batch_cut(struct batch *b, size_t octets);
bool batch_seal(struct batch *b, const char *own, const char *peer, int64_t now_s, struct err *e);
bool batch_send(struct batch *b, struct notify_client *c, enum seal_alg alg, struct span signature,
    struct err *e);
/* The answer for the index-th recipient that was sent.  A fault of a seal over several letters
 * refuses none of them for good: they are to be tried singly. */
void batch_result(struct batch *b, size_t index, const struct err *e, int64_t now_ms);
/* No more answers come: e: the session broke.  Sets tries and times of what is still waiting. */
void batch_close(struct batch *b, const struct err *e, int64_t now_ms);
/* Nothing was sent; permanent: everybody who waits is refused by it. */
void batch_fail(struct batch *b, const struct err *e, bool permanent, int64_t now_ms);

#endif
