/* smtp_session_private — what a session knows, for its transactions. */
#ifndef IMS_SMTP_SMTP_SESSION_PRIVATE_H
#define IMS_SMTP_SMTP_SESSION_PRIVATE_H

#include "common/base/log.h"
#include "common/share/share.h"
#include "ims/ims.h"
#include "ims/smtp/smtp_verdict.h"
#include "proto/smtp/smtp_server.h"

struct conn;
struct smtp_transaction;

struct smtp_session {
	struct smtp_server server; /* first: what conn moves */
	struct ims_worker *worker;
	struct conn *conn;
	struct conf *conf; /* of its beginning: the name and the contact that it says */
	struct smtp_server_config config;
	struct smtp_transaction *letter; /* under way; NULL: none */
	/* EHLO, newest */
	enum smtp_name_kind ehlo;
	struct domain host;          /* "": it was no host's name */
	char as_came[DOMAIN_BYTES];  /* what was said, cut */
	struct share_hold address;   /* its place among the sessions of its address */
	struct share_hold certified; /* among those of the certified host */
	struct err full;             /* why it has no place; REFUSAL_NONE: it has */
};

/* Is the host's certificate good now, and does it name the host of EHLO?  Fills in the two members. */
void smtp_session_judge(struct smtp_session *s, const struct conf_pairs *names,
    struct smtp_heard *out);
/* Takes the session's place among those of the host, which was judged good.  False: *e is 421. */
bool smtp_session_certify(struct smtp_session *s, struct err *e);

const struct sockaddr *smtp_session_address(const struct smtp_session *s);

#endif
