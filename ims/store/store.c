/* store — the IMS's mailboxes: opening, reading, counting; see store.h. */
#include "ims/store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/base/source.h"
#include "common/store/body_orphans.h"
#include "ims/store/store_private.h"
#include "ims/store/store_share.h"

static const char *const tables[IMS_TABLES] = {
	[MAILBOX] = "mailbox",
	[NOTICE] = "notice",
	[SEEN] = "seen",
	[LETTER] = "letter",
	[BODY] = "body",
	[EVIDENCE] = "evidence",
	[PAPER] = "paper",
	[CITED] = "cited",
	[CHANGE] = "change",
	[UNTIL] = "until",
	[NOTIFIED] = "told",
	[PENDING_ACK] = "owed",
	[SHARE] = "share",
	[SENDER] = "sender",
	[DUE] = "due",
	[KEPT] = "kept",
	[KNOWN] = "known",
	[SEEN_BY] = "seenby",
};

/* -- opening ---------------------------------------------------------------------------------------- */

static bool
file_of(struct span record, char file[BODY_NAME_BYTES])
{
	struct ims_letter_record r;
	struct err e;

	if (!ims_letter_read(record, &r, &e))
		return false;
	memcpy(file, r.file, BODY_NAME_BYTES);
	return true;
}

static void
ask_records(void *arg, struct body_page *p)
{
	body_page_look(p, ((struct ims_store *)arg)->db, LETTER, file_of);
}

bool
ims_store_open(const char *folder, uint64_t size, struct offload *o, struct ims_store **out,
    struct err *e)
{
	struct ims_store *s = memory_new(sizeof *s);
	char path[4096];

	atomic_init(&s->holders, 1);
	random_bytes(&s->run, sizeof s->run);
	s->size = size;
	s->seen_max = size / IMS_STORE_SEEN_OCTETS;
	snprintf(path, sizeof path, "%s/bodies", folder);
	if (!db_open(folder, size, tables, IMS_TABLES, &s->db, e) ||
	    !bodies_open(path, size, o, &s->bodies, e)) {
		ims_store_close(&s);
		return false;
	}
	db_share(s->db, bodies_used, s->bodies);
	body_orphans_start(s->bodies, &(struct body_asker) { .ask = ask_records, .arg = s });
	ims_store_upgrade(s);
	*out = s;
	return true;
}

void
ims_store_close(struct ims_store **s)
{
	if (*s == NULL)
		return;
	body_orphans_stop((*s)->bodies);
	db_close(&(*s)->db);
	bodies_free(&(*s)->bodies);
	ims_store_let_go(s);
}

struct ims_store *
ims_store_hold(struct ims_store *s)
{
	if (s != NULL)
		atomic_fetch_add(&s->holders, 1);
	return s;
}

void
ims_store_let_go(struct ims_store **s)
{
	if (*s != NULL && atomic_fetch_sub(&(*s)->holders, 1) == 1)
		free(*s);
	*s = NULL;
}

struct db *
ims_store_db(struct ims_store *s)
{
	return s->db;
}

void
ims_store_seen_max(struct ims_store *s, uint64_t entries)
{
	s->seen_max = entries;
}

struct bodies *
ims_store_bodies(struct ims_store *s)
{
	return s->bodies;
}

/* After the letter was deleted and announced again, its fences begin again; so the fence is not enough. */
struct body_in *
ims_store_body_in(struct ims_store *s, const struct ims_letter *letter, struct loop *l)
{
	struct db_key k = ims_key_letter(&letter->id, domain_span(&letter->from_domain));
	struct db_key attempt = { .n = 0 };
	unsigned char random[8];

	random_bytes(random, sizeof random);
	db_key_add_u64(&attempt, letter->fence);
	db_key_add(&attempt, random, sizeof random);
	return body_begin(s->bodies, db_key_span(&k), db_key_span(&attempt), l);
}

/* -- looking ------------------------------------------------------------------------------------------ */

/* LMDB keeps these counts: reads no row. */
void
ims_store_counts(struct ims_store *s, struct ims_store_counts *out)
{
	struct db_counts c;
	struct db_txn *t;
	struct err e;

	db_counts(s->db, &c);
	*out = (struct ims_store_counts) { 0, 0, 0, c.writes, c.commits, c.used_bytes,
		c.size_bytes };
	if (!db_read(s->db, &t, &e))
		return;
	out->mailboxes = db_entries(t, MAILBOX);
	out->notices = db_entries(t, NOTICE);
	out->papers = db_entries(t, PAPER);
	db_read_end(&t);
}
