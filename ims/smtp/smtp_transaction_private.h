/* smtp_transaction_private — what smtp_transaction.c and smtp_keep.c share. */
#ifndef IMS_SMTP_SMTP_TRANSACTION_PRIVATE_H
#define IMS_SMTP_SMTP_TRANSACTION_PRIVATE_H

#include "common/share/share_peer.h"
#include "ims/smtp/smtp_arriving.h"
#include "ims/smtp/smtp_transaction.h"
#include "ims/smtp/smtp_vouch.h"
#include "ims/store/store.h"

struct chain;
struct crl_state;
struct exchange_query;

#define SMTP_SIZE_UNSAID (64 * 1024) /* what is claimed where MAIL says no SIZE */

struct smtp_to {
	char address[ADDRESS_STR_BYTES];
	char user[IMS_STORE_USER_BYTES];
};

struct smtp_transaction {
	struct ims_worker *worker;
	struct smtp_session *session; /* NULL: it has left it */
	uint64_t conn;
	struct conf *conf;
	/* the host, as it was at MAIL */
	struct sockaddr_storage address;
	char peer[64], ehlo[DOMAIN_BYTES];
	struct domain host;
	bool extended;
	/* the sender */
	char from[ADDRESS_STR_BYTES]; /* "": <> */
	struct domain domain;         /* of `from` */
	uint64_t size;                /* as MAIL says; 0: it does not */
	bool utf8;
	struct spf_asked *spf_asked;
	struct exchange_query *mx_asked;
	struct smtp_heard heard;
	char spf[1][IMS_STORE_SPF_BYTES]; /* result and record */
	bool judged;                      /* a recipient has found the sender good enough */
	char mark[MAILBOX_WORD_BYTES];    /* why it is unaccountable; "": it is not */
	struct domain payer;
	/* the recipient that is judged */
	bool asked, office;
	uint64_t request, asking_limit;
	struct smtp_to asking;
	char asking_domain[DOMAIN_BYTES];
	struct kv_question *room_asked;
	/* those that were accepted */
	struct smtp_to *to;
	size_t n_to;
	uint64_t limit; /* the least of their domains' */
	struct ims_claim *claim;
	/* the content */
	struct share_peer_hold memory, place;
	struct ulid id;
	struct smtp_arriving letter;
	struct smtp_vouch *vouch; /* NULL: its header has not come */
	struct body_in *body;
	uint64_t octets;
	struct err fault; /* why it cannot be kept; REFUSAL_NONE: it can so far */
	/* what the store is given */
	struct mailbox_marks marks;
	struct chain *chain;
	struct crl_state *crls;
	char issuer[MAILBOX_ISSUER_BYTES], version[16], suite[64];
	struct buf head, results;
	struct ims_given_to *given_to;
	struct ims_evidence evidence;
	struct ims_given given;
};

void smtp_transaction_log_refused(const struct smtp_transaction *t, const char *to,
    const struct err *e);
void smtp_transaction_log_kept(const struct smtp_transaction *t, uint64_t octets);

/* Frees what the content has taken. */
void smtp_keep_clear(struct smtp_transaction *t);

#endif
