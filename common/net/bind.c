/* bind — see bind.h. */
#include "common/net/bind.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/text/address_text.h"

static void
add_cure(struct buf *out, const struct sockaddr_storage *a, int errnum)
{
	char host[ADDRESS_TEXT_BYTES];

	address_host(a, host);
	if (errnum == EADDRNOTAVAIL)
		buf_addf(out,
		    "; write an address of this host (\"ip addr\" shows them), or give it this one: "
		    "ip addr add %s dev lo",
		    host);
	else if (errnum == EADDRINUSE)
		buf_addf(out,
		    "; end the program that has it (\"ss -ltnp\" shows it), or write another port");
	else if (errnum == EACCES)
		buf_addf(out, "; start as root with the key user, or write a port from 1024 on");
	else if (errnum == EAFNOSUPPORT)
		buf_addf(out,
		    "; this host does not speak that family of addresses: write one of the other");
}

bool
bind_refused(const struct sockaddr_storage *a, const char *does, int errnum, struct err *e)
{
	char text[ADDRESS_TEXT_BYTES];
	struct buf cure = BUF_INIT;

	if (address_port(a) != 0)
		address_text(a, text);
	else
		address_host(a, text);
	add_cure(&cure, a, errnum);
	err_set(e, REFUSAL_os_error, "cannot %s %s: %s%.*s", does, text, strerror(errnum),
	    SPAN_FMT(buf_span(&cure)));
	buf_clear(&cure);
	errno = errnum;
	return false;
}

static bool
bind_to(int fd, const struct sockaddr_storage *a)
{
	int one = 1;

	return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
	    (a->ss_family != AF_INET6 ||
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) == 0) &&
	    bind(fd, (const struct sockaddr *)a, address_size((const struct sockaddr *)a)) == 0;
}

int
bind_listener(const struct sockaddr_storage *a, struct err *e)
{
	int fd = socket(a->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), why;

	if (fd >= 0 && bind_to(fd, a))
		return fd;
	why = errno;
	if (fd >= 0)
		close(fd);
	bind_refused(a, "bind", why, e);
	return -1;
}

bool
bind_source(int fd, const struct sockaddr_storage *own)
{
	int one = 1;

	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
	return bind(fd, (const struct sockaddr *)own, address_size((const struct sockaddr *)own)) ==
	    0;
}

bool
bind_source_fits(const char *own, struct err *e)
{
	struct sockaddr_storage a;
	bool ok = true;
	int fd;

	if (*own == '\0' || !address_read(span_str(own), 0, &a))
		return true; /* the configuration's reader has judged its form */
	fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || !bind_source(fd, &a))
		ok = bind_refused(&a, "connect from", errno, e);
	if (fd >= 0)
		close(fd);
	return ok;
}
