/* fetch_private — what fetch_run.c and fetch_session.c share: a run, and the session it has with one
 * target of the sender's domain. */
#ifndef IMS_FETCH_FETCH_PRIVATE_H
#define IMS_FETCH_FETCH_PRIVATE_H

#include "common/net/dial.h"
#include "ims/fetch/fetch_run.h"
#include "ims/fetch/fetch_verdict.h"
#include "proto/fetch_client.h"

/* What a session says to its run. */
struct fetch_session_ops {
	/* All octets are there, to be made durable and judged. */
	void (*came)(struct fetch_run *r);
	/* This target does not give the letter. */
	void (*refused)(struct fetch_run *r, const struct err *e);
	/* The letter was settled, and DONE is answered. */
	void (*acked)(struct fetch_run *r);
	/* The letter was settled, and the connection is gone. */
	void (*end_acked)(struct fetch_run *r);
};

struct fetch_run {
	struct ims_worker *worker;
	struct ims_letter letter; /* with the lease's fence */
	const struct fetch_run_ops *ops;
	void *arg;
	struct dial *dial;
	struct session *session;
	const struct fetch_session_ops *session_ops;
	struct body_in *in; /* what has come so far */
	struct fetch_verdict verdict;
	struct err why; /* of the session under way, or of the end */
	uint64_t round; /* of the DONE that is pending once it is kept */
	bool settled;
	bool busy;  /* the store or the spool has us */
	bool freed; /* and will find this */
};

/* A session outlives its run where the run ends first: its conn frees it. */
struct session {
	struct fetch_client client; /* first: what conn moves */
	struct fetch_run *run;      /* NULL: forgotten */
	struct conn *conn;
};

/* Connects to the dial's next target and asks it for the letter; the run must have no session. */
void fetch_session_begin(struct fetch_run *r);
/* The session goes on without the run, to its end; none is no matter. */
void fetch_session_forget(struct fetch_run *r);
/* Is it still whom we may ask: by its certificate, and by what its domain says in DNS? */
bool fetch_session_may_ask(const struct fetch_run *r, struct err *e);

#endif
