/* store_schema — the OMS's spool: the kinds of its partitions; see store_private.h. */
#include "oms/store/store_private.h"

static const struct kv_kind kinds[OMS_KINDS] = {
	[OMS_LETTER] = { "letter", ULID_BYTES, oms_letter_receive, oms_letter_refused },
	[OMS_USER] = { "user", OMS_HASH_BYTES, oms_user_receive, oms_user_refused },
	[OMS_QUEUE] = { "queue", OMS_QUEUE_BYTES, oms_queue_receive, NULL },
	[OMS_EXPIRY] = { "expiry", 9, oms_expiry_receive, NULL },
	[OMS_PEER] = { "peer", OMS_HASH_BYTES, NULL, oms_peer_refused },
	[OMS_USERS] = { "users", KV_DIR_NAME_BYTES, NULL, NULL },
	[OMS_QUEUES] = { "queues", KV_DIR_NAME_BYTES, NULL, NULL },
	[OMS_EXPIRIES] = { "expiries", KV_DIR_NAME_BYTES, NULL, NULL },
	[OMS_PEERS] = { "peers", KV_DIR_NAME_BYTES, oms_peers_receive, NULL },
	[OMS_WHOLE] = { "store", 1, NULL, NULL },
};

const struct kv_schema oms_schema = { kinds, OMS_KINDS, NULL };
