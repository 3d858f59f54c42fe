/* store_news — the OMS's spool: logs each change of a recipient's state once it is durable. */
#include <stdlib.h>
#include <string.h>

#include "common/base/address.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "oms/store/store_private.h"

void
oms_news_begin(struct oms_news *n)
{
	n->n = 0;
}

void
oms_news_clear(struct oms_news *n)
{
	free(n->was);
	free(n->changed);
	*n = (struct oms_news) { .n = 0 };
}

static struct oms_outcome
outcome_of(const struct ulid *id, const struct oms_recipient *r)
{
	struct oms_outcome o = { .id = *id, .state = r->state };

	memcpy(o.to, r->address, sizeof o.to);
	memcpy(o.word, r->word, sizeof o.word);
	return o;
}

void
oms_news_before(struct oms_news *n, const struct oms_delivery *d)
{
	n->was = memory_resize(n->was, d->n_recipients + (d->n_recipients == 0), sizeof *n->was);
	for (size_t i = 0; i < d->n_recipients; i++)
		n->was[i] = outcome_of(&d->id, &d->recipients[i]);
}

void
oms_news_after(struct oms_news *n, const struct oms_delivery *d)
{
	for (size_t i = 0; i < d->n_recipients; i++) {
		struct oms_outcome now = outcome_of(&d->id, &d->recipients[i]);

		if (now.state == n->was[i].state && strcmp(now.word, n->was[i].word) == 0)
			continue;
		if (n->n == n->room) {
			n->room = 2 * n->room + (d->n_recipients - i);
			n->changed = memory_resize(n->changed, n->room, sizeof *n->changed);
		}
		n->changed[n->n++] = now;
	}
}

void
oms_news_log(const struct oms_news *n)
{
	char id[ULID_END_BYTES];

	for (size_t i = 0; i < n->n; i++) {
		const struct oms_outcome *o = &n->changed[i];

		ulid_end(&o->id, id);
		log_fact_of(address_domain(span_str(o->to)), LOG_INFO, "recipient.state",
		    "id=%s to=%s state=%s word=%s", id, log_str(o->to), submit_state_name(o->state),
		    o->word[0] != '\0' ? log_str(o->word) : "-");
	}
}
