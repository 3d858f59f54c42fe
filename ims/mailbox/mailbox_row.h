/* mailbox_row — a notice as the row that its user's program gets. */
#ifndef IMS_MAILBOX_MAILBOX_ROW_H
#define IMS_MAILBOX_MAILBOX_ROW_H

#include "ims/store/store.h"

struct mailbox_notice mailbox_row(const struct ims_row *r);

/* Appends rows to the page until it is full (ROW_PAGE_BYTES).  Returns how many. */
size_t mailbox_rows_write(struct buf *page, const struct ims_row *rows, size_t n);

#endif
