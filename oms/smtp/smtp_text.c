/* smtp_text — what a letter's octets ask of a server; see smtp_text.h. */
#include "oms/smtp/smtp_text.h"

static void
end_line(struct smtp_text *t)
{
	if (t->line > t->longest)
		t->longest = t->line;
	t->body = t->body || t->line == 0;
	t->line = 0;
}

/* A CR that ends a line is none of its octets. */
static void
take(struct smtp_text *t, char c)
{
	bool cr = t->cr;

	t->cr = c == '\r';
	t->bare = t->bare || cr != (c == '\n');
	t->nul = t->nul || c == '\0';
	if (c == '\n' && cr) {
		t->line--;
		end_line(t);
		return;
	}
	t->line++;
	if ((unsigned char)c >= 0x80) {
		t->eight_bit = true;
		t->utf8_header = t->utf8_header || !t->body;
	}
}

void
smtp_text_scan(struct smtp_text *t, struct span octets)
{
	for (size_t i = 0; i < octets.n; i++)
		take(t, octets.p[i]);
	if (t->line > t->longest && !t->cr)
		t->longest = t->line; /* the last line may have no end */
}

bool
smtp_text_may_go(const struct smtp_text *t, struct err *e)
{
	if (RULE(bare_lf) && (t->bare || t->cr))
		return err_set(e, REFUSAL_bare_lf,
		    "the letter has a CR without LF, or a LF without CR");
	if (RULE(bad_octet) && t->nul)
		return err_set(e, REFUSAL_bad_octet, "the letter has a NUL octet");
	return !RULE(smtp_line) || t->longest <= SMTP_TEXT_LINE_MAX ||
	    err_set(e, REFUSAL_smtp_line, "a line of the letter has %llu octets; SMTP takes %d",
		(unsigned long long)t->longest, SMTP_TEXT_LINE_MAX);
}

bool
smtp_text_fits(const struct smtp_text *t, uint64_t octets, const struct smtp_offers *o,
    struct err *e)
{
	if (!smtp_text_may_go(t, e))
		return false;
	if (RULE(needs_unicode_header) && t->utf8_header && !o->utf8)
		return err_word(e, REFUSAL_needs_unicode_header);
	if (RULE(needs_eight_bit) && t->eight_bit && !o->eight_bit)
		return err_word(e, REFUSAL_needs_eight_bit);
	if (RULE(message_too_big) && o->size_max > 0 && octets > o->size_max)
		return err_set(e, REFUSAL_message_too_big,
		    "the letter has %llu octets; the server takes %llu", (unsigned long long)octets,
		    (unsigned long long)o->size_max);
	return true;
}

bool
smtp_text_address_fits(struct span address, const struct smtp_offers *o, struct err *e)
{
	return !RULE(needs_unicode_address) || o->utf8 || span_is_ascii(address) ||
	    err_word(e, REFUSAL_needs_unicode_address);
}
