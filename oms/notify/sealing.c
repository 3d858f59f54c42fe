/* sealing — deliveries under one seal; see sealing.h. */
#include "oms/notify/sealing.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/base/random.h"
#include "oms/notify/verdict.h"

struct sealing *
sealing_new(void *owner)
{
	struct sealing *s = memory_new(sizeof *s);

	s->owner = owner;
	return s;
}

void
sealing_free(struct sealing **s)
{
	for (size_t i = 0; i < (*s)->n; i++)
		oms_delivery_clear(&(*s)->deliveries[i]);
	buf_clear(&(*s)->text);
	free((*s)->entries);
	free(*s);
	*s = NULL;
}

static bool
waits(const struct oms_recipient *r)
{
	return r->state == SUBMIT_WAITING;
}

void
sealing_cut(struct sealing *s, size_t octets)
{
	size_t used = 0, keep = 0;

	for (; keep < s->n; keep++) {
		used += s->deliveries[keep].statement.len +
		    s->deliveries[keep].n_recipients * (ADDRESS_MAX + STATEMENT_SALT_DIGITS + 16);
		if (keep > 0 && used > octets)
			break;
	}
	for (size_t i = keep; i < s->n; i++)
		oms_delivery_clear(&s->deliveries[i]);
	s->n = keep;
}

bool
sealing_write(struct sealing *s, const char *own, const char *peer, int64_t now_s, struct err *e)
{
	unsigned char digests[OMS_STORE_DUE_PAGE][STATEMENT_HASH_BYTES];

	for (size_t i = 0; i < s->n; i++)
		digest_sha256(buf_span(&s->deliveries[i].statement), digests[i]);
	return seal_write(&s->text, span_str(own), span_str(peer), now_s, digests, s->n, e);
}

static void
list_entries(struct sealing *s)
{
	size_t most = 0;

	for (size_t i = 0; i < s->n; i++)
		most += s->deliveries[i].n_recipients;
	free(s->entries);
	s->entries = memory_array(most + 1, sizeof *s->entries);
	s->n_entries = 0;
	for (size_t i = 0; i < s->n; i++) {
		struct oms_delivery *d = &s->deliveries[i];

		for (size_t k = 0; k < d->n_recipients; k++)
			if (waits(&d->recipients[k]))
				s->entries[s->n_entries++] = (struct sealing_entry) {
					.delivery = d,
					.recipient = &d->recipients[k],
				};
	}
}

bool
sealing_send(struct sealing *s, struct notify_client *c, enum seal_alg alg, struct span signature,
    struct err *e)
{
	struct notify_letter letters[OMS_STORE_DUE_PAGE];
	struct notify_recipient *to;
	size_t at = 0;
	bool good;

	list_entries(s);
	to = memory_array(s->n_entries + 1, sizeof *to);
	for (size_t i = 0; i < s->n_entries; i++) {
		to[i].address = span_str(s->entries[i].recipient->address);
		memcpy(to[i].salt, s->entries[i].recipient->salt, sizeof to[i].salt);
	}
	for (size_t i = 0; i < s->n; i++) {
		struct notify_letter *l = &letters[i];

		*l = (struct notify_letter) { buf_span(&s->deliveries[i].statement), to + at, 0 };
		for (; at < s->n_entries && s->entries[at].delivery == &s->deliveries[i]; at++)
			l->n_recipients++;
	}
	good = notify_client_send(c, letters, s->n, buf_span(&s->text), alg, signature, s, e);
	for (size_t i = 0; i < s->n; i++)
		s->deliveries[i].sent = good;
	free(to);
	return good;
}

/* -- what came of it ------------------------------------------------------------------------------ */

static void
refuse(struct oms_recipient *r, const struct err *e, bool final, int64_t now_ms)
{
	if (final)
		oms_recipient_said(r, SUBMIT_REFUSED, e, now_ms / 1000);
	else
		oms_recipient_failed(r, e);
}

static void
take(struct oms_recipient *r, bool known, int64_t now_ms)
{
	r->state = SUBMIT_NOTIFIED;
	r->since_s = now_ms / 1000;
	r->word[0] = r->text[0] = '\0';
	r->known = known;
}

void
sealing_answer(struct sealing *s, size_t index, struct span text, const struct err *e,
    int64_t now_ms)
{
	struct sealing_entry *entry;

	if (index >= s->n_entries)
		return;
	entry = &s->entries[index];
	entry->answered = true;
	if (e == NULL) {
		take(entry->recipient, span_eq(text, SPAN_LIT(NOTIFY_REPEAT_TEXT)), now_ms);
	} else {
		s->seal_refused = s->seal_refused || (s->n > 1 && verdict_is_of_seal(e->why));
		refuse(entry->recipient, e, verdict_is_final(e->why, VERDICT_ANSWER, false),
		    now_ms);
	}
}

static void
reschedule(const struct sealing *s, struct oms_delivery *d, int64_t now_ms)
{
	uint32_t random;

	random_bytes(&random, sizeof random);
	oms_delivery_reschedule(d, now_ms, random, s->give_up_s);
}

void
sealing_close(struct sealing *s, const struct err *e, int64_t now_ms)
{
	for (size_t i = 0; i < s->n_entries && e != NULL; i++)
		if (!s->entries[i].answered)
			refuse(s->entries[i].recipient, e,
			    verdict_is_final(e->why, VERDICT_SESSION, false), now_ms);
	for (size_t i = 0; i < s->n; i++)
		reschedule(s, &s->deliveries[i], now_ms);
}

bool
sealing_waits(const struct sealing *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->deliveries[i].next_ms != 0)
			return true;
	return false;
}

static void
refuse_all(struct oms_delivery *d, const struct err *e, bool final, int64_t now_ms)
{
	for (size_t k = 0; k < d->n_recipients; k++)
		if (waits(&d->recipients[k]))
			refuse(&d->recipients[k], e, final, now_ms);
}

void
sealing_put_off(struct sealing *s, const struct err *e, int64_t now_ms, int64_t in_ms)
{
	for (size_t i = 0; i < s->n; i++) {
		refuse_all(&s->deliveries[i], e, false, now_ms);
		s->deliveries[i].next_ms = now_ms + in_ms;
	}
}

void
sealing_fail(struct sealing *s, const struct err *e, bool final, int64_t now_ms)
{
	for (size_t i = 0; i < s->n; i++) {
		refuse_all(&s->deliveries[i], e, final, now_ms);
		reschedule(s, &s->deliveries[i], now_ms);
	}
}
