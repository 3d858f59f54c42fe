/* tag_list — see tag_list.h. */
#include "common/dkim/tag_list.h"

#include "common/base/ascii.h"
#include "common/base/base64.h"

/* tag-name = ALPHA *( ALPHA / DIGIT / "_" ) */
static bool
is_name(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (i == 0 ? !ascii_is_alpha(s.p[i]) : !ascii_is_alnum(s.p[i]) && s.p[i] != '_')
			return false;
	return s.n > 0;
}

/* tag-value = [ tval *( 1*( WSP / FWS ) tval ) ]; tval = 1*( %x21-3A / %x3C-7E / UTF-8 ).  A CR LF that is no
 * fold was the end of the field. */
static bool
is_value(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f) && !ascii_is_space(s.p[i]))
			return false;
	return true;
}

/* tag-spec = [FWS] tag-name [FWS] "=" [FWS] tag-value [FWS] */
static bool
parse_tag(struct span s, struct tag_list *out)
{
	bool equals = span_has(s, '=');
	struct span name = span_trim_folds(span_cut(&s, '=')), value = span_trim_folds(s);

	if (!equals || !is_name(name) || !is_value(value) || out->n == TAGS_MAX)
		return false;
	for (size_t i = 0; i < out->n; i++)
		if (span_eq(out->tag[i].name, name))
			return false;
	out->tag[out->n++] = (struct tag) { name, value };
	return true;
}

/* tag-list = tag-spec *( ";" tag-spec ) [ ";" ] */
bool
tag_list_parse(struct span text, struct tag_list *out)
{
	out->n = 0;
	while (text.n > 0) {
		struct span one = span_trim_folds(span_cut(&text, ';'));

		if (one.n == 0 && span_trim_folds(text).n == 0)
			break;
		if (!parse_tag(one, out))
			return false;
	}
	return out->n > 0;
}

const struct tag *
tag_list_find(const struct tag_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (span_eq(l->tag[i].name, span_str(name)))
			return &l->tag[i];
	return NULL;
}

bool
tag_has_word(struct span value, const char *word)
{
	while (value.n > 0)
		if (span_eq_nocase(span_trim_folds(span_cut(&value, ':')), span_str(word)))
			return true;
	return false;
}

bool
tag_base64(struct span value, struct buf *out)
{
	struct buf b = BUF_INIT;
	bool ok;

	for (size_t i = 0; i < value.n; i++)
		if (!ascii_is_space(value.p[i]))
			buf_add(&b, &value.p[i], 1);
	while (b.len % 4 > 1 && b.data[0] != '=')
		buf_add(&b, "=", 1);
	ok = b.len > 0 && base64_parse(buf_span(&b), out);
	buf_clear(&b);
	return ok;
}
