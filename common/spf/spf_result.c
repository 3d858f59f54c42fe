/* spf_result — words and refusals of SPF results; see spf.h. */
#include "common/spf/spf.h"

const char *
spf_result_word(enum spf_result r)
{
	static const char *const words[] = { [SPF_NONE] = "none",
		[SPF_NEUTRAL] = "neutral",
		[SPF_PASS] = "pass",
		[SPF_FAIL] = "fail",
		[SPF_SOFTFAIL] = "softfail",
		[SPF_TEMPERROR] = "temperror",
		[SPF_PERMERROR] = "permerror" };

	return words[r];
}

bool
spf_accept(const struct spf_verdict *v, struct err *e)
{
	if (RULE(spf_fail) && v->result == SPF_FAIL)
		return err_set(e, REFUSAL_spf_fail, "%s", v->why);
	if (RULE(spf_softfail) && v->result == SPF_SOFTFAIL)
		return err_set(e, REFUSAL_spf_softfail, "%s", v->why);
	if (RULE(spf_neutral) && v->result == SPF_NEUTRAL)
		return err_set(e, REFUSAL_spf_neutral, "%s", v->why);
	if (RULE(spf_none) && v->result == SPF_NONE)
		return err_set(e, REFUSAL_spf_none, "%s", v->why);
	if (RULE(spf_permerror) && v->result == SPF_PERMERROR)
		return err_set(e, REFUSAL_spf_permerror, "%s", v->why);
	if (RULE(spf_temperror) && v->result == SPF_TEMPERROR)
		return err_set(e, REFUSAL_spf_temperror, "%s", v->why);
	return true;
}
