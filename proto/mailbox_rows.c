/* mailbox_rows — the rows of the list, and flags; see mailbox.h. */
#include "proto/mailbox.h"

#include "common/base/hex.h"

static const char *const states[] = {
	[MAILBOX_HELD] = "held",
	[MAILBOX_FETCHING] = "fetching",
	[MAILBOX_HERE] = "here",
	[MAILBOX_GONE] = "gone",
	[MAILBOX_DECLINED] = "declined",
	[MAILBOX_RECALLED] = "recalled",
	[MAILBOX_BAD_SEAL] = "bad-seal",
	NULL,
};
static const char *const roads[] = {
	[MAILBOX_SEALED] = "sealed",
	[MAILBOX_SMTP] = "smtp",
	NULL,
};
static const char *const flags[] = { "seen", "answered", "flagged" }; /* bits 0, 1, 2 */

#define FLAGS (sizeof flags / sizeof flags[0])

const char *
mailbox_state_name(enum mailbox_state s)
{
	return states[s];
}

const char *
mailbox_road_name(enum mailbox_road r)
{
	return roads[r];
}

/* -- flags --------------------------------------------------------------------------------- */

static unsigned
flag_by_name(struct span name)
{
	for (size_t i = 0; i < FLAGS; i++)
		if (span_eq(name, span_str(flags[i])))
			return 1u << i;
	return 0;
}

/* flags = flag *( SP flag )        flag = ( "+" / "-" ) ( "seen" / "answered" / "flagged" ) */
bool
mailbox_flags_parse(struct span s, unsigned *set, unsigned *cleared, struct err *e)
{
	struct span rest = s;
	bool good = s.n > 0;

	*set = *cleared = 0;
	while (good && rest.n > 0) {
		struct span word = span_cut(&rest, ' ');
		unsigned flag = flag_by_name(span_sub(word, 1, word.n));

		good = flag != 0 && ((*set | *cleared) & flag) == 0 &&
		    (word.p[0] == '+' || word.p[0] == '-') && (rest.n > 0 || s.p[s.n - 1] != ' ');
		*(good && word.p[0] == '+' ? set : cleared) |= flag;
	}
	if (!good)
		return err_set(e, REFUSAL_bad_syntax, "flags are +seen -seen +answered ...");
	return true;
}

void
mailbox_flags_write(struct buf *out, unsigned set, unsigned cleared)
{
	const char *sep = "";

	for (size_t i = 0; i < FLAGS; i++) {
		if (((set | cleared) & 1u << i) == 0)
			continue;
		buf_addf(out, "%s%c%s", sep, set & 1u << i ? '+' : '-', flags[i]);
		sep = " ";
	}
}

/* -- notices ------------------------------------------------------------------------------- */

/* notice = "notice" n state road id [ from ] to size received [ date ] [ hold-until ] summary
 *          [ got ] [ seen ] [ answered ] [ flagged ] known [ digest ] [ word ] [ issuer ] */
void
mailbox_notice_write(struct buf *page, const struct mailbox_notice *n)
{
	struct row_writer w = row_begin(page, "notice");
	char digest[2 * MAILBOX_DIGEST_BYTES + 1];

	row_u64(&w, "n", n->number);
	row_text(&w, "state", span_str(states[n->state]));
	row_text(&w, "road", span_str(roads[n->road]));
	row_id(&w, "id", &n->id);
	row_text(&w, "from", span_str(n->from));
	row_text(&w, "to", span_str(n->to));
	row_u64(&w, "size", n->size);
	row_date(&w, "received", n->received_s);
	row_date(&w, "date", n->date_s);
	row_date(&w, "hold-until", n->hold_until_s);
	row_u64(&w, "summary", n->summary);
	if (n->state == MAILBOX_FETCHING)
		row_u64(&w, "got", n->got);
	for (size_t i = 0; i < FLAGS; i++)
		if (n->flags & 1u << i)
			row_text(&w, flags[i], SPAN_LIT("yes"));
	row_text(&w, "known", n->known ? SPAN_LIT("yes") : SPAN_LIT("no"));
	if (n->has_digest) {
		hex_str(digest, n->digest, sizeof n->digest);
		row_text(&w, "digest", span_str(digest));
	}
	row_text(&w, "word", span_str(n->word));
	row_text(&w, "issuer", span_str(n->issuer));
	row_end(&w);
}

static void
read_digest(struct row *r, struct mailbox_notice *n)
{
	char digits[2 * MAILBOX_DIGEST_BYTES + 1];

	n->has_digest = row_has(r, "digest");
	row_read_text(r, "digest", digits, sizeof digits);
	if (n->has_digest && !hex_parse(span_str(digits), n->digest, sizeof n->digest))
		row_fail(r, "digest");
}

bool
mailbox_notice_read(struct row *r, struct mailbox_notice *n, struct err *e)
{
	static const char *const yes[] = { "yes", NULL };
	static const char *const no_yes[] = { "no", "yes", NULL };

	*n = (struct mailbox_notice) { .number = row_read_u64(r, "n") };
	if (n->number == 0)
		row_fail(r, "n");
	n->state = (enum mailbox_state)row_read_name(r, "state", states);
	n->road = (enum mailbox_road)row_read_name(r, "road", roads);
	row_read_id(r, "id", &n->id);
	row_read_text(r, "from", n->from, sizeof n->from);
	row_read_text(r, "to", n->to, sizeof n->to);
	n->size = row_read_u64(r, "size");
	n->received_s = row_read_date(r, "received");
	n->date_s = row_read_date(r, "date");
	n->hold_until_s = row_read_date(r, "hold-until");
	n->summary = row_read_u64(r, "summary");
	n->got = row_read_u64(r, "got");
	for (size_t i = 0; i < FLAGS; i++)
		if (row_has(r, flags[i]) && row_read_name(r, flags[i], yes) == 0)
			n->flags |= 1u << i;
	n->known = row_read_name(r, "known", no_yes) == 1;
	read_digest(r, n);
	row_read_text(r, "word", n->word, sizeof n->word);
	row_read_text(r, "issuer", n->issuer, sizeof n->issuer);
	return row_done(r, e);
}
