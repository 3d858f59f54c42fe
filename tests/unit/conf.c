/* conf — what a configuration means, and each way in which it can be wrong. */
#include "tests/unit/conf_scene.h"

static void
everything(void **state)
{
	const char *text =
	    "# comment\nversion = 1\nuser = \"nobody\"\naccounts = \"/a/b\"\n"
	    "trust = \"/t\"\ncrls = \"/r\"\ncrl-refresh = \"10 min\"\nresolver = \"zone:/z\"\n"
	    "allow-private-peers = true\nallow-private-crl-hosts = false\nlog-level = \"debug\"\n"
	    "workers = 3\n"
	    "domain A.test { certificate = \"/c\" key = \"/k\" keep = \"3 days\" "
	    "message-limit = \"1 GiB\" }\n"
	    "domain xn--bcher-kva.test { certificate = \"/c2\" key = \"/k2\" }\n"
	    "smtp { name = \"MX.a.test\" certificate = \"/c3\" key = \"/k3\" connect-from = "
	    "\"192.0.2.9\" contact = \"https://a.test/why\" postmaster = \"Pat@A.test\" }\n"
	    "oms { spool = \"/s\" spool-size = \"1 TiB\" listen-fetch = { \"192.0.2.11\", "
	    "\"[2001:db8::1]:99\" } listen-submit = \"none\" control = \"/o.sock\" "
	    "connect-from = \"192.0.2.11\" }\n"
	    "ims { store = \"/i\" store-size = \"16 MiB\" listen-notify = { \"::1\" } "
	    "listen-mailbox = { \"127.0.0.1:8000\" } hold-limit = \"1 week\" }\n";
	struct conf *c = assert_loads(text);

	(void)state;
	assert_int_equal(c->version, 1);
	assert_string_equal(c->user, "nobody");
	assert_string_equal(c->accounts, "/a/b");
	assert_int_equal(c->crl_refresh_s, 600);
	assert_string_equal(c->resolver, "zone:/z");
	assert_true(c->allow_private_peers && !c->allow_private_crl_hosts);
	assert_int_equal(c->log_level, LOG_DEBUG);
	assert_int_equal(c->workers, 3);
	assert_int_equal(c->n_domains, 2);
	assert_string_equal(c->domains[0].name.text, "a.test");
	assert_int_equal(c->domains[0].keep_s, 3 * 86400);
	assert_int_equal(c->domains[0].message_bytes, UINT64_C(1) << 30);
	assert_string_equal(c->domains[1].key, "/k2");
	assert_int_equal(c->domains[1].keep_s, 30 * 86400);
	assert_ptr_equal(conf_domain(c, span_str("A.TEST")), &c->domains[0]);
	assert_null(conf_domain(c, span_str("b.test")));
	assert_true(c->smtp.given);
	assert_string_equal(c->smtp.name.text, "mx.a.test");
	assert_string_equal(c->smtp.certificate, "/c3");
	assert_string_equal(c->smtp.key, "/k3");
	assert_string_equal(c->smtp.connect_from, "192.0.2.9");
	assert_string_equal(c->smtp.contact, "https://a.test/why");
	assert_string_equal(c->smtp.postmaster, "Pat@a.test");
	assert_int_equal(c->listens[CONF_LISTEN_FETCH].n, 2);
	assert_string_equal(c->listens[CONF_LISTEN_FETCH].at[1], "[2001:db8::1]:99");
	assert_true(c->listens[CONF_LISTEN_SUBMIT].given);
	assert_int_equal(c->listens[CONF_LISTEN_SUBMIT].n, 0);
	assert_int_equal(c->role[CONF_ROLE_OMS].folder_bytes, UINT64_C(1) << 40);
	assert_string_equal(c->role[CONF_ROLE_OMS].connect_from, "192.0.2.11");
	assert_string_equal(c->role[CONF_ROLE_IMS].connect_from, "");
	assert_int_equal(c->role[CONF_ROLE_IMS].hold_limit_s, 7 * 86400);
	assert_string_equal(c->role[CONF_ROLE_IMS].control, "/run/tillcalled/ims.sock");
	assert_true(c->role[CONF_ROLE_OMS].given && c->role[CONF_ROLE_IMS].given);
	conf_unref(&c);
	assert_null(c);
}

static void
defaults_are_safe(void **state)
{
	struct conf *c = assert_loads(HEAD), *again;

	(void)state;
	assert_string_equal(c->user, "");
	assert_string_equal(c->resolver, "system");
	assert_false(c->allow_private_peers);
	assert_false(c->allow_private_crl_hosts);
	assert_false(c->role[CONF_ROLE_OMS].given || c->role[CONF_ROLE_IMS].given);
	assert_false(c->smtp.given);
	assert_false(c->listens[CONF_LISTEN_FETCH].given);
	assert_int_equal(c->domains[0].message_bytes, 50 << 20);
	again = conf_ref(c);
	conf_unref(&c);
	assert_string_equal(again->domains[0].name.text, "a.test");
	conf_unref(&again);
}

static void
prints_what_it_reads(void **state)
{
	struct conf *c = assert_loads(HEAD
	    "domain b.test { certificate = \"/x \\\"y\\\" \\$z\" "
	    "key = \"/k\" keep = \"36 h\" }\noms { listen-fetch = { \"192.0.2.1\" } }\n"
	    "smtp { name = \"mx.a.test\" certificate = \"/c\" key = \"/k\" connect-from = \"::1\" }\n"
	    "ims { listen-notify = \"none\" }\npeer c.test { smtp-out = \"off\" }\n");
	struct buf first = BUF_INIT, second = BUF_INIT;

	(void)state;
	conf_print(c, false, &first);
	buf_add(&first, "", 1);
	/* a listen-... key that is absent prints as {}, which says the same */
	conf_unref(&c);
	c = assert_loads(first.data);
	assert_string_equal(c->domains[1].certificate, "/x \"y\" $z");
	assert_int_equal(c->domains[1].keep_s, 36 * 3600);
	assert_false(c->listens[CONF_LISTEN_SUBMIT].given);
	assert_true(c->listens[CONF_LISTEN_NOTIFY].given);
	conf_print(c, false, &second);
	buf_add(&second, "", 1);
	assert_string_equal(first.data, second.data);
	/* With its comments it says the same, and each key has one. */
	buf_reset(&first);
	conf_print(c, true, &first);
	buf_add(&first, "", 1);
	for (const struct conf_key *k = conf_keys; k->name != NULL; k++)
		assert_non_null(strstr(first.data, k->help));
	conf_unref(&c);
	c = assert_loads(first.data);
	buf_reset(&first);
	conf_print(c, false, &first);
	buf_add(&first, "", 1);
	assert_string_equal(first.data, second.data);
	conf_unref(&c);
	buf_clear(&first);
	buf_clear(&second);
}

static void
resolvers(void **state)
{
	static const char *const good[] = { "system", "system,anchor=none", "192.0.2.1",
		"2001:db8::1@53", "192.0.2.1@5353,anchor=/k/@53,x.key", "192.0.2.1,anchor=/k",
		"zone:/z,y" };
	char text[512];
	struct conf *c;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		snprintf(text, sizeof text, HEAD "resolver = \"%s\"\n", good[i]);
		c = assert_loads(text);
		assert_string_equal(c->resolver, good[i]);
		conf_unref(&c);
	}
}

static void
keys(void **state)
{
	(void)state;
	assert_refused("", ":1", "write at the top: version = 1");
	assert_refused("workers = 1\nversion = 1\n", ":1", "the first key is the version");
	assert_refused(DOMAIN "version = 1\n", ":1", "the first key is the version");
	assert_refused("version = 2\n" DOMAIN, ":1", "version = \"2\" must be 1");
	assert_refused("version = 1\n", "", "no domain is served");
	assert_refused(HEAD "\nacounts = \"/x\"\n", ":4", "did you mean accounts?");
	assert_refused(HEAD "omss { }\n", ":3", "did you mean oms?");
	assert_refused(HEAD "zzzz = 1\n", ":3",
	    "the file has no key zzzz; the nearest that it has is user");
	assert_refused(HEAD "hold-limit = \"1 week\"\n", ":3", "it belongs into ims");
	assert_refused(HEAD "oms {\n\nspol = \"/x\"\n}\n", ":5",
	    "oms has no key spol; did you mean spool?");
	assert_refused(HEAD "ims { user = \"x\" }\n", ":3", "it belongs outside of all sections");
	assert_refused(HEAD "workers = 1\nworkers = 1\n", ":4", "workers appears twice");
	assert_refused(HEAD "oms { spool = \"/a\"\nspool = \"/b\" }\n", ":4",
	    "spool appears twice");
	assert_refused(HEAD
	    "oms { listen-fetch = { \"::1\", \"::\" }\nlisten-fetch = { \"::1\" } }\n",
	    ":4", "listen-fetch appears twice");
	assert_refused(HEAD "oms { spool = \"/a\" }\noms { spool = \"/b\" }\n", ":4",
	    "oms appears twice");
	assert_refused(HEAD DOMAIN, ":3", "a.test");
	assert_refused(HEAD "domain A.TEST { certificate = \"/c\" key = \"/k\" }\n", ":3",
	    "appears twice");
	assert_refused(HEAD "domain b.test { key = \"/k\" }\n", ":3",
	    "domain b.test has no certificate");
	assert_refused(HEAD "domain b.test { }\n", ":3", "domain b.test has no certificate");
	assert_refused(HEAD "workers 1\n", ":3", "the form is: key = \"value\"");
	assert_refused(HEAD "oms {\n", ":4", "the section oms has no end; write: }");
	assert_refused(HEAD "/* oms {\n", "", "has no end");
	assert_refused(HEAD "end-of-file = 1\n", ":5", "no key end-of-file");
	assert_refused(HEAD "user = \"x\n", "", "a quoted value");
}

/* A list of pairs is read, printed in the file's form, and read again the same. */
static void
pairs(void **state)
{
	struct conf *c = assert_loads(
	    HEAD "oms { local-user = { \"root = root@A.test\", \"www-data=web@a.test\" } }\n");
	struct buf printed = BUF_INIT;

	(void)state;
	assert_int_equal(c->role[CONF_ROLE_OMS].local_user.n, 2);
	assert_string_equal(c->role[CONF_ROLE_OMS].local_user.at[0].from, "root");
	assert_string_equal(c->role[CONF_ROLE_OMS].local_user.at[0].to, "root@a.test");
	assert_string_equal(c->role[CONF_ROLE_OMS].local_user.at[1].to, "web@a.test");
	conf_print(c, false, &printed);
	buf_add(&printed, "", 1);
	assert_non_null(strstr(printed.data,
	    "local-user = { \"root = root@a.test\", \"www-data = web@a.test\" }"));
	buf_clear(&printed);
	conf_unref(&c);
	c = assert_loads(HEAD "oms { may-send-as-list = { \"l@A.test\", \"m@a.test\" } }\n");
	assert_int_equal(c->role[CONF_ROLE_OMS].lists.n, 2);
	assert_string_equal(c->role[CONF_ROLE_OMS].lists.at[0], "l@a.test");
	conf_unref(&c);
	assert_refused(HEAD "oms {\nmay-send-as-list = { \"l\" } }\n", ":4", "is no address");
	assert_refused(HEAD "oms {\nlocal-user = { \"root\" } }\n", ":4", "is not of the form");
	assert_refused(HEAD "oms {\nlocal-user = { \"a b = x@a.test\" } }\n", ":4",
	    "is not of the form");
	assert_refused(HEAD "oms {\nlocal-user = { \"root = root\" } }\n", ":4", "is no address");
	assert_refused(HEAD "oms {\nlocal-user = { \"a/b = x@a.test\" } }\n", ":4",
	    "is no user's name");
	assert_refused(HEAD "oms {\nlocal-user = { \"a = x@a.test\", \"a = y@a.test\" } }\n", ":4",
	    "names a twice");
}

/* A row of conf_keys is all that a listener needs. */
static void
each_listener_has_its_key(void **state)
{
	char text[256];
	struct conf *c;

	(void)state;
	for (int l = 0; l < CONF_LISTENERS; l++) {
		const struct conf_key *k = conf_key_of_listener((enum conf_listener)l);

		assert_int_equal(k->type, CONF_LISTENS);
		assert_true(k->min > 0 && k->min <= 65535);
		assert_true(k->late);
		assert_true(k->fallback == NULL || strcmp(k->fallback, "none") == 0);
		snprintf(text, sizeof text,
		    HEAD "%s { %s = { \"192.0.2.1\", \"192.0.2.2:99\" } }\n",
		    conf_sections[k->section].name, k->name);
		c = assert_loads(text);
		for (int other = 0; other < CONF_LISTENERS; other++)
			assert_int_equal(c->listens[other].n, other == l ? 2 : 0);
		assert_string_equal(c->listens[l].at[1], "192.0.2.2:99");
		assert_int_equal(c->listens[l].line[1], 3);
		conf_unref(&c);
	}
}

static void
values(void **state)
{
	static const struct {
		const char *line, *what;
	} cases[] = {
		{ "workers = -1", "is no number" },
		{ "workers = 65", "must lie between 0 and 64" },
		{ "workers = 01", "is no number" },
		{ "workers = 99999999999999999999", "is no number" },
		{ "workers = 9223372036854775808", "must lie between" },
		{ "crl-refresh = \"10\"", "is not of the form \"30 days\"" },
		{ "crl-refresh = \"ten min\"", "is not of the form" },
		{ "crl-refresh = \"10  min\"", "is not of the form" },
		{ "crl-refresh = \"10 fortnights\"", "is not of the form" },
		{ "crl-refresh = \"0 s\"", "must lie between 1 s and 1 weeks" },
		{ "crl-refresh = \"9223372036854775807 weeks\"", "must lie between" },
		{ "oms { spool-size = \"1 GB\" }", "is not of the form \"50 MiB\"" },
		{ "oms { spool-size = \"15 MiB\" }", "must lie between 16 MiB and 64 TiB" },
		{ "oms { spool-size = \"18446744073709551617 TiB\" }", "is not of the form" },
		{ "allow-private-peers = maybe", "is neither true nor false" },
		{ "accounts = \"x/y\"", "write it from / on" },
		{ "accounts = \"\"", "is no whole path" },
		{ "accounts = \"/a\\nb\"", "is no whole path" },
		{ "user = \"no body\"", "is no user's name" },
		{ "user = \"-x\"", "is no user's name" },
		{ "resolver = \"192.0.2.1@\"", "is no resolver" },
		{ "resolver = \"192.0.2.1@65536\"", "is no resolver" },
		{ "resolver = \"ns.test\"", "is no resolver" },
		{ "resolver = \"zone:x\"", "is no resolver" },
		{ "resolver = \"192.0.2.1@53,anchor=x\"", "is no resolver" },
		{ "resolver = \"192.0.2.1,\"", "is no resolver" },
		{ "resolver = \"system,key=/k\"", "is no resolver" },
		{ "log-level = \"loud\"", "is none of error, warn, info, debug" },
		{ "oms { listen-fetch = { \"localhost\" } }", "is not of the form" },
		{ "oms { listen-fetch = { \"192.0.2.1:0\" } }", "is not of the form" },
		{ "oms { listen-fetch = { \"192.0.2.1:x\" } }", "is not of the form" },
		{ "oms { listen-fetch = { \"192.0.2.300\" } }", "is not of the form" },
		{ "oms { listen-fetch = { \"[::1\" } }", "is not of the form" },
		{ "oms { listen-fetch = { \"[::1]1\" } }", "is not of the form" },
		{ "oms { listen-fetch = { \"[192.0.2.1]:1\" } }", "is not of the form" },
		{ "oms { listen-fetch = { \"::1\", \"none\" } }",
		    "\"none\" must be the only value" },
		{ "oms { listen-fetch = { \"none\", \"::1\" } }",
		    "\"none\" must be the only value" },
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		snprintf(text, sizeof text, HEAD "%s\n", cases[i].line);
		assert_refused(text, ":3", cases[i].what);
	}
}

static void
domains(void **state)
{
	static const char *const bad[] = { "test", "a..test", ".a.test", "a.test.", "a_b.test",
		"-a.test", "a-.test", "192.0.2.1", "[192.0.2.1]", "xn--b-ngo.test",
		"b\xc3\xbc.test", "a b.test", "*.test" };
	char text[512], label[65], longest[256];
	struct domain d;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(text, sizeof text,
		    HEAD "domain \"%s\" { certificate = \"/c\" key = \"/k\" }\n", bad[i]);
		assert_refused(text, ":3",
		    strcmp(bad[i], "b\xc3\xbc.test") == 0 ? "write: domain xn--b-eha.test {"
							  : "is no domain: ");
		snprintf(text, sizeof text, HEAD "domain \"%s\" { }\n", bad[i]);
		assert_refused(text, ":3", "domain");
	}
	memset(label, 'a', sizeof label);
	snprintf(longest, sizeof longest, "%.63s.%.63s.%.63s.%.61s", label, label, label, label);
	assert_true(domain_set(&d, span_str(longest)));
	snprintf(longest, sizeof longest, "%.63s.%.63s.%.63s.%.62s", label, label, label, label);
	assert_false(domain_set(&d, span_str(longest)));
	snprintf(longest, sizeof longest, "%.64s.test", label);
	assert_false(domain_set(&d, span_str(longest)));
}

static void
all_faults_at_once(void **state)
{
	(void)state;
	assert_refused(HEAD "workers = x\nuser = \"a b\"\noms { spool = \"y\" }\n", ":3",
	    "workers");
	assert_non_null(strstr(faults_said, ":4: user = "));
	assert_non_null(strstr(faults_said, ":5: spool = "));
}

static void
limits(void **state)
{
	struct conf *c = NULL;
	struct err e;
	char *big = malloc(CONF_FILE_BYTES + 1);
	struct buf many = BUF_INIT;

	(void)state;
	memset(big, '\n', CONF_FILE_BYTES + 1);
	memcpy(big, HEAD, strlen(HEAD));
	write_file(file, big, CONF_FILE_BYTES, 0600);
	assert_true(conf_load(file, CONF_FOR_VERBS, &c, NULL, &e));
	conf_unref(&c);
	write_file(file, big, CONF_FILE_BYTES + 1, 0600);
	assert_false(conf_load(file, CONF_FOR_VERBS, &c, NULL, &e));
	assert_non_null(strstr(e.text, "larger than"));
	big[100] = '\0';
	write_file(file, big, 200, 0600);
	assert_false(conf_load(file, CONF_FOR_VERBS, &c, NULL, &e));
	assert_non_null(strstr(e.text, "NUL"));
	free(big);
	buf_addf(&many, "version = 1\n");
	for (int i = 0; i < CONF_DOMAINS_MAX; i++)
		buf_addf(&many, "domain d%d.test { certificate = \"/c\" key = \"/k\" }\n", i);
	write_file(file, many.data, many.len, 0600);
	assert_true(conf_load(file, CONF_FOR_VERBS, &c, NULL, &e));
	conf_unref(&c);
	buf_addf(&many, "domain x.test { certificate = \"/c\" key = \"/k\" }\n");
	write_file(file, many.data, many.len, 0600);
	assert_false(conf_load(file, CONF_FOR_VERBS, &c, NULL, &e));
	assert_non_null(strstr(e.text, "more than 1024 domains"));
	buf_clear(&many);
}

static void
assert_guarded(enum conf_use use, const char *what)
{
	struct conf *c = NULL;
	struct err e;

	assert_false(conf_load(file, use, &c, NULL, &e));
	assert_int_equal(e.why, REFUSAL_config);
	if (strstr(e.text, what) == NULL)
		fail_msg("said: %s\n  not: %s", e.text, what);
}

static void
reach(void **state)
{
	static const char head[] = HEAD;
	struct conf *c = NULL;
	struct err e;
	char link[128];

	(void)state;
	write_file(file, head, sizeof head - 1, 0620);
	assert_guarded(CONF_FOR_VERBS, "others may write");
	write_file(file, head, sizeof head - 1, 0602);
	assert_guarded(CONF_FOR_VERBS, "others may write");
	write_file(file, head, sizeof head - 1, 0644);
	assert_true(conf_load(file, CONF_FOR_VERBS, &c, NULL, &e));
	conf_unref(&c);
	chmod(dir, 0770);
	assert_guarded(CONF_FOR_VERBS, "to the folder");
	chmod(dir, 0707);
	assert_guarded(CONF_FOR_VERBS, "to the folder");
	chmod(dir, 01777);
	assert_true(conf_load(file, CONF_FOR_VERBS, &c, NULL, &e));
	conf_unref(&c);
	chmod(dir, 0700);
	snprintf(link, sizeof link, "%s/absent", dir);
	assert_false(conf_load(link, CONF_FOR_VERBS, &c, NULL, &e));
	assert_non_null(
	    strstr(e.text, "No such file; write the configuration there, or name its file by -C"));
	assert_false(conf_load(dir, CONF_FOR_VERBS, &c, NULL, &e));
	assert_non_null(strstr(e.text, "no regular file"));
}

static void
keys_in_reach(void **state)
{
	static const struct {
		mode_t mode;
		const char *what;
	} cases[] = {
		{ 0644, "is open to others" },
		{ 0604, "is open to others" },
		{ 0660, "is open to others" },
		{ 0601, "is open to others" },
		{ 0600, NULL },
		{ 0400, NULL },
		{ 0640, NULL },
	};
	char text[2048], key[128], cert[128], second[160];
	struct conf *c = NULL;
	struct err e;

	(void)state;
	snprintf(key, sizeof key, "%s/key", dir);
	snprintf(cert, sizeof cert, "%s/cert", dir);
	snprintf(text, sizeof text,
	    "version = 1\ntrust = \"%s\"\ndomain a.test { certificate = \"%s\" "
	    "key = \"%s\" }\n",
	    dir, cert, key);
	write_file(file, text, strlen(text), 0600);
	assert_guarded(CONF_FOR_RUN, "certificate of a.test");
	write_file(cert, "x", 1, 0664);
	write_file(key, "x", 1, 0600);
	assert_guarded(CONF_FOR_RUN, "others may write");
	write_file(cert, "x", 1, 0644);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		write_file(key, "x", 1, cases[i].mode);
		if (cases[i].what != NULL) {
			assert_guarded(CONF_FOR_RUN, cases[i].what);
			continue;
		}
		assert_true(conf_load(file, CONF_FOR_RUN, &c, NULL, &e));
		conf_unref(&c);
	}
	snprintf(text + strlen(text), sizeof text - strlen(text),
	    "smtp { name = \"mx.a.test\" certificate = \"%s\" key = \"%s2\" connect-from = \"::1\" }\n",
	    cert, key);
	write_file(file, text, strlen(text), 0600);
	assert_guarded(CONF_FOR_RUN, "key of mx.a.test: the private key");
	snprintf(second, sizeof second, "%s2", key);
	write_file(second, "x", 1, 0644);
	assert_guarded(CONF_FOR_RUN, "is open to others");
	chmod(second, 0600);
	assert_true(conf_load(file, CONF_FOR_RUN, &c, NULL, &e));
	conf_unref(&c);
	if (geteuid() == 0) {
		write_file(key, "x", 1, 0640);
		assert_int_equal(chown(key, 0, 12345), 0);
		assert_guarded(CONF_FOR_RUN, "a group that is not the daemon's");
		assert_int_equal(chown(key, 12345, 0), 0);
		assert_guarded(CONF_FOR_RUN, "belongs to another user");
		assert_int_equal(chown(file, 12345, 0), 0);
		assert_guarded(CONF_FOR_VERBS, "belongs to another user");
	}
}

static void
the_path(void **state)
{
	(void)state;
	unsetenv(CONF_FILE_VARIABLE);
	assert_string_equal(conf_path(NULL), CONF_FILE_DEFAULT);
	setenv(CONF_FILE_VARIABLE, "/v", 1);
	assert_string_equal(conf_path(NULL), "/v");
	assert_string_equal(conf_path("/o"), "/o");
	setenv(CONF_FILE_VARIABLE, "", 1);
	assert_string_equal(conf_path(NULL), CONF_FILE_DEFAULT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything),
		cmocka_unit_test(defaults_are_safe),
		cmocka_unit_test(prints_what_it_reads),
		cmocka_unit_test(resolvers),
		cmocka_unit_test(keys),
		cmocka_unit_test(pairs),
		cmocka_unit_test(each_listener_has_its_key),
		cmocka_unit_test(values),
		cmocka_unit_test(domains),
		cmocka_unit_test(all_faults_at_once),
		cmocka_unit_test(limits),
		cmocka_unit_test(reach),
		cmocka_unit_test(keys_in_reach),
		cmocka_unit_test(the_path),
	};

	return cmocka_run_group_tests_name("conf", tests, make_dir, remove_dir);
}
