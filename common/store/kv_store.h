/* kv_store — what each store on kv has: its kv, its bodies, and who holds it; how it is opened and closed.
 *
 * The struct is the first member of the store's own.
 *
 * Owner:   reference-counted: questions and operations hold it, because their `done` may be called after
 *          kv_store_close.  The last who lets go clears it.
 * Disk:    what an older version left (kv_upgrade.h) goes when the store is closed in order.
 * Threads: hold and let go on any thread; `clear` runs on the one that lets go last.
 */
#ifndef COMMON_STORE_KV_STORE_H
#define COMMON_STORE_KV_STORE_H

#include <stdatomic.h>

#include "common/store/body.h"
#include "common/store/kv.h"
#include "common/store/kv_opening.h"

struct kv_upgrade_plan;

struct kv_store {
	atomic_uint holders;
	struct kv *kv; /* NULL: closed */
	struct bodies *bodies;
	void (*clear)(struct kv_store *s);  /* frees the struct that this is the first member of */
	const struct kv_upgrade_plan *plan; /* of what an older version left; NULL: nothing */
	char folder[4096];                  /* where that is */
};

/* One holder.  kv: may be NULL, and come later. */
void kv_store_init(struct kv_store *s, struct kv *kv, void (*clear)(struct kv_store *s));
/* s: may be NULL. */
struct kv_store *kv_store_hold(struct kv_store *s);
void kv_store_let_go(struct kv_store *s);

/* The kv of the folder, made of a store of an older version if there is one. */
bool kv_store_open(struct kv_store *s, const struct kv_opening *o,
    const struct kv_upgrade_plan *plan, struct err *e);
/* Bodies count against the size. */
bool kv_store_open_bodies(struct kv_store *s, const char *folder, uint64_t size, struct offload *o,
    struct err *e);
/* Commits what was taken; what is asked from then on fails with closing. */
void kv_store_close(struct kv_store *s);
/* The same where opening has failed: what an older version left stays. */
void kv_store_give_up(struct kv_store *s);

#endif
