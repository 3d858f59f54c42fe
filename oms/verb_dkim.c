/* verb_dkim — `oms dkim new|list|retire`: the keys by which letters are signed; see verbs.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/conf/conf.h"
#include "common/dkim/dkim_key.h"
#include "common/dkim/dkim_keys.h"
#include "common/dns/dns.h"
#include "common/loop/loop.h"
#include "common/text/idn.h"
#include "common/text/json.h"
#include "oms/oms.h"
#include "oms/verbs.h"

void
oms_dkim_folder(const struct conf *c, char out[CONF_PATH_BYTES])
{
	snprintf(out, CONF_PATH_BYTES, "%.*s/dkim", CONF_PATH_BYTES - 8,
	    c->role[CONF_ROLE_OMS].folder);
}

/* -- the daemon's side --------------------------------------------------------------------------- */

void
oms_control_dkim(void *role, struct control_request *r, const struct json *request)
{
	struct oms *o = role;
	struct err e;

	(void)request;
	control_end(r, dkim_holder_reload(o->dkim, &e) ? NULL : &e);
}

/* -- the command's side -------------------------------------------------------------------------- */

struct call {
	struct options *o;
	struct conf *conf;
	char folder[CONF_PATH_BYTES];
	struct domain domain; /* "": all */
	struct dkim_keys *keys;
};

static bool
read_keys(struct call *c, struct err *e)
{
	dkim_keys_unref(&c->keys);
	return dkim_keys_load(c->folder, &c->keys, e);
}

static bool
begin(struct call *c, struct options *o, struct err *e)
{
	*c = (struct call) { .o = o };
	if (!conf_load(conf_path(o->conf_file), CONF_FOR_VERBS, &c->conf, NULL, e))
		return false;
	oms_dkim_folder(c->conf, c->folder);
	if (o->n_args > 0 && !idn_a_label(span_str(o->args[0]), &c->domain, e))
		return false;
	if (o->n_args > 0 && conf_domain(c->conf, domain_span(&c->domain)) == NULL)
		return err_set(e, REFUSAL_domain_not_served, "%s is no domain of the configuration",
		    c->domain.text);
	return read_keys(c, e);
}

static int
end(struct call *c, const struct err *e)
{
	dkim_keys_unref(&c->keys);
	conf_unref(&c->conf);
	return e == NULL ? 0 : options_fail(c->o, e);
}

/* Where no daemon runs, the next one reads them. */
static bool
tell_daemon(const struct call *c, struct err *e)
{
	struct json *request = json_new();
	struct err why;
	bool good;

	json_put_str(request, "verb", "dkim");
	good = control_call(c->conf->role[CONF_ROLE_OMS].control, request, NULL, NULL, &why) ||
	    why.why == REFUSAL_not_running;
	json_free(&request);
	if (good)
		return true;
	*e = why;
	return err_prefix(e, "the running oms does not use the keys as they are now");
}

/* -- new ----------------------------------------------------------------------------------------- */

/* A date, and a letter from the second pair of a day on, so that names are in the order of their making. */
static void
choose_name(const struct call *c, char out[DKIM_NAME_BYTES])
{
	const struct dkim_pair *p;
	size_t n = dkim_keys_of(c->keys, c->domain.text, &p);
	char date[CLOCK_DATE_BYTES];
	char last = 'a';

	clock_date(clock_wall_ms() / 1000, date);
	snprintf(out, DKIM_NAME_BYTES, "%.4s%.2s%.2s", date, date + 5, date + 8);
	for (size_t i = 0; i < n; i++)
		if (strcmp(p[i].name, out) == 0)
			snprintf(out, DKIM_NAME_BYTES, "%.8s%c", p[i].name, ++last);
}

static void
print_record(const struct call *c, const struct dkim_pair *p, enum dkim_alg alg)
{
	struct buf text = BUF_INIT, line = BUF_INIT;
	struct span rest;

	dkim_keys_record(p, alg, &text);
	if (c->o->json) {
		struct json *j = json_new();

		buf_addf(&line, "%s._domainkey.%s", p->selector[alg], c->domain.text);
		json_put_span(j, "name", buf_span(&line));
		json_put_str(j, "type", "TXT");
		json_put_span(j, "text", buf_span(&text));
		buf_reset(&line);
		json_write(j, &line);
		json_free(&j);
	} else {
		buf_addf(&line, "%s._domainkey.%s. TXT", p->selector[alg], c->domain.text);
		for (rest = buf_span(&text); rest.n > 0;
		     rest = span_sub(rest, DKIM_STRING_MAX, rest.n))
			buf_addf(&line, " \"%.*s\"", SPAN_FMT(span_sub(rest, 0, DKIM_STRING_MAX)));
	}
	printf("%.*s\n", SPAN_FMT(buf_span(&line)));
	buf_clear(&text);
	buf_clear(&line);
}

static const struct dkim_pair *
pair_named(const struct call *c, const char *name)
{
	const struct dkim_pair *p;
	size_t n = dkim_keys_of(c->keys, c->domain.text, &p);

	for (size_t i = 0; i < n; i++)
		if (strcmp(p[i].name, name) == 0)
			return &p[i];
	return NULL;
}

static void
say_made(const struct call *c, const char *name)
{
	const struct dkim_pair *p;
	size_t n = dkim_keys_of(c->keys, c->domain.text, &p);

	if (c->o->quiet || c->o->json)
		return;
	fprintf(stderr, "Keys %s of %s are made.  Publish both records.\n", name, c->domain.text);
	if (n == 1)
		fprintf(stderr, "They sign from now on.\n");
	else
		fprintf(stderr,
		    "Keys %s sign until they are retired.  When DNS has had the new records for a day:  "
		    "oms dkim retire %s %s\n",
		    p[0].name, c->domain.text, p[0].name);
}

int
oms_verb_dkim_new(struct options *o)
{
	char name[DKIM_NAME_BYTES];
	struct call c;
	struct err e;

	if (!begin(&c, o, &e))
		return end(&c, &e);
	choose_name(&c, name);
	if (!dkim_keys_make(c.folder, c.domain.text, name, &e) || !read_keys(&c, &e))
		return end(&c, &e);
	for (int a = 0; a < 2; a++)
		print_record(&c, pair_named(&c, name), (enum dkim_alg)a);
	if (!tell_daemon(&c, &e))
		return end(&c, &e);
	say_made(&c, name);
	return end(&c, NULL);
}

/* -- retire -------------------------------------------------------------------------------------- */

static void
say_retired(const struct call *c, const char *name)
{
	const struct dkim_pair *p;

	if (c->o->quiet || c->o->json)
		return;
	fprintf(stderr,
	    "Keys %s of %s are deleted.  Leave their records in DNS for a week more: letters that they "
	    "signed are still on their way.\n",
	    name, c->domain.text);
	if (dkim_keys_of(c->keys, c->domain.text, &p) > 0)
		fprintf(stderr, "Keys %s sign from now on.\n", p[0].name);
	else
		fprintf(stderr, "Letters of %s go unsigned from now on.\n", c->domain.text);
}

int
oms_verb_dkim_retire(struct options *o)
{
	struct call c;
	struct err e;

	if (!begin(&c, o, &e) || !dkim_keys_remove(c.folder, c.domain.text, o->args[1], &e) ||
	    !read_keys(&c, &e) || !tell_daemon(&c, &e))
		return end(&c, &e);
	say_retired(&c, o->args[1]);
	return end(&c, NULL);
}

/* -- list ---------------------------------------------------------------------------------------- */

enum published { IS_PUBLISHED, IS_ABSENT, IS_OTHER, IS_UNKNOWN };

static const char *const published_words[] = { "published", "missing", "other", "unknown" };
static const char *const published_texts[] = {
	"is published",
	"is not in DNS",
	"is in DNS with another key",
	"is not known: DNS does not answer",
};

struct row {
	struct listing *of;
	const char *domain;
	const struct dkim_pair *pair;
	bool signs;
	enum published published[2];
};

struct question {
	struct row *row;
	enum dkim_alg alg;
};

struct listing {
	struct call *call;
	struct loop *loop;
	struct row *row;
	struct question *question;
	size_t n, waiting;
};

static void
answered(void *arg, const struct dns_answer *a)
{
	struct question *q = arg;
	struct buf want = BUF_INIT;
	enum published found = a->n > 0 ? IS_OTHER : IS_ABSENT;

	dkim_keys_record(q->row->pair, q->alg, &want);
	if (a->status == DNS_FAILED || a->status == DNS_BOGUS)
		found = IS_UNKNOWN;
	for (size_t i = 0; i < a->n; i++) {
		struct buf text = BUF_INIT;

		if (dkim_txt_join(a->rdata[i], DKIM_RECORD_MAX, &text) &&
		    span_eq(buf_span(&text), buf_span(&want)))
			found = IS_PUBLISHED;
		buf_clear(&text);
	}
	buf_clear(&want);
	q->row->published[q->alg] = found;
	if (--q->row->of->waiting == 0)
		loop_stop(q->row->of->loop);
}

static void
take_pairs(struct listing *l, const char *domain)
{
	const struct dkim_pair *p;
	size_t n = dkim_keys_of(l->call->keys, domain, &p);

	l->row = memory_resize(l->row, l->n + n, sizeof *l->row);
	for (size_t i = 0; i < n; i++)
		l->row[l->n++] = (struct row) {
			.of = l,
			.domain = domain,
			.pair = &p[i],
			.signs = i == 0,
		};
}

static void
ask_all(struct listing *l, struct dns *dns)
{
	l->question = memory_array(2 * l->n + 1, sizeof *l->question);
	for (size_t i = 0; i < 2 * l->n; i++) {
		struct question *q = &l->question[i];
		char name[2 * DOMAIN_BYTES];

		*q = (struct question) { &l->row[i / 2], (enum dkim_alg)(i % 2) };
		if (q->row->pair->key[q->alg] == NULL)
			continue;
		snprintf(name, sizeof name, "%s._domainkey.%s", q->row->pair->selector[q->alg],
		    q->row->domain);
		l->waiting++;
		dns_ask(dns, span_str(name), DNS_TXT, answered, q);
	}
	if (l->waiting > 0)
		loop_run(l->loop);
}

static void
print_json(const struct row *r)
{
	struct json *j = json_new();
	struct buf line = BUF_INIT;

	json_put_str(j, "domain", r->domain);
	json_put_str(j, "keys", r->pair->name);
	json_put_bool(j, "signs", r->signs);
	for (int a = 0; a < 2; a++)
		if (r->pair->key[a] != NULL)
			json_put_str(j, a == DKIM_RSA_SHA256 ? "rsa" : "ed25519",
			    published_words[r->published[a]]);
	json_write(j, &line);
	printf("%.*s\n", SPAN_FMT(buf_span(&line)));
	buf_clear(&line);
	json_free(&j);
}

static void
print_row(const struct row *r)
{
	printf("%s  %s  %s\n", r->domain, r->pair->name, r->signs ? "signs" : "waits");
	for (int a = 0; a < 2; a++)
		if (r->pair->key[a] != NULL)
			printf("  %s._domainkey.%s %s\n", r->pair->selector[a], r->domain,
			    published_texts[r->published[a]]);
}

/* Status 1 where the records of keys that sign are not there. */
static int
print_all(const struct listing *l)
{
	int status = 0;

	for (size_t i = 0; i < l->n; i++) {
		const struct row *r = &l->row[i];

		(l->call->o->json ? print_json : print_row)(r);
		for (int a = 0; a < 2; a++)
			if (r->signs && r->pair->key[a] != NULL && r->published[a] != IS_PUBLISHED)
				status = 1;
	}
	if (l->n == 0 && !l->call->o->json && !l->call->o->quiet)
		printf("There are no keys: letters by SMTP go unsigned.\n");
	return status;
}

int
oms_verb_dkim_list(struct options *o)
{
	struct call c;
	struct listing l = { .call = &c };
	struct dns *dns = NULL;
	struct err e;
	int status = 0;
	bool good;

	if (!begin(&c, o, &e))
		return end(&c, &e);
	if (o->n_args > 0)
		take_pairs(&l, c.domain.text);
	for (size_t i = 0; o->n_args == 0 && i < c.conf->n_domains; i++)
		take_pairs(&l, c.conf->domains[i].name.text);
	good = loop_new(&l.loop, &e) && dns_new(&dns, l.loop, c.conf->resolver, &e);
	if (good) {
		ask_all(&l, dns);
		status = print_all(&l);
	}
	dns_free(&dns);
	loop_free(&l.loop);
	free(l.row);
	free(l.question);
	return good ? (end(&c, NULL), status) : end(&c, &e);
}
