/* kv_opening — where a store of kv lies, how large it may be, and what opening it may use. */
#ifndef COMMON_STORE_KV_OPENING_H
#define COMMON_STORE_KV_OPENING_H

#include <stdbool.h>
#include <stdint.h>

struct offload;

struct kv_opening {
	const char *folder;
	uint64_t size;
	struct offload *offload;
	/* May be NULL.  Asked between the commits of a migration, which may take long: true ends it (e: closing), and
	 * the next opening begins it anew. */
	bool (*stops)(void *arg);
	void *arg;
};

#endif
