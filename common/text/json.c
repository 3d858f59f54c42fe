/* json — JSON objects, made and read; see json.h. */
#include "common/text/json.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

/* struct json is never defined: it is jansson's json_t under a name of this house. */
static json_t *
in(const struct json *j)
{
	return (json_t *)j;
}

static struct json *
made(json_t *j)
{
	if (j == NULL)
		abort(); /* out of memory; nothing else makes these fail */
	return (struct json *)j;
}

struct json *
json_new(void)
{
	return made(json_object());
}

struct json *
json_list(void)
{
	return made(json_array());
}

void
json_free(struct json **j)
{
	json_decref(in(*j));
	*j = NULL;
}

static size_t
continuation(struct span s, size_t from, size_t most)
{
	size_t n = 0;

	while (n < most && from + n < s.n && ((unsigned char)s.p[from + n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* How many octets at s.p[i] are one character of RFC 3629; 0: none. */
static size_t
character(struct span s, size_t i)
{
	unsigned char c = (unsigned char)s.p[i];
	unsigned char d = i + 1 < s.n ? (unsigned char)s.p[i + 1] : 0;
	size_t more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;

	if ((c >= 0x80 && c < 0xc2) || c > 0xf4 || continuation(s, i + 1, more) < more)
		return 0;
	if ((c == 0xe0 && d < 0xa0) || (c == 0xed && d > 0x9f) || (c == 0xf0 && d < 0x90) ||
	    (c == 0xf4 && d > 0x8f))
		return 0;
	return more + 1;
}

/* A string of what is UTF-8, with U+FFFD for each octet that is not. */
static json_t *
text(struct span s)
{
	struct buf clean = BUF_INIT;
	json_t *j;

	for (size_t i = 0, n; i < s.n; i += n) {
		n = character(s, i);
		if (n > 0) {
			buf_add(&clean, s.p + i, n);
		} else {
			buf_add(&clean, "\xef\xbf\xbd", 3);
			n = 1;
		}
	}
	j = json_stringn(clean.len > 0 ? clean.data : "", clean.len);
	buf_clear(&clean);
	return in(made(j));
}

void
json_put_str(struct json *o, const char *key, const char *value)
{
	json_object_set_new(in(o), key, value == NULL ? json_null() : text(span_str(value)));
}

void
json_put_span(struct json *o, const char *key, struct span value)
{
	json_object_set_new(in(o), key, text(value));
}

void
json_put_int(struct json *o, const char *key, int64_t value)
{
	json_object_set_new(in(o), key, in(made(json_integer(value))));
}

void
json_put_bool(struct json *o, const char *key, bool value)
{
	json_object_set_new(in(o), key, json_boolean(value));
}

void
json_put_take(struct json *o, const char *key, struct json *value)
{
	json_object_set_new(in(o), key, in(value));
}

void
json_push_str(struct json *list, const char *value)
{
	json_array_append_new(in(list), text(span_str(value)));
}

void
json_push_take(struct json *list, struct json *value)
{
	json_array_append_new(in(list), in(value));
}

void
json_put_err(struct json *o, const struct err *e)
{
	struct json *inner = json_new();

	json_put_str(inner, "code", refusal_word(e->why));
	json_put_int(inner, "status", refusal_status(e->why));
	json_put_bool(inner, "temporary", refusal_temporary(e->why));
	json_put_str(inner, "text", e->text);
	json_put_take(o, "error", inner);
}

static int
append(const char *bytes, size_t n, void *out)
{
	buf_add(out, bytes, n);
	return 0;
}

void
json_write(const struct json *j, struct buf *out)
{
	json_dump_callback(in(j), append, out, JSON_COMPACT);
}

bool
json_parse(struct span s, struct json **out, struct err *e)
{
	json_error_t fault;
	json_t *j;

	if (RULE(bad_syntax) && s.n > JSON_READ_BYTES)
		return err_set(e, REFUSAL_bad_syntax, "more than %d octets of JSON",
		    JSON_READ_BYTES);
	j = json_loadb(s.n > 0 ? s.p : "", s.n, JSON_REJECT_DUPLICATES, &fault);
	if (j == NULL)
		return err_set(e, REFUSAL_bad_syntax, "not JSON: %s", fault.text);
	if (!json_is_object(j)) {
		json_decref(j);
		return err_set(e, REFUSAL_bad_syntax, "JSON, but no object");
	}
	*out = (struct json *)j;
	return true;
}

const struct json *
json_get(const struct json *o, const char *key)
{
	return (const struct json *)json_object_get(in(o), key);
}

const char *
json_str(const struct json *j)
{
	return json_string_value(in(j));
}

const char *
json_get_str(const struct json *o, const char *key)
{
	return json_str(json_get(o, key));
}

bool
json_get_int(const struct json *o, const char *key, int64_t *out)
{
	json_t *j = json_object_get(in(o), key);

	if (!json_is_integer(j))
		return false;
	*out = json_integer_value(j);
	return true;
}

bool
json_get_bool(const struct json *o, const char *key, bool *out)
{
	json_t *j = json_object_get(in(o), key);

	if (!json_is_boolean(j))
		return false;
	*out = json_is_true(j);
	return true;
}

size_t
json_count(const struct json *list)
{
	return json_array_size(in(list));
}

const struct json *
json_at(const struct json *list, size_t i)
{
	return (const struct json *)json_array_get(in(list), i);
}

bool
json_get_err(const struct json *o, struct err *out)
{
	const struct json *inner = json_get(o, "error");
	const char *word = json_get_str(inner, "code");
	const char *said = json_get_str(inner, "text");
	enum refusal why;

	if (inner == NULL)
		return false;
	why = word != NULL ? refusal_by_word(span_str(word)) : REFUSAL_NONE;
	if (why == REFUSAL_NONE)
		why = REFUSAL_bad_reply;
	err_set(out, why, "%s", said != NULL ? said : "");
	return true;
}
