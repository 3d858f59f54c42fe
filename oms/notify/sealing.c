/* sealing — deliveries under one seal; see sealing.h. */
#include "oms/notify/sealing.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/base/random.h"
#include "oms/notify/notifier.h"

struct batch *
batch_new(struct line *l)
{
	struct batch *b = memory_new(sizeof *b);

	b->line = l;
	return b;
}

void
batch_free(struct batch **b)
{
	for (size_t i = 0; i < (*b)->n; i++)
		oms_delivery_clear(&(*b)->deliveries[i]);
	buf_clear(&(*b)->seal);
	free(*b);
	*b = NULL;
}

static bool
waits(const struct oms_recipient *r)
{
	return r->state == SUBMIT_WAITING;
}

void
batch_cut(struct batch *b, size_t octets)
{
	size_t used = 0, keep = 0;

	for (; keep < b->n; keep++) {
		used += b->deliveries[keep].statement.len +
		    b->deliveries[keep].n_recipients * (ADDRESS_MAX + STATEMENT_SALT_DIGITS + 16);
		if (keep > 0 && used > octets)
			break;
	}
	for (size_t i = keep; i < b->n; i++)
		oms_delivery_clear(&b->deliveries[i]);
	b->n = keep;
}

bool
batch_seal(struct batch *b, const char *own, const char *peer, int64_t now_s, struct err *e)
{
	unsigned char digests[OMS_STORE_DUE_PAGE][STATEMENT_HASH_BYTES];

	for (size_t i = 0; i < b->n; i++)
		digest_sha256(buf_span(&b->deliveries[i].statement), digests[i]);
	return seal_write(&b->seal, span_str(own), span_str(peer), now_s, digests, b->n, e);
}

bool
batch_send(struct batch *b, struct notify_client *c, enum seal_alg alg, struct span signature,
    struct err *e)
{
	struct notify_letter letters[OMS_STORE_DUE_PAGE];
	struct notify_recipient *all, *at;
	size_t n = 0;
	bool good;

	for (size_t i = 0; i < b->n; i++)
		n += b->deliveries[i].n_recipients;
	at = all = memory_array(n + 1, sizeof *all);
	for (size_t i = 0; i < b->n; i++) {
		struct oms_delivery *d = &b->deliveries[i];

		letters[i] = (struct notify_letter) { buf_span(&d->statement), at, 0 };
		for (size_t k = 0; k < d->n_recipients; k++) {
			if (!waits(&d->recipients[k]))
				continue;
			at->address = span_str(d->recipients[k].address);
			memcpy(at->salt, d->recipients[k].salt, sizeof at->salt);
			at++;
			letters[i].n_recipients++;
		}
	}
	good = notify_client_send(c, letters, b->n, buf_span(&b->seal), alg, signature, b, e);
	free(all);
	return good;
}

/* -- what came of it ------------------------------------------------------------------------------ */

static void
refuse(struct oms_recipient *r, const struct err *e, bool permanent, int64_t now_ms)
{
	if (permanent) {
		r->state = SUBMIT_REFUSED;
		r->since_s = now_ms / 1000;
	}
	span_copy(span_str(refusal_word(e->why)), r->word, sizeof r->word);
	span_copy(span_sub(span_str(e->text), 0, sizeof r->text - 1), r->text, sizeof r->text);
}

static bool
is_of_seal(enum refusal why)
{
	return why == REFUSAL_seal_bad || why == REFUSAL_bad_seal_form ||
	    why == REFUSAL_seal_signer || why == REFUSAL_seal_for || why == REFUSAL_seal_date ||
	    why == REFUSAL_too_many_statements || why == REFUSAL_batch_too_big;
}

/* The index counts what waited when it was sent; what is answered is marked by since_s < 0 until
 * the batch is closed, so that it is still counted. */
void
batch_result(struct batch *b, size_t index, const struct err *e, int64_t now_ms)
{
	for (size_t i = 0; i < b->n; i++) {
		struct oms_delivery *d = &b->deliveries[i];

		for (size_t k = 0; k < d->n_recipients; k++) {
			struct oms_recipient *r = &d->recipients[k];

			if (!waits(r) && r->since_s >= 0)
				continue;
			if (index-- > 0)
				continue;
			if (e != NULL) {
				bool of_seal = b->n > 1 && is_of_seal(e->why);

				b->seal_refused = b->seal_refused || of_seal;
				refuse(r, e, !of_seal && !refusal_temporary(e->why), now_ms);
			} else {
				r->state = SUBMIT_NOTIFIED;
				r->word[0] = r->text[0] = '\0';
			}
			if (!waits(r))
				r->since_s = -(now_ms / 1000);
			return;
		}
	}
}

static int64_t
retry_ms(uint64_t tries)
{
	int64_t ms = NOTIFIER_RETRY_MAX_MS;
	uint32_t random;

	if (tries < 11)
		ms = (int64_t)NOTIFIER_RETRY_MS << tries;
	if (ms > NOTIFIER_RETRY_MAX_MS)
		ms = NOTIFIER_RETRY_MAX_MS;
	random_bytes(&random, sizeof random);
	return ms - ms / 4 * (int64_t)(random % 1024) / 1024;
}

static void
reschedule(struct oms_delivery *d, const struct err *e, bool permanent, int64_t now_ms)
{
	bool waiting = false;

	for (size_t k = 0; k < d->n_recipients; k++) {
		struct oms_recipient *r = &d->recipients[k];

		if (r->since_s < 0)
			r->since_s = -r->since_s;
		if (waits(r) && e != NULL)
			refuse(r, e, permanent, now_ms);
		waiting = waiting || waits(r);
	}
	d->next_ms = waiting ? now_ms + retry_ms(d->tries) : 0;
	d->tries++;
}

void
batch_close(struct batch *b, const struct err *e, int64_t now_ms)
{
	for (size_t i = 0; i < b->n; i++)
		reschedule(&b->deliveries[i], e, false, now_ms);
}

void
batch_fail(struct batch *b, const struct err *e, bool permanent, int64_t now_ms)
{
	for (size_t i = 0; i < b->n; i++)
		reschedule(&b->deliveries[i], e, permanent, now_ms);
}
