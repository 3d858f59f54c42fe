/* pace — how long a server waits for its peer: to say who it is, for its next request, for its payload, in all.
 *
 * Flow:   each session of proto/server has one.  It calls
 *         pace_watch after it took input, puts pace_deadline into the engine, and asks pace_tick when it has come.
 * Spec:   SPEC.md "Sessions".
 * Trust:  the peer chooses when octets come; nothing else.
 * Units:  monotonic ms, octets.
 */
#ifndef PROTO_PACE_H
#define PROTO_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* A payload must arrive with PACE_RATE_MIN octets a second, over each PACE_RATE_MS in which we could take it. */
#define PACE_RATE_MS     60000
#define PACE_RATE_MIN    500
#define PACE_RATE_OCTETS (PACE_RATE_MIN * (PACE_RATE_MS / 1000))

struct pace_limits {
	int64_t idle_ms; /* without a line, or a piece of payload */
	int64_t life_ms; /* the longest session */
};

struct pace {
	const struct pace_limits *limits;
	int64_t born_ms;    /* 0 until the first call */
	uint64_t came;      /* octets of the payload */
	uint64_t rate_mark; /* `came` when the minute began */
	int64_t rate_ms;    /* when the minute ends; 0: none runs */
	uint64_t sent_to;   /* the outgoing payload's offset at the last tick */
};

enum pace_verdict {
	PACE_GOES_ON, /* a new deadline is due */
	PACE_IDLE,    /* nothing came for too long */
	PACE_OLD,     /* the session's life is over */
	PACE_SLOW     /* of its payload too little came in a minute */
};

void pace_begin(struct pace *p, int64_t now_ms); /* with each call; only the first counts */
/* When the next thing must have come.  entry_ms after the birth the peer must be known; 0: it is. */
int64_t pace_deadline(const struct pace *p, int64_t now_ms, int64_t entry_ms);

void pace_payload(struct pace *p);          /* a payload begins: no octet of it has come */
void pace_came(struct pace *p, uint64_t n); /* so many octets more */
/* `due`: a payload is, and we could take it; its minute runs.  True: the minute began or ended, so the deadline has
 * changed. */
bool pace_watch(struct pace *p, int64_t now_ms, bool due);
/* True where the outgoing payload, of which the next octet is at `offset`, has moved since the last call. */
bool pace_moved(struct pace *p, uint64_t offset);

/* `patient`: the peer waits for us, so it is not idle. */
enum pace_verdict pace_tick(struct pace *p, int64_t now_ms, bool patient);

#endif
