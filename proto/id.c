/* id — a letter's id; see id.h. */
#include "proto/id.h"

/* id = %x30-37 25base32        base32 = DIGIT / "A"-"H" / "J" / "K" / "M" / "N" / "P"-"T" / "V"-"Z" */
bool
id_parse(struct span s, struct ulid *id, struct err *e)
{
	if (RULE(bad_id) && !ulid_parse(s, id))
		return err_word(e, REFUSAL_bad_id);
	return true;
}
