/* conf_smtp — what a configuration says of SMTP: this host, outward, inward, and other domains. */
#include "tests/unit/conf_scene.h"

#define HOST "name = \"mx.a.test\" certificate = \"/c\" key = \"/k\" connect-from = \"192.0.2.9\" "

static void
the_host(void **state)
{
	static const struct {
		const char *line, *what;
	} cases[] = {
		{ "smtp { }", "smtp has no name; write: name = \"mail.example.org\"" },
		{ "smtp { name = \"mx.a.test\" }",
		    "smtp has no certificate; write: certificate = "
		    "\"/etc/letsencrypt/live/mx.a.test/fullchain.pem\"" },
		{ "smtp { name = \"mx.a.test\" certificate = \"/c\" key = \"/k\" }",
		    "smtp has no connect-from; write: connect-from = \"192.0.2.1\"" },
		{ "smtp { name = \"mx.a.test\" certificate = \"/c\" key = \"/k\" connect-from = \"\" }",
		    "smtp has no connect-from" },
		{ "smtp { name = \"mx\" }", "name = \"mx\" is no host's name: " },
		{ "smtp { name = \"[192.0.2.1]\" }", "is no host's name: " },
		{ "smtp { name = \"*.a.test\" }", "is no host's name: " },
		{ "smtp { name = \"mx.b\xc3\xbc.test\" }",
		    "is not in A-labels; write \"mx.xn--b-eha.test\"" },
		{ "smtp { connect-from = \"mx.a.test\" }", "is no address; write \"192.0.2.1\"" },
		{ "smtp { contact = \"http://a.test/\" }", "is no such URL; write \"https://" },
		{ "smtp { contact = \"https://\" }", "is no such URL" },
		{ "smtp { contact = \"https:///why\" }", "is no such URL" },
		{ "smtp { contact = \"https://a.test/a b\" }", "is no such URL" },
		{ "smtp { contact = \"https://a.test/a\\nb\" }", "is no such URL" },
		{ "smtp { contact = \"https://a.test/\xc3\xa4\" }", "is no such URL" },
		{ "smtp { postmaster = \"pat\" }", "is no address: " },
		{ "smtp { postmaster = \"pat@[192.0.2.1]\" }", "is no address: " },
		{ "smtp { " HOST "postmaster = \"pat@b.test\" }",
		    "postmaster = \"pat@b.test\" is not at a domain of this file; write: postmaster = "
		    "\"postmaster@a.test\"" },
		{ "smtp { user-letters = 1 }",
		    "smtp has no key user-letters; it belongs into oms" },
	};
	char text[1024], longest[CONF_URL_BYTES];
	struct conf *c;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		snprintf(text, sizeof text, HEAD "%s\n", cases[i].line);
		assert_refused(text, ":3", cases[i].what);
	}
	assert_refused(HEAD "smtp { " HOST "}\nsmtp { " HOST "}\n", ":4", "smtp appears twice");
	memset(longest, 'x', sizeof longest);
	memcpy(longest, "https://a.test/", 15);
	longest[CONF_URL_BYTES - 1] = '\0';
	snprintf(text, sizeof text, HEAD "smtp { " HOST "contact = \"%s\" }\n", longest);
	c = assert_loads(text);
	assert_string_equal(c->smtp.contact, longest);
	conf_unref(&c);
	snprintf(text, sizeof text, HEAD "smtp { " HOST "contact = \"%sx\" }\n", longest);
	assert_refused(text, ":3", "has more than 200 octets");
	c = assert_loads(HEAD "smtp { " HOST "contact = \"https://a.test:8443\" }\n");
	assert_string_equal(c->smtp.postmaster, "");
	conf_unref(&c);
}

#define SMTP_NAME                                                                                  \
	"smtp { name = \"mx.a.test\" certificate = \"/c3\" key = \"/k3\" connect-from = "          \
	"\"192.0.2.9\" }\n"

static void
smtp_outward(void **state)
{
	struct conf *c = assert_loads(HEAD "oms { }\n");
	char host[DOMAIN_BYTES];
	uint16_t port;

	(void)state;
	assert_string_equal(c->smtp_out.road, "off");
	assert_int_equal(c->smtp_out.certificate, CONF_ENFORCE);
	assert_int_equal(c->smtp_out.give_up_s, 5 * 86400);
	assert_int_equal(c->smtp_out.port, 25);
	assert_false(conf_smtp_out_is_on(c, SPAN_LIT("b.test")));
	conf_unref(&c);
	c = assert_loads(HEAD SMTP_NAME "oms { smtp-out = \"mx\" smtp-out-certificate = "
					"\"report-only\" smtp-give-up = \"2 days\" }\n");
	assert_int_equal(c->smtp_out.certificate, CONF_REPORT_ONLY);
	assert_int_equal(c->smtp_out.give_up_s, 2 * 86400);
	assert_false(conf_smarthost(&c->smtp_out, host, &port));
	assert_true(conf_smtp_out_is_on(c, SPAN_LIT("b.test")));
	conf_unref(&c);
	c = assert_loads(
	    HEAD SMTP_NAME "oms { smtp-out = \"via smtp.b.test\" smtp-out-user = \"u\" "
			   "smtp-out-password = \"/p\" }\n");
	assert_true(conf_smarthost(&c->smtp_out, host, &port));
	assert_string_equal(host, "smtp.b.test");
	assert_int_equal(port, 465);
	conf_unref(&c);
	c = assert_loads(HEAD SMTP_NAME "oms { smtp-out = \"via smtp.b.test:587\" }\n");
	assert_true(conf_smarthost(&c->smtp_out, host, &port));
	assert_string_equal(host, "smtp.b.test");
	assert_int_equal(port, 587);
	conf_unref(&c);
	for (size_t i = 0; i < 4; i++) {
		static const char *const bad[] = { "on", "via ", "via [192.0.2.1]",
			"via smtp.b.test:0" };
		char text[512];

		snprintf(text, sizeof text, HEAD SMTP_NAME "oms { smtp-out = \"%s\" }\n", bad[i]);
		assert_refused(text, ":4", "is none of \"off\", \"mx\" and \"via HOST:PORT\"");
	}
	assert_refused(HEAD "oms { smtp-out = \"mx\" }\n", ":3", "needs a section smtp");
	assert_refused(HEAD SMTP_NAME "oms { smtp-out-user = \"u\" }\n", ":4", "go together");
	assert_refused(HEAD SMTP_NAME "oms { smtp-out-certificate = \"never\" }\n", ":4",
	    "is neither \"enforce\" nor \"report-only\"");
}

static void
smtp_in(void **state)
{
	struct conf *c = assert_loads(HEAD SMTP_NAME
	    "ims { listen-smtp = { \"::1\" } smtp-in-certificate = \"report-only\" smtp-in-spf = "
	    "\"report-only\" smtp-in-mx = \"report-only\" smtp-in-open = \"postmaster abuse\" }\n"
	    "peer b.test { smtp-in = \"off\" smtp-in-certificate = \"report-only\" }\n");

	(void)state;
	assert_int_equal(c->listens[CONF_LISTEN_SMTP].n, 1);
	assert_int_equal(c->smtp_in.certificate, CONF_REPORT_ONLY);
	assert_int_equal(c->smtp_in.spf, CONF_REPORT_ONLY);
	assert_int_equal(c->smtp_in.mx, CONF_REPORT_ONLY);
	assert_int_equal(c->smtp_in.open, CONF_OPEN_TWO);
	assert_int_equal(conf_peer(c, SPAN_LIT("b.test"))->smtp_in, CONF_OFF);
	assert_int_equal(conf_peer(c, SPAN_LIT("b.test"))->smtp_in_certificate, CONF_REPORT_ONLY);
	conf_unref(&c);
	c = assert_loads(HEAD SMTP_NAME "ims { listen-notify = \"none\" }\n");
	assert_int_equal(c->listens[CONF_LISTEN_SMTP].n, 0);
	assert_int_equal(c->smtp_in.certificate, CONF_ENFORCE);
	assert_int_equal(c->smtp_in.spf, CONF_ENFORCE);
	assert_int_equal(c->smtp_in.mx, CONF_ENFORCE);
	assert_int_equal(c->smtp_in.open, CONF_OPEN_NOBODY);
	assert_int_equal(conf_peer(c, SPAN_LIT("b.test"))->smtp_in, CONF_ON);
	conf_unref(&c);
	c = assert_loads(
	    HEAD SMTP_NAME "ims { smtp-in-name = { \"*.google.test = smtp.gmail.test\" } }\n");
	assert_int_equal(c->smtp_in.names.n, 1);
	assert_string_equal(c->smtp_in.names.at[0].from, "*.google.test");
	assert_string_equal(c->smtp_in.names.at[0].to, "smtp.gmail.test");
	conf_unref(&c);
	assert_refused(HEAD SMTP_NAME
	    "ims { smtp-in-name = { \"*.google.test = *.gmail.test\" } }\n",
	    ":4", "is not of the form");
	assert_refused(HEAD SMTP_NAME "ims { smtp-in-name = { \"*google.test = gmail.test\" } }\n",
	    ":4", "is not of the form");
	assert_refused(HEAD SMTP_NAME "ims { smtp-in-open = \"all\" }\n", ":4",
	    "is neither \"nobody\" nor \"postmaster abuse\"");
}

static void
peers(void **state)
{
	struct conf *c = assert_loads(HEAD SMTP_NAME
	    "oms { smtp-out = \"mx\" }\n"
	    "peer B.test { smtp-out = \"off\" }\npeer c.test { smtp-out-dane = \"enough\" }\n");
	struct buf out = BUF_INIT;

	(void)state;
	assert_int_equal(c->n_peers, 2);
	assert_int_equal(conf_peer(c, SPAN_LIT("b.test"))->smtp_out, CONF_OFF);
	assert_false(conf_smtp_out_is_on(c, SPAN_LIT("b.test")));
	assert_int_equal(conf_peer(c, SPAN_LIT("c.test"))->smtp_out_dane, CONF_DANE_ENOUGH);
	assert_true(conf_smtp_out_is_on(c, SPAN_LIT("c.test")));
	assert_int_equal(conf_peer(c, SPAN_LIT("d.test"))->smtp_out_dane, CONF_DANE_BESIDES);
	conf_print(c, false, &out);
	buf_add(&out, "", 1);
	assert_non_null(strstr(out.data, "peer b.test {"));
	buf_clear(&out);
	conf_unref(&c);
	assert_refused(HEAD "peer a.test { smtp-out = \"off\" }\n", ":3", "is a domain of our own");
	assert_refused(HEAD "peer b_test { smtp-out = \"off\" }\n", ":3", "is no domain");
	assert_refused(HEAD
	    "peer b.test { smtp-out = \"off\" }\npeer B.test { smtp-out = \"on\" }\n",
	    ":4", "appears twice");
	assert_refused(HEAD "peer b.test { smtp-out = \"maybe\" }\n", ":3",
	    "is neither \"on\" nor");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_host),
		cmocka_unit_test(smtp_outward),
		cmocka_unit_test(smtp_in),
		cmocka_unit_test(peers),
	};

	return cmocka_run_group_tests_name("conf_smtp", tests, make_dir, remove_dir);
}
