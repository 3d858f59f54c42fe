/* sealing — deliveries of one pair of domains under one seal, and what became of each recipient.
 *
 * Flow:  3 of 8.  Pure bookkeeping between the store, the seal and the client engine; the destination
 *        decides when a sealing is sent and what follows.
 */
#ifndef OMS_NOTIFY_SEALING_H
#define OMS_NOTIFY_SEALING_H

#include "oms/store/store.h"
#include "proto/notify_client.h"

/* A recipient who was sent, in the order of the replies. */
struct sealing_entry {
	struct oms_delivery *delivery;
	struct oms_recipient *recipient;
	bool answered;
};

struct sealing {
	struct sealing *next;
	void *owner; /* whoever sends it */
	struct oms_delivery deliveries[OMS_STORE_DUE_PAGE];
	size_t n;
	struct sealing_entry *entries; /* NULL: not sent */
	size_t n_entries;
	struct buf text;   /* of the seal */
	bool failed;       /* could not be sent at all */
	int64_t give_up_s; /* failed: how long a letter by SMTP is tried */
	bool seal_refused; /* the peer found fault with the seal, maybe not with each letter */
};

struct sealing *sealing_new(void *owner);
void sealing_free(struct sealing **s);
/* Leaves out what does not fit into this many octets; at least one delivery stays. */
void sealing_cut(struct sealing *s, size_t octets);
bool sealing_write(struct sealing *s, const char *own, const char *peer, int64_t now_s,
    struct err *e);
bool sealing_send(struct sealing *s, struct notify_client *c, enum seal_alg alg,
    struct span signature, struct err *e);
/* The reply for the index-th recipient that was sent; e NULL: accepted, with this text. */
void sealing_answer(struct sealing *s, size_t index, struct span text, const struct err *e,
    int64_t now_ms);
/* No more replies come; e: the session broke.  Sets tries and times of what still waits. */
void sealing_close(struct sealing *s, const struct err *e, int64_t now_ms);
bool sealing_waits(const struct sealing *s); /* after that: some recipient still waits */
/* Nothing was tried: each recipient is told why, and the deliveries are due in in_ms, with no try more. */
void sealing_put_off(struct sealing *s, const struct err *e, int64_t now_ms, int64_t in_ms);
/* Nothing was sent; final: each recipient is refused with *e. */
void sealing_fail(struct sealing *s, const struct err *e, bool final, int64_t now_ms);

#endif
