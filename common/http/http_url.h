/* http_url — parses an http or https URL that a stranger wrote.
 *
 * Spec:  RFC 3986, read by libcurl; accepted is no more than this of it:
 *	url  = ( "http://" / "https://" ) host [ ":" port ] [ path ] [ "?" query ] [ "#" fragment ]
 *	host = 1*( ALPHA / DIGIT / "-" / "_" / "." ) / "[" IPv6 "]"
 * Trust: hostile; octets outside 0x21..0x7e, user names and other schemes are refused.
 */
#ifndef COMMON_HTTP_HTTP_URL_H
#define COMMON_HTTP_HTTP_URL_H

#include "common/base/address.h"

#define HTTP_URL_MAX 511

struct http_url {
	char host[DOMAIN_BYTES];       /* without brackets, lower case */
	bool tls;                      /* https */
	uint16_t port;                 /* 80, 443, or 1024 and above */
	char authority[272];           /* for the Host field */
	char target[HTTP_URL_MAX + 2]; /* path and query */
};

/* tls: https and nothing else; otherwise http and nothing else.  False: bad_syntax, or bad_port. */
bool http_url_parse(struct span text, bool tls, struct http_url *out, struct err *e);
/* A Location: another URL with the same scheme, or a path on the same host. */
bool http_url_follow(const struct http_url *from, struct span location, struct http_url *out,
    struct err *e);

#endif
