/* sts_policy — RFC 8461's two grammars; see sts_policy.h. */
#include "common/sts/sts_policy.h"

#include <string.h>

#include "common/base/address.h"
#include "common/base/ascii.h"
#include "common/base/utf8.h"

#define NAME_MAX_OCTETS 32
#define TXT_MAX         4096 /* octets of one record; more is none of ours */

/* name = (ALPHA / DIGIT) *31(ALPHA / DIGIT / "_" / "-" / ".") */
static bool
is_name(struct span s)
{
	if (s.n == 0 || s.n > NAME_MAX_OCTETS || !ascii_is_alnum(s.p[0]))
		return false;
	for (size_t i = 1; i < s.n; i++)
		if (!ascii_is_alnum(s.p[i]) && s.p[i] != '_' && s.p[i] != '-' && s.p[i] != '.')
			return false;
	return true;
}

static struct span
trim_blanks(struct span s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = span_sub(s, 1, s.n);
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* -- the TXT record -------------------------------------------------------------------------------- */

/* id = 1*32(ALPHA / DIGIT) */
static bool
is_id(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_alnum(s.p[i]))
			return false;
	return s.n > 0 && s.n < STS_ID_BYTES;
}

/* value = 1*(%x21-3A / %x3C / %x3E-7E) */
static bool
is_value(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x21 || s.p[i] > 0x7e || s.p[i] == ';' || s.p[i] == '=')
			return false;
	return s.n > 0;
}

/* field = "id=" id / name "=" value; the first id counts */
static bool
read_field(struct span field, char id[STS_ID_BYTES])
{
	struct span value = field, name = span_cut(&value, '=');

	if (!is_name(name) || name.n == field.n)
		return false;
	if (!span_eq(name, SPAN_LIT("id")))
		return is_value(value);
	return is_id(value) && (id[0] != '\0' || span_copy(value, id, STS_ID_BYTES));
}

/* record = "v=STSv1" 1*(*WSP ";" *WSP field) [*WSP ";" *WSP] */
static bool
read_record(struct span text, char id[STS_ID_BYTES])
{
	id[0] = '\0';
	(void)span_cut(&text, ';');
	while (text.n > 0) {
		struct span field = trim_blanks(span_cut(&text, ';'));

		if (field.n == 0 && text.n == 0)
			break;
		if (!read_field(field, id))
			return false;
	}
	return id[0] != '\0';
}

/* rdata = 1*(length octets) */
static bool
join_strings(struct span rdata, char out[TXT_MAX], size_t *n)
{
	*n = 0;
	while (rdata.n > 0) {
		size_t length = (uint8_t)rdata.p[0];

		if (rdata.n - 1 < length || *n + length > TXT_MAX)
			return false;
		memcpy(out + *n, rdata.p + 1, length);
		*n += length;
		rdata = span_sub(rdata, length + 1, rdata.n);
	}
	return true;
}

static bool
is_of_version(struct span text)
{
	const struct span wanted = SPAN_LIT("v=STSv1");
	struct span version = span_cut(&text, ';');

	return span_starts(version, wanted) &&
	    trim_blanks(span_sub(version, wanted.n, version.n)).n == 0;
}

bool
sts_record_read(const struct span *rdata, size_t n, char id[STS_ID_BYTES])
{
	char text[TXT_MAX];
	size_t found = 0, length;
	bool good = false;

	id[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		if (!join_strings(rdata[i], text, &length) || !is_of_version(span_of(text, length)))
			continue;
		found++;
		good = read_record(span_of(text, length), id);
	}
	if (found == 1 && good)
		return true;
	id[0] = '\0';
	return false;
}

/* -- the policy ------------------------------------------------------------------------------------ */

static bool
is_text(struct span s)
{
	for (size_t n; s.n > 0; s = span_sub(s, n, s.n))
		if ((n = utf8_printable(s)) == 0)
			return false;
	return true;
}

/* One line without its end, in two: name and value.  False: neither of these nor empty. */
static bool
read_line(struct span line, struct span *name, struct span *value)
{
	*value = trim_blanks(line);
	if (value->n == 0) {
		*name = *value;
		return true;
	}
	*name = span_cut(value, ':');
	*value = trim_blanks(*value);
	return is_name(*name) && value->n > 0 && is_text(*value);
}

/* line = *(octet) (LF / CRLF) */
static struct span
next_line(struct span *text)
{
	struct span line = span_cut(text, '\n');

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

/* mx = ["*."] domain */
static bool
read_mx(struct span value, bool *wild, struct domain *out)
{
	*wild = span_starts(value, SPAN_LIT("*."));
	return domain_set(out, *wild ? span_sub(value, 2, value.n) : value);
}

static bool
read_mode(struct span value, enum sts_mode *mode)
{
	for (enum sts_mode m = STS_NONE; m <= STS_ENFORCE; m++)
		if (span_eq(value, span_str(sts_mode_word(m)))) {
			*mode = m;
			return true;
		}
	return false;
}

/* max_age = 1*10DIGIT */
static bool
read_age(struct span value, uint32_t *age_s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < value.n && i < 10; i++) {
		if (value.p[i] < '0' || value.p[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(value.p[i] - '0');
	}
	*age_s = n > STS_AGE_MAX_S ? STS_AGE_MAX_S : (uint32_t)n;
	return value.n > 0 && value.n <= 10;
}

struct seen {
	bool version, mode, age, mx;
};

/* Of a field that comes twice the first counts; mx may come often. */
static bool
take_field(struct sts_policy *p, struct seen *seen, struct span name, struct span value)
{
	struct domain host;
	bool wild, first;

	if (span_eq(name, SPAN_LIT("mx"))) {
		seen->mx = true;
		return read_mx(value, &wild, &host);
	}
	if (span_eq(name, SPAN_LIT("version"))) {
		first = !seen->version;
		seen->version = true;
		return !first || span_eq(value, SPAN_LIT("STSv1"));
	}
	if (span_eq(name, SPAN_LIT("mode"))) {
		first = !seen->mode;
		seen->mode = true;
		return !first || read_mode(value, &p->mode);
	}
	if (span_eq(name, SPAN_LIT("max_age"))) {
		first = !seen->age;
		seen->age = true;
		return !first || read_age(value, &p->max_age_s);
	}
	return true;
}

bool
sts_policy_parse(struct span text, struct sts_policy *p, struct err *e)
{
	struct span rest = text, name, value;
	struct seen seen = { 0 };

	*p = (struct sts_policy) { .text = text };
	if (text.n > STS_TEXT_MAX)
		return err_set(e, REFUSAL_bad_reply, "the policy is too long");
	for (size_t line = 1; rest.n > 0; line++)
		if (!read_line(next_line(&rest), &name, &value) ||
		    (name.n > 0 && !take_field(p, &seen, name, value)))
			return err_set(e, REFUSAL_bad_reply, "line %zu of the policy is malformed",
			    line);
	if (!seen.version || !seen.mode || !seen.age || (!seen.mx && p->mode != STS_NONE))
		return err_set(e, REFUSAL_bad_reply, "the policy has no %s",
		    !seen.version    ? "version"
			: !seen.mode ? "mode"
			: !seen.age  ? "max_age"
				     : "mx");
	return true;
}

static bool
covers(struct span value, struct span host)
{
	struct domain d;
	bool wild;

	if (!read_mx(value, &wild, &d))
		return false;
	if (wild)
		(void)span_cut(&host, '.');
	return span_eq_nocase(domain_span(&d), host);
}

bool
sts_policy_allows(const struct sts_policy *p, const char *host, struct err *e)
{
	struct span rest = p->text, name, value;

	while (rest.n > 0)
		if (read_line(next_line(&rest), &name, &value) && span_eq(name, SPAN_LIT("mx")) &&
		    covers(value, span_str(host)))
			return true;
	return !RULE(sts_mismatch) ||
	    err_set(e, REFUSAL_sts_mismatch, "the MTA-STS policy does not name the MX %s", host);
}

const char *
sts_mode_word(enum sts_mode m)
{
	static const char *const words[] = { "none", "testing", "enforce" };

	return words[m];
}
