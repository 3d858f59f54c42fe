/* store_schema — the IMS's mailboxes: the kinds of their partitions; see part.h. */
#include "ims/store/part_given.h"
#include "ims/store/store_kv.h"

const struct kv_kind ims_parts[IMS_PARTS] = {
	[PART_MAILBOX] = { "mailbox", PART_HASH, ims_mailbox_receive, ims_mailbox_refused },
	[PART_LETTER] = { "letter", ULID_BYTES, ims_letter_receive, ims_letter_refused },
	[PART_ACKS] = { "acks", PART_HASH, ims_acks_receive, NULL },
	[PART_SENDER] = { "sender", PART_HASH, ims_sender_receive, NULL },
	[PART_PAPER] = { "paper", DIGEST_BYTES, ims_paper_receive, NULL },
	[PART_SCOPE] = { "scope", DIGEST_BYTES, NULL, NULL },
	[PART_EXPIRY] = { "expiry", 5, NULL, NULL },
	[PART_MAILBOXES] = { "mailboxes", KV_DIR_NAME_BYTES, ims_list_receive, NULL },
	[PART_SENDERS] = { "senders", KV_DIR_NAME_BYTES, ims_list_receive, NULL },
	[PART_PAPERS] = { "papers", KV_DIR_NAME_BYTES, ims_list_receive, NULL },
	[PART_GROUP] = { "group", PART_HASH + 1, ims_group_receive, NULL },
	[PART_ACKERS] = { "ackers", KV_DIR_NAME_BYTES, ims_list_receive, NULL },
};

const struct kv_schema ims_schema = { ims_parts, IMS_PARTS, NULL };
