/* verdict — what ends a delivery; see verdict.h. */
#include "oms/notify/verdict.h"

static bool
is_of_letter(enum refusal why)
{
	switch (why) {
	case REFUSAL_bad_address:
	case REFUSAL_address_literal:
	case REFUSAL_bad_domain:
	case REFUSAL_bad_id:
	case REFUSAL_bad_statement:
	case REFUSAL_statement_too_big:
	case REFUSAL_seal_statement:
	case REFUSAL_from_domain:
	case REFUSAL_rcpt_hash:
	case REFUSAL_hold_expired:
	case REFUSAL_duplicate:
	case REFUSAL_id_conflict:
	case REFUSAL_no_such_user:
	case REFUSAL_message_too_big:
	case REFUSAL_bad_message:
	case REFUSAL_bad_from:
	case REFUSAL_no_recipient:
	case REFUSAL_recalled:
	case REFUSAL_declined:
	case REFUSAL_too_late:
	case REFUSAL_bad_reply: /* a 5xx whose word we do not know */
		return true;
	default:
		return false;
	}
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
