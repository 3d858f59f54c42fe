/* dkim_words — see dkim_words.h. */
#include "common/dkim/dkim_words.h"

static const struct row {
	const char *word, *sentence;
	enum dkim_result result;
} rows[] = {
#define X(name, word, result, sentence) { word, sentence, DKIM_##result },
	DKIM_WORDS(X)
#undef X
};

const char *
dkim_word_text(enum dkim_word w)
{
	return rows[w].word;
}

const char *
dkim_word_sentence(enum dkim_word w)
{
	return rows[w].sentence;
}

enum dkim_result
dkim_word_result(enum dkim_word w)
{
	return rows[w].result;
}

const char *
dkim_result_text(enum dkim_result r)
{
	static const char *const texts[] = {
		[DKIM_PASS] = "pass",
		[DKIM_FAIL] = "fail",
		[DKIM_POLICY] = "policy",
		[DKIM_TEMPERROR] = "temperror",
		[DKIM_PERMERROR] = "permerror",
	};

	return texts[r];
}
