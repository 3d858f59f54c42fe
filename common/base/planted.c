/* planted — see planted.h.  No program links it but in a build with RULE_SWITCHES. */
#include "common/base/planted.h"

#include <stdlib.h>

#include "common/base/span.h"

/* TILLCALLED_PLANTED=name or name@file, with - for _ */
bool
planted_now(const char *name, const char *file)
{
	const char *planted = getenv("TILLCALLED_PLANTED");
	struct span where = span_str(planted == NULL ? "" : planted), word = span_cut(&where, '@');
	size_t i;

	for (i = 0; i < word.n && name[i] != 0; i++)
		if (name[i] != (word.p[i] == '-' ? '_' : word.p[i]))
			return false;
	return i > 0 && i == word.n && name[i] == 0 &&
	    (where.n == 0 || span_eq(where, span_str(file)));
}
