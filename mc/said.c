/* said — the words of a server, named and quoted; see said.h. */
#include "mc/said.h"

#include "mc/safe.h"

#define ROOM_LEAST 24 /* columns of a stranger's words, on a narrow terminal too */

/* The text without what could end the quotation. */
static void
add_quotable(struct buf *to, const char *text)
{
	safe_add(to, span_str(text), SAFE_SAID);
	for (size_t i = 0; i < to->len; i++)
		if (to->data[i] == '"')
			to->data[i] = '\'';
}

void
said_add(struct buf *to, const struct out *o, const char *who, const char *text, bool stranger,
    size_t indent)
{
	struct buf name = BUF_INIT, words = BUF_INIT;
	struct span shown;
	size_t room;

	safe_add(&name, span_str(who), SAFE_LINE);
	add_quotable(&words, text);
	shown = buf_span(&words);
	room = indent + safe_columns(buf_span(&name)) + sizeof " says: \"~\"" - 1;
	room = o->columns > room + ROOM_LEAST ? o->columns - room : ROOM_LEAST;
	if (stranger && o->columns > 0)
		shown = safe_cut(shown, room);
	buf_addf(to, "%.*s says: \"%.*s%s\"", SPAN_FMT(buf_span(&name)), SPAN_FMT(shown),
	    shown.n < words.len ? "~" : "");
	buf_clear(&name);
	buf_clear(&words);
}
