/* command — how this program is to be called again; see command.h. */
#include "mc/command.h"

#include <string.h>

/* As it is where a shell has no other meaning for it, else between single quotes. */
static void
add_quoted(struct buf *out, const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-./:@%+=,";

	if (s[0] != '\0' && strspn(s, plain) == strlen(s)) {
		buf_addf(out, "%s", s);
		return;
	}
	buf_add(out, "'", 1);
	for (; *s != '\0'; s++)
		if (*s == '\'')
			buf_addf(out, "'\\''");
		else
			buf_add(out, s, 1);
	buf_add(out, "'", 1);
}

void
command_add(struct buf *out, const struct options *o)
{
	const char *account = options_value(o, "account");

	buf_addf(out, "%s", o->called);
	if (o->conf_file != NULL) {
		buf_addf(out, " -C ");
		add_quoted(out, o->conf_file);
	}
	if (account != NULL) {
		buf_addf(out, " -A ");
		add_quoted(out, account);
	}
}
