/* store_old — the OMS's spool: a letter as a store of an older version has it; see store_old_private.h.
 *
 *	table        key                  value
 *	letter       id                   the letter, as now
 *	body         id                   octets of an inline body
 *	delivery     id, peer             the delivery, as now
 *	token        user NUL token       id, until
 *	peer         domain               version, until, answered (since version 2)
 *
 * A record that cannot be read is lost, and harms no other.  Of a delivery its key still says the domain, so the
 * outbox shows a recipient there whose letter the OMS has refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/store/db_key.h"
#include "oms/store/store_old_private.h"

/* Counts as lost what is damaged. */
static bool
get(struct db_txn *t, unsigned table, struct span key, struct span *value, uint64_t *lost)
{
	struct err e;

	if (db_get(t, table, key, value))
		return true;
	*lost += db_fault(t, &e);
	return false;
}

/* -- deliveries --------------------------------------------------------------------------------------------- */

static void
refuse(struct oms_recipient *r, int64_t now_s, const char *why)
{
	r->state = SUBMIT_REFUSED;
	r->since_s = now_s;
	r->by = SUBMIT_SPEAKER_OMS;
	snprintf(r->word, sizeof r->word, "%s", refusal_word(REFUSAL_storage));
	snprintf(r->text, sizeof r->text, "%s", why);
}

/* Its recipients are not known any more.  False: nor is its domain. */
static bool
stand_in(const struct oms_old_letter *l, struct span key, struct oms_delivery *d, int64_t now_s)
{
	*d = (struct oms_delivery) {
		.id = l->record.facts.id,
		.hold_until_s = l->record.facts.hold_until_s,
	};
	domain_copy_span(&d->own, address_domain(span_str(l->record.facts.from)));
	if (!span_copy(span_sub(key, ULID_BYTES, key.n), d->peer.text, sizeof d->peer.text) ||
	    d->peer.text[0] == '\0')
		return false;
	d->recipients = memory_array(1, sizeof *d->recipients);
	d->n_recipients = 1;
	snprintf(d->recipients->address, sizeof d->recipients->address, "?@%.*s",
	    (int)sizeof d->recipients->address - 3, d->peer.text);
	refuse(d->recipients, now_s,
	    "the record of the recipients there could not be read when the spool was migrated: it is not known "
	    "who they were, nor whether they have the letter");
	return true;
}

static void
take_delivery(struct db_txn *t, struct oms_old_letter *l, struct span key, int64_t now_s)
{
	struct oms_delivery *d = &l->deliveries[l->n_deliveries];
	uint64_t damaged = 0;
	struct span value;
	struct err e;

	if (get(t, OMS_OLD_DELIVERY, key, &value, &damaged) && oms_delivery_read(value, d, &e)) {
		l->n_deliveries++;
		return;
	}
	l->lost++;
	log_fact_of(SPAN_LIT("store"), LOG_WARN, "store.unreadable", "record=delivery domain=%s",
	    log_value(span_sub(key, ULID_BYTES, key.n)));
	l->n_deliveries += stand_in(l, key, d, now_s);
}

static void
take_deliveries(struct db_txn *t, struct oms_old_letter *l, struct span id, int64_t now_s)
{
	struct db_key from = { .n = 0 };
	struct span key;

	db_key_add(&from, id.p, id.n);
	while (l->n_deliveries < SUBMIT_RECIPIENTS_MAX &&
	    db_next_key(t, OMS_OLD_DELIVERY, db_key_span(&from), id, &key)) {
		db_key_copy(&from, key);
		take_delivery(t, l, db_key_span(&from), now_s);
		db_key_add(&from, "", 1); /* after it */
	}
}

/* -- the letter --------------------------------------------------------------------------------------------- */

/* The octets of the letter are lost: nobody gets it any more. */
static void
refuse_all(struct oms_old_letter *l, int64_t now_s)
{
	for (size_t i = 0; i < l->n_deliveries; i++) {
		struct oms_delivery *d = &l->deliveries[i];

		for (size_t k = 0; k < d->n_recipients; k++)
			if (!oms_recipient_is_over(&d->recipients[k]))
				refuse(&d->recipients[k], now_s,
				    "the letter could not be read when the spool was migrated");
		d->next_ms = 0;
	}
}

static void
take_body(struct db_txn *t, struct oms_old_letter *l, struct span id, int64_t now_s)
{
	if (!l->record.life.body || l->record.file[0] != '\0' ||
	    get(t, OMS_OLD_BODY, id, &l->body, &l->lost) || l->record.facts.size == 0)
		return;
	refuse_all(l, now_s);
}

/* How long the token means this letter; 0: not any more. */
static int64_t
token_until(struct db_txn *t, struct oms_old_letter *l)
{
	const struct oms_letter_record *r = &l->record;
	struct db_key k = { .n = 0 };
	struct span value;
	struct reader in;
	struct ulid id;
	int64_t until_s;

	db_key_add_text(&k, r->facts.user);
	db_key_add(&k, r->token, strlen(r->token));
	if (r->token[0] == '\0' || !get(t, OMS_OLD_TOKEN, db_key_span(&k), &value, &l->lost))
		return 0;
	in = reader_of(value);
	read_bytes(&in, id.b, ULID_BYTES);
	until_s = (int64_t)read_u64(&in);
	return reader_done(&in) && ulid_eq(&id, &r->facts.id) ? until_s : 0;
}

bool
oms_old_letter_read(struct db_txn *t, struct span id, struct span value, int64_t now_s,
    struct oms_old_letter *l)
{
	struct err e;

	*l = (struct oms_old_letter) { .lost = 0 };
	if (id.n != ULID_BYTES || !oms_letter_read(value, &l->record, &e))
		return false;
	l->deliveries = memory_array(SUBMIT_RECIPIENTS_MAX, sizeof *l->deliveries);
	take_deliveries(t, l, id, now_s);
	take_body(t, l, id, now_s);
	l->token_until_s = token_until(t, l);
	if (l->record.life.body)
		l->record.life = oms_life_begin(oms_deliveries_open(l->deliveries, l->n_deliveries),
		    now_s);
	if (!l->record.life.body)
		l->record.file[0] = '\0';
	return true;
}

void
oms_old_letter_clear(struct oms_old_letter *l)
{
	for (size_t i = 0; i < l->n_deliveries; i++)
		oms_delivery_clear(&l->deliveries[i]);
	free(l->deliveries);
	*l = (struct oms_old_letter) { .lost = 0 };
}
