/* dns_context — libunbound set up for one resolver spec; see dns_context.h. */
#include "common/dns/dns_context.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <unbound-event.h>
#include <unbound.h>

#include "common/base/file.h"
#include "common/dns/dns.h"
#include "common/dns/dns_resolver.h"

/* Many threads make and free contexts, and libunbound has globals for both: its configuration
 * parser, and locks that a context's first question creates and its end destroys. */
static pthread_mutex_t library_lock = PTHREAD_MUTEX_INITIALIZER;

/* -- files that libunbound reads ----------------------------------------------------------------- */

#define HIDDEN_TEMPLATE "/tmp/tillcalled-dns.XXXXXX"

/* A file that only this process can open, by its path under /proc.  If /proc is not mounted, a file
 * of our own in /tmp serves. */
static int
hidden_open(char path[64])
{
	int fd = memfd_create("tillcalled-dns", MFD_CLOEXEC);

	snprintf(path, 64, "/proc/self/fd/%d", fd);
	if (fd < 0 || access(path, F_OK) == 0)
		return fd;
	close(fd);
	snprintf(path, 64, "%s", HIDDEN_TEMPLATE);
	return mkostemp(path, O_CLOEXEC);
}

static void
hidden_close(int fd, const char *path)
{
	if (strncmp(path, HIDDEN_TEMPLATE, sizeof HIDDEN_TEMPLATE - 7) == 0)
		(void)unlink(path);
	close(fd);
}

static int
hidden_file(const struct buf *text, char path[64])
{
	int fd = hidden_open(path);

	if (fd < 0 || file_write(fd, buf_span(text)))
		return fd;
	hidden_close(fd, path);
	return -1;
}

static void
probe_answered(void *arg, int rcode, void *packet, int n, int sec, char *why, int limited)
{
	bool *ok = arg;

	(void)sec, (void)why, (void)limited;
	*ok = rcode == 0 && packet != NULL && n > 3 &&
	    (((const unsigned char *)packet)[3] & 15) == 0;
}

/* The first question makes libunbound read its files.  This one is answered inside the call: from
 * the zone, or because every libunbound knows localhost. */
static int
probe(struct ub_ctx *ub, enum dns_resolver_kind kind)
{
	bool ok = false, zone = kind == DNS_RESOLVER_ZONE;
	int id, fault;

	fault = ub_resolve_event(ub, zone ? "." : "localhost.", zone ? DNS_SOA : DNS_A, 1, &ok,
	    probe_answered, &id);
	return fault == 0 && !ok ? UB_INITFAIL : fault;
}

static bool
configure(struct ub_ctx *ub, const struct dns_resolver *r, const char *zone_path, struct err *e)
{
	struct buf text = BUF_INIT;
	char path[64];
	int fd, fault;

	dns_resolver_config(r, zone_path, &text);
	fd = hidden_file(&text, path);
	buf_clear(&text);
	if (fd < 0)
		return err_set_errno(e, REFUSAL_os_error, errno, "resolver: memory file");
	fault = ub_ctx_config(ub, path);
	if (fault == 0 && r->kind == DNS_RESOLVER_SYSTEM)
		ub_ctx_resolvconf(ub, NULL);
	if (fault == 0)
		fault = probe(ub, r->kind);
	hidden_close(fd, path);
	if (fault != 0 && r->kind == DNS_RESOLVER_ZONE)
		return err_set(e, REFUSAL_config, "resolver: %s is not a root zone in master form",
		    r->zone);
	if (fault != 0)
		return err_set(e, REFUSAL_config, "resolver: %s", ub_strerror(fault));
	return true;
}

/* NULL: *e is set. */
static struct ub_ctx *
make(const struct dns_resolver *r, struct event_base *base, const char *zone_path, struct err *e)
{
	struct ub_ctx *ub;

	pthread_mutex_lock(&library_lock);
	ub = ub_ctx_create_event(base);
	if (ub != NULL)
		ub_ctx_debugout(ub, NULL); /* its own lines are none of our log's form */
	if (ub == NULL) {
		err_set(e, REFUSAL_os_error, "resolver: libunbound does not start");
	} else if (!configure(ub, r, zone_path, e)) {
		ub_ctx_delete(ub);
		ub = NULL;
	}
	pthread_mutex_unlock(&library_lock);
	return ub;
}

struct ub_ctx *
dns_context_new(struct dns_resolver *r, struct event_base *base, struct err *e)
{
	struct buf zone = BUF_INIT;
	char zone_path[64] = "";
	struct ub_ctx *ub = NULL;
	int zone_fd = -1;
	bool ok = true;

	if (r->kind == DNS_RESOLVER_ZONE) {
		ok = dns_resolver_read_zone(r, &zone, e);
		if (ok && (zone_fd = hidden_file(&zone, zone_path)) < 0)
			ok = err_set_errno(e, REFUSAL_os_error, errno, "resolver: memory file");
		buf_clear(&zone);
	}
	if (ok)
		ub = make(r, base, zone_path, e);
	if (zone_fd >= 0)
		hidden_close(zone_fd, zone_path);
	return ub;
}

void
dns_context_free(struct ub_ctx *ub)
{
	pthread_mutex_lock(&library_lock);
	ub_ctx_delete(ub);
	pthread_mutex_unlock(&library_lock);
}
