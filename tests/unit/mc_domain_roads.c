/* mc_domain_roads — a domain is the same domain, or refused, on whichever road it comes in. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/x509v3.h>

#include "common/conf/conf.h"
#include "common/pki/chain.h"
#include "common/spf/spf_guard.h"
#include "common/text/idn.h"
#include "mc/recipients.h"
#include "tests/certs.h"
#include "tests/notify_play.h"
#include "tests/temp.h"

#define L60    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define L240   L60 "." L60 "." L60 "." L60 /* 243 octets */
#define KA     "\u0915"
#define ALEF   "\u05d0"
#define BEH    "\u0628"
#define ZWNJ   "\u200c"
#define ZWJ    "\u200d"
#define VIRAMA "\u094d"

/* clang-format off */
/* 254 octets of UTF-8 that map to 90 */
#define FULLWIDTH_20 "\uff41\uff41\uff41\uff41\uff41\uff41\uff41\uff41\uff41\uff41\uff41\uff41\uff41\uff41\uff41\uff41\uff41\uff41\uff41\uff41"
#define LONG FULLWIDTH_20 "." FULLWIDTH_20 "." FULLWIDTH_20 "." FULLWIDTH_20 "\uff41\uff41"

static const struct {
	const char *in;
	const char *out; /* the one form; NULL: refused */
} names[] = {
	{ "b.test", "b.test" },
	{ "B.Test", "b.test" },
	{ "b\u00fccher.test", "xn--bcher-kva.test" },
	{ "B\u00dcCHER.test", "xn--bcher-kva.test" },
	{ "bu\u0308cher.test", "xn--bcher-kva.test" },
	{ "XN--bcher-KVA.test", "xn--bcher-kva.test" },
	{ "\uff42.test", "b.test" },
	{ "\U0001d41b.test", "b.test" },			/* mathematical b */
	{ "fa\u00df.test", "xn--fa-hia.test" },
	/* full stops */
	{ "b\u3002test", "b.test" },
	{ "b\uff0etest", "b.test" },
	{ "b\uff61test", "b.test" },
	{ "b\u3002.test", NULL },
	{ "b.test\u3002", NULL },
	{ "\u3002b.test", NULL },
	{ "b\u2024test", NULL },				/* one dot leader */
	{ "b\u2488test", NULL },				/* digit one full stop */
	{ "b.test.", NULL },
	{ "b..test", NULL },
	{ ".b.test", NULL },
	{ ".", NULL },
	{ "", NULL },
	{ "test", NULL },
	{ "t\u00e9st", NULL },
	/* signs that no domain holds */
	{ "b.test\uff20evil.test", NULL },
	{ "b\u226e.test", NULL },
	{ "pay\uff0fpal.test", NULL },
	{ "b\uff20.test", NULL },
	{ "b\u2100.test", NULL },
	{ "b_c.test", NULL },
	{ "_b.test", NULL },
	{ "b_\u00fc.test", NULL },
	{ "b c.test", NULL },
	{ "b\u00a0c.test", NULL },
	{ "*.test", NULL },
	{ "*.b.test", NULL },
	{ "b:25.test", NULL },
	{ "b/.test", NULL },
	{ "b%2e.test", NULL },
	{ "b\u2044c.test", NULL },
	{ "b\xff.test", NULL },
	{ "b\xc0\xae.test", NULL },				/* an overlong full stop */
	{ "b\xed\xa0\x80.test", NULL },				/* a surrogate */
	{ "b\u202e.test", NULL },
	{ "b\u200e.test", NULL },
	/* signs that the mapping leaves out on purpose, UTS #46 "ignored" */
	{ "b\u00ad.test", "b.test" },
	{ "b\u00ad\u00fc.test", "xn--b-eha.test" },
	{ "\u00ad.test", NULL },
	{ "b\u200b.test", "b.test" },
	{ "b\ufe0f.test", "b.test" },
	/* joiners */
	{ "b" ZWJ ".test", NULL },
	{ "b" ZWNJ ".test", NULL },
	{ ZWJ "b.test", NULL },
	{ "a" ZWJ "b.test", NULL },
	{ KA VIRAMA ZWJ "\u0937.test", "xn--11b2ezcw70k.test" },
	{ KA VIRAMA ZWNJ "\u0937.test", "xn--11b2ezcs70k.test" },
	{ KA ZWJ "\u0937.test", NULL },
	{ "\u0646\u0627\u0645\u0647" ZWNJ "\u0627\u06cc.test", "xn--mgba3gch31f060k.test" },
	{ "\u0627" ZWNJ "\u0628.test", NULL },			/* alef joins nothing that follows */
	/* hyphens */
	{ "-b.test", NULL },
	{ "b-.test", NULL },
	{ "ab--c.test", NULL },
	{ "ab--\u00fc.test", NULL },
	{ "a--b.test", "a--b.test" },
	{ "\uff0db.test", NULL },
	{ "b\uff0d.test", NULL },
	{ "ab\uff0d\uff0dc.test", NULL },
	{ "\uff58\uff4e--bcher-kva.test", "xn--bcher-kva.test" },	/* fullwidth xn */
	/* A-labels that decode to what they may not */
	{ "xn--.test", NULL },
	{ "xn--a.test", NULL },
	{ "xn--b-ngo.test", NULL },
	{ "xn--wca.test", NULL },				/* an upper-case letter */
	{ "xn--b-vca0v.test", NULL },				/* a soft hyphen */
	{ "xn--b-eha7227a.test", NULL },			/* a full stop */
	{ "xn--bob-.test", NULL },				/* ASCII only */
	{ "xn--bcher-kva-.test", NULL },
	{ "xn--ab-yea.xn--bobb-dc0y.test", NULL },
	{ "b.xn--wca.test", NULL },
	{ "xn--wca.b\u00fccher.test", NULL },
	/* RFC 5893 section 2 */
	{ ALEF ".test", "xn--4db.test" },
	{ "1" ALEF ".test", NULL },				/* rule 1 */
	{ "\u0661" BEH ".test", NULL },
	{ ALEF "b.test", NULL },				/* rule 2 */
	{ ALEF "b" ALEF ".test", NULL },
	{ ALEF "\u30fb\u30ab.test", NULL },
	{ ALEF "\u0375.test", NULL },				/* rule 3 */
	{ ALEF "1\u0661.test", NULL },				/* rule 4 */
	{ ALEF "1.test", "xn--1-zhc.test" },
	{ "b" ALEF ".test", NULL },				/* rule 5 */
	{ "b" ALEF "c.test", NULL },
	{ "b\u0661.test", NULL },				/* rule 6 */
	{ "1b." ALEF ".test", NULL },				/* rule 1, of another label */
	{ "1b.xn--4db.test", NULL },
	{ "xn--4db.1b", NULL },
	{ "1\u00fc." ALEF ".test", NULL },
	{ "b1." ALEF ".test", "b1.xn--4db.test" },
	{ "1b.\u00fc.test", "1b.xn--tda.test" },
	/* numbers and literals */
	{ "b.1", NULL },
	{ "1.2.3.4", NULL },
	{ "b.\uff11", NULL },
	{ "1\u30022\u30023\u30024", NULL },
	{ "[1.2.3.4]", NULL },
	{ "[IPv6:2001:db8::1]", NULL },
	{ "2001:db8::1", NULL },
	{ "::1", NULL },
	{ "1.b", "1.b" },
	{ "0x7f.1", NULL },
	/* lengths: labels of 63 and 64, names of 253 and 254 octets */
	{ L60 "aaa.test", L60 "aaa.test" },
	{ L60 "aaaa.test", NULL },
	{ L60 "aa\uff41.test", L60 "aaa.test" },
	{ L60 "aaa\uff41.test", NULL },
	{ L240 "." "aaaaaaaaa", L240 "." "aaaaaaaaa" },
	{ L240 "." "aaaaaaaaaa", NULL },
	{ "\u00fc\u00fc\u00fc." L240, "xn--tdaaa." L240 },
	{ "\u00fc\u00fc\u00fc\u00fc." L240, NULL },		/* 254 as A-labels */
	{ LONG ".test", NULL },
	{ "\u00fc" L60 ".test", NULL },				/* 67 in Punycode */
};
/* clang-format on */
#define N_NAMES (sizeof names / sizeof names[0])

/* -- roads: each gives the one form, or false --------------------------------------------------- */

static bool
by_target(const char *in, char *out, size_t cap)
{
	struct domain d;
	struct err e;

	return idn_a_label(span_str(in), &d, &e) && span_copy(domain_span(&d), out, cap);
}

static bool
by_hello(const char *in, char *out, size_t cap)
{
	bool taken;

	scene_role_init(&role);
	buf_addf(&sc.wire, "HELLO %s\r\n", in);
	role.slow_hello = true; /* the form alone is judged */
	feed(sc.wire.len);
	taken = role.engine.server.engine.out.len == 0;
	span_copy(domain_span(&role.engine.peer), out, cap);
	end();
	return taken;
}

static bool
by_path(const char *in, char *out, size_t cap)
{
	char path[2048], canonical[ADDRESS_STR_BYTES];
	struct address a;
	struct err e;

	snprintf(path, sizeof path, "<b@%s>", in);
	return address_parse_path(span_str(path), &a, &e) &&
	    address_canonical(&a, idn_a_label, canonical, &e) &&
	    span_copy(address_domain(span_str(canonical)), out, cap);
}

static bool
take(void *arg, const char *address, struct err *e)
{
	char *out = arg, canonical[ADDRESS_STR_BYTES];
	struct address a;

	assert_true(address_parse(span_str(address), &a, e));
	assert_true(address_canonical(&a, idn_a_label, canonical, e));
	assert_string_equal(out, ""); /* one recipient, and no other */
	return span_copy(address_domain(span_str(canonical)), out, ADDRESS_STR_BYTES);
}

static bool
by_header(const char *in, char *out, size_t cap)
{
	char to[2048], canonical[ADDRESS_STR_BYTES] = "";
	struct err e;

	snprintf(to, sizeof to, " Bob <b@%s>\r\n", in);
	return recipients_each(span_str(to), take, canonical, &e) &&
	    span_copy(span_str(canonical), out, cap);
}

/* A configuration is read by people, so its domains are in their one form, and the fault that
 * refuses another form says it. */
static bool
by_configuration(const char *in, char *out, size_t cap)
{
	char file[64];
	struct buf faults = BUF_INIT;
	struct conf *c = NULL;
	struct err e;
	char *cure, *end;
	int fd;

	temp_name(file, sizeof file, "domain_roads.XXXXXX");
	fd = mkstemp(file);
	dprintf(fd, "version = 1\ndomain \"%s\" { certificate = \"/c\" key = \"/k\" }\n", in);
	close(fd);
	if (conf_load(file, CONF_FOR_VERBS, &c, &faults, &e)) {
		assert_int_equal(c->n_domains, 1);
		span_copy(domain_span(&c->domains[0].name), out, cap);
	} else {
		buf_add(&faults, "", 1);
		cure = strstr(faults.data, "A-labels; write: domain ");
		if (cure != NULL) {
			cure += strlen("A-labels; write: domain ");
			end = strchr(cure, ' ');
			assert_non_null(end);
			span_copy(span_of(cure, (size_t)(end - cure)), out, cap);
		}
	}
	conf_unref(&c);
	buf_clear(&faults);
	unlink(file);
	return *out != '\0';
}

static const struct {
	const char *what;
	bool (*road)(const char *in, char *out, size_t cap);
	size_t besides; /* octets that come with the domain and count against the address */
} roads[] = {
	{ "SRV target", by_target, 0 },
	{ "HELLO", by_hello, 0 },
	{ "MAIL FROM and RCPT TO", by_path, 2 },
	{ "mc send -t", by_header, 2 },
	{ "configuration", by_configuration, 0 },
};

static void
the_same_on_each_road(void **state)
{
	size_t bad = 0;

	(void)state;
	for (size_t r = 0; r < sizeof roads / sizeof roads[0]; r++)
		for (size_t i = 0; i < N_NAMES; i++) {
			char out[ADDRESS_STR_BYTES] = "";
			bool taken = roads[r].road(names[i].in, out, sizeof out);
			const char *want = names[i].out;

			if (want != NULL && strlen(want) + roads[r].besides > ADDRESS_MAX)
				want = NULL;
			if (taken == (want != NULL) && (!taken || strcmp(out, want) == 0))
				continue;
			print_error("%s: \"%s\": %s, not %s\n", roads[r].what, names[i].in,
			    taken ? out : "refused", want != NULL ? want : "refused");
			bad++;
		}
	assert_int_equal(bad, 0);
}

/* SPF judges names that are no mail domains too ("_spf.b.test"), so ASCII goes to DNS as it is.  All
 * else becomes the one form, or is not judged. */
static void
spf_judges_that_name_or_none(void **state)
{
	const struct sockaddr_in client = { .sin_family = AF_INET,
		.sin_addr = { htonl(0xc0000201) } };

	(void)state;
	for (size_t i = 0; i < N_NAMES; i++) {
		struct span in = span_str(names[i].in);
		bool ascii = true;
		struct spf_guard g;

		for (size_t k = 0; k < in.n; k++)
			ascii = ascii && (unsigned char)in.p[k] < 0x80;
		if (in.n == 0)
			continue; /* then HELLO's name is judged */
		if (ascii && in.p[in.n - 1] == '.')
			continue; /* RFC 7208 4.3: the same name in DNS */
		spf_guard_init(&g, (const struct sockaddr *)&client, SPAN_LIT("a.test"), in);
		if (!g.over)
			assert_string_equal(g.domain, ascii ? names[i].in : names[i].out);
		else if (names[i].out != NULL)
			fail_msg("%s: is not judged: %s", names[i].in, g.why);
		else
			assert_int_equal(g.result, SPF_NONE);
		spf_guard_clear(&g);
	}
}

/* -- certificates ------------------------------------------------------------------------------- */

static struct chain *
chain_naming(const char *name, const struct cert *root)
{
	struct cert *leaf = cert_make(&(struct cert_spec) { .cn = "leaf" }, root);
	GENERAL_NAMES *names_ = GENERAL_NAMES_new();
	GENERAL_NAME *g = GENERAL_NAME_new();
	ASN1_IA5STRING *s = ASN1_IA5STRING_new();
	struct chain *c;

	ASN1_STRING_set(s, name, (int)strlen(name));
	GENERAL_NAME_set0_value(g, GEN_DNS, s);
	sk_GENERAL_NAME_push(names_, g);
	assert_int_equal(X509_add1_ext_i2d(leaf->x, NID_subject_alt_name, names_, 0, 0), 1);
	GENERAL_NAMES_free(names_);
	c = chain_new(leaf->x, NULL);
	cert_free(&leaf);
	return c;
}

/* A dNSName is an A-label in any case, octet for octet: it is never mapped, so a certificate for a
 * name that looks or maps like b.test is not one for b.test. */
static void
a_certificate_names_itself_only(void **state)
{
	struct cert *root = cert_root("root");
	struct err e;

	(void)state;
	for (size_t i = 0; i < N_NAMES; i++) {
		const char *in = names[i].in;
		struct chain *c = chain_naming(in, root);

		for (size_t k = 0; k < N_NAMES; k++) {
			const char *of = names[k].out;

			if (of == NULL)
				continue;
			if (chain_names(c, of, &e) != (strcasecmp(in, of) == 0))
				fail_msg("%s: names %s, or not", in, of);
			if (strcmp(in, "*.test") == 0 && strcmp(of, "b.test") == 0)
				assert_int_equal(e.why, REFUSAL_certificate_wildcard);
		}
		chain_unref(&c);
	}
	cert_free(&root);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_on_each_road),
		cmocka_unit_test(spf_judges_that_name_or_none),
		cmocka_unit_test(a_certificate_names_itself_only),
	};

	return cmocka_run_group_tests_name("mc_domain_roads", tests, NULL, NULL);
}
