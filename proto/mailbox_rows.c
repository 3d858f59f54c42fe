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
static const char *const results[] = {
	[MAILBOX_RESULT_NONE] = "none",
	[MAILBOX_RESULT_PASS] = "pass",
	[MAILBOX_RESULT_FAIL] = "fail",
	[MAILBOX_RESULT_SOFTFAIL] = "softfail",
	[MAILBOX_RESULT_NEUTRAL] = "neutral",
	[MAILBOX_RESULT_POLICY] = "policy",
	[MAILBOX_RESULT_QUARANTINE] = "quarantine",
	[MAILBOX_RESULT_TEMPERROR] = "temperror",
	[MAILBOX_RESULT_PERMERROR] = "permerror",
	NULL,
};
static const char *const yes[] = { "yes", NULL };
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

const char *
mailbox_result_name(enum mailbox_result r)
{
	return results[r];
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

/* -- marks --------------------------------------------------------------------------------- */

/* verdicts = spf dkim dmarc [ via ] [ unaccountable ] */
static void
write_verdicts(struct row_writer *w, const struct mailbox_marks *m)
{
	row_text(w, "spf", span_str(results[m->spf]));
	row_text(w, "dkim", span_str(results[m->dkim]));
	row_text(w, "dmarc", span_str(results[m->dmarc]));
	if (m->via)
		row_text(w, "via", SPAN_LIT("yes"));
	row_text(w, "unaccountable", span_str(m->unaccountable));
}

static void
write_digest(struct row_writer *w, const char *key,
    const unsigned char digest[MAILBOX_DIGEST_BYTES])
{
	char digits[2 * MAILBOX_DIGEST_BYTES + 1];

	hex_str(digits, digest, MAILBOX_DIGEST_BYTES);
	row_whole(w, key, span_str(digits));
}

/* names = [ ehlo ] [ header-from ] [ fingerprint ] [ dkim-domain ]
 * A part of a name is another name, so none is cut. */
static void
write_names(struct row_writer *w, const struct mailbox_marks *m)
{
	row_whole(w, "ehlo", domain_span(&m->ehlo));
	row_whole(w, "header-from", span_str(m->header_from));
	if (m->has_fingerprint)
		write_digest(w, "fingerprint", m->fingerprint);
	row_whole(w, "dkim-domain", domain_span(&m->dkim_domain));
}

static bool
read_digest(struct row *r, const char *key, unsigned char digest[MAILBOX_DIGEST_BYTES])
{
	char digits[2 * MAILBOX_DIGEST_BYTES + 1];

	row_read_text(r, key, digits, sizeof digits);
	if (!row_has(r, key))
		return false;
	if (!hex_parse(span_str(digits), digest, MAILBOX_DIGEST_BYTES))
		row_fail(r, key);
	return true;
}

static enum mailbox_result
read_result(struct row *r, const char *key)
{
	return row_has(r, key) ? (enum mailbox_result)row_read_name(r, key, results)
			       : MAILBOX_RESULT_NONE;
}

static void
read_domain(struct row *r, const char *key, struct domain *d)
{
	row_read_text(r, key, d->text, sizeof d->text);
}

static void
read_marks(struct row *r, struct mailbox_marks *m)
{
	m->spf = read_result(r, "spf");
	m->dkim = read_result(r, "dkim");
	m->dmarc = read_result(r, "dmarc");
	m->via = row_has(r, "via") && row_read_name(r, "via", yes) == 0;
	row_read_text(r, "unaccountable", m->unaccountable, sizeof m->unaccountable);
	read_domain(r, "ehlo", &m->ehlo);
	row_read_text(r, "header-from", m->header_from, sizeof m->header_from);
	m->has_fingerprint = read_digest(r, "fingerprint", m->fingerprint);
	read_domain(r, "dkim-domain", &m->dkim_domain);
}

/* -- notices ------------------------------------------------------------------------------- */

/* notice = "notice" n state road [ verdicts ] id [ from ] to size received [ date ] [ hold-until ] summary
 *          [ got ] [ seen ] [ answered ] [ flagged ] known [ digest ] [ word ] [ names ] [ issuer ] */
void
mailbox_notice_write(struct buf *page, const struct mailbox_notice *n)
{
	struct row_writer w = row_begin(page, "notice");
	bool by_smtp = n->road == MAILBOX_SMTP;

	row_u64(&w, "n", n->number);
	row_text(&w, "state", span_str(states[n->state]));
	row_text(&w, "road", span_str(roads[n->road]));
	if (by_smtp)
		write_verdicts(&w, &n->marks);
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
	if (n->has_digest)
		write_digest(&w, "digest", n->digest);
	row_text(&w, "word", span_str(n->word));
	if (by_smtp)
		write_names(&w, &n->marks);
	row_text(&w, "issuer", span_str(n->issuer));
	row_end(&w);
}

bool
mailbox_notice_read(struct row *r, struct mailbox_notice *n, struct err *e)
{
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
	n->has_digest = read_digest(r, "digest", n->digest);
	row_read_text(r, "word", n->word, sizeof n->word);
	row_read_text(r, "issuer", n->issuer, sizeof n->issuer);
	if (n->road == MAILBOX_SMTP)
		read_marks(r, &n->marks);
	return row_done(r, e);
}
