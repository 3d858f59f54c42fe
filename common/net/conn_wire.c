/* conn_wire — octets between a socket and OpenSSL's memory BIOs; see conn_private.h. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "common/base/memory.h"
#include "common/net/bind.h"
#include "common/net/conn_private.h"
#include "common/text/address_scope.h"
#include "common/text/address_text.h"

#define BIO_KEPT_BYTES 1024 /* larger buffers are freed when they are empty */

/* The BIOs never report an end; conn.c decides what the end of the stream means. */
bool
conn_wire_init(struct conn_wire *w, struct err *e)
{
	w->from = BIO_new(BIO_s_mem());
	w->to = BIO_new(BIO_s_mem());
	if (w->from == NULL || w->to == NULL) {
		conn_wire_clear(w);
		return err_set(e, REFUSAL_internal, "no memory for a connection");
	}
	BIO_set_mem_eof_return(w->from, -1);
	BIO_set_mem_eof_return(w->to, -1);
	return true;
}

void
conn_wire_clear(struct conn_wire *w)
{
	BIO_free(w->from);
	BIO_free(w->to);
	w->from = w->to = NULL;
}

void
conn_wire_attach(struct conn_wire *w, SSL *ssl)
{
	BIO_up_ref(w->from);
	BIO_up_ref(w->to);
	SSL_set_bio(ssl, w->from, w->to);
}

/* `from` binds connections of its own family only. */
static bool
bind_from(int fd, const char *from, int family, struct err *e)
{
	struct sockaddr_storage own;

	if (from == NULL || !address_read(span_str(from), 0, &own) || own.ss_family != family ||
	    bind_source(fd, &own))
		return true;
	return err_set_errno(e, REFUSAL_unreachable, errno, "connect-from %s", from);
}

bool
conn_wire_connect(struct conn_wire *w, const struct sockaddr *to, const char *from, struct err *e)
{
	int one = 1, fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	char host[64];

	w->in = memory_new(sizeof *w->in);
	w->in->fd = fd;
	address_unmap(to, &w->in->address);
	address_host(&w->in->address, host);
	if (fd < 0)
		return err_set_errno(e, REFUSAL_unreachable, errno, "no socket for %s", host);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (!bind_from(fd, from, to->sa_family, e))
		return false;
	w->tried = true;
	if (connect(fd, to, address_size(to)) < 0 && errno != EINPROGRESS && errno != EINTR)
		return err_set_errno(e, REFUSAL_unreachable, errno, "%s", host);
	return true;
}

bool
conn_wire_connected(const struct conn_wire *w, struct err *e)
{
	int error = 0;
	socklen_t n = sizeof error;
	char host[64];

	if (getsockopt(w->in->fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
		error = errno;
	address_host(&w->in->address, host);
	return error == 0 || err_set_errno(e, REFUSAL_unreachable, error, "%s", host);
}

bool
conn_wire_read(struct conn_wire *w, char *scratch, bool keep, struct err *e)
{
	ssize_t n = recv(w->in->fd, scratch, CONN_READ_BYTES, 0);

	if (n == 0)
		w->eof = true;
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		w->eof = true;
		return err_set(e, REFUSAL_tls_truncated, "%s", strerror(errno));
	}
	if (n <= 0)
		return true;
	w->read += (uint64_t)n;
	return !keep || BIO_write(w->from, scratch, (int)n) == (int)n ||
	    err_set(e, REFUSAL_internal, "no memory for the octets of a connection");
}

bool
conn_wire_write(struct conn_wire *w, char *scratch, struct err *e)
{
	char *p;
	long n = w->to == NULL ? 0 : BIO_get_mem_data(w->to, &p);
	ssize_t sent;

	if (n <= 0 || w->in == NULL)
		return true;
	if ((sent = send(w->in->fd, p, (size_t)n, MSG_NOSIGNAL)) < 0) {
		if (errno == EAGAIN || errno == EINTR)
			return true;
		w->eof = true;
		return err_set(e, REFUSAL_tls_truncated, "%s", strerror(errno));
	}
	w->written += (uint64_t)sent;
	while (sent > 0) {
		int k = sent > CONN_READ_BYTES ? CONN_READ_BYTES : (int)sent;

		if ((k = BIO_read(w->to, scratch, k)) <= 0)
			break;
		sent -= k;
	}
	return true;
}

size_t
conn_wire_waiting(const struct conn_wire *w)
{
	return w->to == NULL ? 0 : BIO_ctrl_pending(w->to);
}

bool
conn_wire_holds(const struct conn_wire *w)
{
	char octet;

	return BIO_ctrl_pending(w->from) > 0 ||
	    recv(w->in->fd, &octet, sizeof octet, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* What was sent is not yet taken: the kernel's queue holds megabytes.  It accepts more while the peer
 * takes nothing, and refuses more for a long time while a slow peer empties it. */
static uint64_t
taken(const struct conn_wire *w)
{
	int queued = 0;

	if (ioctl(w->in->fd, TIOCOUTQ, &queued) < 0 || queued < 0)
		return w->written;
	return w->written - (uint64_t)queued;
}

bool
conn_wire_is_slow(struct conn_wire *w, bool more, int64_t now_ms)
{
	uint64_t before = w->rate_mark;
	bool counted = w->rate_ms != 0;

	if (conn_wire_waiting(w) == 0 && !more) {
		w->rate_ms = 0;
		return false;
	}
	if (counted && now_ms - w->rate_ms < CONN_RATE_MS)
		return false;
	w->rate_ms = now_ms;
	w->rate_mark = taken(w);
	return RULE(too_slow) && counted &&
	    w->rate_mark - before < CONN_RATE_MIN * (CONN_RATE_MS / 1000);
}

static void
give_back(BIO *b)
{
	BUF_MEM *m = NULL;

	BIO_get_mem_ptr(b, &m);
	if (m == NULL || m->max <= BIO_KEPT_BYTES || BIO_ctrl_pending(b) > 0)
		return;
	if ((m = BUF_MEM_new()) != NULL)
		BIO_set_mem_buf(b, m, BIO_CLOSE);
}

void
conn_wire_give_back(struct conn_wire *w)
{
	if (w->to == NULL)
		return;
	give_back(w->to);
	give_back(w->from);
}
