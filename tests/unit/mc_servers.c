/* mc against servers that are not what they should be: wrong certificate, wrong user, broken
 * connections, octets that are not the announced ones.  The servers are real engines over TLS on
 * 127.0.0.1, on a thread of their own; this file plays the servers. */
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/auth/auth.h"
#include "common/base/log.h"
#include "common/base/source.h"
#include "common/loop/loop.h"
#include "common/net/conn.h"
#include "common/text/digest.h"
#include "mc/compose.h"
#include "mc/inbox.h"
#include "mc/link.h"
#include "mc/mime.h"
#include "mc/reading.h"
#include "mc/scratch.h"
#include "mc/submission.h"
#include "mc/verbs.h"
#include "proto/mailbox_server.h"
#include "proto/submit_server.h"
#include "tests/certs.h"

#define PASSWORD "correct horse"
#define LETTER   "From: alice@a.test\r\nSubject: s\r\n\r\n.\r\nhello\r\n"

/* How the servers behave; set before a test asks them anything. */
struct behaviour {
	bool flip; /* an octet of the letter is another one */
	bool cut;  /* one octet is missing */
	bool no_digest;
	int breaks; /* so many connections break in the midst of a letter */
};

static struct {
	char folder[64];
	struct tls_holder *tls;
	struct loop *loop;
	struct auth *auth;
	struct auth_keys keys;
	pthread_t thread;
	int listens[2]; /* submit, mailbox */
	struct loop_fd *fds[2];
	uint16_t ports[2];
	pthread_mutex_t lock; /* of what follows */
	struct behaviour how;
	struct buf got; /* the letter that was submitted last */
	char tokens[4][SUBMIT_TOKEN_MAX + 1];
	int n_tokens;
	atomic_int requests; /* octets of ours that an engine has seen: AUTH */
} world = { .lock = PTHREAD_MUTEX_INITIALIZER };

struct session {
	union {
		struct submit_server submit;
		struct mailbox_server mailbox;
	};
	bool is_mailbox;
	struct conn *conn;
	struct auth_server *auth;
	bool broken;
};

static struct behaviour
behaviour(void)
{
	struct behaviour b;

	pthread_mutex_lock(&world.lock);
	b = world.how;
	pthread_mutex_unlock(&world.lock);
	return b;
}

static void
behave(struct behaviour how)
{
	pthread_mutex_lock(&world.lock);
	world.how = how;
	world.n_tokens = 0;
	pthread_mutex_unlock(&world.lock);
}

/* What the servers' thread has written until now may be read. */
static void
heard(void)
{
	pthread_mutex_lock(&world.lock);
	pthread_mutex_unlock(&world.lock);
}

/* -- the servers' side -------------------------------------------------------------------------- */

static bool
admit(void *role, struct err *e)
{
	(void)role;
	(void)e;
	return true;
}

static bool
find(void *arg, struct span name, char user[ADDRESS_STR_BYTES], struct auth_keys *keys)
{
	(void)arg;
	if (!span_eq(name, SPAN_LIT("bob@b.test")))
		return false;
	snprintf(user, 256, "bob@b.test");
	*keys = world.keys;
	return true;
}

static void
secret(void *arg, unsigned char out[AUTH_KEY_BYTES])
{
	(void)arg;
	memset(out, 7, AUTH_KEY_BYTES);
}

static enum outcome
sign_in(void *role, struct span mechanism, struct span message, struct sasl_said *said,
    struct err *e)
{
	struct session *s = role;
	unsigned char binding[TLS_EXPORTER_BYTES];

	atomic_fetch_add(&world.requests, 1);
	if (mechanism.n > 0) {
		auth_server_free(&s->auth);
		assert_true(conn_exporter(s->conn, binding));
		if (!auth_server_new(world.auth, mechanism, span_of(binding, sizeof binding),
			&s->auth, e))
			return REFUSED;
	}
	switch (auth_server_step(s->auth, message, &said->message, e)) {
	case AUTH_FAILED:
		return REFUSED;
	case AUTH_DONE:
		said->signed_in = true;
		break;
	case AUTH_MORE:
		break;
	}
	return DONE;
}

static enum outcome
take_address(void *role, const char *address, struct err *e)
{
	(void)role;
	if (strcmp(address, "nobody@a.test") != 0)
		return DONE;
	err_set(e, REFUSAL_no_such_user, "nobody is there");
	return REFUSED;
}

static enum outcome
begin(void *role, const struct submit_envelope *env, struct err *e)
{
	(void)role;
	(void)e;
	pthread_mutex_lock(&world.lock);
	buf_reset(&world.got);
	if (world.n_tokens < 4)
		snprintf(world.tokens[world.n_tokens++], sizeof world.tokens[0], "%s", env->token);
	pthread_mutex_unlock(&world.lock);
	return DONE;
}

static void
body(void *role, struct span piece)
{
	struct session *s = role;

	pthread_mutex_lock(&world.lock);
	buf_add(&world.got, piece.p, piece.n);
	if (world.how.breaks > 0 && !s->broken) {
		world.how.breaks--;
		s->broken = true;
		conn_drop(s->conn, NULL);
	}
	pthread_mutex_unlock(&world.lock);
}

static enum outcome
end(void *role, struct ulid *id, struct err *e)
{
	(void)role;
	(void)e;
	return ulid_parse(SPAN_LIT("01JDZ5TPB4M4Q8W1RZ9H1V6K3C"), id) ? DONE : REFUSED;
}

static enum outcome
no_status(void *role, const struct ulid *id, struct buf *page, struct err *e)
{
	(void)role;
	(void)id;
	(void)page;
	err_word(e, REFUSAL_unknown_id);
	return REFUSED;
}

static enum outcome
no_outbox(void *role, const struct ulid *after, struct buf *page, bool *more, struct err *e)
{
	(void)role;
	(void)after;
	(void)page;
	(void)e;
	*more = false;
	return DONE;
}

static enum outcome
list(void *role, uint64_t after, struct buf *page, bool *more, struct err *e)
{
	struct mailbox_notice n = { .number = 1,
		.state = MAILBOX_HELD,
		.from = "alice@a.test",
		.to = "bob@b.test",
		.size = sizeof LETTER - 1,
		.has_digest = !behaviour().no_digest };

	(void)role;
	(void)e;
	assert_true(ulid_parse(SPAN_LIT("01JDZ5TPB4M4Q8W1RZ9H1V6K3C"), &n.id));
	digest_sha256(SPAN_LIT(LETTER), n.digest);
	if (after == 0)
		mailbox_notice_write(page, &n);
	*more = false;
	return DONE;
}

static enum outcome
give(void *role, uint64_t number, struct mailbox_found *found, struct err *e)
{
	char letter[] = LETTER;

	(void)role;
	if (number != 1) {
		err_word(e, REFUSAL_no_such_number);
		return REFUSED;
	}
	if (behaviour().flip)
		letter[sizeof LETTER - 5] ^= 1;
	found->size = sizeof LETTER - 1 - (behaviour().cut ? 1 : 0);
	found->source = source_bytes(span_of(letter, (size_t)found->size));
	return DONE;
}

static enum outcome
change(void *role, uint64_t number, struct err *e)
{
	(void)role;
	(void)number;
	(void)e;
	return DONE;
}

static enum outcome
mark(void *role, uint64_t number, unsigned set, unsigned cleared, struct err *e)
{
	(void)set;
	(void)cleared;
	return change(role, number, e);
}

static const struct submit_server_ops submit_ops = {
	.sasl = { .server = { admit }, .auth = sign_in },
	.from = take_address,
	.to = take_address,
	.begin = begin,
	.body = body,
	.end = end,
	.status = no_status,
	.outbox = no_outbox,
};
static const struct mailbox_server_ops mailbox_ops = {
	.sasl = { .server = { admit }, .auth = sign_in },
	.list = list,
	.summary = give,
	.read = give,
	.mark = mark,
	.drop = change,
	.decline = change,
};

static void
on_up(struct conn *c, void *role)
{
	struct session *s = role;

	s->conn = c;
	conn_set_engine(c,
	    s->is_mailbox ? &s->mailbox.sasl.server.engine : &s->submit.sasl.server.engine);
}

static void
on_gone(struct conn *c, void *role, const struct err *why)
{
	struct session *s = role;

	(void)c;
	(void)why;
	auth_server_free(&s->auth);
	if (s->is_mailbox)
		mailbox_server_clear(&s->mailbox);
	else
		submit_server_clear(&s->submit);
	free(s);
}

static const struct conn_events events = { .up = on_up, .forget_conn = on_gone };

static void
on_connection(void *arg, unsigned ready)
{
	int *listens = arg;
	int fd = accept(*listens, NULL, NULL);
	struct session *s = calloc(1, sizeof *s);

	(void)ready;
	assert_true(fd >= 0 && s != NULL);
	s->is_mailbox = listens == &world.listens[1];
	if (s->is_mailbox)
		mailbox_server_init(&s->mailbox, &mailbox_ops, s);
	else
		submit_server_init(&s->submit, &submit_ops, s);
	conn_accept(world.loop, listen_uncounted(fd), world.tls, TLS_USERS,
	    s->is_mailbox ? MAILBOX_ALPN : SUBMIT_ALPN, &events, s);
}

static void *
serve(void *arg)
{
	(void)arg;
	loop_run(world.loop);
	return NULL;
}

static void
listen_at(int i)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof a;

	world.listens[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(world.listens[i], (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(world.listens[i], 16), 0);
	assert_int_equal(getsockname(world.listens[i], (struct sockaddr *)&a, &n), 0);
	world.ports[i] = ntohs(a.sin_port);
	world.fds[i] = loop_fd_new(world.loop, world.listens[i], on_connection, &world.listens[i]);
	loop_fd_want(world.fds[i], LOOP_READ);
}

/* b.test is well; c.test leads to the same servers, whose certificate does not name it. */
static void
write_zone(void)
{
	FILE *f = fopen(certs_path(world.folder, "zone"), "w");

	assert_non_null(f);
	fprintf(f,
	    ". 60 IN SOA ns.test. h.test. 1 3600 600 86400 1\nhost.test. 60 IN A 127.0.0.1\n");
	for (const char *d = "bc"; *d != '\0'; d++)
		fprintf(f,
		    "_oms-submit._tcp.%c.test. 60 IN SRV 0 1 %u host.test.\n"
		    "_ims-mailbox._tcp.%c.test. 60 IN SRV 0 1 %u host.test.\n",
		    *d, world.ports[0], *d, world.ports[1]);
	fprintf(f,
	    "e.test. 60 IN A 127.0.0.1\n"
	    "_ims-mailbox._tcp.f.test. 60 IN SRV 0 0 0 .\n"
	    "_ims-mailbox._tcp.g.test. 60 IN CNAME _ims-mailbox._tcp.g.test.\n"
	    "_ims-mailbox._tcp.h.test. 60 IN SRV 0 1 1471 host.h.test.\n"
	    "host.h.test. 60 IN CNAME host.h.test.\n");
	fclose(f);
}

static int
setup(void **state)
{
	const struct auth_ops ops = { find, secret };
	static struct auth_ops kept;
	struct cert *root, *leaf;
	struct tls_files files = { .domain = "b.test" };
	struct tls_settings settings = { .user = { (uid_t)-1, (gid_t)-1 },
		.identities = &files,
		.n_identities = 1 };
	struct err e;

	(void)state;
	kept = ops;
	mime_start();
	certs_folder(world.folder);
	root = cert_root("root");
	leaf = cert_leaf("b.test", root);
	mkdir(certs_path(world.folder, "trust"), 0755);
	mkdir(certs_path(world.folder, "none"), 0755);
	certs_write(certs_path(world.folder, "trust/root.pem"), root, NULL);
	certs_write(certs_path(world.folder, "leaf.pem"), leaf, NULL);
	certs_write_key(certs_path(world.folder, "leaf.key"), leaf);
	cert_free(&leaf);
	leaf = cert_root("other");
	certs_write(certs_path(world.folder, "none/other.pem"), leaf, NULL);
	cert_free(&leaf);
	cert_free(&root);
	files.certificate = certs_path(world.folder, "leaf.pem");
	files.key = certs_path(world.folder, "leaf.key");
	settings.trust = certs_path(world.folder, "trust");
	log_open("mc_servers", LOG_ERROR);
	assert_true(tls_holder_new(&world.tls, &settings, &e));
	assert_true(auth_keys_make(&world.keys, SPAN_LIT(PASSWORD), &e));
	world.auth = auth_new(&kept, NULL);
	assert_true(loop_new(&world.loop, &e));
	listen_at(0);
	listen_at(1);
	write_zone();
	assert_int_equal(pthread_create(&world.thread, NULL, serve, NULL), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	loop_stop(world.loop);
	pthread_join(world.thread, NULL);
	for (int i = 0; i < 2; i++) {
		loop_fd_free(&world.fds[i]);
		close(world.listens[i]);
	}
	conn_drop_all(world.loop, NULL);
	loop_drain(world.loop);
	loop_free(&world.loop);
	auth_free(&world.auth);
	tls_holder_free(&world.tls);
	buf_clear(&world.got);
	certs_remove(world.folder);
	mime_stop();
	return 0;
}

/* -- mc's side ---------------------------------------------------------------------------------- */

static struct account
account(const char *address, const char *password, const char *trust)
{
	struct account a = { .config = { .allow_private = true } };

	snprintf(a.config.address, sizeof a.config.address, "%s", address);
	snprintf(a.password, sizeof a.password, "%s", password);
	snprintf(a.config.trust, sizeof a.config.trust, "%s", certs_path(world.folder, trust));
	snprintf(a.config.resolver, sizeof a.config.resolver, "zone:%s",
	    certs_path(world.folder, "zone"));
	behave((struct behaviour) { .breaks = 0 });
	return a;
}

static void
inbox_refused(struct account a, enum refusal why, const char *host)
{
	struct inbox *b = NULL;
	struct fault f;
	int before = atomic_load(&world.requests);

	assert_false(inbox_open(&b, &a, &f) && inbox_sign_in(b, &a, &f));
	if (f.err.why != why)
		fail_msg("%s: %s", refusal_word(f.err.why), f.err.text);
	assert_string_equal(f.host, host);
	if (host[0] == '\0') /* nothing was said to such a server */
		assert_int_equal(atomic_load(&world.requests), before);
	inbox_close(&b);
}

static void
strangers(void **state)
{
	(void)state;
	inbox_refused(account("bob@b.test", PASSWORD, "none"), REFUSAL_certificate_untrusted, "");
	inbox_refused(account("bob@c.test", PASSWORD, "trust"), REFUSAL_no_sni, "");
	inbox_refused(account("bob@d.test", PASSWORD, "trust"), REFUSAL_no_such_domain, "");
}

/* The message names the domain once, whoever says that it does not exist. */
static void
the_record_is_named_once(void **state)
{
	static const struct {
		const char *address, *named, *not ;
	} rows[] = {
		{ "bob@d.test", "d.test", "_ims-mailbox._tcp.d.test" },
		{ "bob@e.test", "_ims-mailbox._tcp.e.test", "" },
		{ "bob@f.test", "_ims-mailbox._tcp.f.test", "" },
		{ "bob@g.test", "_ims-mailbox._tcp.g.test", "" },
		{ "bob@h.test", "host.h.test", "_ims-mailbox._tcp.h.test" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct account a = account(rows[i].address, PASSWORD, "trust");
		struct inbox *b = NULL;
		struct fault f;
		const char *at;

		assert_false(inbox_open(&b, &a, &f));
		inbox_close(&b);
		at = strstr(f.err.text, rows[i].named);
		if (at == NULL || strstr(at + 1, rows[i].named) != NULL ||
		    (rows[i].not [0] != '\0' && strstr(f.err.text, rows[i].not ) != NULL))
			fail_msg("%s: %s", rows[i].address, f.err.text);
	}
}

static void
no_address(void **state)
{
	struct account a = account("bob", PASSWORD, "trust");
	struct link *l;
	struct err e;

	(void)state;
	assert_false(link_new(&l, &a.config, &e));
	assert_int_equal(e.why, REFUSAL_bad_address);
	assert_string_equal(e.text, "\"bob\" is not local@domain");
}

static void
passwords(void **state)
{
	(void)state;
	inbox_refused(account("bob@b.test", "wrong", "trust"), REFUSAL_auth_failed, "host.test");
	inbox_refused(account("eve@b.test", PASSWORD, "trust"), REFUSAL_auth_failed, "host.test");
}

static struct inbox *
open_inbox(struct account *a)
{
	struct inbox *b = NULL;
	struct fault f;

	if (!inbox_open(&b, a, &f) || !inbox_sign_in(b, a, &f))
		fail_msg("%s: %s", refusal_word(f.err.why), f.err.text);
	assert_string_equal(inbox_host(b), "host.test");
	return b;
}

static void
count(void *arg, const struct mailbox_notice *n)
{
	assert_string_equal(n->from, "alice@a.test");
	++*(int *)arg;
}

static void
reads(void **state)
{
	struct account a = account("bob@b.test", PASSWORD, "trust");
	struct inbox *b = open_inbox(&a);
	struct mailbox_notice n;
	struct fault f;
	struct buf summary = BUF_INIT;
	char got[sizeof LETTER];
	int fd = -1, rows = 0;

	(void)state;
	assert_true(inbox_list(b, count, &rows, &f));
	assert_int_equal(rows, 1);
	assert_true(inbox_find(b, 1, &n, &f));
	assert_true(inbox_summary(b, 1, &summary, &f));
	assert_int_equal(summary.len, sizeof LETTER - 1);
	buf_clear(&summary);
	assert_true(reading_fetch(b, &n, NULL, &f));
	assert_true(reading_whole(b, &n, NULL, &fd, &f));
	assert_int_equal(pread(fd, got, sizeof got, 0), sizeof LETTER - 1);
	assert_memory_equal(got, LETTER, sizeof LETTER - 1);
	close(fd);
	assert_false(inbox_find(b, 2, &n, &f));
	assert_int_equal(f.err.why, REFUSAL_no_such_number);
	n.number = 2;
	assert_false(reading_whole(b, &n, NULL, &fd, &f));
	assert_int_equal(f.err.why, REFUSAL_no_such_number);
	assert_string_equal(f.host, "host.test");
	inbox_close(&b);
}

static void
lies(struct behaviour how)
{
	struct account a = account("bob@b.test", PASSWORD, "trust");
	struct inbox *b = open_inbox(&a);
	struct mailbox_notice n;
	struct fault f;
	int fd = -1;

	behave(how);
	assert_true(inbox_find(b, 1, &n, &f));
	assert_false(reading_whole(b, &n, NULL, &fd, &f));
	assert_int_equal(fd, -1);
	if (f.err.why != REFUSAL_broken_promise)
		fail_msg("%s: %s", refusal_word(f.err.why), f.err.text);
	assert_string_equal(f.host, "");
	inbox_close(&b);
}

static void
liars(void **state)
{
	(void)state;
	lies((struct behaviour) { .flip = true });
	lies((struct behaviour) { .cut = true });
	lies((struct behaviour) { .no_digest = true });
}

/* -- sending ------------------------------------------------------------------------------------ */

static struct letter
letter(const char *to, size_t octets)
{
	const struct compose how = { .own = "bob@b.test", .most = 1 << 30 };
	struct letter l;
	struct buf b = BUF_INIT;
	struct err e;
	int fd;

	letter_init(&l);
	buf_addf(&b, "%s", LETTER);
	while (b.len < octets)
		buf_add(&b, "0123456789abcdef", 16);
	assert_true(scratch_open(&fd, &e) && scratch_add(fd, buf_span(&b), &e));
	lseek(fd, 0, SEEK_SET);
	assert_true(compose_read(&l, fd, &how, &e) && letter_to(&l, to, &e));
	close(fd);
	buf_clear(&b);
	return l;
}

static bool
send_letter(const struct letter *l, struct fault *f)
{
	static const char token[SUBMISSION_TOKEN_BYTES] = "0123456789abcdef0123456789abcdef";
	struct account a = account("bob@b.test", PASSWORD, "trust");
	struct submission *s = NULL;
	struct ulid id;
	char text[ULID_STR_BYTES];
	bool ok;

	ok = submission_open(&s, &a, f) && submission_sign_in(s, &a, f) &&
	    submission_send(s, l, 0, token, &id, f);
	if (ok) {
		ulid_str(&id, text);
		assert_string_equal(text, "01JDZ5TPB4M4Q8W1RZ9H1V6K3C");
	}
	submission_close(&s);
	return ok;
}

static void
sends(void **state)
{
	static const size_t sizes[] = { 1, 100000, 5000000 };
	struct fault f;

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct letter l = letter("alice@a.test", sizes[i]);
		struct source *s = letter_source(&l);
		struct buf want = BUF_INIT;
		ssize_t n;

		if (!send_letter(&l, &f))
			fail_msg("%s: %s", refusal_word(f.err.why), f.err.text);
		while (want.len < letter_size(&l) &&
		    (n = s->read(s, want.len, buf_room(&want, 65536), 65536)) > 0)
			want.len += (size_t)n;
		pthread_mutex_lock(&world.lock);
		assert_int_equal(world.got.len, want.len);
		assert_memory_equal(world.got.data, want.data, want.len);
		pthread_mutex_unlock(&world.lock);
		s->free(s);
		buf_clear(&want);
		letter_clear(&l);
	}
}

static void
refused_recipient(void **state)
{
	struct letter l = letter("nobody@a.test", 1);
	struct fault f;

	(void)state;
	assert_false(send_letter(&l, &f));
	assert_int_equal(f.err.why, REFUSAL_no_such_user);
	assert_string_equal(f.err.text, "nobody@a.test: nobody is there");
	assert_string_equal(f.host, "host.test");
	letter_clear(&l);
}

/* The whole command, with its standard input from a file and its words nowhere. */
static int
send_command(int breaks_first)
{
	struct account a = account("bob@b.test", PASSWORD, "trust");
	char *to[] = { "alice@a.test", NULL };
	struct options o = { .called = "mc", .quiet = true, .n_args = 1, .args = to };
	struct err e;
	int fd, saved = dup(STDIN_FILENO), status;

	snprintf(a.config.file, sizeof a.config.file, "%s", certs_path(world.folder, "mc.conf"));
	snprintf(a.config.password_file, sizeof a.config.password_file, "%s",
	    certs_path(world.folder, "password"));
	assert_true(config_save(&a.config, PASSWORD, &e));
	o.conf_file = a.config.file;
	assert_true(scratch_open(&fd, &e));
	for (int i = 0; i < 100000; i++)
		assert_true(scratch_add(fd, SPAN_LIT("0123456789\n"), &e));
	lseek(fd, 0, SEEK_SET);
	behave((struct behaviour) { .breaks = breaks_first });
	dup2(fd, STDIN_FILENO);
	close(fd);
	status = verb_send(&o);
	dup2(saved, STDIN_FILENO);
	close(saved);
	heard();
	return status;
}

/* A letter whose connection breaks is sent again with the same token, twice at most. */
static void
breaks(void **state)
{
	(void)state;
	assert_int_equal(send_command(0), 0);
	assert_int_equal(world.n_tokens, 1);
	assert_int_equal(send_command(2), 0);
	assert_int_equal(world.n_tokens, 3);
	assert_int_equal(strlen(world.tokens[0]), SUBMISSION_TOKEN_BYTES - 1);
	assert_string_equal(world.tokens[0], world.tokens[1]);
	assert_string_equal(world.tokens[0], world.tokens[2]);
	assert_true(memmem(world.got.data, world.got.len, "\r\n\r\n0123456789\r\n", 16) != NULL);
	assert_int_not_equal(send_command(3), 0);
	assert_int_equal(world.n_tokens, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strangers),
		cmocka_unit_test(the_record_is_named_once),
		cmocka_unit_test(no_address),
		cmocka_unit_test(passwords),
		cmocka_unit_test(reads),
		cmocka_unit_test(liars),
		cmocka_unit_test(sends),
		cmocka_unit_test(refused_recipient),
		cmocka_unit_test(breaks),
	};

	return cmocka_run_group_tests_name("mc_servers", tests, setup, teardown);
}
