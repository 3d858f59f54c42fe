/* http_answer — the head of an HTTP/1 response, and whether its body is complete.  Pure.
 *
 * Spec:  RFC 9112.  A transfer or content coding is refused: the request asks for none.
 * Trust: every octet is hostile.
 */
#ifndef COMMON_REVOKE_HTTP_ANSWER_H
#define COMMON_REVOKE_HTTP_ANSWER_H

#include "common/base/err.h"
#include "common/revoke/http_url.h"

enum http_answer_state { HTTP_ANSWER_MORE, HTTP_ANSWER_DONE, HTTP_ANSWER_BAD };

struct http_answer {                     /* all zero at first */
	int status;                      /* 0: the head is not here yet */
	size_t head;                     /* octets, the empty line included */
	bool sized;                      /* length is what was announced */
	uint64_t length;                 /* of the body */
	char location[HTTP_URL_MAX + 1]; /* "" : none */
};

/* `in`: everything received so far; eof: no more will come.  BAD: *e is bad_reply or message_too_big. */
enum http_answer_state http_answer_read(struct http_answer *a, struct span in, bool eof,
    size_t head_max, uint64_t body_max, struct err *e);
bool http_answer_redirects(const struct http_answer *a);

#endif
