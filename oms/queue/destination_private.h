/* destination_private — what a destination knows; for destination*.c. */
#ifndef OMS_QUEUE_DESTINATION_PRIVATE_H
#define OMS_QUEUE_DESTINATION_PRIVATE_H

#include "oms/notify/notify_session.h"
#include "oms/notify/sealing.h"
#include "oms/queue/destination.h"
#include "oms/smtp/smtp_road.h"

/* What the destination does with the store's next answer. */
enum aim {
	AIM_NONE,
	AIM_FAIL, /* what is due cannot go: it is told why */
	AIM_SEAL, /* what is due goes under the next seal */
	AIM_GIVE, /* what is due goes by SMTP */
	AIM_WAY   /* if anything is due, a session is needed */
};

/* Deliveries that go by SMTP in one attempt. */
struct carriage {
	struct oms_delivery deliveries[OMS_STORE_DUE_PAGE];
	size_t n;
	bool recorded[OMS_STORE_DUE_PAGE]; /* the store has its outcome, or will */
	size_t given;             /* the delivery whose content has left, but for its dot */
	struct oms_giving giving; /* ... to this server */
	unsigned writing;         /* outcomes */
	bool ended;               /* the attempt */
};

struct destination {
	struct oms_worker *worker;
	struct attempts *attempts;
	struct attempt attempt;
	struct domain own, peer;
	struct notify_session *session;
	struct smtp_road *smtp;    /* NULL: no letter has gone that way yet */
	struct carriage *carriage; /* NULL: none goes that way now */
	bool by_smtp;              /* what is due goes that way, this time */
	unsigned broken;           /* sessions that way, one after another */
	bool unblocked;            /* ... also what is due later: what it waited for has come */
	enum oms_road road;        /* of the last attempt */
	bool road_known;
	bool blocked;             /* by a CRL that is missing: the last attempt failed for that */
	struct loop_timer *timer; /* the next thing that is due */
	struct sealing *sealings; /* gathered, sent or being recorded */
	bool signing;             /* one of them */
	struct kv_question *question; /* to the store; one at a time */
	enum aim aim;                 /* of the question */
	bool again;                   /* something happened since it was asked */
	uint64_t tries;               /* of the earliest delivery */
	struct kv_question *memory;   /* what the store knows of a peer that names no server */
	struct err absence;           /* what DNS said of it */
	bool secure;                  /* ... vouched for by DNSSEC */
	bool failing;                 /* what was due is being recorded as failed */
	size_t told;                  /* ... for so many letters so far */
	struct err why;               /* ... for this reason */
	bool final;                   /* ... which ends the deliveries */
	int64_t
	    put_off_ms;    /* ... and nothing was tried: what is due is due after this; 0: not so */
	bool hurry;        /* a peer that failed may answer again: what is due later goes too */
	bool quiet;        /* nothing was due when it was looked at last */
	size_t singly;     /* this many letters go alone: a seal was refused */
	size_t fresh;      /* letters that came since the last gathering */
	size_t seen;       /* of those: the question asks for them too */
	unsigned failures; /* of attempts, one after another */
	unsigned put_offs; /* of attempts that were none, likewise */
	int64_t not_before_ms; /* monotonic: no attempt before it */
};

/* What a session tells its destination (destination_session.c). */
extern const struct notify_session_ops destination_session_ops;

/* The domain is believed to have no server of ours: the attempt goes on by SMTP, where that is allowed. */
bool destination_take_smtp(struct destination *d, struct err *e);
/* Takes what is due, and begins. */
void destination_carry(struct destination *d, struct oms_due *due);
void destination_free_smtp(struct destination *d);
/* What is due cannot go, and is told why; then nothing is tried for in_ms. */
void destination_fail_due(struct destination *d, const struct err *why, int64_t in_ms);

/* Something happened: does what is next. */
void destination_pump(struct destination *d);
void destination_end_attempt(struct destination *d); /* others may have its place */
void destination_record(struct sealing *s);          /* what came of it */
void destination_drop_sealing(struct destination *d, struct sealing *s);

#endif
