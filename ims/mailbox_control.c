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
show_mailbox(void *arg, const char *user, uint64_t notices)
{
	struct listing *l = arg;
	struct json *line = json_new();
	const struct account *account = accounts_of_owner(l->accounts, user);
	const struct account_removed *removed = accounts_removed(l->accounts, user);
	char date[CLOCK_DATE_BYTES], name[IMS_STORE_USER_BYTES + 2];

	span_copy(span_str(user), l->after, sizeof l->after);
	snprintf(name, sizeof name, "%s%s", account != NULL ? account->address : user,
	    account != NULL || strchr(user, ' ') != NULL ? "" : FIRST_GENERATION);
	json_put_str(line, "mailbox", name);
	json_put_int(line, "notices", (int64_t)notices);
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
show_sender(void *arg, const char *from_domain, const struct ims_share *sum)
{
	struct listing *l = arg;
	struct json *line = json_new();

	span_copy(span_str(from_domain), l->after, sizeof l->after);
	json_put_str(line, "from", from_domain);
	json_put_int(line, "notices", (int64_t)sum->notices);
	json_put_int(line, "octets", (int64_t)sum->octets);
	json_put_int(line, "limit", (int64_t)l->limit);
	control_line_take(l->request, line);
}

static void
list_on(struct control_request *r, void *arg)
{
	struct listing *l = arg;
	struct ims_store *s = l->ims->store;
	size_t n = LIST_PAGE;
	bool good = true;
	struct err e;

	while (good && n == LIST_PAGE && !control_gone(r)) {
		if (control_full(r)) {
			control_again(r, list_on, l);
			return;
		}
		good = l->senders
		    ? ims_store_senders(s, l->after, LIST_PAGE, show_sender, l, &n, &e)
		    : ims_store_mailboxes(s, l->after, LIST_PAGE, show_mailbox, l, &n, &e);
	}
	accounts_set_put(&l->accounts);
	control_end(r, good ? NULL : &e);
	free(l);
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
	struct domain at; /* the domain whose notices are dropped; those before it are done */
	bool found;
	uint64_t notices; /* of the domains that are done */
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
look_at_sender(void *arg, const char *from_domain, const struct ims_share *sum)
{
	struct purging *p = arg;

	(void)sum;
	if (p->found)
		return;
	domain_set(&p->at, span_str(from_domain));
	p->found = is_within(span_str(from_domain), domain_span(&p->parent));
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
	if (e == NULL) {
		purge_next(p);
		return;
	}
	purged(p->request, p->notices, e);
	free(p);
}

static void
purge_next(struct purging *p)
{
	size_t n = LIST_PAGE;
	struct err e;
	bool good = true;

	p->found = false;
	while (good && !p->found && n == LIST_PAGE)
		good = ims_store_senders(p->ims->store, p->at.text, LIST_PAGE, look_at_sender, p,
		    &n, &e);
	if (!good || !p->found) {
		purged(p->request, p->notices, good ? NULL : &e);
		free(p);
		return;
	}
	p->what.from_domain = p->at.text;
	ims_store_purge(p->ims->store, &p->what);
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

void
ims_control_remove(void *role, struct control_request *r, const struct json *request)
{
	struct ims *i = role;
	const char *mailbox = json_get_str(request, "mailbox");
	char owner[IMS_STORE_USER_BYTES];
	struct ims_purge p = { .user = owner, .opened = true };
	bool in_use, also_in_use = false;
	uint64_t notices;
	struct err e;

	json_get_bool(request, "in_use", &also_in_use);
	if (!find_mailbox(i, mailbox == NULL ? "" : mailbox, owner, &in_use, &e) ||
	    !ims_store_has_mailbox(i->store, owner, &notices, &e)) {
		control_end(r, &e);
	} else if (in_use && !also_in_use) {
		err_set(&e, REFUSAL_usage,
		    "the mailbox is in use and holds %llu notices: ims user remove %.*s first",
		    (unsigned long long)notices, SPAN_FMT(accounts_owner_address(owner)));
		control_end(r, &e);
	} else {
		start_purge(i, r, &p);
	}
}

/* -- export --------------------------------------------------------------------------------------- */

struct exporting {
	struct ims *ims;
	char owner[IMS_STORE_USER_BYTES];
	bool only_notices;
	uint64_t number; /* of the current notice */
	struct source *body;
	uint64_t at, size;
};

static void
show_notice(struct control_request *r, const struct mailbox_notice *n, bool has_letter)
{
	struct json *line = json_new();
	char id[ULID_STR_BYTES], date[CLOCK_DATE_BYTES];

	ulid_str(&n->id, id);
	clock_date(n->received_s, date);
	json_put_int(line, "number", (int64_t)n->number);
	json_put_str(line, "state", mailbox_state_name(n->state));
	json_put_str(line, "id", id);
	json_put_str(line, "from", n->from);
	json_put_str(line, "to", n->to);
	json_put_str(line, "received", date);
	json_put_int(line, "size", (int64_t)n->size);
	json_put_bool(line, "letter", has_letter);
	control_line_take(r, line);
}

/* False: no_such_number (that was the last), storage. */
static bool
next_notice(struct exporting *x, struct control_request *r, struct err *e)
{
	struct mailbox_notice n;
	struct ims_letter l;
	struct err why;

	if (!ims_store_next(x->ims->store, x->owner, x->number, &n, &l, e))
		return false;
	x->number = n.number;
	x->at = 0;
	x->size = l.size;
	x->body = NULL;
	if (!x->only_notices && l.state == MAILBOX_HERE &&
	    !ims_store_body(x->ims->store, &l, &x->body, &why))
		log_fact(LOG_WARN, "mailbox.export", "mailbox=%s number=%llu word=%s",
		    log_str(x->owner), (unsigned long long)n.number, refusal_word(why.why));
	show_notice(r, &n, l.state == MAILBOX_HERE && (x->body != NULL || x->only_notices));
	return true;
}

/* False: storage (the letter cannot be read). */
static bool
show_piece(struct exporting *x, struct control_request *r, struct err *e)
{
	char piece[PIECE];
	ssize_t n = x->at < x->size ? x->body->read(x->body, x->at, piece, sizeof piece) : 0;
	struct buf text = BUF_INIT;
	struct json *line;

	if (n < 0 || (n == 0 && x->at < x->size))
		return err_set(e, REFUSAL_storage, "letter %llu cannot be read",
		    (unsigned long long)x->number);
	if (n > 0) {
		base64_add(&text, piece, (size_t)n);
		line = json_new();
		json_put_int(line, "of", (int64_t)x->number);
		json_put_span(line, "octets", buf_span(&text));
		control_line_take(r, line);
		buf_clear(&text);
	}
	x->at += (uint64_t)n;
	if (x->at >= x->size) {
		x->body->free(x->body);
		x->body = NULL;
	}
	return true;
}

static void
export_on(struct control_request *r, void *arg)
{
	struct exporting *x = arg;
	bool good = true;
	struct err e;

	while (good && !control_gone(r)) {
		if (control_full(r)) {
			control_again(r, export_on, x);
			return;
		}
		good = x->body != NULL ? show_piece(x, r, &e) : next_notice(x, r, &e);
	}
	if (x->body != NULL)
		x->body->free(x->body);
	control_end(r, good || e.why == REFUSAL_no_such_number ? NULL : &e);
	free(x);
}

static void
export_mailbox(void *role, struct control_request *r, const struct json *request, bool only_notices)
{
	struct exporting *x = memory_new(sizeof *x);
	const char *mailbox = json_get_str(request, "mailbox");
	uint64_t notices;
	struct err e;
	bool in_use;

	x->ims = role;
	x->only_notices = only_notices;
	if (!find_mailbox(role, mailbox == NULL ? "" : mailbox, x->owner, &in_use, &e) ||
	    !ims_store_has_mailbox(x->ims->store, x->owner, &notices, &e)) {
		control_end(r, &e);
		free(x);
		return;
	}
	export_on(r, x);
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
