/* store_migrate — the OMS's spool: opens the store, made of one of an older version; see store_private.h.
 *
 * Older versions had a file with nine tables in the folder itself.  The new store is made in a folder beside it,
 * letter by letter, and gets its name once it is whole and on the disk.  A crash before that begins anew.  The old
 * file stays until the store is closed in order for the first time.  So do the old files of bodies, in bodies.old;
 * those that a letter names get a second name in bodies.new, by which their letter is found, and bodies.new becomes
 * bodies after the store has its name.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/hex.h"
#include "common/base/memory.h"
#include "common/store/kv_upgrade.h"
#include "oms/store/store_old_private.h"

/* What the new store has more than the old one, at most about: rows by which letters are found, and what the last
 * commits have freed. */
#define LETTER_MORE   1024
#define DELIVERY_MORE 1024
#define COMMITS_MORE  ((uint64_t)8 << 20)
#define NO_BOUND      (1U << 30) /* of remembered domains */

static const char *const tables[OMS_OLD_TABLES] = {
	[OMS_OLD_LETTER] = "letter",
	[OMS_OLD_BODY] = "body",
	[OMS_OLD_DELIVERY] = "delivery",
	[OMS_OLD_TOKEN] = "token",
	[OMS_OLD_PEER] = "peer",
};

struct migration {
	struct kv_upgrade *upgrade;
	struct db_txn *txn;    /* a reading of all of the old store */
	struct bodies *bodies; /* the new folder */
};

struct step {
	struct kv_upgrade_step step; /* first */
	struct oms_taking taking;
	struct oms_remembering peer;
};

static void
clear_step(struct kv_upgrade_step *step)
{
	struct step *s = (struct step *)step;

	buf_clear(&s->taking.packed);
	free(s);
}

/* -- letters ------------------------------------------------------------------------------------------------ */

static bool
take_letter(struct migration *m, const struct oms_old_letter *l)
{
	struct step *s = memory_new(sizeof *s);

	s->taking = (struct oms_taking) {
		.letter = l->record,
		.token = oms_token_name(l->record.token),
		.token_until_s = l->token_until_s,
		.again = true,
	};
	s->taking.letter.version = OMS_VERSION_FIRST;
	oms_letter_pack(&s->taking.packed, &s->taking.letter, l->body, l->deliveries,
	    l->n_deliveries, true);
	s->step = (struct kv_upgrade_step) {
		.part = oms_part_user(l->record.facts.user),
		.apply = oms_take_letter,
		.arg = &s->taking,
		.clear = clear_step,
		.octets = s->taking.packed.len + 512,
	};
	return kv_upgrade_take(m->upgrade, &s->step);
}

/* The file gets the name that its letter is found by, whatever it was called.  A file that is lost harms no other
 * letter. */
static bool
adopt_file(struct migration *m, struct oms_letter_record *r, struct err *e)
{
	unsigned char attempt[BODY_ATTEMPT_MAX];
	unsigned char digest[DIGEST_BYTES];
	char path[4200];

	if (r->file[0] == '\0' || strchr(r->file, '/') != NULL)
		return true;
	snprintf(path, sizeof path, "%s/bodies/%s", kv_upgrade_folder(m->upgrade), r->file);
	if (!hex_parse(span_str(r->file), attempt, sizeof attempt)) {
		digest_sha256(span_str(r->file), digest);
		memcpy(attempt, digest, sizeof attempt);
	}
	body_name(r->file, span_of(r->facts.id.b, ULID_BYTES), span_of(attempt, sizeof attempt));
	return (access(path, F_OK) != 0 && errno == ENOENT) ||
	    body_adopt(m->bodies, path, r->file, e);
}

static bool
copy_letter(struct migration *m, struct oms_old_letter *l)
{
	struct err e;

	if (!adopt_file(m, &l->record, &e))
		return kv_upgrade_fail(m->upgrade, &e);
	kv_upgrade_lose(m->upgrade, l->lost);
	if (!take_letter(m, l))
		return false;
	kv_upgrade_count(m->upgrade);
	return true;
}

static bool
on_letter(void *arg, struct span key, struct span value)
{
	struct migration *m = arg;
	struct oms_old_letter l;
	bool good;

	if (!oms_old_letter_read(m->txn, key, value, clock_wall_ms() / 1000, &l)) {
		kv_upgrade_lose(m->upgrade, 1);
		return true;
	}
	good = copy_letter(m, &l);
	oms_old_letter_clear(&l);
	return good;
}

/* -- remembered domains ------------------------------------------------------------------------------------- */

static bool
on_peer(void *arg, struct span key, struct span value)
{
	struct migration *m = arg;
	struct reader r = reader_of(value);
	struct step *s = memory_new(sizeof *s);
	uint8_t version = read_u8(&r);

	s->peer.until_s = (int64_t)read_u64(&r);
	if (version > 1)
		s->peer.answered_s = (int64_t)read_u64(&r);
	if (version < 1 || version > 2 || !reader_done(&r) ||
	    !span_copy(key, s->peer.domain.text, sizeof s->peer.domain.text)) {
		kv_upgrade_lose(m->upgrade, 1);
		free(s);
		return true;
	}
	s->peer.max = NO_BOUND;
	s->step = (struct kv_upgrade_step) {
		.part = oms_part_peer(s->peer.domain.text),
		.apply = oms_remember,
		.arg = &s->peer,
		.clear = clear_step,
		.octets = 512,
	};
	return kv_upgrade_take(m->upgrade, &s->step);
}

/* -- the whole ---------------------------------------------------------------------------------------------- */

static uint64_t
room(struct kv_upgrade *u)
{
	struct db_txn *t = kv_upgrade_old(u);

	return kv_upgrade_used(u) + COMMITS_MORE + LETTER_MORE * db_entries(t, OMS_OLD_LETTER) +
	    DELIVERY_MORE * db_entries(t, OMS_OLD_DELIVERY);
}

static bool
copy(struct kv_upgrade *u, struct offload *o, struct err *e)
{
	struct migration m = { .upgrade = u, .txn = kv_upgrade_old(u) };
	char path[4200];
	bool good;

	(void)o;
	snprintf(path, sizeof path, "%s/bodies.new", kv_upgrade_folder(u));
	if (!bodies_open(path, kv_upgrade_size(u), NULL, &m.bodies, e))
		return false;
	db_each(m.txn, OMS_OLD_LETTER, (struct span) { 0 }, (struct span) { 0 }, on_letter, &m);
	db_each(m.txn, OMS_OLD_PEER, (struct span) { 0 }, (struct span) { 0 }, on_peer, &m);
	good = kv_upgrade_wait(u) && oms_format_put(kv_upgrade_kv(u), e) &&
	    bodies_sync(m.bodies, e);
	bodies_free(&m.bodies);
	return good;
}

static bool
bodies_have_no_name(const char *folder)
{
	char made[4200];

	snprintf(made, sizeof made, "%s/bodies.new", folder);
	return access(made, F_OK) == 0;
}

static bool
name_bodies(const char *folder, struct err *e)
{
	char here[4200], made[4200], old[4200];

	snprintf(here, sizeof here, "%s/bodies", folder);
	snprintf(made, sizeof made, "%s/bodies.new", folder);
	snprintf(old, sizeof old, "%s/bodies.old", folder);
	if (bodies_have_no_name(folder) &&
	    ((rename(here, old) != 0 && errno != ENOENT) || rename(made, here) != 0))
		return err_set_errno(e, REFUSAL_storage, errno, "%s", here);
	return true;
}

const struct kv_upgrade_plan oms_upgrade = {
	.schema = &oms_schema,
	.tables = tables,
	.n_tables = OMS_OLD_TABLES,
	.counted = OMS_OLD_LETTER,
	.unit = "letters",
	.bodies = "bodies.old",
	.room = room,
	.copy = copy,
	.is_unsettled = bodies_have_no_name,
	.settle = name_bodies,
};
