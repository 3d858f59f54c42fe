/* notify — what the server binds together: HELLO, seal, statements, recipients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/notify_play.h"

static void
letters_and_recalls(void **state)
{
	struct scene_letter l = scene_letter(1), again = scene_letter(2), back = scene_letter(1);
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
	assert_string_equal(role.engine.server.engine.out.data,
	    WELCOME OK "452 4.2.2 [mailbox-full] the mailbox is full\r\n" OK
		       "250 2.1.5 noticed before\r\n250 2.1.5 recalled\r\n");
	end();
}

static void
however_it_is_cut(void **state)
{
	(void)state;
	for (size_t chunk = 1; chunk < 3000; chunk = chunk < 5 ? chunk + 1 : chunk * 3 / 2) {
		struct scene_letter l = scene_letter(1);

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

/* A fault of one statement refuses its recipients alone: a good letter is on each side. */
static void
amid(const struct scene_letter *l, const char *want)
{
	struct scene_letter first = scene_letter(101), last = scene_letter(102);
	char all[200];

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
	struct scene_letter l = scene_letter(1);

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
	l = scene_letter(101); /* the first once more */
	amid(&l, "duplicate");
}

static void
bindings_of_a_recipient(void **state)
{
	struct scene_letter l = scene_letter(1), back = scene_letter(1);
	unsigned char salt[16];

	(void)state;
	begin();
	l.n_recipients = 2;
	scene_salt(1, 0, salt);
	scene_rcpt(&sc, SPAN_LIT("user0@b.test"), salt);
	scene_rcpt(&sc, SPAN_LIT("user1@b.test"), salt); /* the other's salt */
	salt[15] ^= 1;
	scene_rcpt(&sc, SPAN_LIT("user2@b.test"), salt);
	l.no_rcpt = true;
	scene_say(&sc, &l);
	scene_rcpt(&sc, SPAN_LIT("user0@b.test"), salt);
	back.n_recipients = 0;
	scene_say(&sc, &back);                           /* a recall has none */
	scene_rcpt(&sc, SPAN_LIT("user0@b.test"), salt); /* and this one no statement */
	scene_seal(&sc);
	plays("250 250 rcpt-hash rcpt-hash bad-sequence bad-sequence ");
}

static void
faulty_lines_keep_their_place(void **state)
{
	static const char *const lines[][2] = {
		{ "RCPT", "bad-address" },
		{ "RCPT <bob@b.test>", "bad-syntax" },
		{ "RCPT bob@b.test 00000000000000000000000000000000", "bad-address" },
		{ "RCPT <bob> 00000000000000000000000000000000", "bad-address" },
		{ "RCPT <bob@[192.0.2.1]> 00000000000000000000000000000000", "address-literal" },
		{ "RCPT <bob@B.test> 00000000000000000000000000000000", "bad-domain" },
		{ "RCPT <bob@b.test> 0000000000000000000000000000000", "bad-syntax" },
		{ "RCPT <bob@b.test> 000000000000000000000000000000000", "bad-syntax" },
		{ "RCPT <bob@b.test> 0000000000000000000000000000000A", "bad-syntax" },
		{ "RCPT  <bob@b.test> 00000000000000000000000000000000", "bad-address" },
		{ "RCPT <bob@b.test> 00000000000000000000000000000000 x", "bad-syntax" },
		{ "STATEMENT 0", "bad-statement" },
		{ "STATEMENT 3\r\nabc", "bad-statement" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct scene_letter l = scene_letter(1);
		char want[100];
		bool text = lines[i][0][0] == 'S';

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
	struct scene_letter l = scene_letter(1);

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
	struct scene_letter l = scene_letter(1), back = scene_letter(2);

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
		plays(d == -300 || d == 300 ? "250 250 250 250 "
					    : "250 seal-date seal-date seal-date ");
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
	size_t from, n;

	(void)state;
	begin();
	from = sc.wire.len;
	end();
	two_letters();
	scene_seal(&sc);
	n = sc.wire.len;
	end();
	for (size_t i = from; i < n; i++) {
		struct buf got = BUF_INIT;

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
	struct buf zeros = BUF_INIT;

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
	static const char form[] = "250 bad-seal-form bad-seal-form bad-seal-form 250 ";

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
	struct scene_letter l = scene_letter(1);
	struct buf text = BUF_INIT;
	struct err e;

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
		struct scene_letter l = scene_letter(1);

		feed(sc.wire.len);
		assert_false(role.engine.server.engine.closing);
		scene_say(&sc, &l);
		scene_seal_by(&sc, "c.test", "b.test", SCENE_NOW);
	}
	feed(sc.wire.len);
	assert_true(role.engine.server.engine.closing);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
