/* body_name — the name of a body's file, and the key in it; see body.h. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/base/hex.h"
#include "common/store/body_private.h"

void
body_name(char out[BODY_NAME_BYTES], struct span key, struct span attempt)
{
	size_t n = 2 * key.n;

	assert(
	    key.n > 0 && key.n <= BODY_KEY_MAX && attempt.n > 0 && attempt.n <= BODY_ATTEMPT_MAX);
	hex_str(out, key.p, key.n);
	out[n++] = '-';
	hex_str(out + n, attempt.p, attempt.n);
}

bool
body_name_key(const char *name, unsigned char key[BODY_KEY_MAX], size_t *n)
{
	struct span rest = span_str(name), digits = span_cut(&rest, '-');
	unsigned char attempt[BODY_ATTEMPT_MAX];

	*n = digits.n / 2;
	return digits.n > 0 && rest.n > 0 && *n <= BODY_KEY_MAX && rest.n / 2 <= BODY_ATTEMPT_MAX &&
	    hex_parse(digits, key, *n) && hex_parse(rest, attempt, rest.n / 2);
}

bool
body_name_is_old(const char *name)
{
	unsigned char bytes[16];

	return hex_parse(span_str(name), bytes, sizeof bytes);
}

bool
body_name_is_temporary(const char *name)
{
	size_t n = strlen(name), t = strlen(BODY_TEMPORARY);

	return n > t && strcmp(name + n - t, BODY_TEMPORARY) == 0;
}
