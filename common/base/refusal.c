/* refusal — the one table of refusals; see refusal.h. */
#include "common/base/refusal.h"

#ifdef RULE_SWITCHES
#include <stdlib.h>
#endif

static const struct row {
	const char *word;
	int code;
	const char *enhanced;
	int status;
	const char *sentence;
} rows[REFUSAL__COUNT] = { [REFUSAL_NONE] = { "ok", 250, "2.0.0", 0, "" },
#define X(name, word, code, enhanced, status, sentence)                                            \
	[REFUSAL_##name] = { word, code, enhanced, status, sentence },
	REFUSAL_TABLE(X)
#undef X
};

const char *
refusal_word(enum refusal r)
{
	return rows[r].word;
}

int
refusal_code(enum refusal r)
{
	return rows[r].code;
}

const char *
refusal_enhanced(enum refusal r)
{
	return rows[r].enhanced;
}

int
refusal_status(enum refusal r)
{
	return rows[r].status;
}

const char *
refusal_sentence(enum refusal r)
{
	return rows[r].sentence;
}

bool
refusal_temporary(enum refusal r)
{
	return rows[r].code / 100 == 4;
}

bool
refusal_of_session(enum refusal r)
{
	return (r >= REFUSAL_bare_lf && r <= REFUSAL_bad_syntax) || r == REFUSAL_bad_offset ||
	    (r >= REFUSAL_no_certificate && r <= REFUSAL_unreachable) ||
	    (r >= REFUSAL_auth_required && r <= REFUSAL_auth_mechanism);
}

enum refusal
refusal_by_word(struct span word)
{
	for (int i = 1; i < REFUSAL__COUNT && word.n > 0; i++)
		if (span_eq(word, span_str(rows[i].word)))
			return (enum refusal)i;
	return REFUSAL_NONE;
}

#ifdef RULE_SWITCHES
/* TILLCALLED_RULE_OFF=word or word@file */
bool
refusal_rule_on(enum refusal r, const char *file)
{
	const char *off = getenv("TILLCALLED_RULE_OFF");
	struct span where, word;

	if (off == NULL)
		return true;
	where = span_str(off);
	word = span_cut(&where, '@');
	return refusal_by_word(word) != r || (where.n > 0 && !span_eq(where, span_str(file)));
}
#endif
