/* smtp_command — commands and their arguments; see smtp_command.h. */
#include "proto/smtp/smtp_command.h"

#include "common/base/ascii.h"
#include "common/base/utf8.h"

static struct span
without_blanks_at_end(struct span s)
{
	while (s.n > 0 && s.p[s.n - 1] == ' ')
		s.n--;
	return s;
}

int
smtp_command_verb(struct span line, const char *const *verbs, size_t n, struct span *args)
{
	struct span rest = without_blanks_at_end(line), verb = span_cut(&rest, ' ');

	*args = rest;
	for (size_t i = 0; i < n; i++)
		if (span_eq_nocase(verb, span_str(verbs[i])))
			return (int)i;
	return -1;
}

/* -- EHLO ----------------------------------------------------------------------------------------- */

bool
smtp_command_name(struct span args, domain_a_label_fn *a_label, struct smtp_name *name,
    struct err *e)
{
	struct err why;
	size_t n;

	*name = (struct smtp_name) { .kind = SMTP_NAME_OTHER, .as_came = args };
	for (size_t i = 0; i < args.n; i += n)
		if ((n = utf8_printable(span_sub(args, i, args.n))) == 0 || args.p[i] == ' ')
			return err_set(e, REFUSAL_bad_syntax, "a host's name has no blanks");
	if (RULE(bad_syntax) && args.n == 0)
		return err_set(e, REFUSAL_bad_syntax, "the host does not say its name");
	if (domain_parse(args, a_label, &name->host, &why))
		name->kind = SMTP_NAME_HOST;
	else if (why.why == REFUSAL_address_literal)
		name->kind = SMTP_NAME_LITERAL;
	return true;
}

/* -- parameters ------------------------------------------------------------------------------------ */

static bool
bad_parameter(struct err *e, const char *what, struct span keyword)
{
	return err_set(e, REFUSAL_bad_parameter, "%s: %.*s", what,
	    (int)(keyword.n < 64 ? keyword.n : 64), keyword.p);
}

static bool
is_keyword(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_alnum(s.p[i]) && (s.p[i] != '-' || i == 0))
			return false;
	return s.n > 0;
}

/* What is not printable has been refused with the line. */
static bool
is_value(struct span s)
{
	return s.n > 0 && !span_has(s, ' ') && !span_has(s, '=');
}

/* size-value = 1*20DIGIT (RFC 1870 4).  What is more than 64 bits is the most: too big in any case. */
static bool
parse_size(struct span value, uint64_t *size)
{
	uint64_t n = 0;

	for (size_t i = 0; i < value.n; i++) {
		uint64_t digit = (uint64_t)(value.p[i] - '0');

		if (value.p[i] < '0' || value.p[i] > '9')
			return false;
		n = n > (UINT64_MAX - digit) / 10 ? UINT64_MAX : n * 10 + digit;
	}
	*size = n;
	return value.n > 0 && value.n <= 20;
}

static bool
parse_body(struct span value, bool *eight_bit)
{
	*eight_bit = span_eq_nocase(value, SPAN_LIT("8BITMIME"));
	return *eight_bit || span_eq_nocase(value, SPAN_LIT("7BIT"));
}

/* AUTH= names whom another server has authenticated; here nobody's word counts for that (RFC 4954 5 allows it). */
static bool
take_mail_value(struct smtp_mail *m, enum smtp_offer which, struct span value)
{
	switch (which) {
	case SMTP_OFFER_SIZE:
		return parse_size(value, &m->size);
	case SMTP_OFFER_8BITMIME:
		return parse_body(value, &m->eight_bit);
	case SMTP_OFFER_SMTPUTF8:
		m->utf8 = true;
		return value.p == NULL;
	case SMTP_OFFER_REQUIRETLS:
		m->require_tls = true;
		return value.p == NULL;
	case SMTP_OFFER_AUTH:
		return is_value(value);
	case SMTP_OFFER_STARTTLS:
		break;
	}
	return false;
}

static bool
take_mail_parameter(struct smtp_mail *m, struct span keyword, struct span value, unsigned offered,
    unsigned *seen, struct err *e)
{
	static const struct {
		const char *keyword;
		enum smtp_offer offer;
	} known[] = { { "SIZE", SMTP_OFFER_SIZE }, { "BODY", SMTP_OFFER_8BITMIME },
		{ "SMTPUTF8", SMTP_OFFER_SMTPUTF8 }, { "REQUIRETLS", SMTP_OFFER_REQUIRETLS },
		{ "AUTH", SMTP_OFFER_AUTH } };

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (!span_eq_nocase(keyword, span_str(known[i].keyword)))
			continue;
		if (RULE(bad_parameter) && (known[i].offer & offered) == 0)
			break;
		if (RULE(bad_parameter) && (known[i].offer & *seen) != 0)
			return bad_parameter(e, "this parameter comes twice", keyword);
		*seen |= known[i].offer;
		if (!take_mail_value(m, known[i].offer, value) && RULE(bad_parameter))
			return bad_parameter(e, "the value does not fit this parameter", keyword);
		return true;
	}
	return !RULE(bad_parameter) || bad_parameter(e, "this parameter was not offered", keyword);
}

/* Cuts one parameter off *rest, which begins with its blank.  `value.p` is NULL where there is no "=". */
static bool
cut_parameter(struct span *rest, struct span *keyword, struct span *value, struct err *e)
{
	struct span word;

	if (RULE(bad_syntax) && rest->p[0] != ' ')
		return err_set(e, REFUSAL_bad_syntax, "a blank must follow the address");
	*rest = span_sub(*rest, 1, rest->n);
	word = span_cut(rest, ' ');
	if (rest->n > 0) /* the next one begins with its blank */
		*rest = span_of(rest->p - 1, rest->n + 1);
	*value = word;
	*keyword = span_cut(value, '=');
	if (keyword->n == word.n)
		*value = (struct span) { 0 };
	if (RULE(bad_syntax) && (!is_keyword(*keyword) || (value->p != NULL && !is_value(*value))))
		return err_set(e, REFUSAL_bad_syntax, "what follows the address is no parameter");
	return true;
}

/* -- MAIL and RCPT --------------------------------------------------------------------------------- */

static bool
cut_prefix(struct span *rest, struct span prefix, struct err *e)
{
	if (RULE(bad_syntax) && !span_eq_nocase(span_sub(*rest, 0, prefix.n), prefix))
		return err_set(e, REFUSAL_bad_syntax, "%.*s<address> must follow",
		    SPAN_FMT(prefix));
	*rest = span_sub(*rest, prefix.n, rest->n);
	return true;
}

bool
smtp_command_mail(struct span args, unsigned offered, struct smtp_mail *mail, struct err *e)
{
	struct span rest = args, keyword, value;
	unsigned seen = 0;

	*mail = (struct smtp_mail) { 0 };
	if (!cut_prefix(&rest, SPAN_LIT("FROM:"), e) || !smtp_path_reverse(&rest, &mail->from, e))
		return false;
	while (rest.n > 0)
		if (!cut_parameter(&rest, &keyword, &value, e) ||
		    !take_mail_parameter(mail, keyword, value, offered, &seen, e))
			return false;
	if (RULE(bad_parameter) && smtp_path_is_utf8(&mail->from) && !mail->utf8)
		return err_set(e, REFUSAL_bad_parameter, "an address outside ASCII needs SMTPUTF8");
	return true;
}

bool
smtp_command_rcpt(struct span args, struct smtp_path *to, struct err *e)
{
	struct span rest = args, keyword, value;

	if (!cut_prefix(&rest, SPAN_LIT("TO:"), e) || !smtp_path_forward(&rest, to, e))
		return false;
	if (rest.n == 0)
		return true;
	if (!cut_parameter(&rest, &keyword, &value, e))
		return false;
	return !RULE(bad_parameter) || bad_parameter(e, "this parameter was not offered", keyword);
}
