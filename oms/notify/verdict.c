/* verdict — what ends a delivery; see verdict.h. */
#include "oms/notify/verdict.h"

static bool
is_of_letter(enum refusal why)
{
	bool permanent = refusal_code(why) >= 500;

	return permanent && !refusal_of_session(why) && !verdict_is_of_seal(why);
}

bool
verdict_refuses_recipient(enum refusal why)
{
	switch (why) {
	case REFUSAL_no_such_domain:
	case REFUSAL_no_designation:
	case REFUSAL_takes_no_mail:
	case REFUSAL_too_many_targets:
	case REFUSAL_bad_port:
	case REFUSAL_mx_loop:
	case REFUSAL_private_address:
		return true;
	default:
		return false;
	}
}

bool
verdict_is_of_seal(enum refusal why)
{
	return why == REFUSAL_seal_bad || why == REFUSAL_bad_seal_form ||
	    why == REFUSAL_seal_signer || why == REFUSAL_seal_for || why == REFUSAL_seal_date ||
	    why == REFUSAL_too_many_statements || why == REFUSAL_batch_too_big;
}

bool
verdict_is_final(enum refusal why, enum verdict_source source, bool vouched)
{
	switch (source) {
	case VERDICT_DNS:
		return vouched && verdict_refuses_recipient(why);
	case VERDICT_ANSWER:
		return is_of_letter(why);
	case VERDICT_SESSION:
		break;
	}
	return false;
}
