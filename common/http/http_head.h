/* http_head — the header of an HTTP/1 response, line by line.  Pure.
 *
 * libcurl reads the response; this judges what it would let pass.
 *
 * Spec:  RFC 9112, RFC 9110.  A content coding is refused: the request asks for none.  So is a transfer
 *        coding other than chunked.
 * Trust: every octet is hostile.
 */
#ifndef COMMON_HTTP_HTTP_HEAD_H
#define COMMON_HTTP_HTTP_HEAD_H

#include "common/base/err.h"
#include "common/http/http_url.h"

#define HTTP_HEAD_BYTES                                                                            \
	16384 /* of all header lines of a response, interim ones and trailers included */
#define HTTP_MEDIA_BYTES 64

struct http_head {                       /* all zero at first */
	int status;                      /* 0: no status line has come */
	bool whole;                      /* its empty line has come */
	size_t octets;                   /* of all lines */
	bool sized;                      /* `length` is what was announced */
	uint64_t length;                 /* of the body */
	char location[HTTP_URL_MAX + 1]; /* "": none, or too long for a URL */
	char media[HTTP_MEDIA_BYTES]; /* type/subtype without parameters; "": none, or too long */
};

/* The next line, with its end.  body_most: octets.  False: bad_reply or message_too_big. */
bool http_head_line(struct http_head *h, struct span line, uint64_t body_most, struct err *e);
bool http_head_redirects(const struct http_head *h);

#endif
