/* mailbox_control — the running daemon's side of the verbs on mailboxes; see mailbox_verbs.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/base64.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/text/idn.h"
#include "ims/ims.h"
#include "ims/mailbox_verbs.h"
#include "ims/policy/notice.h"
#include "ims/store/store.h"

#define LIST_PAGE 100
#define PIECE     (32 * 1024) /* octets of a letter in one line, before base64 */

/* The name of a mailbox without a user always shows a generation. */
#define FIRST_GENERATION " 0"

/* The mailbox's name in the store.  False: no_such_user. */
static bool
find_mailbox(struct ims *i, const char *text, char owner[IMS_STORE_USER_BYTES], bool *in_use,
    struct err *e)
{
	struct accounts_set *set = accounts_set_get(i->accounts);
	const struct account *a = accounts_find(set, span_str(text));
	struct span name = span_str(a != NULL ? a->owner : text);
	size_t n = strlen(FIRST_GENERATION);
	bool good;

	if (a == NULL && name.n > n &&
	    span_eq(span_sub(name, name.n - n, n), span_str(FIRST_GENERATION)))
		name.n -= n;
	good = span_copy(name, owner, IMS_STORE_USER_BYTES);
	*in_use = a != NULL || accounts_of_owner(set, owner) != NULL;
	accounts_set_put(&set);
	return good || err_word(e, REFUSAL_no_such_user);
}

/* -- list ----------------------------------------------------------------------------------------- */

struct listing {
	struct ims *ims;
	struct control_request *request;
	struct accounts_set *accounts;
	bool senders;
	uint64_t limit; /* octets that one sender's domain may take */
	char after[IMS_STORE_USER_BYTES];
};

static void
show_mailbox(struct listing *l, const struct ims_mailbox *m)
{
	struct json *line = json_new();
	const struct account *account = accounts_of_owner(l->accounts, m->user);
	const struct account_removed *removed = accounts_removed(l->accounts, m->user);
	char date[CLOCK_DATE_BYTES], name[IMS_STORE_USER_BYTES + 2];

	snprintf(name, sizeof name, "%s%s", account != NULL ? account->address : m->user,
	    account != NULL || strchr(m->user, ' ') != NULL ? "" : FIRST_GENERATION);
	json_put_str(line, "mailbox", name);
	json_put_int(line, "notices", (int64_t)m->notices);
	if (account != NULL) {
		json_put_str(line, "state", "user");
	} else if (removed != NULL) {
		clock_date(removed->until_s, date);
		json_put_str(line, "state", "removed");
		json_put_str(line, "until", date);
	} else {
		json_put_str(line, "state", "nobody");
	}
	control_line_take(l->request, line);
}

static void
show_sender(struct listing *l, const struct ims_sender *s)
{
	struct json *line = json_new();

	json_put_str(line, "from", s->domain.text);
	json_put_int(line, "notices", (int64_t)s->sum.notices);
	json_put_int(line, "octets", (int64_t)s->sum.octets);
	json_put_int(line, "limit", (int64_t)l->limit);
	control_line_take(l->request, line);
}

static void list_on(struct control_request *r, void *arg);

static void
listed(struct listing *l, bool more, const struct err *e)
{
	if (e == NULL && more && !control_gone(l->request)) {
		list_on(l->request, l);
		return;
	}
	accounts_set_put(&l->accounts);
	control_end(l->request, e);
	free(l);
}

static void
mailboxes_found(void *arg, const struct ims_mailbox *rows, size_t n, bool more, const struct err *e)
{
	struct listing *l = arg;

	for (size_t i = 0; i < n; i++)
		show_mailbox(l, &rows[i]);
	if (n > 0)
		span_copy(span_str(rows[n - 1].user), l->after, sizeof l->after);
	listed(l, more, e);
}

static void
senders_found(void *arg, const struct ims_sender *rows, size_t n, bool more, const struct err *e)
{
	struct listing *l = arg;

	for (size_t i = 0; i < n; i++)
		show_sender(l, &rows[i]);
	if (n > 0)
		span_copy(domain_span(&rows[n - 1].domain), l->after, sizeof l->after);
	listed(l, more, e);
}

static void
list_on(struct control_request *r, void *arg)
{
	struct listing *l = arg;
	struct loop *loop = daemon_loop(l->ims->daemon);

	if (control_full(r))
		control_again(r, list_on, l);
	else if (l->senders)
		ims_store_senders(l->ims->store, l->after, LIST_PAGE, loop, senders_found, l);
	else
		ims_store_mailboxes(l->ims->store, l->after, LIST_PAGE, loop, mailboxes_found, l);
}

void
ims_control_list(void *role, struct control_request *r, const struct json *request)
{
	struct listing *l = memory_new(sizeof *l);
	struct conf *conf;

	l->ims = role;
	l->request = r;
	l->accounts = accounts_set_get(l->ims->accounts);
	conf = daemon_conf(l->ims->daemon);
	l->limit = ims_sender_limit(&conf->role[CONF_ROLE_IMS]);
	conf_unref(&conf);
	json_get_bool(request, "senders", &l->senders);
	list_on(r, l);
}

/* -- drop, remove --------------------------------------------------------------------------------- */

static void
show_progress(void *arg, uint64_t notices)
{
	struct control_request *r = arg;
	struct json *line;

	if (control_gone(r) || control_full(r))
		return;
	line = json_new();
	json_put_int(line, "dropped", (int64_t)notices);
	control_line_take(r, line);
}

static void
purged(void *arg, uint64_t notices, const struct err *e)
{
	struct control_request *r = arg;
	struct json *line = json_new();

	log_fact(LOG_INFO, "store.purged", "notices=%llu word=%s", (unsigned long long)notices,
	    refusal_word(e == NULL ? REFUSAL_NONE : e->why));
	json_put_int(line, "dropped", (int64_t)notices);
	json_put_bool(line, "all", e == NULL);
	control_line_take(r, line);
	control_end(r, e);
}

static void
start_purge(struct ims *i, struct control_request *r, struct ims_purge *p)
{
	p->loop = daemon_loop(i->daemon);
	p->progress = show_progress;
	p->done = purged;
	p->arg = r;
	ims_store_purge(i->store, p);
}

/* The same for one domain after the other: `parent` and all below it. */
struct purging {
	struct ims *ims;
	struct control_request *request;
	struct ims_purge what;
	char owner[IMS_STORE_USER_BYTES];
	struct domain parent;
	struct domain at;  /* the domain whose notices are dropped; those before it are done */
	uint64_t notices;  /* of the domains that are done */
	struct err damage; /* the first that a domain met; it stops no other */
};

static bool
is_within(struct span domain, struct span parent)
{
	size_t before = domain.n - parent.n;

	if (domain.n <= parent.n)
		return span_eq(domain, parent);
	return domain.p[before - 1] == '.' && span_eq(span_sub(domain, before, parent.n), parent);
}

static void
purge_progress(void *arg, uint64_t notices)
{
	struct purging *p = arg;

	show_progress(p->request, p->notices + notices);
}

static void purge_next(struct purging *p);

static void
purged_one(void *arg, uint64_t notices, const struct err *e)
{
	struct purging *p = arg;

	p->notices += notices;
	if (e != NULL && e->why == REFUSAL_storage && p->damage.why == REFUSAL_NONE)
		p->damage = *e;
	if (e == NULL || e->why == REFUSAL_storage) {
		purge_next(p);
		return;
	}
	purged(p->request, p->notices, e);
	free(p);
}

static void
senders_looked_at(void *arg, const struct ims_sender *rows, size_t n, bool more,
    const struct err *e)
{
	struct purging *p = arg;

	for (size_t i = 0; i < n; i++) {
		p->at = rows[i].domain;
		if (is_within(domain_span(&p->at), domain_span(&p->parent))) {
			p->what.from_domain = p->at.text;
			ims_store_purge(p->ims->store, &p->what);
			return;
		}
	}
	if (more) {
		purge_next(p);
		return;
	}
	purged(p->request, p->notices, e == NULL && p->damage.why != REFUSAL_NONE ? &p->damage : e);
	free(p);
}

static void
purge_next(struct purging *p)
{
	ims_store_senders(p->ims->store, p->at.text, LIST_PAGE, daemon_loop(p->ims->daemon),
	    senders_looked_at, p);
}

static void
start_purge_within(struct ims *i, struct control_request *r, const struct ims_purge *what,
    const struct domain *parent)
{
	struct purging *p = memory_new(sizeof *p);

	p->ims = i;
	p->request = r;
	p->what = *what;
	p->what.loop = daemon_loop(i->daemon);
	p->what.progress = purge_progress;
	p->what.done = purged_one;
	p->what.arg = p;
	p->parent = *parent;
	if (what->user != NULL) {
		span_copy(span_str(what->user), p->owner, sizeof p->owner);
		p->what.user = p->owner;
	}
	purge_next(p);
}

void
ims_control_drop(void *role, struct control_request *r, const struct json *request)
{
	const char *from = json_get_str(request, "from"),
		   *mailbox = json_get_str(request, "mailbox");
	char owner[IMS_STORE_USER_BYTES];
	struct ims_purge p = { .opened = false };
	struct domain domain;
	struct err e;
	bool in_use, subdomains = false;

	json_get_bool(request, "opened", &p.opened);
	json_get_bool(request, "subdomains", &subdomains);
	if (!domain_parse(span_str(from == NULL ? "" : from), idn_a_label, &domain, &e) ||
	    (mailbox != NULL && !find_mailbox(role, mailbox, owner, &in_use, &e))) {
		control_end(r, &e);
		return;
	}
	p.from_domain = domain.text;
	p.user = mailbox == NULL ? NULL : owner;
	if (subdomains)
		start_purge_within(role, r, &p, &domain);
	else
		start_purge(role, r, &p);
}

struct removing {
	struct ims *ims;
	struct control_request *request;
	char owner[IMS_STORE_USER_BYTES];
	bool in_use, also_in_use;
};

static void
mailbox_to_remove(void *arg, uint64_t notices, const struct err *e)
{
	struct removing *x = arg;
	struct ims_purge p = { .user = x->owner, .opened = true };
	struct err why;

	if (e == NULL && x->in_use && !x->also_in_use) {
		err_set(&why, REFUSAL_usage,
		    "the mailbox is in use and holds %llu notices: ims user remove %.*s first",
		    (unsigned long long)notices, SPAN_FMT(accounts_owner_address(x->owner)));
		e = &why;
	}
	if (e == NULL)
		start_purge(x->ims, x->request, &p);
	else
		control_end(x->request, e);
	free(x);
}

void
ims_control_remove(void *role, struct control_request *r, const struct json *request)
{
	const char *mailbox = json_get_str(request, "mailbox");
	struct removing *x = memory_new(sizeof *x);
	struct err e;

	x->ims = role;
	x->request = r;
	json_get_bool(request, "in_use", &x->also_in_use);
	if (find_mailbox(role, mailbox == NULL ? "" : mailbox, x->owner, &x->in_use, &e)) {
		ims_store_has_mailbox(x->ims->store, x->owner, daemon_loop(x->ims->daemon),
		    mailbox_to_remove, x);
		return;
	}
	control_end(r, &e);
	free(x);
}

/* -- export --------------------------------------------------------------------------------------- */

struct exporting {
	struct ims *ims;
	struct control_request *request;
	char owner[IMS_STORE_USER_BYTES];
	bool only_notices;
	struct ims_row row; /* the current notice */
	bool more;          /* others follow it */
	struct source *body;
	bool waiting; /* for the octets of the body */
	uint64_t at;
};

static void
show_notice(struct control_request *r, const struct ims_row *row, bool has_letter)
{
	struct json *line = json_new();
	char id[ULID_STR_BYTES], date[CLOCK_DATE_BYTES];

	ulid_str(&row->letter.id, id);
	clock_date(row->received_s, date);
	json_put_int(line, "number", (int64_t)row->number);
	json_put_str(line, "state",
	    mailbox_state_name(ims_notice_shows(row->declined, row->letter.state)));
	json_put_str(line, "id", id);
	json_put_str(line, "from", row->from);
	json_put_str(line, "to", row->to);
	json_put_str(line, "received", date);
	json_put_int(line, "size", (int64_t)row->letter.size);
	json_put_bool(line, "letter", has_letter);
	control_line_take(r, line);
}

static void export_on(struct control_request *r, void *arg);

static void
body_woken(void *arg)
{
	struct exporting *x = arg;

	x->waiting = false;
	export_on(x->request, x);
}

/* False: storage (the letter cannot be read). */
static bool
show_piece(struct exporting *x, struct err *e)
{
	uint64_t size = x->row.letter.size;
	char piece[PIECE];
	ssize_t n = x->at < size ? x->body->read(x->body, x->at, piece, sizeof piece) : 0;
	struct buf text = BUF_INIT;
	struct json *line;

	if (n == SOURCE_WAIT)
		return x->waiting = true;
	if (n < 0 || (n == 0 && x->at < size))
		return err_set(e, REFUSAL_storage, "letter %llu cannot be read",
		    (unsigned long long)x->row.number);
	if (n > 0) {
		base64_add(&text, piece, (size_t)n);
		line = json_new();
		json_put_int(line, "of", (int64_t)x->row.number);
		json_put_span(line, "octets", buf_span(&text));
		control_line_take(x->request, line);
		buf_clear(&text);
	}
	x->at += (uint64_t)n;
	if (x->at >= size) {
		x->body->free(x->body);
		x->body = NULL;
	}
	return true;
}

static void
export_end(struct exporting *x, const struct err *e)
{
	if (x->body != NULL)
		x->body->free(x->body);
	control_end(x->request, e);
	free(x);
}

static void notices_found(void *arg, const struct ims_row *rows, size_t n, bool more,
    const struct err *e);

/* The rest of the letter, then the next notice: with its letter one at a time, alone a page of them. */
static void
export_on(struct control_request *r, void *arg)
{
	struct exporting *x = arg;
	struct err e;

	while (!control_gone(r) && !control_full(r) && x->body != NULL && !x->waiting)
		if (!show_piece(x, &e)) {
			export_end(x, &e);
			return;
		}
	if (control_gone(r) || (x->body == NULL && !x->more))
		export_end(x, NULL);
	else if (x->waiting)
		return;
	else if (control_full(r))
		control_again(r, export_on, x);
	else
		ims_store_list(x->ims->store, x->owner, x->row.number,
		    x->only_notices ? LIST_PAGE : 1, daemon_loop(x->ims->daemon), notices_found, x);
}

static void
letter_found(void *arg, struct source *body, const struct err *e)
{
	struct exporting *x = arg;

	if (e != NULL)
		log_fact(LOG_WARN, "mailbox.export", "mailbox=%s number=%llu word=%s",
		    log_str(x->owner), (unsigned long long)x->row.number, refusal_word(e->why));
	if ((x->body = body) != NULL) {
		body->wake = body_woken;
		body->wake_arg = x;
	}
	x->at = 0;
	show_notice(x->request, &x->row, body != NULL);
	export_on(x->request, x);
}

static void
notices_found(void *arg, const struct ims_row *rows, size_t n, bool more, const struct err *e)
{
	struct exporting *x = arg;

	if (e != NULL) {
		export_end(x, e);
		return;
	}
	x->more = more;
	if (n > 0)
		x->row = rows[n - 1];
	if (n > 0 && !x->only_notices && x->row.letter.state == MAILBOX_HERE) {
		ims_store_body(x->ims->store, &x->row.letter, daemon_loop(x->ims->daemon),
		    letter_found, x);
		return;
	}
	for (size_t i = 0; i < n; i++)
		show_notice(x->request, &rows[i], rows[i].letter.state == MAILBOX_HERE);
	export_on(x->request, x);
}

static void
mailbox_to_export(void *arg, uint64_t notices, const struct err *e)
{
	struct exporting *x = arg;

	(void)notices;
	if (e != NULL) {
		export_end(x, e);
		return;
	}
	x->more = true;
	export_on(x->request, x);
}

static void
export_mailbox(void *role, struct control_request *r, const struct json *request, bool only_notices)
{
	struct exporting *x = memory_new(sizeof *x);
	const char *mailbox = json_get_str(request, "mailbox");
	struct err e;
	bool in_use;

	x->ims = role;
	x->request = r;
	x->only_notices = only_notices;
	if (find_mailbox(role, mailbox == NULL ? "" : mailbox, x->owner, &in_use, &e))
		ims_store_has_mailbox(x->ims->store, x->owner, daemon_loop(x->ims->daemon),
		    mailbox_to_export, x);
	else
		export_end(x, &e);
}

void
ims_control_export(void *role, struct control_request *r, const struct json *request)
{
	export_mailbox(role, r, request, false);
}

void
ims_control_notices(void *role, struct control_request *r, const struct json *request)
{
	export_mailbox(role, r, request, true);
}
