/* store_migrate — the IMS's mailboxes: opens the store, made of one of an older version; see store_private.h.
 *
 * Older versions had a file with eighteen tables in the folder itself.  The new store is made in a folder beside it
 * and gets its name once it is whole and on the disk.  A crash before that begins anew.  Files of bodies get a second
 * name there.  The old store stays until the new one is closed in order for the first time.
 *
 *	table      key                                      value
 *	mailbox    user                                     version, last number, notices, last change
 *	notice     user NUL number(8)                       the notice, as now
 *	seen       letter(24), sha(recipient)(16)           as now
 *	known      user NUL, sha(From domain)(16)           version, day
 *	letter     id(16), sha(From domain)(8)              as now
 *	body       letter                                   octets of an inline body
 *	evidence   letter, sha(own)(8), statement(8)        as now
 *	paper      sha(octets)(32)                          octets
 *	kept       "p" sha(octets)(32)                      version, who pays, octets, scope, nextUpdate
 *	           "s" scope(32) nextUpdate(8) sha(32)      thisUpdate
 *	told       letter, sha(own)(8)                      version, own domain, notices that want it, declined
 *	owed       letter, sha(own)(8)                      a pending acknowledgement
 *
 * Order: mailboxes; notices, which announce their letters; then letters, which replace what was announced; repeats, known
 *        senders, papers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/hex.h"
#include "common/base/memory.h"
#include "common/base/record.h"
#include "common/pki/crl_set.h"
#include "common/store/db.h"
#include "common/store/db_key.h"
#include "common/store/kv_upgrade.h"
#include "ims/store/store_paper_private.h"
#include "ims/store/store_private.h"

#define MORE_ROOM    2
#define COMMITS_MORE ((uint64_t)8 << 20)

enum { MAILBOX, NOTICE, SEEN, KNOWN, LETTER, BODY, EVIDENCE, PAPER, KEPT, TOLD, OWED, OLD_TABLES };

static const char *const tables[OLD_TABLES] = { "mailbox", "notice", "seen", "known", "letter",
	"body", "evidence", "paper", "kept", "told", "owed" };

struct migration {
	struct kv_upgrade *upgrade;
	struct db_txn *txn;    /* a reading of all of the old store */
	struct bodies *bodies; /* the new folder */
	int64_t now_s;
};

/* -- operations ------------------------------------------------------------------------------------------------ */

struct step {
	struct kv_upgrade_step step; /* first */
	union {                      /* what is applied */
		struct ims_old_mailbox mailbox;
		struct ims_old_notice notice;
		struct ims_old_seen seen;
		struct ims_old_known known;
		struct ims_old_letter letter;
		struct ims_keeping paper;
	};
	char user[IMS_STORE_USER_BYTES];
	struct crl_octets crl;
	struct ims_old_row *rows; /* of a letter: its own */
	struct ims_old_own *owns;
};

static void
clear_step(struct kv_upgrade_step *step)
{
	struct step *s = (struct step *)step;

	free(s->rows);
	free(s->owns);
	free(s);
}

/* What the step borrows lies in the old store, whose reading lasts as long as all of this. */
static bool
take(struct migration *m, struct step *s, struct kv_part part,
    bool (*apply)(struct kv_txn *t, void *arg, struct err *e), void *arg, size_t octets)
{
	s->step = (struct kv_upgrade_step) {
		.part = part,
		.apply = apply,
		.arg = arg,
		.clear = clear_step,
		.octets = octets,
	};
	return kv_upgrade_take(m->upgrade, &s->step);
}

static bool
lose(struct migration *m, struct step *s)
{
	kv_upgrade_lose(m->upgrade, 1);
	free(s);
	return true;
}

/* -- mailboxes ------------------------------------------------------------------------------------------------------ */

static bool
on_mailbox(void *arg, struct span key, struct span value)
{
	struct migration *m = arg;
	struct step *s = memory_new(sizeof *s);
	struct ims_old_mailbox *o = &s->mailbox;
	struct reader r = reader_of(value);
	bool good;

	if (!span_copy(key, s->user, sizeof s->user))
		return lose(m, s);
	o->user = s->user;
	good = read_u8(&r) == 1;
	o->last = read_u64(&r);
	read_u64(&r);
	o->change = read_u64(&r);
	if (!good || !reader_done(&r)) {
		kv_upgrade_lose(m->upgrade, 1);
		o->last = o->change = 0;
	}
	return take(m, s, ims_part_mailbox(s->user), ims_mailbox_import_record, o, 1024);
}

/* -- notices ------------------------------------------------------------------------------------------------------ */

static struct db_key
letter_key(const struct ulid *id, struct span from_domain)
{
	struct db_key k = { .n = 0 };

	db_key_add(&k, id->b, ULID_BYTES);
	db_key_add_hash(&k, from_domain, PART_SHORT);
	return k;
}

static uint64_t
evidence_takes(struct migration *m, const struct ims_notice_record *n)
{
	struct db_key k = letter_key(&n->id, address_domain(span_str(n->from)));
	struct span value;

	db_key_add_hash(&k, address_domain(span_str(n->to)), PART_SHORT);
	db_key_add(&k, n->statement, sizeof n->statement);
	return kv_upgrade_get(m->upgrade, EVIDENCE, db_key_span(&k), &value)
	    ? ims_evidence_takes(value)
	    : 0;
}

static bool
on_notice(void *arg, struct span key, struct span value)
{
	struct migration *m = arg;
	struct step *s = memory_new(sizeof *s);
	struct ims_old_notice *o = &s->notice;
	struct ims_letter_record l;
	struct db_key k;
	struct span record;
	struct err e;

	if (key.n < 1 + 8 || !span_copy(span_sub(key, 0, key.n - 9), s->user, sizeof s->user) ||
	    !ims_notice_read(value, &o->notice, &e)) {
		return lose(m, s);
	}
	k = letter_key(&o->notice.id, address_domain(span_str(o->notice.from)));
	if (!kv_upgrade_get(m->upgrade, LETTER, db_key_span(&k), &record) ||
	    !ims_letter_read(record, &l, &e)) {
		return lose(m, s);
	}
	o->user = s->user;
	o->number = db_key_u64(key, key.n - 8);
	o->letter = l.facts;
	o->now_s = m->now_s;
	if (!o->notice.indexed) { /* of version 1: it has no charges, and is in no order of times */
		o->notice.due_s = o->letter.hold_until_s;
		o->notice.charged_domain = (uint32_t)ims_notice_takes(&o->notice);
		o->notice.charged = o->notice.charged_domain +
		    (uint32_t)evidence_takes(m, &o->notice);
	}
	kv_upgrade_count(m->upgrade);
	return take(m, s, ims_part_mailbox(s->user), ims_mailbox_import, &s->notice, 4096);
}

/* -- letters, and pending acknowledgements of deleted ones ------------------------------------------------------ */

/* A letter that is taken page by page: one of many recipients is larger than an operation may be. */
struct paging {
	struct migration *m;
	struct span key;
	const struct ims_letter_record *record; /* NULL: it has none */
	struct step *step;                      /* the page that is filled; NULL: none */
	size_t octets;
	bool failed;
	struct ims_old_own *own; /* all of them */
	size_t n_own, room;
};

static struct ims_old_letter *
page_of(struct paging *p)
{
	if (p->step == NULL) {
		p->step = memory_new(sizeof *p->step);
		p->step->letter.domain_hash = span_sub(p->key, ULID_BYTES, PART_SHORT);
		p->step->letter.has_record = p->record != NULL;
		if (p->record != NULL)
			p->step->letter.letter = *p->record;
		p->octets = 4096;
	}
	return &p->step->letter;
}

static bool
take_page(struct paging *p)
{
	struct step *s = p->step;
	struct ulid id;

	p->step = NULL;
	s->rows = s->letter.evidence;
	s->owns = s->letter.own;
	memcpy(id.b, p->key.p, ULID_BYTES);
	p->failed = !take(p->m, s, ims_part_letter(&id), ims_letter_import, &s->letter,
	    p->octets + 1024 * (s->letter.n_evidence + s->letter.n_own));
	return !p->failed;
}

static bool
collect_evidence(void *arg, struct span key, struct span value)
{
	struct paging *p = arg;
	struct ims_old_letter *l = page_of(p);

	if (l->n_evidence > 0 &&
	    (l->n_evidence == OLD_PAGE_ROWS || p->octets + value.n > OLD_PAGE_OCTETS)) {
		if (!take_page(p))
			return false;
		l = page_of(p);
	}
	if (l->evidence == NULL)
		l->evidence = memory_array(OLD_PAGE_ROWS, sizeof *l->evidence);
	l->evidence[l->n_evidence++] = (struct ims_old_row) { span_sub(key, PART_LETTER_AT, key.n),
		value };
	p->octets += key.n + value.n;
	return true;
}

static struct ims_old_own *
own_of(struct paging *p, struct span domain)
{
	for (size_t i = 0; i < p->n_own; i++)
		if (domain_eq(&p->own[i].domain, domain))
			return &p->own[i];
	if (p->n_own == p->room) {
		p->room = 2 * p->room + 4;
		p->own = memory_resize(p->own, p->room, sizeof *p->own);
	}
	p->own[p->n_own] = (struct ims_old_own) { .pending = false };
	domain_copy_span(&p->own[p->n_own].domain, domain);
	return &p->own[p->n_own++];
}

static bool
collect_told(void *arg, struct span key, struct span value)
{
	struct reader r = reader_of(value);
	struct ims_old_own *own;
	struct span domain;

	(void)key;
	read_u8(&r);
	domain = read_span(&r);
	own = own_of(arg, domain);
	own->has_wants = true;
	own->is.wants = read_u32(&r);
	own->is.declined = read_u8(&r) != 0;
	return true;
}

static bool
collect_owed(void *arg, struct span key, struct span value)
{
	struct ims_old_own *own;
	struct ims_ack a;

	(void)key;
	if (ims_ack_read(value, &a)) {
		own = own_of(arg, domain_span(&a.own_domain));
		own->pending = true;
		own->ack = a;
	}
	return true;
}

static bool
take_owns(struct paging *p)
{
	for (size_t i = 0; i < p->n_own; i++) {
		struct ims_old_letter *l = page_of(p);

		if (l->n_own == LETTER_PAGE) {
			if (!take_page(p))
				return false;
			l = page_of(p);
		}
		if (l->own == NULL)
			l->own = memory_array(LETTER_PAGE, sizeof *l->own);
		l->own[l->n_own++] = p->own[i];
	}
	return true;
}

/* The new name has the letter's key, and the old name as the attempt.  A file that is missing stays so. */
static bool
adopt_body(struct migration *m, struct span key, char file[BODY_NAME_BYTES])
{
	char path[4200 + BODY_NAME_BYTES], name[BODY_NAME_BYTES];
	unsigned char old[BODY_KEY_MAX > BODY_ATTEMPT_MAX ? BODY_KEY_MAX : BODY_ATTEMPT_MAX];
	size_t n;
	struct err e;

	snprintf(path, sizeof path, "%s/bodies/%s", kv_upgrade_folder(m->upgrade), file);
	if (file[0] == '\0' || access(path, F_OK) != 0)
		return true;
	if (body_name_key(file, old, &n))
		memcpy(name, file, sizeof name);
	else if (hex_parse(span_str(file), old, BODY_ATTEMPT_MAX))
		body_name(name, key, span_of(old, (size_t)BODY_ATTEMPT_MAX));
	else
		return true;
	if (!body_adopt(m->bodies, path, name, &e))
		return kv_upgrade_fail(m->upgrade, &e);
	memcpy(file, name, sizeof name);
	return true;
}

/* r NULL: it has no record. */
static bool
take_letter(struct migration *m, struct span key, const struct ims_letter_record *r)
{
	struct paging p = { .m = m, .key = key, .record = r };
	struct ims_old_letter *first = page_of(&p);

	if (kv_upgrade_get(m->upgrade, BODY, key, &first->body))
		p.octets += first->body.n;
	db_each(m->txn, EVIDENCE, key, key, collect_evidence, &p);
	db_each(m->txn, TOLD, key, key, collect_told, &p);
	db_each(m->txn, OWED, key, key, collect_owed, &p);
	if (!p.failed && take_owns(&p) && p.step != NULL)
		take_page(&p);
	free(p.own);
	return !p.failed;
}

static bool
on_letter(void *arg, struct span key, struct span value)
{
	struct migration *m = arg;
	struct ims_letter_record r;
	struct err e;

	if (key.n != PART_LETTER_AT || !ims_letter_read(value, &r, &e))
		return lose(m, NULL);
	return adopt_body(m, key, r.file) && take_letter(m, key, &r);
}

/* Of a letter that is gone. */
static bool
on_owed(void *arg, struct span key, struct span value)
{
	struct migration *m = arg;
	struct span letter = span_sub(key, 0, PART_LETTER_AT), record;

	(void)value;
	if (key.n != PART_LETTER_AT + PART_SHORT ||
	    kv_upgrade_get(m->upgrade, LETTER, letter, &record))
		return true;
	return take_letter(m, letter, NULL);
}

/* -- the rest ------------------------------------------------------------------------------------------------------------ */

/* Repeats of a deleted mailbox count against nobody.  One that cannot be read is there. */
static bool
has_mailbox(struct migration *m, const char *user)
{
	struct span record;
	struct err e;

	return db_get(m->txn, MAILBOX, span_str(user), &record) || db_fault(m->txn, &e);
}

static bool
on_seen(void *arg, struct span key, struct span value)
{
	struct migration *m = arg;
	struct step *s = memory_new(sizeof *s);
	struct err e;

	if (key.n != PART_LETTER_AT + PART_HASH || !ims_seen_read(value, &s->seen.seen, &e)) {
		return lose(m, s);
	}
	memcpy(s->user, s->seen.seen.user, sizeof s->user);
	if (!has_mailbox(m, s->user)) {
		free(s);
		return true;
	}
	s->seen.user = s->user;
	s->seen.key = key;
	s->seen.now_s = m->now_s;
	return take(m, s, ims_part_mailbox(s->user), ims_mailbox_import_seen, &s->seen, 2048);
}

static bool
on_known(void *arg, struct span key, struct span value)
{
	struct migration *m = arg;
	struct step *s = memory_new(sizeof *s);
	struct reader r = reader_of(value);

	read_u8(&r);
	s->known.day = (int64_t)read_u64(&r);
	if (key.n < 1 + PART_HASH || !reader_done(&r) ||
	    !span_copy(span_sub(key, 0, key.n - 1 - PART_HASH), s->user, sizeof s->user)) {
		return lose(m, s);
	}
	if (!has_mailbox(m, s->user)) {
		free(s);
		return true;
	}
	s->known.domain_hash = span_sub(key, key.n - PART_HASH, PART_HASH);
	return take(m, s, ims_part_mailbox(s->user), ims_mailbox_import_known, &s->known, 512);
}

static bool
on_paper(void *arg, struct span key, struct span value)
{
	struct migration *m = arg;
	struct step *s = memory_new(sizeof *s);
	struct db_key k = { .n = 0 };
	struct span record, scope, until;
	struct kv_part part;
	struct reader r;
	unsigned char digest[DIGEST_BYTES];

	if (key.n != DIGEST_BYTES) {
		return lose(m, s);
	}
	memcpy(digest, key.p, DIGEST_BYTES);
	part = ims_part_paper(digest);
	s->paper = (struct ims_keeping) { .octets = value,
		.until_s = m->now_s + PAPER_KEEP_S - ims_spread_s(&part, PAPER_SLACK_S),
		.now_s = m->now_s };
	db_key_add(&k, "p", 1);
	db_key_add(&k, digest, DIGEST_BYTES);
	if (kv_upgrade_get(m->upgrade, KEPT, db_key_span(&k), &record)) {
		r = reader_of(record);
		read_u8(&r);
		s->paper.domain = read_span(&r);
		read_u64(&r);
		scope = read_span(&r);
		s->crl.next_s = (int64_t)read_u64(&r);
		if (scope.n == sizeof s->crl.scope) {
			s->crl.shared = true;
			memcpy(s->crl.scope, scope.p, scope.n);
			k.n = 0;
			db_key_add(&k, "s", 1);
			db_key_add(&k, scope.p, scope.n);
			db_key_add_u64(&k, (uint64_t)s->crl.next_s);
			db_key_add(&k, digest, DIGEST_BYTES);
			if (kv_upgrade_get(m->upgrade, KEPT, db_key_span(&k), &until))
				s->crl.this_s = (int64_t)db_key_u64(until, 0);
			s->paper.crl = &s->crl;
		}
	}
	return take(m, s, part, ims_paper_keep, &s->paper, 1024 + value.n);
}

/* -- the whole ------------------------------------------------------------------------------------------------------------- */

static bool
copy_table(struct migration *m, unsigned table,
    bool (*fn)(void *arg, struct span key, struct span value))
{
	db_each(m->txn, table, (struct span) { 0 }, (struct span) { 0 }, fn, m);
	return kv_upgrade_wait(m->upgrade);
}

static bool
copy(struct kv_upgrade *u, struct offload *o, struct err *e)
{
	struct migration m = { .upgrade = u, .txn = kv_upgrade_old(u), .now_s = ims_now_s() };
	char path[4300];
	bool good;

	snprintf(path, sizeof path, "%s/bodies", kv_upgrade_made(u));
	if (!bodies_open(path, kv_upgrade_size(u), o, &m.bodies, e))
		return false;
	good = copy_table(&m, MAILBOX, on_mailbox) && copy_table(&m, NOTICE, on_notice) &&
	    copy_table(&m, LETTER, on_letter) && copy_table(&m, OWED, on_owed) &&
	    copy_table(&m, SEEN, on_seen) && copy_table(&m, KNOWN, on_known) &&
	    copy_table(&m, PAPER, on_paper) && bodies_sync(m.bodies, e);
	bodies_free(&m.bodies);
	return good;
}

/* Keys are longer than they were, and what the last commits have freed is there for a while. */
static uint64_t
room(struct kv_upgrade *u)
{
	return MORE_ROOM * kv_upgrade_used(u) + COMMITS_MORE;
}

const struct kv_upgrade_plan ims_upgrade = {
	.schema = &ims_schema,
	.tables = tables,
	.n_tables = OLD_TABLES,
	.counted = NOTICE,
	.unit = "notices",
	.bodies = "bodies",
	.room = room,
	.copy = copy,
};
