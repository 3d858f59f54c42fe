/* smtp_road_private — what a road knows; for smtp_road*.c. */
#ifndef OMS_SMTP_SMTP_ROAD_PRIVATE_H
#define OMS_SMTP_SMTP_ROAD_PRIVATE_H

#include "common/dns/exchange.h"
#include "common/sts/sts.h"
#include "oms/smtp/smtp_parcel.h"
#include "oms/smtp/smtp_road.h"
#include "oms/smtp/smtp_session.h"

struct smtp_road {
	struct oms_worker *worker;
	struct domain own, peer;
	const struct smtp_road_ops *ops;
	void *role;
	bool busy;
	struct loop_timer *later; /* to tell the end */
	bool over;                /* the end is to be told */
	struct err why;           /* of the last host that failed */
	bool final;
	struct conf *conf; /* of the attempt */
	/* the way */
	struct exchange_query *finding;
	struct sts_query *policy_asked;
	struct tlsa_query *tlsa_asked;
	bool smarthost;
	char smart[DOMAIN_BYTES];
	struct buf password; /* at the smarthost */
	struct exchange_host *hosts;
	size_t n_hosts, host, address; /* the one that is tried */
	struct sts_policy policy;      /* STS_NONE: none */
	struct buf policy_text;
	struct buf tlsa_octets;
	struct span *tlsa;
	size_t n_tlsa;
	char base[DNS_NAME_BYTES];
	struct smtp_session *session;
	unsigned letters, accepted; /* over this session */
	/* the letters */
	struct oms_delivery *d;
	size_t n, at;
	struct smtp_opening *opening; /* of d[at] */
	struct smtp_parcel *parcel;
	char from[ADDRESS_STR_BYTES];
	char envid[ULID_STR_BYTES];
	size_t *part; /* of d[at].recipients: those of the transaction under way */
	struct span *to;
	struct smtp_letter sent; /* what the session was given */
	size_t n_part, n_heard, n_taken;
	bool *tried; /* by the recipient of the letter */
	bool *taken; /* by that of the transaction: the host takes it */
	bool giving; /* the role has not answered yet */
	bool letter; /* a transaction is under way */
};

void smtp_road_over(struct smtp_road *r);
void smtp_road_connect(struct smtp_road *r);

/* smtp_road_letter.c */
void smtp_road_ready(void *road);
void smtp_road_recipient(void *road, size_t i, const struct smtp_reply *reply);
void smtp_road_giving(void *road);
void smtp_road_done(void *road, enum smtp_stage stage, const struct smtp_reply *reply);
/* The session has gone; why NULL: in order. */
void smtp_road_letter_lost(struct smtp_road *r, const struct err *why);
void smtp_road_letter_clear(struct smtp_road *r);

#endif
