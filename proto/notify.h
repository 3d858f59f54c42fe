/* notify — an OMS announces letters to an IMS: what both engines share.
 *
 * Flow:  3 and 4 of 8.
 * Spec:  SPEC.md "notify".  ALPN tillcalled-notify/1; the OMS connects and speaks first:
 *	HELLO domain                        -> one reply, after certificate and SPF
 *	RCPT <address> salt                    no reply; the recipients of the next statement
 *	STATEMENT octets                       no reply; the statement's octets follow
 *	SEAL octets alg signature-octets    -> one reply per RCPT in order, and one per STATEMENT
 *	                                       that had no RCPT (a recall)
 *	NOOP, QUIT                          -> one reply
 *
 * The engines are notify_server.h and notify_client.h.
 */
#ifndef PROTO_NOTIFY_H
#define PROTO_NOTIFY_H

#include "proto/seal.h"
#include "proto/statement.h"

#define NOTIFY_ALPN        "tillcalled-notify/1"
#define NOTIFY_SEALS_MAX   4 /* outstanding; the fifth is read after a reply has left */
#define NOTIFY_ENTRIES_MAX (SEAL_STATEMENTS_MAX * STATEMENT_RECIPIENTS_MAX) /* replies to a seal */
#define NOTIFY_BATCH_BYTES                                                                         \
	(1024 * 1024) /* lines and payloads, the seal and its own line included */

/* The text of the reply to a repeated notice, by which the OMS recognises the repeat. */
#define NOTIFY_REPEAT_TEXT "noticed before"

#endif
