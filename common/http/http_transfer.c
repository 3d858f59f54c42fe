/* http_transfer — what libcurl is told, and what it may do; see http_transfer_private.h. */
#include "common/http/http_transfer_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/text/address_scope.h"
#include "common/text/address_text.h"

/* -- what libcurl asks, on the thread ---------------------------------------------------------------- */

static curl_socket_t
on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct http_transfer *t = arg;

	(void)purpose;
	if (RULE(private_address) && !t->allow_private && !address_public(&a->addr)) {
		t->left_out = true;
		return CURL_SOCKET_BAD;
	}
	t->opened = true;
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* All addresses are known; libcurl's own resolver would go past our DNS. */
static int
on_resolver(void *resolver, void *reserved, void *arg)
{
	(void)resolver;
	(void)reserved;
	(void)arg;
	return 1;
}

/* False: there is no time left, or its maker has abandoned it. */
static bool
goes_on(struct http_transfer *t)
{
	if (clock_mono_ms() >= t->until_ms)
		return err_set(&t->why, REFUSAL_too_slow, "not done in time");
	return !atomic_load(&t->abandoned);
}

static size_t
on_header(char *line, size_t size, size_t n, void *arg)
{
	struct http_transfer *t = arg;

	if (!goes_on(t) ||
	    !http_head_line(&t->head, span_of(line, size * n), t->most_bytes, &t->why))
		return 0;
	t->ended = t->head.whole && t->head.status >= 200 && t->head.status != 200;
	return t->ended ? 0 : n;
}

static size_t
on_body(char *octets, size_t size, size_t n, void *arg)
{
	struct http_transfer *t = arg;

	if (!goes_on(t))
		return 0;
	if (t->body.len + size * n > t->most_bytes) {
		err_set(&t->why, REFUSAL_message_too_big, "the answer is too large");
		return 0;
	}
	buf_add(&t->body, octets, size * n);
	return n;
}

/* -- what libcurl is told -------------------------------------------------------------------------------- */

static void
must(CURLcode r)
{
	if (r != CURLE_OK)
		abort();
}

/* "+HOST:PORT:ADDRESS,ADDRESS"; with "+" libcurl forgets it after a minute.  A numeric host needs none. */
static void
set_addresses(struct http_transfer *t, const struct http_url *url,
    const struct sockaddr_storage *address, size_t n)
{
	struct sockaddr_storage literal;
	char host[ADDRESS_HOST_BYTES];
	struct buf line = BUF_INIT;

	if (address_scope_parse(span_str(url->host), url->port, &literal))
		return;
	must(curl_easy_setopt(t->easy, CURLOPT_RESOLVER_START_FUNCTION, on_resolver));
	buf_addf(&line, "+%s:%u:", url->host, (unsigned)url->port);
	for (size_t i = 0; i < n; i++) {
		address_host(&address[i], host);
		buf_addf(&line, address[i].ss_family == AF_INET6 ? "%s[%s]" : "%s%s",
		    i > 0 ? "," : "", host);
	}
	buf_add(&line, "", 1);
	if ((t->resolved = curl_slist_append(NULL, line.data)) == NULL)
		abort();
	must(curl_easy_setopt(t->easy, CURLOPT_RESOLVE, t->resolved));
	buf_clear(&line);
}

static void
set_url(struct http_transfer *t, const struct http_url *url)
{
	struct buf text = BUF_INIT;

	buf_addf(&text, "%s://%s%s", url->tls ? "https" : "http", url->authority, url->target);
	buf_add(&text, "", 1);
	must(curl_easy_setopt(t->easy, CURLOPT_URL, text.data)); /* copied */
	buf_clear(&text);
}

static void
set_bounds(struct http_transfer *t, size_t n)
{
	CURL *c = t->easy;
	const char *scheme = t->trust.trust != NULL ? "https" : "http";

	must(curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, scheme));
	must(curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, scheme));
	must(curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L));
	must(curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1));
	must(curl_easy_setopt(c, CURLOPT_HTTP09_ALLOWED, 0L));
	must(curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L));
	must(curl_easy_setopt(c, CURLOPT_PROXY, ""));
	must(curl_easy_setopt(c, CURLOPT_NOPROXY, "*"));
	must(curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED));
	must(curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L));
	must(curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L));
	must(curl_easy_setopt(c, CURLOPT_FORBID_REUSE, 1L));
	must(curl_easy_setopt(c, CURLOPT_USERAGENT, "tillcalled"));
	/* libcurl divides the time among the addresses that are left. */
	must(curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS,
	    (long)(HTTP_CONNECT_MS * (n > 0 ? (int64_t)n : 1))));
}

static void
set_callbacks(struct http_transfer *t)
{
	CURL *c = t->easy;

	must(curl_easy_setopt(c, CURLOPT_PRIVATE, (char *)t));
	must(curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_socket));
	must(curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, t));
	must(curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header));
	must(curl_easy_setopt(c, CURLOPT_HEADERDATA, t));
	must(curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body));
	must(curl_easy_setopt(c, CURLOPT_WRITEDATA, t));
}

struct http_transfer *
http_transfer_new(const struct http_url *url, const struct sockaddr_storage *address, size_t n,
    const struct http_ask *ask, int64_t until_ms)
{
	struct http_transfer *t = memory_new(sizeof *t);

	t->allow_private = ask->allow_private;
	span_copy(span_str(url->host), t->host, sizeof t->host);
	t->most_bytes = ask->most_bytes;
	t->until_ms = until_ms;
	atomic_init(&t->abandoned, false);
	if ((t->easy = curl_easy_init()) == NULL)
		abort();
	if (ask->trust != NULL)
		http_tls_set(t, ask->trust);
	set_url(t, url);
	set_addresses(t, url, address, n);
	set_bounds(t, n);
	set_callbacks(t);
	return t;
}

void
http_transfer_free(struct http_transfer *t)
{
	curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->resolved);
	http_tls_clear(t);
	buf_clear(&t->body);
	free(t);
}

/* -- its end, on the thread ------------------------------------------------------------------------------ */

static void
refuse_unreached(struct http_transfer *t, CURLcode result)
{
	if (t->left_out && !t->opened)
		err_set(&t->why, REFUSAL_private_address,
		    "the host is at an address that is not public");
	else
		err_set(&t->why, REFUSAL_unreachable, "%s", curl_easy_strerror(result));
}

/* The system failed, or the peer: a fault of form has no error number. */
static enum refusal
broken(struct http_transfer *t)
{
	long number = 0;

	(void)curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &number);
	return number != 0 ? REFUSAL_unreachable : REFUSAL_bad_reply;
}

static void
refuse(struct http_transfer *t, CURLcode result)
{
	switch (result) {
	case CURLE_COULDNT_CONNECT:
	case CURLE_OPERATION_TIMEDOUT: /* only connecting has a time of libcurl's */
		refuse_unreached(t, result);
		break;
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		err_set(&t->why, broken(t), "%s", curl_easy_strerror(result));
		break;
	case CURLE_PARTIAL_FILE:
		err_set(&t->why, REFUSAL_bad_reply, "the answer was cut short");
		break;
	case CURLE_GOT_NOTHING:
	case CURLE_UNSUPPORTED_PROTOCOL:
		err_set(&t->why, REFUSAL_bad_reply, "no HTTP answer");
		break;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
		err_set(&t->why, REFUSAL_tls_failed, "%s", curl_easy_strerror(result));
		break;
	case CURLE_COULDNT_RESOLVE_HOST:
		err_set(&t->why, REFUSAL_internal, "%s", curl_easy_strerror(result));
		break;
	default:
		err_set(&t->why, REFUSAL_bad_reply, "%s", curl_easy_strerror(result));
		break;
	}
}

void
http_transfer_ended(struct http_transfer *t, CURLcode result)
{
	if (t->ended || t->why.why != REFUSAL_NONE)
		return;
	if (result != CURLE_OK)
		refuse(t, result);
	else if (!t->head.whole)
		err_set(&t->why, REFUSAL_bad_reply, "no HTTP answer");
}
