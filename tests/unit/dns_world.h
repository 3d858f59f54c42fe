/* dns_world — a loop and a dns whose whole world is a zone file that the test writes; after <cmocka.h>. */
#ifndef TESTS_UNIT_DNS_WORLD_H
#define TESTS_UNIT_DNS_WORLD_H

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/dns/dns.h"
#include "common/loop/loop.h"
#include "tests/temp.h"

struct world {
	char path[64];
	struct loop *loop;
	struct dns *dns;
};

static inline void
world_open(struct world *w, const char *zone)
{
	char spec[80];
	struct err e;
	int fd;

	temp_name(w->path, sizeof w->path, "dns-XXXXXX");
	fd = mkstemp(w->path);
	assert_true(fd >= 0 && write(fd, zone, strlen(zone)) == (ssize_t)strlen(zone));
	close(fd);
	snprintf(spec, sizeof spec, "zone:%s", w->path);
	assert_true(loop_new(&w->loop, &e));
	if (!dns_new(&w->dns, w->loop, spec, &e))
		fail_msg("%s", e.text);
}

static inline void
world_close(struct world *w)
{
	dns_free(&w->dns);
	loop_free(&w->loop);
	unlink(w->path);
}

#endif
