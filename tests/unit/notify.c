/* notify — the server's bindings, limits, order and late answers; then both engines back to back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/line.h"
#include "proto/notify_client.h"
#include "proto/reply.h"
#include "tests/drive.h"
#include "tests/notify_scene.h"

#define WELCOME	"250 2.0.0 b.test listens to a.test\r\n"
#define OK	"250 2.1.5 noticed\r\n"

static struct scene	 sc;
static struct scene_role role;
static struct buf	 held;

static void
begin(void)
{
	scene_role_init(&role);
	scene_raw(&sc, "HELLO a.test\r\n");
}

static void
end(void)
{
	scene_role_clear(&role);
	scene_clear(&sc);
	buf_clear(&held);
}

/* The words of all replies so far: "250" or "[word]". */
static void
words(struct buf *out)
{
	struct buf	*in = &role.engine.server.engine.out;
	struct span	 line;
	struct reply	 r;
	size_t		 used;
	struct err	 e;

	while (line_next(buf_span(in), &line, &used, &e) == LINE_READY) {
		assert_true(reply_parse(line, &r, &e));
		if (r.code < 300)
			buf_addf(out, "%d ", r.code);
		else
			buf_addf(out, "%.*s ", SPAN_FMT(r.word));
		buf_drop(in, used);
	}
	assert_int_equal(in->len, 0);
}

static void
says(const char *want)
{
	struct buf	 got = BUF_INIT;

	words(&got);
	buf_add(&got, "", 1);
	assert_string_equal(got.data, want);
	buf_clear(&got);
}

static void
feed(size_t chunk)
{
	drive(&role.engine.server.engine, &held, buf_span(&sc.wire), chunk);
	buf_reset(&sc.wire);
}

/* The scene said so far is played; ends it. */
static void
plays(const char *want)
{
	feed(sc.wire.len);
	says(want);
	assert_false(role.engine.server.engine.closing);
	end();
}

static void
letters_and_recalls(void **state)
{
	struct scene_letter	 l = scene_letter(1), again = scene_letter(2), back = scene_letter(1);
	const struct notify_batch *b;

	(void)state;
	begin();
	role.slow = true;
	l.n_recipients = 3;
	l.recipients[1] = "full@b.test";
	again.recipients[0] = "again@b.test";
	back.n_recipients = 0;
	scene_say(&sc, &l);
	scene_say(&sc, &again);
	scene_say(&sc, &back);
	scene_seal(&sc);
	feed(sc.wire.len);
	assert_int_equal(role.n_batches, 1);
	b = role.batches[0];
	assert_int_equal(b->n_open, 5);
	assert_int_equal(b->n_statements, 3);
	assert_true(span_eq(b->entries[1].address, SPAN_LIT("full@b.test")));
	assert_int_equal(b->entries[3].statement, 1);
	assert_int_equal(b->statements[0].size, 1001);
	assert_int_equal(b->statements[2].kind, STATEMENT_RECALL);
	assert_true(span_eq(b->seal.signer, SPAN_LIT("a.test")));
	assert_int_equal(b->signature.n, 32);
	assert_true(scene_answer(&role, 0));
	buf_add(&role.engine.server.engine.out, "", 1);
	assert_string_equal(role.engine.server.engine.out.data, WELCOME OK
	    "452 4.2.2 [mailbox-full] the mailbox is full\r\n" OK
	    "250 2.1.5 noticed before\r\n250 2.1.5 recalled\r\n");
	end();
}

static void
however_it_is_cut(void **state)
{
	(void)state;
	for (size_t chunk = 1; chunk < 3000; chunk = chunk < 5 ? chunk + 1 : chunk * 3 / 2) {
		struct scene_letter	 l = scene_letter(1);

		begin();
		l.n_recipients = 2;
		scene_say(&sc, &l);
		scene_raw(&sc, "RCPT nonsense\r\nSTATEMENT 3\r\nabc");
		scene_seal(&sc);
		scene_raw(&sc, "NOOP\r\n");
		l = scene_letter(2);
		scene_say(&sc, &l);
		scene_seal(&sc);
		scene_raw(&sc, "QUIT\r\n");
		feed(chunk);
		says("250 250 250 bad-address 250 250 221 ");
		assert_true(role.engine.server.engine.closing);
		end();
	}
}

/* A fault of one statement refuses its recipients alone: a good letter stands on each side. */
static void
amid(const struct scene_letter *l, const char *want)
{
	struct scene_letter	 first = scene_letter(101), last = scene_letter(102);
	char			 all[200];

	begin();
	scene_say(&sc, &first);
	scene_say(&sc, l);
	scene_say(&sc, &last);
	scene_seal(&sc);
	snprintf(all, sizeof all, "250 250 %s 250 ", want);
	plays(all);
}

static void
bindings_of_a_statement(void **state)
{
	struct scene_letter	 l = scene_letter(1);

	(void)state;
	l.from = "alice@mail.a.test";
	amid(&l, "from-domain");
	l = scene_letter(1);
	l.recipient_domain = "c.test";
	amid(&l, "domain-not-served");
	l = scene_letter(1);
	l.recipients[0] = "bob@c.test";
	amid(&l, "domain-not-served");
	l.recipients[0] = "bob@mail.b.test";
	amid(&l, "domain-not-served");
	l = scene_letter(1);
	for (int64_t d = -1; d <= 1; d++) {
		l.hold_until_s = SCENE_NOW + d;
		amid(&l, d <= 0 ? "hold-expired" : "250");
	}
	l = scene_letter(1);
	l.n_recipients = 3;
	l.recipients[0] = l.recipients[2] = "bob@b.test";
	amid(&l, "250 250 duplicate");
	l = scene_letter(1);
	l.no_rcpt = true;
	amid(&l, "no-recipient");
	l = scene_letter(1);
	l.n_recipients = 0;
	l.from = "a@c.test";
	amid(&l, "from-domain");
	l = scene_letter(101);				/* the first once more */
	amid(&l, "duplicate");
}

static void
bindings_of_a_recipient(void **state)
{
	struct scene_letter	 l = scene_letter(1), back = scene_letter(1);
	unsigned char		 salt[16];

	(void)state;
	begin();
	l.n_recipients = 2;
	scene_salt(1, 0, salt);
	scene_rcpt(&sc, SPAN_LIT("user0@b.test"), salt);
	scene_rcpt(&sc, SPAN_LIT("user1@b.test"), salt);	/* the other's salt */
	salt[15] ^= 1;
	scene_rcpt(&sc, SPAN_LIT("user2@b.test"), salt);
	l.no_rcpt = true;
	scene_say(&sc, &l);
	scene_rcpt(&sc, SPAN_LIT("user0@b.test"), salt);
	back.n_recipients = 0;
	scene_say(&sc, &back);				/* a recall has none */
	scene_rcpt(&sc, SPAN_LIT("user0@b.test"), salt);	/* and this one no statement */
	scene_seal(&sc);
	plays("250 250 rcpt-hash rcpt-hash bad-sequence bad-sequence ");
}

static void
faulty_lines_keep_their_place(void **state)
{
	static const char *const	 lines[][2] = {
		{ "RCPT", "bad-address" }, { "RCPT <bob@b.test>", "bad-syntax" },
		{ "RCPT bob@b.test 00000000000000000000000000000000", "bad-address" },
		{ "RCPT <bob> 00000000000000000000000000000000", "bad-address" },
		{ "RCPT <bob@[192.0.2.1]> 00000000000000000000000000000000", "address-literal" },
		{ "RCPT <bob@B.test> 00000000000000000000000000000000", "bad-domain" },
		{ "RCPT <bob@b.test> 0000000000000000000000000000000", "bad-syntax" },
		{ "RCPT <bob@b.test> 000000000000000000000000000000000", "bad-syntax" },
		{ "RCPT <bob@b.test> 0000000000000000000000000000000A", "bad-syntax" },
		{ "RCPT  <bob@b.test> 00000000000000000000000000000000", "bad-address" },
		{ "RCPT <bob@b.test> 00000000000000000000000000000000 x", "bad-syntax" },
		{ "STATEMENT 0", "bad-statement" }, { "STATEMENT 3\r\nabc", "bad-statement" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct scene_letter	 l = scene_letter(1);
		char			 want[100];
		bool			 text = lines[i][0][0] == 'S';

		begin();
		scene_say(&sc, &l);
		scene_raw(&sc, lines[i][0]);
		if (strstr(lines[i][0], "abc") == NULL)
			scene_raw(&sc, "\r\n");
		if (text)
			scene_sha256(span_str(strstr(lines[i][0], "abc") ? "abc" : ""),
			    sc.digests[sc.n++]);
		l = scene_letter(2);
		scene_say(&sc, &l);
		scene_seal(&sc);
		snprintf(want, sizeof want, "250 250 %s 250 ", lines[i][1]);
		plays(want);
	}
}

static void
not_in_the_seal(void **state)
{
	struct scene_letter	 l = scene_letter(1);

	(void)state;
	begin();
	scene_say(&sc, &l);
	l = scene_letter(2);
	scene_say(&sc, &l);
	sc.n = 1;
	scene_seal(&sc);
	plays("250 250 seal-statement ");
}

/* -- seals ---------------------------------------------------------------------------------- */

static void
two_letters(void)
{
	struct scene_letter	 l = scene_letter(1), back = scene_letter(2);

	l.n_recipients = 2;
	back.n_recipients = 0;
	begin();
	scene_say(&sc, &l);
	scene_say(&sc, &back);
}

static void
a_faulty_seal_refuses_all(void **state)
{
	(void)state;
	two_letters();
	scene_seal_by(&sc, "mail.a.test", "b.test", SCENE_NOW);
	plays("250 seal-signer seal-signer seal-signer ");
	two_letters();
	scene_seal_by(&sc, "a.test", "c.test", SCENE_NOW);
	plays("250 seal-for seal-for seal-for ");
	for (int64_t d = -301; d <= 301; d += d == -301 || d == 300 ? 1 : 600) {
		two_letters();
		scene_seal_by(&sc, "a.test", "b.test", SCENE_NOW + d);
		plays(d == -300 || d == 300 ? "250 250 250 250 " :
		    "250 seal-date seal-date seal-date ");
	}
	two_letters();
	scene_seal_text(&sc, SPAN_LIT("Tillcalled-Seal: 1\r\n"));
	plays("250 bad-seal-form bad-seal-form bad-seal-form ");
	two_letters();
	scene_seal_text(&sc, SPAN_LIT(""));
	plays("250 bad-seal-form bad-seal-form bad-seal-form ");
	two_letters();
	scene_seal(&sc);
	sc.wire.data[sc.wire.len - 1] ^= 1;
	plays("250 seal-bad seal-bad seal-bad ");
}

/* Each octet of a sealed batch changed: never are all its recipients accepted. */
static void
each_octet_counts(void **state)
{
	size_t	 from, n;

	(void)state;
	begin();
	from = sc.wire.len;
	end();
	two_letters();
	scene_seal(&sc);
	n = sc.wire.len;
	end();
	for (size_t i = from; i < n; i++) {
		struct buf	 got = BUF_INIT;

		two_letters();
		scene_seal(&sc);
		sc.wire.data[i] ^= 1;
		feed(sc.wire.len);
		words(&got);
		buf_add(&got, "", 1);
		assert_string_not_equal(got.data, "250 250 250 250 ");
		buf_clear(&got);
		end();
	}
}

static void
seal_line(const char *line, size_t octets, const char *want, bool closes)
{
	struct buf	 zeros = BUF_INIT;

	two_letters();
	scene_raw(&sc, line);
	memset(buf_room(&zeros, octets + 1), 'x', octets);
	buf_add(&sc.wire, zeros.data, octets);
	scene_raw(&sc, "NOOP\r\n");
	feed(sc.wire.len);
	says(want);
	assert_int_equal(role.engine.server.engine.closing, closes);
	buf_clear(&zeros);
	end();
}

static void
seal_lines(void **state)
{
	static const char	 form[] = "250 bad-seal-form bad-seal-form bad-seal-form 250 ";

	(void)state;
	seal_line("SEAL 8191 ecdsa-sha256 70\r\n", 8191 + 70, form, false);
	seal_line("SEAL 8192 ecdsa-sha256 1024\r\n", 8192 + 1024, form, false);
	seal_line("SEAL 8193 ecdsa-sha256 1024\r\n", 8193 + 1024, form, false);
	seal_line("SEAL 10 ecdsa-sha256 1023\r\n", 1033, form, false);
	seal_line("SEAL 10 ecdsa-sha256 1025\r\n", 1035, form, false);
	seal_line("SEAL 10 rsa-sha1 70\r\n", 80, form, false);
	seal_line("SEAL 0 rsa-sha1 0\r\n", 0, form, false);
	seal_line("SEAL\r\n", 0, "250 bad-syntax ", true);
	seal_line("SEAL 10 ecdsa-sha256\r\n", 0, "250 bad-syntax ", true);
	seal_line("SEAL 010 ecdsa-sha256 1\r\n", 0, "250 bad-syntax ", true);
	seal_line("SEAL 10 ecdsa-sha256 1 x\r\n", 0, "250 bad-syntax ", true);
	seal_line("SEAL 9999999999999999999 ecdsa-sha256 1\r\n", 0, "250 bad-syntax ", true);
	seal_line("SEAL 1048576 ecdsa-sha256 1\r\n", 0, "250 batch-too-big ", true);
	seal_line("STATEMENT\r\n", 0, "250 bad-syntax ", true);
	seal_line("STATEMENT x\r\n", 0, "250 bad-syntax ", true);
	seal_line("STATEMENT -1\r\n", 0, "250 bad-syntax ", true);
}

static void
signature_length(size_t n, const char *want)
{
	struct scene_letter	 l = scene_letter(1);
	struct buf		 text = BUF_INIT;
	struct err		 e;

	begin();
	scene_say(&sc, &l);
	assert_true(seal_write(&text, SPAN_LIT("a.test"), SPAN_LIT("b.test"), SCENE_NOW, sc.digests,
	    1, &e));
	buf_addf(&sc.wire, "SEAL %zu rsa-sha256 %zu\r\n", text.len, n);
	buf_add(&sc.wire, text.data, text.len);
	memset(buf_room(&sc.wire, n), 'x', n);
	sc.wire.len += n;
	buf_clear(&text);
	plays(want);
}

static void
signature_limit(void **state)
{
	(void)state;
	signature_length(SEAL_SIGNATURE_MAX - 1, "250 seal-bad ");
	signature_length(SEAL_SIGNATURE_MAX, "250 seal-bad ");
	signature_length(SEAL_SIGNATURE_MAX + 1, "250 bad-seal-form ");
}

static void
a_seal_of_nothing(void **state)
{
	(void)state;
	begin();
	scene_raw(&sc, "SEAL 3 ecdsa-sha256 2\r\nabcdeNOOP\r\n");
	plays("250 bad-sequence 250 ");
}

/* Ten refused seals are enough of one peer. */
static void
seal_faults_are_counted(void **state)
{
	(void)state;
	two_letters();
	scene_seal_by(&sc, "c.test", "b.test", SCENE_NOW);
	for (int i = 1; i < SERVER_ERRORS_MAX; i++) {
		struct scene_letter	 l = scene_letter(1);

		feed(sc.wire.len);
		assert_false(role.engine.server.engine.closing);
		scene_say(&sc, &l);
		scene_seal_by(&sc, "c.test", "b.test", SCENE_NOW);
	}
	feed(sc.wire.len);
	assert_true(role.engine.server.engine.closing);
	end();
}

/* -- limits ------------------------------------------------------------------------------------ */

static void
statement_size(size_t n, const char *want)
{
	struct scene_letter	 l = scene_letter(1);
	struct buf		 text = BUF_INIT;

	begin();
	memset(buf_room(&text, n), 'x', n);
	text.len = n;
	scene_text(&sc, buf_span(&text));
	buf_clear(&text);
	scene_say(&sc, &l);
	scene_seal(&sc);
	plays(want);
}

static void
statement_limit(void **state)
{
	(void)state;
	statement_size(STATEMENT_MAX_BYTES - 1, "250 bad-statement 250 ");
	statement_size(STATEMENT_MAX_BYTES, "250 bad-statement 250 ");
	statement_size(STATEMENT_MAX_BYTES + 1, "250 statement-too-big 250 ");
	statement_size(ENGINE_WINDOW_BYTES * 3, "250 statement-too-big 250 ");
}

static void
count_words(size_t n_good, size_t n_bad, const char *word)
{
	struct buf	 got = BUF_INIT, want = BUF_INIT;

	buf_addf(&want, "250 ");
	for (size_t i = 0; i < n_good; i++)
		buf_addf(&want, "250 ");
	for (size_t i = 0; i < n_bad; i++)
		buf_addf(&want, "%s ", word);
	feed(sc.wire.len);
	words(&got);
	assert_true(span_eq(buf_span(&got), buf_span(&want)));
	buf_clear(&got);
	buf_clear(&want);
	end();
}

static void
statements_a_seal(void **state)
{
	(void)state;
	for (unsigned n = SEAL_STATEMENTS_MAX - 1; n <= SEAL_STATEMENTS_MAX + 1; n++) {
		begin();
		for (unsigned i = 0; i < n; i++) {
			struct scene_letter	 l = scene_letter(i);

			scene_say(&sc, &l);
		}
		if (sc.n > SEAL_STATEMENTS_MAX)
			sc.n = SEAL_STATEMENTS_MAX;
		scene_seal(&sc);
		count_words(n < SEAL_STATEMENTS_MAX ? n : SEAL_STATEMENTS_MAX,
		    n > SEAL_STATEMENTS_MAX, "too-many-statements");
	}
}

static void
recipients_a_statement(void **state)
{
	(void)state;
	for (size_t n = STATEMENT_RECIPIENTS_MAX - 1; n <= STATEMENT_RECIPIENTS_MAX + 1; n++) {
		struct scene_letter	 l = scene_letter(1);
		unsigned char		 salt[16];
		char			 address[ADDRESS_STR_BYTES];

		begin();
		l.n_recipients = n;
		for (size_t i = 0; i < n; i++) {
			scene_salt(1, i, salt);
			scene_rcpt(&sc, scene_recipient(&l, i, address), salt);
		}
		l.no_rcpt = true;
		l.n_recipients = n < STATEMENT_RECIPIENTS_MAX ? n : STATEMENT_RECIPIENTS_MAX;
		scene_say(&sc, &l);
		scene_seal(&sc);
		count_words(l.n_recipients, n > STATEMENT_RECIPIENTS_MAX, "too-many-recipients");
	}
}

/* "STATEMENT 16000\r\n" and 16,000 octets are 16,017; the seal's own octets count. */
static void
octets_a_batch(void **state)
{
	struct buf	 zeros = BUF_INIT;

	(void)state;
	memset(buf_room(&zeros, 40000), 'x', 40000);
	for (size_t more = 0; more <= 2; more++) {
		size_t	 left = NOTIFY_BATCH_BYTES - 1 + more, n;

		begin();
		for (; left > 30000; left -= 16017) {
			scene_raw(&sc, "STATEMENT 16000\r\n");
			buf_add(&sc.wire, zeros.data, 16000);
		}
		n = left - strlen("SEAL 10000 ecdsa-sha256 1000\r\n") - 1000;
		buf_addf(&sc.wire, "SEAL %zu ecdsa-sha256 1000\r\n", n);
		assert_true(n >= 10000 && n < 100000);
		buf_add(&sc.wire, zeros.data, n + 1000);
		feed(4096);
		assert_int_equal(role.engine.server.engine.closing, more == 2);
		if (more == 2)
			says("250 batch-too-big ");
		end();
	}
	buf_clear(&zeros);
}

static void
replies_a_seal(void **state)
{
	(void)state;
	for (size_t n = NOTIFY_ENTRIES_MAX - 1; n <= NOTIFY_ENTRIES_MAX + 1; n++) {
		begin();
		for (size_t i = 0; i < n; i++)
			scene_raw(&sc, "RCPT\r\n");
		feed(sc.wire.len);
		assert_int_equal(role.engine.server.engine.closing, n > NOTIFY_ENTRIES_MAX);
		says(n > NOTIFY_ENTRIES_MAX ? "250 too-many-recipients " : "250 ");
		end();
	}
}

/* -- order and time ---------------------------------------------------------------------------- */

static void
say_seals(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct scene_letter	 l = scene_letter(i);

		if (i == 1)
			l.recipients[0] = "full@b.test";
		if (i == 2)
			l.n_recipients = 0;
		scene_say(&sc, &l);
		scene_seal(&sc);
		scene_raw(&sc, "NOOP\r\n");
	}
}

static void
answers_in_any_order(void **state)
{
	static const size_t	 orders[][4] = { { 0, 1, 2, 3 }, { 3, 2, 1, 0 }, { 1, 3, 0, 2 },
		{ 2, 0, 3, 1 } };

	(void)state;
	for (size_t o = 0; o < 4; o++) {
		begin();
		role.slow = true;
		say_seals(4);
		scene_raw(&sc, "FROB\r\nQUIT\r\n");
		feed(sc.wire.len);
		assert_int_equal(role.n_batches, 4);
		assert_true(held.len > 0);	/* the fourth NOOP waits: four are under way */
		for (size_t i = 0; i < 4; i++) {
			assert_false(role.engine.server.engine.closing);
			assert_true(scene_answer(&role, orders[o][i]));
			drive_again(&role.engine.server.engine, &held);
		}
		says("250 250 250 mailbox-full 250 250 250 250 250 unknown-verb 221 ");
		assert_true(role.engine.server.engine.closing);
		end();
	}
}

static void
the_fifth_seal_waits(void **state)
{
	(void)state;
	begin();
	role.slow = true;
	say_seals(6);
	feed(sc.wire.len);
	assert_int_equal(role.n_batches, 4);
	assert_true(scene_answer(&role, 1));		/* not the oldest: nothing may leave */
	drive_again(&role.engine.server.engine, &held);
	assert_int_equal(role.n_batches, 4);
	says("250 ");
	assert_true(scene_answer(&role, 0));
	drive_again(&role.engine.server.engine, &held);
	assert_int_equal(role.n_batches, 6);
	says("250 250 mailbox-full 250 ");
	end();
}

static void
late_answers_are_dropped(void **state)
{
	struct notify_batch	*b;

	(void)state;
	begin();
	role.slow = true;
	say_seals(1);
	feed(sc.wire.len);
	b = role.batches[0];
	role.batches[0] = NULL;
	scene_judge(&role, b);
	assert_true(notify_server_answer(&role.engine, b));
	assert_false(notify_server_answer(&role.engine, b));	/* twice */
	says("250 250 250 ");
	notify_server_clear(&role.engine);			/* the session dies */
	scene_role_init(&role);
	assert_false(notify_server_answer(&role.engine, b));
	assert_int_equal(role.engine.server.engine.out.len, 0);
	assert_true(span_eq(b->entries[0].address, SPAN_LIT("user0@b.test")));
	notify_batch_free(&b);
	assert_null(b);
	end();
}

static void
a_fatal_line_waits_for_the_answers(void **state)
{
	(void)state;
	begin();
	role.slow = true;
	say_seals(1);
	scene_raw(&sc, "STATEMENT x\r\nQUIT\r\n");
	feed(sc.wire.len);
	says("250 ");
	assert_false(role.engine.server.engine.closing);
	assert_int_equal(held.len, 0);
	assert_true(scene_answer(&role, 0));
	says("250 250 bad-syntax ");
	assert_true(role.engine.server.engine.closing);
	end();
}

static void
nothing_is_verified_for_nothing(void **state)
{
	(void)state;
	begin();
	scene_raw(&sc, "RCPT\r\nSTATEMENT 0\r\n");
	scene_sha256(SPAN_LIT(""), sc.digests[sc.n++]);
	scene_seal(&sc);
	feed(sc.wire.len);
	says("250 bad-address ");
	assert_int_equal(role.verified, 0);
	assert_int_equal(role.n_batches, 0);
	end();
}

/* -- HELLO ------------------------------------------------------------------------------------- */

static void
hello(const char *said, const char *want, bool closes)
{
	scene_role_init(&role);
	scene_raw(&sc, said);
	feed(sc.wire.len);
	says(want);
	assert_int_equal(role.engine.server.engine.closing, closes);
	end();
}

static void
hellos(void **state)
{
	(void)state;
	hello("HELLO A.Test\r\nHELLO a.test\r\n", "250 bad-sequence ", false);
	hello("HELLO evil.test\r\nNOOP\r\n", "spf-fail ", true);
	hello("HELLO test\r\nHELLO a.test\r\n", "bad-domain 250 ", false);
	hello("HELLO\r\n", "bad-domain ", false);
	hello("HELLO [192.0.2.1]\r\n", "address-literal ", false);
	hello("HELLO xn--a.test\r\n", "bad-domain ", false);
	hello("RCPT\r\nNOOP\r\nQUIT\r\n", "bad-sequence 250 221 ", true);
}

static void
a_slow_hello(void **state)
{
	struct err	 e;

	(void)state;
	for (int how = 0; how < 3; how++) {
		begin();
		role.slow_hello = true;
		scene_raw(&sc, "NOOP\r\n");
		feed(sc.wire.len);
		says("");
		assert_false(notify_server_hello_answer(&role.engine, role.hello_request + 1, NULL));
		err_set(&e, REFUSAL_spf_temperror, "%s", "");
		assert_true(notify_server_hello_answer(&role.engine, role.hello_request,
		    how == 0 ? NULL : &e));
		assert_false(notify_server_hello_answer(&role.engine, role.hello_request, NULL));
		drive_again(&role.engine.server.engine, &held);
		says(how == 0 ? "250 250 " : "spf-temperror ");
		assert_int_equal(role.engine.server.engine.closing, how > 0);
		end();
	}
}

/* -- the client -------------------------------------------------------------------------------- */

struct teller {
	struct notify_client	 c;
	struct buf		 heard, held;
};

static void
on_hello(void *arg, const struct err *e)
{
	buf_addf(&((struct teller *)arg)->heard, "hello %s;", e ? refusal_word(e->why) : "ok");
}

static void
on_result(void *arg, void *batch, size_t index, struct span text, const struct err *e)
{
	(void)text;
	buf_addf(&((struct teller *)arg)->heard, "%s/%zu %s;", (const char *)batch, index,
	    e ? refusal_word(e->why) : "ok");
}

static void
on_batch_end(void *arg, void *batch, size_t answered, const struct err *e)
{
	buf_addf(&((struct teller *)arg)->heard, "%s end %zu %s;", (const char *)batch, answered,
	    e ? refusal_word(e->why) : "ok");
}

static void
on_lost(void *arg, const struct err *e)
{
	buf_addf(&((struct teller *)arg)->heard, "lost %s;", refusal_word(e->why));
}

static const struct notify_client_ops	 teller_ops = { on_hello, on_result, on_batch_end, on_lost };

static void
tell_begin(struct teller *t)
{
	*t = (struct teller){ 0 };
	notify_client_init(&t->c, &teller_ops, t);
	scene_role_init(&role);
}

static void
tell_end(struct teller *t)
{
	notify_client_clear(&t->c);
	buf_clear(&t->heard);
	buf_clear(&t->held);
	end();
}

/* Moves octets both ways until nothing moves. */
static void
pump(struct teller *t, size_t chunk)
{
	struct engine	*oms = &t->c.client.engine, *ims = &role.engine.server.engine;

	do {
		struct buf	 a = oms->out, b;

		oms->out = (struct buf)BUF_INIT;
		drive(ims, &held, buf_span(&a), chunk);
		b = ims->out;
		ims->out = (struct buf)BUF_INIT;
		drive(oms, &t->held, buf_span(&b), chunk);
		buf_clear(&a);
		buf_clear(&b);
	} while (oms->out.len + ims->out.len > 0);
}

static void
heard(struct teller *t, const char *want)
{
	buf_add(&t->heard, "", 1);
	assert_string_equal(t->heard.data, want);
	buf_reset(&t->heard);
}

/* Letters `first` to `last`; number 2 is a recall, the others have two recipients. */
static bool
tell(struct teller *t, unsigned first, unsigned last, const char *arg, struct err *e)
{
	static struct notify_recipient	 r[SCENE_LETTERS][2];
	struct notify_letter		 letters[SCENE_LETTERS] = { 0 };
	struct buf			 texts[SCENE_LETTERS] = { 0 }, seal = BUF_INIT;
	unsigned char			 digests[SCENE_LETTERS][32], signature[32];
	size_t				 n = last - first + 1;
	bool				 sent;

	for (unsigned i = 0; i < n; i++) {
		struct scene_letter	 l = scene_letter(first + i);

		l.n_recipients = first + i == 2 ? 0 : 2;
		l.recipients[0] = "bob@b.test";
		l.recipients[1] = "full@b.test";
		scene_statement(&l, &texts[i]);
		scene_sha256(buf_span(&texts[i]), digests[i]);
		letters[i] = (struct notify_letter){ buf_span(&texts[i]),
			l.n_recipients ? r[i] : NULL, l.n_recipients };
		for (size_t k = 0; k < l.n_recipients; k++) {
			r[i][k].address = span_str(l.recipients[k]);
			scene_salt(first + i, k, r[i][k].salt);
		}
	}
	assert_true(seal_write(&seal, SPAN_LIT("a.test"), SPAN_LIT("b.test"), SCENE_NOW, digests,
	    n < SEAL_STATEMENTS_MAX ? n : SEAL_STATEMENTS_MAX, e));
	scene_sign(buf_span(&seal), "ecdsa-sha256", signature);
	sent = notify_client_send(&t->c, letters, n, buf_span(&seal), SEAL_ECDSA_SHA256,
	    span_of(signature, sizeof signature), (void *)(uintptr_t)arg, e);
	for (unsigned i = 0; i < n; i++)
		buf_clear(&texts[i]);
	buf_clear(&seal);
	return sent;
}

static void
both_engines(void **state)
{
	struct err	 e;

	(void)state;
	for (size_t chunk = 1; chunk < 5000; chunk *= 5) {
		struct teller	 t;

		tell_begin(&t);
		notify_client_hello(&t.c, "a.test");
		assert_false(notify_client_may_send(&t.c));
		pump(&t, chunk);
		heard(&t, "hello ok;");
		assert_true(tell(&t, 1, 3, "x", &e));
		notify_client_noop(&t.c);
		assert_true(tell(&t, 4, 4, "y", &e));
		pump(&t, chunk);
		heard(&t, "x/0 ok;x/1 mailbox-full;x/2 ok;x/3 ok;x/4 mailbox-full;x end 5 ok;"
		    "y/0 ok;y/1 mailbox-full;y end 2 ok;");
		notify_client_quit(&t.c);
		pump(&t, chunk);
		heard(&t, "lost closing;");
		assert_true(t.c.client.engine.closing && role.engine.server.engine.closing);
		tell_end(&t);
	}
}

static void
a_broken_session_ends_each_batch_once(void **state)
{
	struct teller	 t;
	struct err	 e;

	(void)state;
	tell_begin(&t);
	notify_client_hello(&t.c, "a.test");
	pump(&t, 10000);
	assert_true(tell(&t, 1, 3, "x", &e) && tell(&t, 4, 4, "y", &e));
	buf_reset(&t.heard);
	drive(&t.c.client.engine, &t.held, SPAN_LIT("250 2.1.5 noticed\r\n350 2.0.0 what\r\n"
	    "421 4.3.2 [closing] bye\r\n"), 7);
	heard(&t, "x/0 ok;x/1 bad-reply;x end 2 closing;y end 0 closing;lost closing;");
	assert_false(tell(&t, 1, 1, "z", &e));
	assert_int_equal(e.why, REFUSAL_bad_sequence);
	tell_end(&t);
}

static void
not_welcome(void **state)
{
	struct teller	 t;
	struct err	 e;

	(void)state;
	tell_begin(&t);
	notify_client_hello(&t.c, "evil.test");
	assert_false(tell(&t, 1, 1, "x", &e));
	assert_int_equal(e.why, REFUSAL_bad_sequence);
	pump(&t, 10000);
	heard(&t, "hello spf-fail;lost spf-fail;");
	tell_end(&t);
}

static void
four_seals_and_no_more(void **state)
{
	struct teller	 t;
	struct err	 e;
	size_t		 out;

	(void)state;
	tell_begin(&t);
	notify_client_hello(&t.c, "a.test");
	pump(&t, 10000);
	for (unsigned i = 0; i < NOTIFY_SEALS_MAX; i++) {
		assert_true(notify_client_may_send(&t.c));
		assert_true(tell(&t, i, i, "x", &e));
	}
	out = t.c.client.engine.out.len;
	assert_false(notify_client_may_send(&t.c));
	assert_false(tell(&t, 9, 9, "x", &e));
	assert_int_equal(e.why, REFUSAL_too_many_outstanding);
	assert_int_equal(t.c.client.engine.out.len, out);
	pump(&t, 10000);
	assert_true(notify_client_may_send(&t.c));
	tell_end(&t);
}

static void
what_the_client_will_not_send(void **state)
{
	static char		 big[STATEMENT_MAX_BYTES + 1];
	struct notify_recipient	 r[STATEMENT_RECIPIENTS_MAX + 1];
	struct notify_letter	 l[SEAL_STATEMENTS_MAX + 1];
	struct span		 s = SPAN_LIT("x");
	struct teller		 t;
	struct err		 e;

	(void)state;
	tell_begin(&t);
	notify_client_hello(&t.c, "a.test");
	pump(&t, 10000);
	for (size_t i = 0; i <= STATEMENT_RECIPIENTS_MAX; i++)
		r[i] = (struct notify_recipient){ .address = SPAN_LIT("bob@b.test") };
	for (size_t i = 0; i <= SEAL_STATEMENTS_MAX; i++)
		l[i] = (struct notify_letter){ s, NULL, 0 };
#define REFUSES(why_, n_, seal_, signature_) do {						\
		assert_false(notify_client_send(&t.c, l, n_, seal_, SEAL_RSA_SHA256, signature_,	\
		    NULL, &e));									\
		assert_int_equal(e.why, REFUSAL_##why_);					\
		assert_int_equal(t.c.client.engine.out.len, 0);					\
	} while (0)
	REFUSES(no_recipient, 0, s, s);
	REFUSES(too_many_statements, SEAL_STATEMENTS_MAX + 1, s, s);
	REFUSES(bad_seal_form, 1, span_of(big, SEAL_MAX_BYTES + 1), s);
	REFUSES(bad_seal_form, 1, s, span_of(big, SEAL_SIGNATURE_MAX + 1));
	l[0].statement = span_of(big, STATEMENT_MAX_BYTES + 1);
	REFUSES(statement_too_big, 1, s, s);
	l[0] = (struct notify_letter){ s, r, 0 };
	REFUSES(no_recipient, 1, s, s);
	l[0].n_recipients = STATEMENT_RECIPIENTS_MAX + 1;
	REFUSES(too_many_recipients, 1, s, s);
	l[0].n_recipients = STATEMENT_RECIPIENTS_MAX;
	r[1].address = SPAN_LIT("bob@b.test> 0\r\nQUIT");
	REFUSES(bad_domain, 1, s, s);
	r[1].address = r[0].address;
	for (size_t i = 0; i < SEAL_STATEMENTS_MAX; i++)
		l[i] = (struct notify_letter){ span_of(big, STATEMENT_MAX_BYTES), NULL, 0 };
	REFUSES(batch_too_big, SEAL_STATEMENTS_MAX, s, s);
	tell_end(&t);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(letters_and_recalls),
		cmocka_unit_test(however_it_is_cut),
		cmocka_unit_test(bindings_of_a_statement),
		cmocka_unit_test(bindings_of_a_recipient),
		cmocka_unit_test(faulty_lines_keep_their_place),
		cmocka_unit_test(not_in_the_seal),
		cmocka_unit_test(a_faulty_seal_refuses_all),
		cmocka_unit_test(each_octet_counts),
		cmocka_unit_test(seal_lines),
		cmocka_unit_test(signature_limit),
		cmocka_unit_test(a_seal_of_nothing),
		cmocka_unit_test(seal_faults_are_counted),
		cmocka_unit_test(statement_limit),
		cmocka_unit_test(statements_a_seal),
		cmocka_unit_test(recipients_a_statement),
		cmocka_unit_test(octets_a_batch),
		cmocka_unit_test(replies_a_seal),
		cmocka_unit_test(answers_in_any_order),
		cmocka_unit_test(the_fifth_seal_waits),
		cmocka_unit_test(late_answers_are_dropped),
		cmocka_unit_test(a_fatal_line_waits_for_the_answers),
		cmocka_unit_test(nothing_is_verified_for_nothing),
		cmocka_unit_test(hellos),
		cmocka_unit_test(a_slow_hello),
		cmocka_unit_test(both_engines),
		cmocka_unit_test(a_broken_session_ends_each_batch_once),
		cmocka_unit_test(not_welcome),
		cmocka_unit_test(four_seals_and_no_more),
		cmocka_unit_test(what_the_client_will_not_send),
	};

	return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
