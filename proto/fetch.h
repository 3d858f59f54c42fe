/* fetch — an IMS asks the sender's OMS for letters: what both engines share.
 *
 * Flow:  6 of 8.
 * Spec:  SPEC.md "fetch".  ALPN tillcalled-fetch/1; the IMS connects and speaks first:
 *	HELLO domain        -> one reply; certificate and designation are judged here
 *	SUMMARY id          -> 250 {octets}: the summary that was announced
 *	FETCH id [offset]   -> 250 {octets}: the letter from offset to its end
 *	DONE id             -> the letter is kept and verified; repeated until answered
 *	DECLINE id          -> nobody at this domain wants it
 *	NOOP, QUIT
 *
 * The engines are fetch_server.h and fetch_client.h.
 */
#ifndef PROTO_FETCH_H
#define PROTO_FETCH_H

#define FETCH_ALPN "tillcalled-fetch/1"
/* A server takes FETCH_AHEAD requests before it has answered the first of them, of which FETCH_LETTERS_AHEAD ask
 * for octets.  So letters that follow a batch of DONE do not wait until that is durable. */
#define FETCH_LETTERS_AHEAD 32
#define FETCH_DONES         64 /* in one batch */
#define FETCH_AHEAD         (FETCH_DONES + FETCH_LETTERS_AHEAD)

#define FETCH_UNKNOWN_MAX 100 /* unknown ids in one session; more is guessing */

#endif
