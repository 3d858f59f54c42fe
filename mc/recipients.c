/* recipients — the addresses of a To, Cc or Bcc; see recipients.h. */
#include "mc/recipients.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/address.h"
#include "common/base/ascii.h"
#include "common/base/buf.h"
#include "common/base/memory.h"
#include "common/text/idn.h"

#define NAMED_BYTES 320 /* of the faulty items, in the refusal */

struct scan {
	struct buf item;  /* without comments, each run of blanks one space */
	size_t angle;     /* where the "<" is in it */
	bool has_angle;   /* it has an unquoted "<" */
	bool quoted;      /* inside "..." */
	bool angled;      /* inside <...> */
	bool at;          /* an unquoted "@" before the "<" */
	bool in_group;    /* between ":" and ";" */
	unsigned comment; /* depth of (...) */
	struct buf good;  /* addresses, each with a NUL */
	struct buf bad;   /* faulty items for people */
	size_t n_bad;
	struct err first; /* why the first of them is faulty */
};

static void
item_begin(struct scan *s)
{
	buf_reset(&s->item);
	s->angle = 0;
	s->has_angle = s->quoted = s->angled = s->at = false;
	s->comment = 0;
}

static void
fault(struct scan *s, const struct err *e)
{
	struct span item = span_trim(buf_span(&s->item));

	if (s->n_bad++ == 0)
		s->first = *e;
	if (s->bad.len < NAMED_BYTES)
		buf_addf(&s->bad, "%s%.*s", s->bad.len > 0 ? ", " : "",
		    SPAN_FMT(span_sub(item, 0, NAMED_BYTES - s->bad.len)));
}

/* The address in an item; what else is there must be a name. */
static bool
item_address(const struct scan *s, struct span *address, struct err *e)
{
	struct span item = buf_span(&s->item), name = span_sub(item, 0, s->angle);
	char canonical[ADDRESS_STR_BYTES];
	struct address a;

	if (RULE(bad_address) && (s->quoted || s->comment > 0 || s->angled))
		return err_set(e, REFUSAL_bad_address, "a quote, comment or \"<\" is not closed");
	*address = span_trim(item);
	if (s->has_angle) {
		item = span_trim(span_sub(item, s->angle + 1, item.n));
		*address = span_trim(span_sub(item, 0, item.n - 1)); /* the ">" */
		if (RULE(bad_address) && (item.n == 0 || item.p[item.n - 1] != '>'))
			return err_set(e, REFUSAL_bad_address, "words after the address");
		if (RULE(bad_address) && s->at && !span_eq_nocase(span_trim(name), *address))
			return err_set(e, REFUSAL_bad_address, "two addresses without a comma");
	}
	return address_parse(*address, &a, e) && address_canonical(&a, idn_a_label, canonical, e);
}

static void
item_end(struct scan *s)
{
	struct span address;
	struct err e;

	if (span_trim(buf_span(&s->item)).n > 0 || s->quoted || s->comment > 0) {
		if (item_address(s, &address, &e)) {
			buf_add(&s->good, address.p, address.n);
			buf_add(&s->good, "", 1);
		} else
			fault(s, &e);
	}
	item_begin(s);
}

static void
add(struct scan *s, char c)
{
	bool blank = ascii_is_space(c);

	if (!blank)
		buf_add(&s->item, &c, 1);
	else if (s->item.len > 0 && s->item.data[s->item.len - 1] != ' ')
		buf_add(&s->item, " ", 1);
}

/* The name of a group ends; only its members are recipients. */
static void
group_begin(struct scan *s)
{
	struct err e;

	if (RULE(bad_address) && (s->in_group || s->has_angle || s->at)) {
		err_set(&e, REFUSAL_bad_address, "a colon that begins no group");
		add(s, ':');
		fault(s, &e);
	}
	s->in_group = true;
	item_begin(s);
}

static void
group_end(struct scan *s)
{
	struct err e;

	if (RULE(bad_address) && !s->in_group) {
		err_set(&e, REFUSAL_bad_address, "a semicolon does not separate addresses");
		add(s, ';');
		fault(s, &e);
		item_begin(s);
		return;
	}
	item_end(s);
	s->in_group = false;
}

/* An octet outside quotes and comments. */
static void
plain(struct scan *s, char c)
{
	if (c == '(') {
		s->comment = 1;
		add(s, ' ');
	} else if (c == ',' && !s->angled)
		item_end(s);
	else if (c == ':' && !s->angled)
		group_begin(s);
	else if (c == ';' && !s->angled)
		group_end(s);
	else {
		s->quoted = c == '"';
		if (c == '<' && !s->has_angle) {
			s->has_angle = s->angled = true;
			s->angle = s->item.len;
		} else if (c == '>')
			s->angled = false;
		else if (c == '@' && !s->has_angle)
			s->at = true;
		add(s, c);
	}
}

static void
scan(struct scan *s, struct span value)
{
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];
		bool pair = c == '\\' && i + 1 < value.n && (s->quoted || s->comment > 0);

		if (s->comment > 0) {
			i += pair;
			s->comment += c == '(';
			s->comment -= c == ')';
		} else if (s->quoted) {
			add(s, c);
			if (pair)
				add(s, value.p[++i]);
			s->quoted = c != '"' || pair;
		} else
			plain(s, c);
	}
	item_end(s);
}

static bool
give(const struct scan *s, bool (*each)(void *, const char *, struct err *), void *arg,
    struct err *e)
{
	for (size_t at = 0; at < s->good.len; at += strlen(s->good.data + at) + 1)
		if (!each(arg, s->good.data + at, e))
			return false;
	return true;
}

bool
recipients_each(struct span value, bool (*each)(void *arg, const char *address, struct err *e),
    void *arg, struct err *e)
{
	struct scan s = { .in_group = false };
	bool ok;

	scan(&s, value);
	ok = s.n_bad == 0;
	if (!ok)
		err_set(e, s.n_bad == 1 ? s.first.why : REFUSAL_bad_address, "%.*s: %s",
		    SPAN_FMT(buf_span(&s.bad)), s.first.text);
	ok = ok && give(&s, each, arg, e);
	buf_clear(&s.item);
	buf_clear(&s.good);
	buf_clear(&s.bad);
	return ok;
}
