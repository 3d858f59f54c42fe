/* dsn — any octets as a delivery status: bounded, and what is read and written again is read as the same. */
#include <stdlib.h>
#include <string.h>

#include "proto/smtp/dsn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
same(const struct dsn_recipient *one, const struct dsn_recipient *two)
{
	must(strcmp(one->address, two->address) == 0 && strcmp(one->original, two->original) == 0);
	must(strcmp(one->status, two->status) == 0 && strcmp(one->remote, two->remote) == 0);
	must(strcmp(one->diagnostic, two->diagnostic) == 0 && one->action == two->action);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct dsn_message m, m2;
	struct dsn_reader r, r2;
	struct dsn_recipient one, two;
	struct buf b = BUF_INIT;
	struct err e;
	size_t count = 0;

	if (!dsn_read(span_of(data, n), &m, &r, &e))
		return 0;
	while (dsn_read_recipient(&r, &one)) {
		must(++count <= DSN_RECIPIENTS_MAX);
		if (one.address[0] == '\0')
			continue;
		buf_reset(&b);
		memcpy(m.reporting, "a.test", sizeof "a.test");
		dsn_add_message(&b, &m);
		dsn_add_recipient(&b, &one);
		must(dsn_read(buf_span(&b), &m2, &r2, &e) && dsn_read_recipient(&r2, &two));
		must(strcmp(m.envelope, m2.envelope) == 0);
		same(&one, &two);
		must(!dsn_read_recipient(&r2, &two));
	}
	buf_clear(&b);
	return 0;
}
