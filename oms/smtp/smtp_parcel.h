/* smtp_parcel — a letter on its way by SMTP: read once, for what it needs and to be signed; then sent, with our fields
 * before it.
 *
 * Flow:    3 of 8, by the old road.  smtp_road makes one for each delivery.
 * Async:   `done` is called exactly once, never inside a function of this header, unless the parcel is freed first.
 * Threads: its loop's.  A letter of any size is read in pieces; others have their turn in between.
 * Owner:   sources that were handed out outlive the parcel.
 */
#ifndef OMS_SMTP_SMTP_PARCEL_H
#define OMS_SMTP_SMTP_PARCEL_H

#include "common/base/engine.h"
#include "oms/smtp/smtp_text.h"

#define SMTP_PARCEL_PIECE 65536 /* octets read in one turn of the loop */

struct dkim_signer;
struct loop;
struct offload;
struct smtp_parcel;

/* e: storage, the letter could not be read. */
typedef void smtp_parcel_done(void *arg, const struct err *e);

/* Takes the source, which has so many octets, and the signer, whose fields it prepends; signer NULL: the letter goes
 * unsigned, as does one whose header is malformed. */
struct smtp_parcel *smtp_parcel_new(struct loop *l, struct offload *o, struct source *letter,
    uint64_t octets, struct dkim_signer *signer, smtp_parcel_done *done, void *arg);
void smtp_parcel_free(struct smtp_parcel **p); /* silently */

/* After `done` without an error: */
const struct smtp_text *smtp_parcel_text(const struct smtp_parcel *p);
/* Why it could not be signed; NULL: it was, or was not to be. */
const struct err *smtp_parcel_why_unsigned(const struct smtp_parcel *p);
/* Whole header fields to go before all others; those that were added later come first. */
void smtp_parcel_prepend(struct smtp_parcel *p, struct span fields);
uint64_t smtp_parcel_octets(const struct smtp_parcel *p); /* with those fields */
/* The whole of it; may be asked for again. */
struct source *smtp_parcel_source(struct smtp_parcel *p);

/* Received = "Received: by" SP name SP "id" SP id ";" CRLF SP date-time CRLF */
void smtp_parcel_received(struct buf *out, const char *name, const char *id, int64_t now_s);

#endif
