/* err — what went wrong: a row of the refusal table, and a sentence for people.
 *
 * A function that can fail returns bool and takes `struct err *e` last.  On false, *e is set; on
 * true, *e is untouched, so calls chain with &&.  The text is printable UTF-8 without line ends
 * (err_set makes it so), is never parsed, and never holds a secret.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "common/base/refusal.h"

#define ERR_TEXT_BYTES 512 /* with the NUL; longer text is cut */

struct err {
	enum refusal why;
	bool said; /* the text is what the other side said: a stranger's words */
	char text[ERR_TEXT_BYTES];
};

/* Sets *e and returns false: `return err_set(e, REFUSAL_bad_id, "%zu characters", n);`. */
bool err_set(struct err *e, enum refusal why, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with the table's own sentence: `return err_word(e, REFUSAL_closing);`. */
bool err_word(struct err *e, enum refusal why);
/* The same as err_set, with ": " and what errno (passed by the caller) means after the text. */
bool err_set_errno(struct err *e, enum refusal why, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Puts "text: " before the text of an error that is set already; returns false. */
bool err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* For an error that is passed on to a third: words that `who` said are put between quotation marks after its
 * name, and are then our own.  Others stay. */
void err_quote(struct err *e, const char *who);

/* The analyser of `make tidy` does not see from outside that these return false. */
#ifdef __clang_analyzer__
#define err_set(...)       (err_set(__VA_ARGS__) && false)
#define err_word(...)      (err_word(__VA_ARGS__) && false)
#define err_set_errno(...) (err_set_errno(__VA_ARGS__) && false)
#define err_prefix(...)    (err_prefix(__VA_ARGS__) && false)
#endif

#endif
