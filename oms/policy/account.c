/* account — a user's share of the spool; see account.h. */
#include "oms/policy/account.h"

uint64_t
oms_letter_price(size_t n_recipients)
{
	return OMS_LETTER_PRICE + OMS_RECIPIENT_PRICE * (uint64_t)n_recipients;
}

bool
oms_user_fits(const struct oms_user_counts *have, const struct oms_user_limits *most, struct err *e)
{
	if (RULE(outbox_full) && most->letters > 0 && have->letters > most->letters)
		return err_set(e, REFUSAL_outbox_full,
		    "%llu letters of yours have not been fetched yet, as many as one user may have",
		    (unsigned long long)have->letters - 1);
	if (RULE(outbox_full) && most->octets > 0 && have->octets > most->octets)
		return err_set(e, REFUSAL_outbox_full,
		    "with this letter yours would take %llu octets; one user may have %llu",
		    (unsigned long long)have->octets, (unsigned long long)most->octets);
	return true;
}

bool
oms_user_could_fit(uint64_t size, uint64_t price, const struct oms_user_limits *most, struct err *e)
{
	if (RULE(message_too_big) && most->octets > 0 &&
	    (size > most->octets || size + price > most->octets))
		return err_set(e, REFUSAL_message_too_big,
		    "all letters of one user together may take %llu octets",
		    (unsigned long long)most->octets);
	return true;
}

bool
oms_user_keep(struct oms_user_counts *c, uint64_t size, uint64_t price,
    const struct oms_user_limits *most, struct err *e)
{
	struct oms_user_counts with = { .letters = c->letters + 1,
		.octets = c->octets + size + price };

	if (!oms_user_fits(&with, most, e))
		return false;
	*c = with;
	return true;
}

static uint64_t
most_listed(const struct oms_user_limits *most)
{
	return most->listed > 0 ? most->listed : OMS_OUTBOX_MAX;
}

bool
oms_outbox_has_room(uint64_t listed, const struct oms_user_limits *most)
{
	return listed < most_listed(most);
}

bool
oms_outbox_full(const struct oms_user_limits *most, struct err *e)
{
	return !RULE(outbox_full) ||
	    err_set(e, REFUSAL_outbox_full,
		"your outbox lists %llu letters, as many as one may, and the oldest that is over came within 7 days",
		(unsigned long long)most_listed(most));
}

void
oms_user_less(struct oms_user_counts *c, uint64_t letters, uint64_t octets)
{
	c->letters -= letters < c->letters ? letters : c->letters;
	c->octets -= octets < c->octets ? octets : c->octets;
}
