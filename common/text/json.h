/* json — JSON objects, made and read; the door of jansson.
 *
 * Written: for --json and the control socket, one object a line.  Members keep their order.  Octets
 * that are not UTF-8 become U+FFFD, so that foreign text never makes an object invalid.
 * Read: at most JSON_READ_BYTES, no member twice, no depth beyond jansson's own limit.
 *
 * Owner: json_new and json_list are freed by json_free, or by the tree they are `_take`n into.
 */
#ifndef COMMON_TEXT_JSON_H
#define COMMON_TEXT_JSON_H

#include "common/base/buf.h"
#include "common/base/err.h"

#define JSON_READ_BYTES (1024 * 1024)

struct json;

struct json *json_new(void);  /* {} */
struct json *json_list(void); /* [] */
void json_free(struct json **j);

void json_put_str(struct json *o, const char *key, const char *value); /* NULL: null */
void json_put_span(struct json *o, const char *key, struct span value);
void json_put_int(struct json *o, const char *key, int64_t value);
void json_put_bool(struct json *o, const char *key, bool value);
void json_put_take(struct json *o, const char *key, struct json *value);
void json_push_str(struct json *list, const char *value);
void json_push_take(struct json *list, struct json *value);
/* {"error":{"code":WORD,"status":N,"temporary":BOOL,"text":TEXT}}, the form of every error. */
void json_put_err(struct json *o, const struct err *e);

/* Appends the object in one line, without a line end. */
void json_write(const struct json *j, struct buf *out);

/* False: *e is bad_syntax.  The whole of `s` must be one object. */
bool json_parse(struct span s, struct json **out, struct err *e);
/* Borrowed from the object; NULL and false: not there, or of another kind. */
const char *json_get_str(const struct json *o, const char *key);
bool json_get_int(const struct json *o, const char *key, int64_t *out);
bool json_get_bool(const struct json *o, const char *key, bool *out);
const struct json *json_get(const struct json *o, const char *key);
size_t json_count(const struct json *list);
const struct json *json_at(const struct json *list, size_t i);
const char *json_str(const struct json *j); /* of a string itself, as json_at gives them */
/* The error that json_put_err wrote; false where there is none.  An unknown word: bad_reply. */
bool json_get_err(const struct json *o, struct err *out);

#endif
