/* dns_silent — a name server that never answers, so that questions stay under way; after <cmocka.h>. */
#ifndef TESTS_UNIT_DNS_SILENT_H
#define TESTS_UNIT_DNS_SILENT_H

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>

#include "common/dns/dns.h"

/* *fd: its socket; the caller closes it. */
static inline struct dns *
silent(struct loop *l, int *fd)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof a;
	char spec[80];
	struct dns *d;
	struct err e;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	*fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(*fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(getsockname(*fd, (struct sockaddr *)&a, &n), 0);
	snprintf(spec, sizeof spec, "127.0.0.1@%u,anchor=none", (unsigned)ntohs(a.sin_port));
	assert_true(dns_new(&d, l, spec, &e));
	return d;
}

#endif
