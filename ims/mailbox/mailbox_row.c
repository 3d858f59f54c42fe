/* mailbox_row — a notice as the row that its user's program gets; see mailbox_row.h. */
#include "ims/mailbox/mailbox_row.h"

#include <string.h>

#include "ims/policy/notice.h"

struct mailbox_notice
mailbox_row(const struct ims_row *r)
{
	const struct ims_letter *l = &r->letter;
	struct mailbox_notice n = {
		.number = r->number,
		.state = ims_notice_shows(r->declined, l->state),
		.road = r->road,
		.marks = r->marks,
		.id = l->id,
		.size = l->size,
		.received_s = r->received_s,
		.date_s = r->date_s,
		.hold_until_s = l->hold_until_s,
		.flags = r->flags,
		.has_digest = r->road == MAILBOX_SEALED, /* nobody has announced another */
	};

	memcpy(n.digest, l->digest, sizeof n.digest);
	span_copy(span_str(r->from), n.from, sizeof n.from);
	span_copy(span_str(r->to), n.to, sizeof n.to);
	span_copy(span_str(r->issuer), n.issuer, sizeof n.issuer);
	if (l->why != REFUSAL_NONE)
		span_copy(span_str(refusal_word(l->why)), n.word, sizeof n.word);
	return n;
}

size_t
mailbox_rows_write(struct buf *page, const struct ims_row *rows, size_t n)
{
	struct mailbox_notice row;
	size_t i = 0;

	for (; i < n && page->len < ROW_PAGE_BYTES; i++) {
		row = mailbox_row(&rows[i]);
		mailbox_notice_write(page, &row);
	}
	return i;
}
