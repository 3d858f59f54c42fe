/* dns_resolver — resolver specs; see dns_resolver.h. */
#include "common/dns/dns_resolver.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/dns/dns.h"
#include "common/text/address_scope.h"

static const char *const anchors[] = {
	"/usr/share/dns/root.key",
	"/var/lib/unbound/root.key",
	"/etc/unbound/root.key",
};

static void
default_anchor(struct dns_resolver *r)
{
	for (size_t i = 0; i < sizeof(anchors) / sizeof(anchors[0]); i++) {
		if (access(anchors[i], R_OK) == 0) {
			span_copy(span_str(anchors[i]), r->anchor, sizeof(r->anchor));
			return;
		}
	}
}

/* The path is written between quotes into a configuration. */
static bool
copy_path(struct span path, char *out, size_t cap, struct err *e)
{
	if (path.n == 0 || span_has(path, '"') || span_has(path, '\n') ||
	    !span_copy(path, out, cap))
		return err_set(e, REFUSAL_config,
		    "resolver: a file name is missing or out of form");
	return true;
}

static bool
parse_options(struct dns_resolver *r, struct span options, struct err *e)
{
	const struct span key = SPAN_LIT("anchor=");

	if (options.n == 0) {
		default_anchor(r);
		return true;
	}
	if (!span_starts(options, key))
		return err_set(e, REFUSAL_config,
		    "resolver: after the comma only anchor=FILE or anchor=none is allowed");
	options = span_sub(options, key.n, options.n);
	if (span_eq(options, SPAN_LIT("none")))
		return true;
	if (!copy_path(options, r->anchor, sizeof(r->anchor), e))
		return false;
	if (access(r->anchor, R_OK) != 0)
		return err_set_errno(e, REFUSAL_config, errno, "resolver: %s", r->anchor);
	return true;
}

/* forward = address "@" port */
static bool
parse_forward(struct dns_resolver *r, struct span s, struct err *e)
{
	struct sockaddr_storage address;
	struct span rest = s, host = span_cut(&rest, '@');
	uint64_t port;

	if (!address_scope_parse(host, 0, &address) || !span_u64(rest, &port) || port == 0 ||
	    port > 65535 || !span_copy(s, r->forward, sizeof(r->forward)))
		return err_set(e, REFUSAL_config,
		    "resolver: \"%.*s\" is no resolver; write system, or one like 192.0.2.53@53 or zone:/etc/tillcalled/zone",
		    s.n > 100 ? 100 : (int)s.n, s.p);
	return true;
}

bool
dns_resolver_parse(struct dns_resolver *r, const char *spec, struct err *e)
{
	const struct span zone = SPAN_LIT("zone:");
	struct span options = span_str(spec), first;

	memset(r, 0, sizeof(*r));
	if (span_starts(options, zone)) {
		r->kind = DNS_RESOLVER_ZONE;
		return copy_path(span_sub(options, zone.n, options.n), r->zone, sizeof(r->zone), e);
	}
	first = span_cut(&options, ',');
	if (span_eq(first, SPAN_LIT("system"))) {
		r->kind = DNS_RESOLVER_SYSTEM;
		return parse_options(r, options, e);
	}
	r->kind = DNS_RESOLVER_FORWARD;
	return parse_forward(r, first, e) && parse_options(r, options, e);
}

bool
dns_resolver_lacks_anchor(const char *spec)
{
	struct dns_resolver r;
	struct err e;

	return dns_resolver_parse(&r, spec, &e) && r.kind != DNS_RESOLVER_ZONE &&
	    r.anchor[0] == '\0' && !span_has(span_str(spec), ',');
}

bool
dns_resolver_changed(const struct dns_resolver *r)
{
	struct stat now;

	if (r->kind != DNS_RESOLVER_ZONE || stat(r->zone, &now) != 0)
		return false;
	return now.st_size != r->seen.st_size || now.st_ino != r->seen.st_ino ||
	    now.st_mtim.tv_sec != r->seen.st_mtim.tv_sec ||
	    now.st_mtim.tv_nsec != r->seen.st_mtim.tv_nsec;
}

/* Does the text hold an SOA record?  Comments do not count. */
static bool
has_soa(struct span text)
{
	while (text.n > 0) {
		struct span line = span_cut(&text, '\n'), code = span_cut(&line, ';');

		for (size_t i = 1; i + 3 < code.n; i++)
			if ((code.p[i - 1] == ' ' || code.p[i - 1] == '\t') &&
			    span_eq_nocase(span_sub(code, i, 3), SPAN_LIT("SOA")) &&
			    (code.p[i + 3] == ' ' || code.p[i + 3] == '\t'))
				return true;
	}
	return false;
}

static bool
read_file(int fd, struct buf *out)
{
	for (;;) {
		char *to = buf_room(out, 65536);
		ssize_t n = read(fd, to, 65536);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		out->len += (size_t)n;
		if (n == 0)
			return true;
		if (out->len > DNS_ZONE_FILE_MAX) {
			errno = EFBIG;
			return false;
		}
	}
}

bool
dns_resolver_read_zone(struct dns_resolver *r, struct buf *out, struct err *e)
{
	struct buf text = BUF_INIT;
	int fd = open(r->zone, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool ok;

	if (fd < 0)
		return err_set_errno(e, REFUSAL_config, errno, "resolver: %s", r->zone);
	ok = fstat(fd, &r->seen) == 0 && read_file(fd, &text);
	if (ok) {
		buf_addf(out, "$ORIGIN .\n$TTL 60\n");
		if (!has_soa(buf_span(&text)))
			buf_addf(out, ". 60 IN SOA . . 1 3600 600 86400 60\n. 60 IN NS .\n");
		buf_add(out, text.data, text.len);
		buf_addf(out, "\n");
	} else {
		err_set_errno(e, REFUSAL_config, errno, "resolver: %s", r->zone);
	}
	close(fd);
	buf_clear(&text);
	return ok;
}

void
dns_resolver_config(const struct dns_resolver *r, const char *zone_path, struct buf *out)
{
	/* libunbound answers these itself unless told otherwise; only a zone may redefine localhost. */
	static const char *const own[] = { "test.", "invalid.", "onion.", "home.arpa.",
		"127.in-addr.arpa.",
		"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa." };

	buf_addf(out,
	    "server:\n\tverbosity: 0\n\tuse-syslog: no\n\tdo-not-query-localhost: no\n"
	    "\tunblock-lan-zones: yes\n\toutgoing-range: 256\n\tnum-queries-per-thread: 1024\n"
	    "\tinfra-keep-probing: yes\n\tmodule-config: \"%s\"\n",
	    r->anchor[0] != '\0' ? "validator iterator" : "iterator");
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		buf_addf(out, "\tlocal-zone: \"%s\" nodefault\n", own[i]);
	if (r->kind == DNS_RESOLVER_ZONE)
		buf_addf(out, "\tlocal-zone: \"localhost.\" nodefault\n");
	else
		buf_addf(out, "\tuse-caps-for-id: yes\n");
	if (r->anchor[0] != '\0')
		buf_addf(out, "\ttrust-anchor-file: \"%s\"\n", r->anchor);
	if (r->kind == DNS_RESOLVER_FORWARD)
		buf_addf(out, "forward-zone:\n\tname: \".\"\n\tforward-addr: %s\n", r->forward);
	if (r->kind == DNS_RESOLVER_ZONE)
		buf_addf(out,
		    "auth-zone:\n\tname: \".\"\n\tzonefile: \"%s\"\n\tfor-upstream: yes\n"
		    "\tfor-downstream: no\n\tfallback-enabled: no\n",
		    zone_path);
}
