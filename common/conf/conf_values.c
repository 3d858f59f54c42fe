/* conf_values — the forms of values: read, printed and compared; see conf_keys.h. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "common/conf/conf_keys.h"
#include "common/text/idn.h"

static const struct unit {
	const char *words; /* each between blanks; the first is printed */
	int64_t of;
} times[] = {
	{ " s sec second seconds ", 1 },
	{ " min minute minutes ", 60 },
	{ " hours hour h ", 3600 },
	{ " days day d ", 86400 },
	{ " weeks week ", 7 * 86400 },
	{ NULL, 0 },
}, sizes[] = {
	{ " octets octet B ", 1 },
	{ " KiB ", INT64_C(1) << 10 },
	{ " MiB ", INT64_C(1) << 20 },
	{ " GiB ", INT64_C(1) << 30 },
	{ " TiB ", INT64_C(1) << 40 },
	{ NULL, 0 },
};

static const struct unit *
unit_named(const struct unit *u, struct span word)
{
	char padded[16];

	if (word.n == 0 || word.n > 10)
		return NULL;
	snprintf(padded, sizeof padded, " %.*s ", SPAN_FMT(word));
	for (; u->words != NULL; u++)
		if (strstr(u->words, padded) != NULL)
			return u;
	return NULL;
}

static void
quantity_print(const struct unit *units, int64_t v, struct buf *out)
{
	const struct unit *best = units;

	for (const struct unit *u = units + 1; u->words != NULL; u++)
		if (v != 0 && v % u->of == 0)
			best = u;
	buf_addf(out, "%lld %.*s", (long long)(v / best->of), (int)strcspn(best->words + 1, " "),
	    best->words + 1);
}

static bool
out_of_bounds(const struct conf_key *k, const struct unit *units, struct err *e)
{
	struct buf least = BUF_INIT, most = BUF_INIT;

	if (units != NULL) {
		quantity_print(units, k->min, &least);
		quantity_print(units, k->max, &most);
	} else {
		buf_addf(&least, "%lld", (long long)k->min);
		buf_addf(&most, "%lld", (long long)k->max);
	}
	if (k->min == k->max)
		err_set(e, REFUSAL_config, "must be %.*s", SPAN_FMT(buf_span(&least)));
	else
		err_set(e, REFUSAL_config, "must lie between %.*s and %.*s",
		    SPAN_FMT(buf_span(&least)), SPAN_FMT(buf_span(&most)));
	buf_clear(&least);
	buf_clear(&most);
	return false;
}

static bool
set_int(const struct conf_key *k, int64_t *at, struct span s, struct err *e)
{
	uint64_t n;

	if (!span_u64(s, &n))
		return err_set(e, REFUSAL_config, "is no number; write %s = %lld", k->name,
		    (long long)k->min);
	if (n > INT64_MAX || (int64_t)n < k->min || (int64_t)n > k->max)
		return out_of_bounds(k, NULL, e);
	*at = (int64_t)n;
	return true;
}

/* quantity = number [SP] unit */
static bool
set_quantity(const struct conf_key *k, const struct unit *units, const char *example, int64_t *at,
    struct span s, struct err *e)
{
	size_t digits = 0;
	const struct unit *u;
	uint64_t n;

	while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9')
		digits++;
	u = unit_named(units, span_sub(s, digits + (digits < s.n && s.p[digits] == ' '), s.n));
	if (u == NULL || !span_u64(span_sub(s, 0, digits), &n))
		return err_set(e, REFUSAL_config, "is not of the form \"%s\"", example);
	if (n > (uint64_t)(k->max / u->of) || (int64_t)n * u->of < k->min)
		return out_of_bounds(k, units, e);
	*at = (int64_t)n * u->of;
	return true;
}

static bool
set_bool(bool *at, struct span s, struct err *e)
{
	bool yes = span_eq(s, SPAN_LIT("true")) || span_eq(s, SPAN_LIT("yes"));

	if (!yes && !span_eq(s, SPAN_LIT("false")) && !span_eq(s, SPAN_LIT("no")))
		return err_set(e, REFUSAL_config, "is neither true nor false");
	*at = yes;
	return true;
}

static bool
is_path(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return s.n > 0 && s.n < CONF_PATH_BYTES - 64 && s.p[0] == '/';
}

static bool
set_path(const struct conf_key *k, char *at, struct span s, struct err *e)
{
	if (s.n == 0 && k->fallback != NULL && *k->fallback == '\0') {
		*at = '\0';
		return true;
	}
	if (!is_path(s))
		return err_set(e, REFUSAL_config, "is no whole path; write it from / on");
	return span_copy(s, at, CONF_PATH_BYTES);
}

static bool
set_user(char *at, struct span s, struct err *e)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.",
			s.p[i]) == NULL ||
		    s.p[0] == '-')
			return err_set(e, REFUSAL_config, "is no user's name");
	if (!span_copy(s, at, sizeof((struct conf *)0)->user))
		return err_set(e, REFUSAL_config, "is no user's name");
	return true;
}

static bool
is_address(struct span s, int family)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr a;

	return span_copy(s, text, sizeof text) && inet_pton(family, text, &a) == 1;
}

static bool
set_address(char *at, struct span s, struct err *e)
{
	if (s.n > 0 && !is_address(s, AF_INET) && !is_address(s, AF_INET6))
		return err_set(e, REFUSAL_config,
		    "is no address; write \"192.0.2.1\" or \"2001:db8::1\"");
	return span_copy(s, at, CONF_LISTEN_BYTES);
}

static bool
is_port(struct span s)
{
	uint64_t n;

	return span_u64(s, &n) && n >= 1 && n <= 65535;
}

static bool
is_anchor(struct span s)
{
	const struct span key = SPAN_LIT("anchor=");

	return span_starts(s, key) &&
	    (span_eq(s, SPAN_LIT("anchor=none")) || is_path(span_sub(s, key.n, s.n)));
}

/* The forms of dns_resolver.h; the text after a comma may contain an '@'. */
static bool
is_resolver(struct span s)
{
	struct span anchor = s, server, address, port;

	if (span_starts(s, SPAN_LIT("zone:")))
		return is_path(span_sub(s, 5, s.n));
	server = span_cut(&anchor, ',');
	if (server.n < s.n && !is_anchor(anchor))
		return false;
	if (span_eq(server, SPAN_LIT("system")))
		return true;
	port = server;
	address = span_cut(&port, '@');
	return (address.n == server.n || is_port(port)) &&
	    (is_address(address, AF_INET) || is_address(address, AF_INET6));
}

static bool
set_resolver(char *at, struct span s, struct err *e)
{
	if (!is_resolver(s))
		return err_set(e, REFUSAL_config,
		    "is no resolver; write \"system\", or one like \"192.0.2.53\", \"192.0.2.53@53\" (with "
		    "\",anchor=none\" or \",anchor=/etc/unbound/root.key\" after these) or "
		    "\"zone:/etc/tillcalled/zone\"");
	return span_copy(s, at, CONF_PATH_BYTES);
}

static bool
set_level(enum log_level *at, const char *text, struct err *e)
{
	if (!log_level_parse(text, at))
		return err_set(e, REFUSAL_config, "is none of error, warn, info, debug");
	return true;
}

/* listen = v4 [":" port] / v6 / "[" v6 "]" [":" port] */
static bool
is_listen(struct span s)
{
	struct span rest = s, address;

	if (is_address(s, AF_INET6))
		return true;
	if (s.n > 0 && s.p[0] == '[') {
		rest = span_sub(s, 1, s.n);
		address = span_cut(&rest, ']');
		if (address.n == s.n - 1 || !is_address(address, AF_INET6))
			return false;
		return rest.n == 0 || (rest.p[0] == ':' && is_port(span_sub(rest, 1, rest.n)));
	}
	address = span_cut(&rest, ':');
	return is_address(address, AF_INET) && (address.n == s.n || is_port(rest));
}

static bool
set_listen(struct conf_listens *l, struct span s, struct err *e)
{
	bool none = span_eq(s, SPAN_LIT("none"));

	if (!none && !is_listen(s))
		return err_set(e, REFUSAL_config,
		    "is not of the form { \"192.0.2.1\" } or "
		    "{ \"192.0.2.1:1470\", \"[2001:db8::1]:1470\" } or \"none\"");
	if (l->given && (none || l->n == 0))
		return err_set(e, REFUSAL_config, "\"none\" must be the only value");
	l->given = true;
	if (none)
		return true;
	if (l->n == CONF_LISTENS_MAX)
		return err_set(e, REFUSAL_config, "has more than %d addresses", CONF_LISTENS_MAX);
	return span_copy(s, l->at[l->n++], CONF_LISTEN_BYTES);
}

static bool
set_host(struct domain *at, struct span s, struct err *e)
{
	struct err why;

	if (!idn_a_label(s, at, &why)) {
		*at = (struct domain) { 0 };
		return err_set(e, REFUSAL_config, "is no host's name: %s", why.text);
	}
	return span_eq_nocase(domain_span(at), s) ||
	    err_set(e, REFUSAL_config, "is not in A-labels; write \"%s\"", at->text);
}

/* url = "https://" host [ ( ":" / "/" / "?" / "#" ) *VCHAR ] */
static bool
is_url(struct span s)
{
	const struct span scheme = SPAN_LIT("https://");
	size_t n = scheme.n;
	struct err e;

	if (!span_starts(s, scheme))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
			return false;
	while (n < s.n && strchr(":/?#", s.p[n]) == NULL)
		n++;
	return domain_check(span_sub(s, scheme.n, n - scheme.n), &e);
}

static bool
set_url(char *at, struct span s, struct err *e)
{
	if (s.n > 0 && !is_url(s))
		return err_set(e, REFUSAL_config,
		    "is no such URL; write \"https://example.org/mail\"");
	return span_copy(s, at, CONF_URL_BYTES) ||
	    err_set(e, REFUSAL_config, "has more than %d octets", CONF_URL_BYTES - 1);
}

static bool
set_mail(char *at, struct span s, struct err *e)
{
	struct address a;
	struct err why;

	*at = '\0';
	return s.n == 0 ||
	    (address_parse(s, &a, &why) && address_canonical(&a, idn_a_label, at, &why)) ||
	    err_set(e, REFUSAL_config, "is no address: %s", why.text);
}

/* road = "off" / "mx" / "via " host [ ":" port ] */
static bool
set_road(char *at, struct span s, struct err *e)
{
	const struct span via = SPAN_LIT("via ");
	struct span port = span_sub(s, via.n, s.n), host = span_cut(&port, ':');
	struct domain d;
	struct err why;

	*at = '\0';
	if (!span_eq(s, SPAN_LIT("off")) && !span_eq(s, SPAN_LIT("mx")) &&
	    (!span_starts(s, via) || !domain_check(host, &why) || !idn_a_label(host, &d, &why) ||
		!span_eq_nocase(domain_span(&d), host) || (host.n + via.n < s.n && !is_port(port))))
		return err_set(e, REFUSAL_config,
		    "is none of \"off\", \"mx\" and \"via HOST:PORT\", as in \"via smtp.example.org:465\"");
	return span_copy(s, at, CONF_ROAD_BYTES) ||
	    err_set(e, REFUSAL_config, "has more than %d octets", CONF_ROAD_BYTES - 1);
}

static bool
set_login(char *at, struct span s, struct err *e)
{
	*at = '\0';
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return err_set(e, REFUSAL_config, "holds a control character");
	return span_copy(s, at, CONF_LOGIN_BYTES) ||
	    err_set(e, REFUSAL_config, "has more than %d octets", CONF_LOGIN_BYTES - 1);
}

/* Of those whose value is one of a few words; NULL: it is not. */
static const char *const *
words_of(enum conf_type type)
{
	static const char *const modes[] = { "enforce", "report-only", NULL };
	static const char *const danes[] = { "besides", "enough", NULL };
	static const char *const opens[] = { "nobody", "postmaster abuse", NULL };
	static const char *const switches[] = { "on", "off", NULL };

	return type == CONF_MODE  ? modes
	    : type == CONF_DANE   ? danes
	    : type == CONF_OPEN   ? opens
	    : type == CONF_SWITCH ? switches
				  : NULL;
}

static bool
set_word(const char *const *words, unsigned *at, struct span s, struct err *e)
{
	for (unsigned i = 0; words[i] != NULL; i++)
		if (span_eq(s, span_str(words[i]))) {
			*at = i;
			return true;
		}
	return err_set(e, REFUSAL_config, "is neither \"%s\" nor \"%s\"", words[0], words[1]);
}

/* pair = from *SP "=" *SP to; neither has blanks or control characters */
static bool
cut_pair(struct span s, struct conf_pair *out)
{
	struct span to = s, from = span_trim(span_cut(&to, '='));

	to = span_trim(to);
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return from.n > 0 && to.n > 0 && !span_has(from, ' ') && !span_has(to, ' ') &&
	    span_copy(from, out->from, sizeof out->from) && span_copy(to, out->to, sizeof out->to);
}

/* A host's name, in lower case; "*" may be its first label. */
static bool
is_host_or_like(struct span s)
{
	return domain_is_canonical(span_starts(s, SPAN_LIT("*.")) ? span_sub(s, 2, s.n) : s);
}

static bool
set_pair(const struct conf_key *k, struct conf_pairs *p, struct span s, struct err *e)
{
	struct conf_pair pair;
	char login[sizeof((struct conf *)0)->user], address[ADDRESS_STR_BYTES];

	if (!cut_pair(s, &pair))
		return err_set(e, REFUSAL_config, "is not of the form \"%s\"",
		    k->type == CONF_USERS ? "root = root@example.org" : "A = B");
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->at[i].from, pair.from) == 0)
			return err_set(e, REFUSAL_config, "names %s twice", pair.from);
	if (p->n == CONF_PAIRS_MAX)
		return err_set(e, REFUSAL_config, "is one of more than %d", CONF_PAIRS_MAX);
	memcpy(address, pair.to, sizeof address);
	if (k->type == CONF_USERS &&
	    (!set_user(login, span_str(pair.from), e) || !set_mail(pair.to, span_str(address), e)))
		return false;
	if (k->type == CONF_PAIRS &&
	    (!is_host_or_like(span_str(pair.from)) || !domain_is_canonical(span_str(pair.to))))
		return err_set(e, REFUSAL_config,
		    "is not of the form \"*.example.org = mail.example.org\"");
	p->at[p->n++] = pair;
	return true;
}

static bool
add_mail(struct conf_mails *m, struct span s, struct err *e)
{
	if (m->n == CONF_MAILS_MAX)
		return err_set(e, REFUSAL_config, "is one of more than %d", CONF_MAILS_MAX);
	if (s.n == 0 || !set_mail(m->at[m->n], s, e))
		return s.n > 0 ? false : err_set(e, REFUSAL_config, "is no address");
	m->n++;
	return true;
}

bool
conf_key_is_list(const struct conf_key *k)
{
	return k->type == CONF_LISTENS || k->type == CONF_MAILS || k->type == CONF_PAIRS ||
	    k->type == CONF_USERS;
}

bool
conf_key_set(const struct conf_key *k, void *base, const char *text, struct err *e)
{
	void *at = (char *)base + k->offset;
	struct span s = span_str(text);

	switch (k->type) {
	case CONF_INT:
		return set_int(k, at, s, e);
	case CONF_TIME:
		return set_quantity(k, times, "30 days", at, s, e);
	case CONF_SIZE:
		return set_quantity(k, sizes, "50 MiB", at, s, e);
	case CONF_BOOL:
		return set_bool(at, s, e);
	case CONF_PATH:
		return set_path(k, at, s, e);
	case CONF_USER:
		return set_user(at, s, e);
	case CONF_RESOLVER:
		return set_resolver(at, s, e);
	case CONF_LEVEL:
		return set_level(at, text, e);
	case CONF_LISTENS:
		return set_listen(at, s, e);
	case CONF_ADDRESS:
		return set_address(at, s, e);
	case CONF_HOST:
		return set_host(at, s, e);
	case CONF_URL:
		return set_url(at, s, e);
	case CONF_MAIL:
		return set_mail(at, s, e);
	case CONF_MAILS:
		return add_mail(at, s, e);
	case CONF_PAIRS:
	case CONF_USERS:
		return set_pair(k, at, s, e);
	case CONF_ROAD:
		return set_road(at, s, e);
	case CONF_LOGIN:
		return set_login(at, s, e);
	case CONF_MODE:
	case CONF_DANE:
	case CONF_OPEN:
	case CONF_SWITCH:
		return set_word(words_of(k->type), at, s, e);
	}
	return err_set(e, REFUSAL_internal, "%s is of no kind", k->name);
}

static size_t
size_of(enum conf_type type)
{
	switch (type) {
	case CONF_INT:
	case CONF_TIME:
	case CONF_SIZE:
		return sizeof(int64_t);
	case CONF_BOOL:
		return sizeof(bool);
	case CONF_PATH:
	case CONF_RESOLVER:
		return CONF_PATH_BYTES;
	case CONF_USER:
		return sizeof((struct conf *)0)->user;
	case CONF_LEVEL:
		return sizeof(enum log_level);
	case CONF_LISTENS:
		return sizeof(struct conf_listens);
	case CONF_ADDRESS:
		return CONF_LISTEN_BYTES;
	case CONF_HOST:
		return sizeof(struct domain);
	case CONF_URL:
		return CONF_URL_BYTES;
	case CONF_MAIL:
		return ADDRESS_STR_BYTES;
	case CONF_MAILS:
		return sizeof(struct conf_mails);
	case CONF_PAIRS:
	case CONF_USERS:
		return sizeof(struct conf_pairs);
	case CONF_ROAD:
		return CONF_ROAD_BYTES;
	case CONF_LOGIN:
		return CONF_LOGIN_BYTES;
	case CONF_MODE:
	case CONF_DANE:
	case CONF_OPEN:
	case CONF_SWITCH:
		return sizeof(unsigned);
	}
	return 0;
}

bool
conf_key_keep(const struct conf_key *k, void *base, const void *old)
{
	struct buf was = BUF_INIT, is = BUF_INIT;
	bool differs;

	conf_key_print(k, old, &was);
	conf_key_print(k, base, &is);
	differs = !span_eq(buf_span(&was), buf_span(&is));
	if (differs)
		memcpy((char *)base + k->offset, (const char *)old + k->offset, size_of(k->type));
	buf_clear(&was);
	buf_clear(&is);
	return differs;
}

static void
listens_print(const struct conf_listens *l, struct buf *out)
{
	if (l->n == 0) {
		buf_addf(out, "%s", l->given ? "\"none\"" : "{}");
		return;
	}
	buf_addf(out, "{ ");
	for (size_t i = 0; i < l->n; i++)
		buf_addf(out, "%s\"%s\"", i > 0 ? ", " : "", l->at[i]);
	buf_addf(out, " }");
}

static void
quoted_print(const char *s, struct buf *out)
{
	buf_addf(out, "\"");
	for (; *s != '\0'; s++)
		buf_addf(out, *s == '"' || *s == '\\' || *s == '$' ? "\\%c" : "%c", *s);
	buf_addf(out, "\"");
}

static void
mails_print(const struct conf_mails *m, struct buf *out)
{
	buf_addf(out, "{");
	for (size_t i = 0; i < m->n; i++) {
		buf_addf(out, "%s", i > 0 ? ", " : " ");
		quoted_print(m->at[i], out);
	}
	buf_addf(out, "%s}", m->n > 0 ? " " : "");
}

static void
pairs_print(const struct conf_pairs *p, struct buf *out)
{
	char pair[sizeof(struct conf_pair) + 4];

	buf_addf(out, "{");
	for (size_t i = 0; i < p->n; i++) {
		snprintf(pair, sizeof pair, "%s = %s", p->at[i].from, p->at[i].to);
		buf_addf(out, "%s", i > 0 ? ", " : " ");
		quoted_print(pair, out);
	}
	buf_addf(out, "%s}", p->n > 0 ? " " : "");
}

void
conf_key_print(const struct conf_key *k, const void *base, struct buf *out)
{
	static const char *const levels[] = { "error", "warn", "info", "debug" };
	const void *at = (const char *)base + k->offset;

	switch (k->type) {
	case CONF_INT:
		buf_addf(out, "%lld", *(const long long *)at);
		break;
	case CONF_TIME:
	case CONF_SIZE:
		buf_addf(out, "\"");
		quantity_print(k->type == CONF_TIME ? times : sizes, *(const int64_t *)at, out);
		buf_addf(out, "\"");
		break;
	case CONF_BOOL:
		buf_addf(out, "%s", *(const bool *)at ? "true" : "false");
		break;
	case CONF_PATH:
	case CONF_USER:
	case CONF_RESOLVER:
	case CONF_ADDRESS:
	case CONF_HOST:
	case CONF_URL:
	case CONF_MAIL:
	case CONF_ROAD:
	case CONF_LOGIN:
		quoted_print(at, out);
		break;
	case CONF_LEVEL:
		buf_addf(out, "\"%s\"", levels[*(const enum log_level *)at]);
		break;
	case CONF_LISTENS:
		listens_print(at, out);
		break;
	case CONF_MAILS:
		mails_print(at, out);
		break;
	case CONF_PAIRS:
	case CONF_USERS:
		pairs_print(at, out);
		break;
	case CONF_MODE:
	case CONF_DANE:
	case CONF_OPEN:
	case CONF_SWITCH:
		quoted_print(words_of(k->type)[*(const unsigned *)at], out);
		break;
	}
}
