/* account — a user's share of the spool: letters and octets.
 *
 * Pure policy, as oms/policy/delivery.h.  Letters: those whose bodies are kept.  Octets: those bodies, plus a
 * fixed price for the records of each letter and recipient until they are forgotten.  oms/store changes the
 * sums in the same write as what they count.
 *
 *	event              letters   octets
 *	a letter is kept   + 1       + size + price
 *	it is an outcome   - 1       - size
 *	it is forgotten              - price
 *
 * The outbox lists the user's letters: those that are kept, and outcomes.  When it is full, the oldest outcome is
 * forgotten once the next letter is kept, before its time; but not while its token means it, because then the same token
 * would make a second letter.
 *
 * Sizes in octets.
 */
#ifndef OMS_POLICY_ACCOUNT_H
#define OMS_POLICY_ACCOUNT_H

#include "common/base/err.h"

#define OMS_LETTER_PRICE    1024 /* octets that the records of a letter count for */
#define OMS_RECIPIENT_PRICE 1024
#define OMS_OUTBOX_MAX                                                                             \
	30000 /* letters in an outbox: of each the user's partition has up to three rows */

struct oms_user_counts {
	uint64_t letters, octets;
};

/* What one user may have; 0: no bound. */
struct oms_user_limits {
	uint64_t letters, octets;
	uint64_t listed; /* in the outbox; 0: OMS_OUTBOX_MAX */
};

/* Of the records of a letter with so many recipients. */
uint64_t oms_letter_price(size_t n_recipients);

/* False: outbox_full; `have` is the sums with the new letter in them. */
bool oms_user_fits(const struct oms_user_counts *have, const struct oms_user_limits *most,
    struct err *e);
/* Could a letter of that size ever fit?  e: message_too_big. */
bool oms_user_could_fit(uint64_t size, uint64_t price, const struct oms_user_limits *most,
    struct err *e);

/* False: outbox_full; the sums are as they were. */
bool oms_user_keep(struct oms_user_counts *c, uint64_t size, uint64_t price,
    const struct oms_user_limits *most, struct err *e);
/* Does the outbox have room for one more than `listed`? */
bool oms_outbox_has_room(uint64_t listed, const struct oms_user_limits *most);
/* It has none, and no outcome may be forgotten: false; e: outbox_full. */
bool oms_outbox_full(const struct oms_user_limits *most, struct err *e);

/* Subtracts; never below 0, because a letter of an older version has no price. */
void oms_user_less(struct oms_user_counts *c, uint64_t letters, uint64_t octets);

#endif
