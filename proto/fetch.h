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

#define FETCH_ALPN          "tillcalled-fetch/1"
#define FETCH_AHEAD         64 /* requests that a server takes before it has answered the first ... */
#define FETCH_LETTERS_AHEAD 8   /* ... of which so many ask for octets */
#define FETCH_UNKNOWN_MAX   100 /* unknown ids in one session; more is guessing */

#endif
