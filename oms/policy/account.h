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
 * Sizes in octets.
 */
#ifndef OMS_POLICY_ACCOUNT_H
#define OMS_POLICY_ACCOUNT_H

#include "common/base/err.h"

#define OMS_LETTER_PRICE    1024 /* octets that the records of a letter count for */
#define OMS_RECIPIENT_PRICE 1024

struct oms_user_counts {
	uint64_t letters, octets;
};

/* What one user may have; 0: no bound. */
struct oms_user_limits {
	uint64_t letters, octets;
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
/* Subtracts; never below 0, because a letter of an older version has no price. */
void oms_user_less(struct oms_user_counts *c, uint64_t letters, uint64_t octets);

#endif
