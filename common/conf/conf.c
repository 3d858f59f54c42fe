/* conf — reads the configuration file by libconfuse; see conf.h.  The keys are in conf_keys.c. */
#include "common/conf/conf.h"

#include <confuse.h>

#include <pthread.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/guard.h"
#include "common/base/memory.h"
#include "common/base/nearest.h"
#include "common/conf/conf_file.h"
#include "common/conf/conf_keys.h"
#include "common/text/idn.h"

#define KEYS_MAX 128 /* rows of conf_keys */

/* libconfuse ends every open section at the end of the file, so a file that was cut off would
 * pass.  This key is added after the last line; it must be found outside of sections. */
#define LAST_KEY "end-of-file"
#define NO_END   "a comment, a quoted value or a section that was begun has no end"

struct shared {           /* what conf_load hands out */
	struct conf conf; /* first */
	atomic_uint references;
};

/* Where many machines have them, for a cure that is a whole line. */
#define LIVE        "/etc/letsencrypt/live/"
#define CERTIFICATE "fullchain.pem"
#define KEY         "privkey.pem"

struct load {
	struct conf *conf;
	const char *path;
	const cfg_t *section;       /* the section that seen_here is about */
	struct conf_domain *domain; /* ... where it is one */
	struct conf_peer *peer;     /* likewise */
	/* by the row of conf_keys */
	bool seen_root[KEYS_MAX], seen_here[KEYS_MAX];
	unsigned ends; /* times that LAST_KEY was found */
	size_t n_faults;
	struct buf *faults;
	struct err *first;
};

/* libconfuse passes no argument of ours to its callbacks, and its scanner is global. */
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static struct load *loading; /* under one_at_a_time */

static void fault(struct load *l, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
fault(struct load *l, int line, const char *fmt, ...)
{
	char text[ERR_TEXT_BYTES], where[32] = "";
	struct err e;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (line > 0)
		snprintf(where, sizeof where, ":%d", line);
	err_set(&e, REFUSAL_config, "%s%s: %s", l->path, where, text);
	if (l->n_faults++ == 0)
		*l->first = e;
	if (l->faults != NULL)
		buf_addf(l->faults, "%s\n", e.text);
}

static enum conf_section
section_of(const cfg_t *cfg)
{
	for (int s = CONF_DOMAIN; s < CONF_SECTIONS; s++)
		if (strcmp(cfg->name, conf_sections[s].name) == 0)
			return (enum conf_section)s;
	return CONF_ROOT;
}

static const struct conf_key *
key_named(enum conf_section section, const char *name)
{
	for (const struct conf_key *k = conf_keys; k->name != NULL; k++)
		if (k->section == section && strcmp(k->name, name) == 0)
			return k;
	return NULL;
}

static void
set_fallbacks(enum conf_section section, void *base)
{
	struct err e;

	for (const struct conf_key *k = conf_keys; k->name != NULL; k++) {
		if (k->section != section || k->fallback == NULL || conf_key_is_list(k))
			continue;
		if (!conf_key_set(k, base, k->fallback, &e))
			abort(); /* the table contradicts itself */
	}
}

/* Is the title of a section a domain in A-labels?  Their case does not matter. */
static bool
in_a_labels(const cfg_t *section, struct domain *name, struct err *e)
{
	struct span title = span_str(section->title);

	return idn_a_label(title, name, e) && span_eq_nocase(domain_span(name), title);
}

static void
fault_of_domain(struct load *l, const cfg_t *section)
{
	struct domain name;
	struct err e;

	if (idn_a_label(span_str(section->title), &name, &e))
		fault(l, section->line, "the domain is not in A-labels; write: %s %s {",
		    section->name, name.text);
	else
		fault(l, section->line, "\"%s\" is no domain: %s", section->title, e.text);
}

static struct conf_domain *
add_domain(struct load *l, const cfg_t *cfg)
{
	struct conf *c = l->conf;
	struct conf_domain *d;
	struct domain name;
	struct err e;

	if (!in_a_labels(cfg, &name, &e))
		name = (struct domain) { 0 }; /* check_whole says it */
	else if (conf_domain(c, domain_span(&name)) != NULL)
		fault(l, cfg->line, "the domain %s appears twice", cfg->title);
	if (c->n_domains == CONF_DOMAINS_MAX) {
		fault(l, cfg->line, "more than %d domains", CONF_DOMAINS_MAX);
		c->n_domains--;
	}
	d = &c->domains[c->n_domains++];
	*d = (struct conf_domain) { .name = name };
	set_fallbacks(CONF_DOMAIN, d);
	return d;
}

static struct conf_peer *
add_peer(struct load *l, const cfg_t *cfg)
{
	struct conf *c = l->conf;
	struct domain name;
	struct conf_peer *p;
	struct err e;

	if (!in_a_labels(cfg, &name, &e))
		name = (struct domain) { 0 }; /* check_peers says it */
	for (size_t i = 0; i < c->n_peers && *name.text != '\0'; i++)
		if (domain_eq(&c->peers[i].name, domain_span(&name)))
			fault(l, cfg->line, "the peer %s appears twice", cfg->title);
	if (c->n_peers == CONF_PEERS_MAX) {
		fault(l, cfg->line, "more than %d peers", CONF_PEERS_MAX);
		c->n_peers--;
	}
	p = &c->peers[c->n_peers++];
	*p = (struct conf_peer) { .name = name };
	set_fallbacks(CONF_PEER, p);
	return p;
}

/* The struct that a section's rows count their offsets from. */
static void *
base_of(struct load *l, const cfg_t *cfg, enum conf_section section)
{
	if (section == CONF_ROOT)
		return l->conf;
	if (l->section != cfg) {
		l->section = cfg;
		memset(l->seen_here, 0, sizeof l->seen_here);
		l->domain = section == CONF_DOMAIN ? add_domain(l, cfg) : NULL;
		l->peer = section == CONF_PEER ? add_peer(l, cfg) : NULL;
	}
	return section == CONF_DOMAIN ? (void *)l->domain
	    : section == CONF_PEER    ? (void *)l->peer
				      : (void *)l->conf;
}

static void
note_line(struct conf_listens *l, int line)
{
	if (l->n > 0)
		l->line[l->n - 1] = line;
}

/* Called by libconfuse for each value.  A wrong one is noted and reading goes on, so that all
 * faults are told at once. */
static int
on_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	struct load *l = loading;
	enum conf_section section = section_of(cfg);
	const struct conf_key *k = key_named(section, opt->name);
	void *base = base_of(l, cfg, section);
	bool *seen = &(section == CONF_ROOT ? l->seen_root : l->seen_here)[k - conf_keys];
	struct err e;

	*(const char **)result = "";
	if (k != conf_keys && !l->seen_root[0]) {
		fault(l, cfg->line, "the first key is the version; write: version = 1");
		return -1;
	}
	if (*seen && opt->nvalues <= 1) {
		fault(l, cfg->line, "%s appears twice", k->name);
		return 0;
	}
	*seen = true;
	if (!conf_key_set(k, base, value, &e))
		fault(l, cfg->line, "%s = \"%s\" %s", k->name, value, e.text);
	else if (k->type == CONF_LISTENS)
		note_line((struct conf_listens *)((char *)base + k->offset), cfg->line);
	return 0;
}

static int
on_end(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	(void)opt;
	(void)value;
	*(const char **)result = "";
	if (loading->ends++ > 0)
		fault(loading, cfg->line, "the file has no key " LAST_KEY);
	return 0;
}

static void
unknown_key(struct load *l, const cfg_t *cfg, const char *name)
{
	enum conf_section section = section_of(cfg);
	const char *sign = section == CONF_ROOT ? "the file" : cfg->name;
	struct nearest guess;

	if (strcmp(name, LAST_KEY) == 0) {
		fault(l, cfg->line - 1, "the section %s has no end; write: }", sign);
		return;
	}
	nearest_init(&guess, span_str(name));
	for (const struct conf_key *k = conf_keys; k->name != NULL; k++)
		if (k->section == section)
			nearest_offer(&guess, k->name);
	for (int s = CONF_DOMAIN; section == CONF_ROOT && s < CONF_SECTIONS; s++)
		nearest_offer(&guess, conf_sections[s].name);
	if (guess.best != NULL) {
		fault(l, cfg->line, "%s has no key %s; did you mean %s?", sign, name, guess.best);
		return;
	}
	for (int s = CONF_ROOT; s < CONF_SECTIONS; s++) {
		if (key_named((enum conf_section)s, name) == NULL)
			continue;
		fault(l, cfg->line, "%s has no key %s; it belongs %s%s", sign, name,
		    s == CONF_ROOT ? "outside of all sections" : "into ", conf_sections[s].name);
		return;
	}
	fault(l, cfg->line, "%s has no key %s; the nearest that it has is %s", sign, name,
	    guess.least_far);
}

static void
on_fault(cfg_t *cfg, const char *fmt, va_list ap)
{
	static const char unknown[] = "no such option '";
	char text[ERR_TEXT_BYTES], *name = text + sizeof unknown - 1;

	vsnprintf(text, sizeof text, fmt, ap);
	if (strncmp(text, unknown, sizeof unknown - 1) == 0 && strchr(name, '\'') != NULL) {
		*strchr(name, '\'') = '\0';
		unknown_key(loading, cfg, name);
	} else if (strcmp(text, "premature end of file") == 0) {
		fault(loading, 0, NO_END);
	} else {
		fault(loading, cfg->line, "%s; the form is: key = \"value\", or section { ... }",
		    text);
	}
}

/* libconfuse's own tables, made of ours. */
struct grammar {
	cfg_opt_t opts[CONF_SECTIONS][KEYS_MAX];
	size_t n[CONF_SECTIONS];
};

static void
grammar_init(struct grammar *g)
{
	const cfg_opt_t end = CFG_END(), last = CFG_STR_CB(LAST_KEY, 0, CFGF_NODEFAULT, on_end);

	memset(g, 0, sizeof *g);
	for (const struct conf_key *k = conf_keys; k->name != NULL; k++) {
		const cfg_opt_t one = CFG_STR_CB(k->name, 0, CFGF_NODEFAULT, on_value);
		const cfg_opt_t list = CFG_STR_LIST_CB(k->name, 0, CFGF_NODEFAULT, on_value);

		if (k - conf_keys == KEYS_MAX - CONF_SECTIONS - 2)
			abort(); /* a section might have no room for its rows, the others and an end */
		g->opts[k->section][g->n[k->section]++] = conf_key_is_list(k) ? list : one;
	}
	for (int s = CONF_DOMAIN; s < CONF_SECTIONS; s++) {
		cfg_flag_t flags = conf_sections[s].titled
		    ? CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES
		    : CFGF_MULTI;
		const cfg_opt_t sec = CFG_SEC(conf_sections[s].name, g->opts[s], flags);

		g->opts[s][g->n[s]] = end;
		g->opts[CONF_ROOT][g->n[CONF_ROOT]++] = sec;
	}
	g->opts[CONF_ROOT][g->n[CONF_ROOT]++] = last;
	g->opts[CONF_ROOT][g->n[CONF_ROOT]] = end;
}

/* The value of a key that must be given and is not; name: of the domain or host, as far as it is known. */
static void
cure_missing(const struct conf_key *k, const char *name, char out[CONF_PATH_BYTES])
{
	if (*name == '\0')
		name = "mail.example.org";
	if (k->type == CONF_PATH)
		snprintf(out, CONF_PATH_BYTES, LIVE "%s/%s", name,
		    strcmp(k->name, "key") == 0 ? KEY : CERTIFICATE);
	else
		snprintf(out, CONF_PATH_BYTES, "%s", k->type == CONF_HOST ? name : "192.0.2.1");
}

/* base NULL: none of the section's keys is given. */
static void
check_given(struct load *l, const cfg_t *sec, const void *base, const char *name)
{
	enum conf_section section = section_of(sec);
	char cure[CONF_PATH_BYTES];

	for (const struct conf_key *k = conf_keys; k->name != NULL; k++) {
		if (k->section != section || k->fallback != NULL || conf_key_is_list(k) ||
		    (base != NULL && *((const char *)base + k->offset) != '\0'))
			continue;
		cure_missing(k, name, cure);
		fault(l, sec->line, "%s%s%s has no %s; write: %s = \"%s\"", sec->name,
		    conf_sections[section].titled ? " " : "",
		    conf_sections[section].titled ? sec->title : "", k->name, k->name, cure);
	}
}

/* A section without a title; cfg: the file. */
static void
check_section(struct load *l, cfg_t *cfg, enum conf_section section)
{
	const struct conf_section_row *s = &conf_sections[section];
	unsigned n = cfg_size(cfg, s->name);
	struct conf *c = l->conf;

	*(bool *)((char *)c + s->given) = n > 0;
	if (n > 1)
		fault(l, cfg_getnsec(cfg, s->name, 1)->line, "the section %s appears twice",
		    s->name);
	if (n > 0)
		check_given(l, cfg_getnsec(cfg, s->name, 0), c, c->smtp.name.text);
}

static void
check_domains(struct load *l, cfg_t *cfg)
{
	if (cfg_size(cfg, "domain") == 0)
		fault(l, 0,
		    "no domain is served; write: domain example.org { certificate = "
		    "\"" LIVE "example.org/" CERTIFICATE "\" key = \"" LIVE "example.org/" KEY
		    "\" }");
	for (unsigned i = 0; i < cfg_size(cfg, "domain"); i++) {
		const cfg_t *sec = cfg_getnsec(cfg, "domain", i);
		struct domain name;
		struct err e;

		if (in_a_labels(sec, &name, &e))
			check_given(l, sec, conf_domain(l->conf, domain_span(&name)), name.text);
		else
			fault_of_domain(l, sec);
	}
}

static void
check_peers(struct load *l, cfg_t *cfg)
{
	for (unsigned i = 0; i < cfg_size(cfg, "peer"); i++) {
		const cfg_t *sec = cfg_getnsec(cfg, "peer", i);
		struct domain name;
		struct err e;

		if (!in_a_labels(sec, &name, &e))
			fault_of_domain(l, sec);
		else if (conf_domain(l->conf, domain_span(&name)) != NULL)
			fault(l, sec->line, "the peer %s is a domain of our own", name.text);
	}
}

/* Letters cannot go by SMTP from a host without a name in it. */
static void
check_smtp_out(struct load *l, cfg_t *cfg)
{
	const struct conf *c = l->conf;
	const struct conf_smtp_out *o = &c->smtp_out;

	if (!c->role[CONF_ROLE_OMS].given)
		return;
	if (strcmp(o->road, "off") != 0 && !c->smtp.given)
		fault(l, cfg_getnsec(cfg, "oms", 0)->line,
		    "smtp-out = \"%s\" needs a section smtp; write: smtp { name = "
		    "\"mail.example.org\" ... }",
		    o->road);
	if ((*o->user == '\0') != (*o->password == '\0'))
		fault(l, cfg_getnsec(cfg, "oms", 0)->line,
		    "smtp-out-user and smtp-out-password go together");
}

/* The postmaster is a user of ours. */
static void
check_postmaster(struct load *l, cfg_t *cfg)
{
	const struct conf *c = l->conf;
	const char *at = c->smtp.postmaster;

	if (*at != '\0' && c->n_domains > 0 && conf_domain(c, address_domain(span_str(at))) == NULL)
		fault(l, cfg_getnsec(cfg, "smtp", 0)->line,
		    "postmaster = \"%s\" is not at a domain of this file; write: postmaster = "
		    "\"postmaster@%s\"",
		    at, c->domains[0].name.text);
}

/* Checks that need the whole file. */
static void
check_whole(struct load *l, cfg_t *cfg)
{
	if (!l->seen_root[0])
		fault(l, 1, "there is no version; write at the top: version = 1");
	for (int i = CONF_DOMAIN; i < CONF_SECTIONS; i++)
		if (!conf_sections[i].titled)
			check_section(l, cfg, (enum conf_section)i);
	check_domains(l, cfg);
	check_peers(l, cfg);
	check_postmaster(l, cfg);
	check_smtp_out(l, cfg);
}

/* False: there is no such user. */
static bool
find_user(const struct conf *c, struct guard_user *u)
{
	struct passwd pw, *found = NULL;
	char space[4096];

	*u = (struct guard_user) { geteuid(), getegid() };
	if (*c->user == '\0')
		return true;
	if (getpwnam_r(c->user, &pw, space, sizeof space, &found) != 0 || found == NULL)
		return false;
	*u = (struct guard_user) { pw.pw_uid, pw.pw_gid };
	return true;
}

struct guard_user
conf_user(const struct conf *c)
{
	struct guard_user u;

	(void)find_user(c, &u);
	return u;
}

/* of: the domain or host that they are of. */
static void
check_files(struct load *l, const char *of, const char *certificate, const char *key,
    const struct guard_user *u)
{
	struct err e;

	if (!guard_path(GUARD_CERTIFICATE, certificate, u, &e))
		fault(l, 0, "certificate of %s: %s", of, e.text);
	if (!guard_path(GUARD_KEY, key, u, &e))
		fault(l, 0, "key of %s: %s", of, e.text);
}

static void
check_reach(struct load *l, enum conf_use use)
{
	const struct conf *c = l->conf;
	struct guard_user u;
	struct err e;

	if (!find_user(c, &u)) {
		fault(l, 0, "there is no user %s; make one: adduser --system --group %s", c->user,
		    c->user);
		return;
	}
	for (size_t i = 0; i < c->n_domains && use == CONF_FOR_RUN; i++)
		check_files(l, c->domains[i].name.text, c->domains[i].certificate,
		    c->domains[i].key, &u);
	if (c->smtp.given && use == CONF_FOR_RUN)
		check_files(l, c->smtp.name.text, c->smtp.certificate, c->smtp.key, &u);
	if (*c->smtp_out.password != '\0' && c->role[CONF_ROLE_OMS].given && use == CONF_FOR_RUN &&
	    !guard_path(GUARD_KEY, c->smtp_out.password, &u, &e))
		fault(l, 0, "smtp-out-password: %s", e.text);
	if (!guard_path(GUARD_FOLDER, c->trust, &u, &e))
		fault(l, 0, "trust: %s", e.text);
	if (*c->crls != '\0' && !guard_path(GUARD_FOLDER, c->crls, &u, &e))
		fault(l, 0, "crls: %s", e.text);
}

static void
parse(struct load *l, char *text)
{
	static struct grammar g; /* under one_at_a_time, as the rest here */
	cfg_t *cfg;

	grammar_init(&g);
	cfg = cfg_init(g.opts[CONF_ROOT], CFGF_NONE);
	if (cfg == NULL)
		abort();
	cfg_set_error_function(cfg, on_fault);
	loading = l;
	if (cfg_parse_buf(cfg, text) == CFG_SUCCESS)
		check_whole(l, cfg);
	if (l->n_faults == 0 && l->ends != 1)
		fault(l, 0, NO_END);
	loading = NULL;
	cfg_free(cfg);
}

bool
conf_load(const char *path, enum conf_use use, struct conf **out, struct buf *faults, struct err *e)
{
	struct shared *s = memory_new(sizeof *s);
	struct load l = { .path = path, .faults = faults, .first = e };
	struct buf text = BUF_INIT;

	s->conf.domains = memory_array(CONF_DOMAINS_MAX, sizeof *s->conf.domains);
	s->conf.peers = memory_array(CONF_PEERS_MAX, sizeof *s->conf.peers);
	atomic_init(&s->references, 1);
	l.conf = &s->conf;
	for (int i = CONF_ROOT; i < CONF_SECTIONS; i++)
		if (!conf_sections[i].titled)
			set_fallbacks((enum conf_section)i, l.conf);
	if (!span_copy(span_str(path), s->conf.file, sizeof s->conf.file)) {
		fault(&l, 0, "the name is too long");
	} else if (!conf_file_read(path, &text, e)) {
		l.n_faults++;
		if (faults != NULL)
			buf_addf(faults, "%s\n", e->text);
	} else {
		buf_addf(&text, "\n" LAST_KEY " = 1\n");
		buf_add(&text, "", 1);
		pthread_mutex_lock(&one_at_a_time);
		parse(&l, text.data);
		pthread_mutex_unlock(&one_at_a_time);
	}
	if (l.n_faults == 0 && use != CONF_FOR_VERBS)
		check_reach(&l, use);
	buf_clear(&text);
	*out = &s->conf;
	if (l.n_faults > 0)
		conf_unref(out);
	return l.n_faults == 0;
}

struct conf *
conf_ref(struct conf *c)
{
	atomic_fetch_add(&((struct shared *)c)->references, 1);
	return c;
}

void
conf_unref(struct conf **c)
{
	struct shared *s = (struct shared *)*c;

	*c = NULL;
	if (s == NULL || atomic_fetch_sub(&s->references, 1) > 1)
		return;
	free(s->conf.domains);
	free(s->conf.peers);
	free(s);
}
