/* load — what the kinds of load share; see load.h. */
#include "tests/load.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/hex.h"
#include "common/loop/loop.h"
#include "common/text/address_text.h"

int64_t
load_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void
load_open(struct load *l, const char *program)
{
	const struct tls_files files = { l->o.own, l->o.certificate, l->o.key };
	struct tls_settings settings = { .trust = l->o.trust,
		.crls = l->o.crls,
		.user = { getuid(), getgid() },
		.identities = &files,
		.n_identities = l->o.own != NULL };
	struct stat st;
	struct err e;

	if (l->o.key != NULL && stat(l->o.key, &st) == 0)
		settings.user = (struct guard_user) { st.st_uid,
			st.st_gid }; /* a world's keys are their daemons' */
	if (!address_read(span_str(l->o.to), 0, &l->address)) {
		fprintf(stderr, "%s: %s is no address with a port\n", program, l->o.to);
		exit(64);
	}
	if (!loop_new(&l->loop, &e) || !tls_holder_new(&l->tls, &settings, &e)) {
		fprintf(stderr, "%s: %s\n", program, e.text);
		exit(refusal_status(e.why));
	}
	l->journal = -1;
	if (l->o.journal != NULL &&
	    (l->journal = open(l->o.journal, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) <
		0) {
		perror(l->o.journal);
		exit(73);
	}
	load_begin(l);
}

void
load_begin(struct load *l)
{
	l->began_us = load_now_us();
	l->end_us = l->o.seconds > 0 ? l->began_us + l->o.seconds * 1000000 : 0;
}

void
load_numbered(const char *pattern, long n, char out[ADDRESS_STR_BYTES])
{
	size_t at = 0;

	for (; *pattern != '\0' && at < ADDRESS_STR_BYTES; pattern++)
		if (*pattern == '%')
			at += (size_t)snprintf(out + at, ADDRESS_STR_BYTES - at, "%ld", n);
		else
			out[at++] = *pattern;
	if (at >= ADDRESS_STR_BYTES) {
		fprintf(stderr, "an address is too long\n");
		exit(64);
	}
	out[at] = '\0';
}

long
load_turn(struct load *l)
{
	return l->o.recipients > 0 ? l->turn++ % l->o.recipients + 1 : 1;
}

bool
load_take(struct load *l)
{
	if (!l->stopping && l->o.count > 0 && l->sent >= (uint64_t)l->o.count)
		return false;
	if (l->end_us > 0 && load_now_us() >= l->end_us)
		l->stopping = true;
	if (l->stopping)
		return false;
	l->sent++;
	return true;
}

static void
journal(struct load *l, const struct ulid *id, const unsigned char digest[DIGEST_BYTES],
    const char *recipient)
{
	char digits[ULID_STR_BYTES], hex[2 * DIGEST_BYTES + 1], line[512];
	int n;

	ulid_str(id, digits);
	hex_str(hex, digest, DIGEST_BYTES);
	n = snprintf(line, sizeof line, "%s %s %s\n", digits, hex, recipient);
	if (write(l->journal, line, (size_t)n) != n || fdatasync(l->journal) != 0) {
		perror(l->o.journal);
		_exit(74);
	}
}

void
load_answered(struct load *l, int64_t sent_us)
{
	latency_add(&l->latencies, load_now_us() - sent_us);
	l->acked++;
}

void
load_acked(struct load *l, int64_t sent_us, const struct ulid *id,
    const unsigned char digest[DIGEST_BYTES], const char *recipient)
{
	load_answered(l, sent_us);
	if (l->journal >= 0)
		journal(l, id, digest, recipient);
}

void
load_refused(struct load *l, const struct err *e)
{
	if (l->refused++ == 0)
		l->why = *e;
}

void
load_closed(struct load *l)
{
	if (--l->open == 0)
		loop_stop(l->loop);
}

struct conn *
load_connect(struct load *l, const char *alpn, const struct conn_events *events, void *role)
{
	char from[ADDRESS_STR_BYTES] = "";
	const struct conn_target to = {
		.kind = TLS_TO_PEER,
		.address = (const struct sockaddr *)&l->address,
		.own = l->o.own,
		.domain = l->o.domain,
		.alpn = alpn,
		.from = from,
		.timeout_ms = 10000,
	};

	if (l->o.from != NULL)
		load_numbered(l->o.from,
		    l->o.addresses > 0 ? l->connected++ % l->o.addresses + 1 : 1, from);
	return conn_connect(l->loop, &to, l->tls, events, role);
}

void
load_password(const struct load *l, char out[LOAD_PASSWORD_BYTES])
{
	int fd = open(l->o.password_file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, out, LOAD_PASSWORD_BYTES - 1);

	if (n <= 0) {
		perror(l->o.password_file);
		exit(66);
	}
	close(fd);
	out[n] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

struct auth_client *
load_sign_in(struct conn *c, const char *user, const char *password, struct auth_cache *cache)
{
	unsigned char binding[AUTH_BINDING_BYTES];
	struct auth_client *auth;
	struct err e;

	if (!conn_exporter(c, binding) ||
	    !auth_client_new(span_str(user), span_str(password), span_of(binding, sizeof binding),
		cache, &auth, &e))
		return NULL;
	return auth;
}

enum outcome
load_step(struct auth_client *a, struct span message, bool last, struct buf *out, struct err *e)
{
	switch (auth_client_step(a, message, out, e)) {
	case AUTH_DONE:
		return DONE;
	case AUTH_MORE:
		if (!last)
			return DONE;
		err_set(e, REFUSAL_auth_failed, "the server did not prove that it knows the user");
		break;
	case AUTH_FAILED:
		break;
	}
	return REFUSED;
}
