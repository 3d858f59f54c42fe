/* kv_memory_private — rows, objects and tasks of kv_memory; for kv_memory*.c.
 *
 * All that waits is a *task*: an operation, a read, an effect.  A step picks one by chance and takes it one
 * stage further.  Effects are the tasks that outlive a node: they are part of the object of their source.
 */
#ifndef COMMON_STORE_KV_MEMORY_PRIVATE_H
#define COMMON_STORE_KV_MEMORY_PRIVATE_H

#include <pthread.h>

#include "common/store/kv_memory.h"
#include "common/store/kv_private.h"

struct node {
	struct kv kv; /* first */
	struct kv_memory *memory;
	uint64_t id;
	struct node *next;
};

/* What an awaited effect waits for at its receiver: until then its source is not answered.  Kept until the source
 * has forgotten the effect. */
struct promise {
	struct promise *next;
	unsigned char what;
	struct kv_version version;
	struct buf name;
	size_t open; /* awaited effects of the receiver that are not decided */
	bool refused;
	struct err why;
};

struct object {
	struct object *next;
	struct kv_part part;
	uint64_t version; /* of its commits */
	uint64_t stamp;
	uint64_t owner; /* a node's id */
	uint64_t fence; /* of its owner */
	struct promise *promises;
};

enum task_kind {
	TASK_OP,
	TASK_READ,
	TASK_EFFECT,
	TASK_REPEAT, /* an effect that is on its way a second time */
	TASK_DRAIN,  /* together: of stored effects */
};

enum task_stage {
	STAGE_READY,
	STAGE_RUN,     /* to be committed, if the version is still `base` */
	STAGE_WAITS,   /* for what it awaits */
	STAGE_DECIDED, /* an effect: its source is to be told */
	STAGE_ANSWER,
};

struct told {
	struct kv_part to;
	struct kv_fact fact; /* its spans are in octets */
	struct buf octets;
	struct err why;
};

struct task {
	enum task_kind kind;
	enum task_stage stage;
	uint64_t number;   /* tasks are numbered as they come */
	struct node *node; /* NULL: an effect that nobody carries */
	struct kv_run *run;
	uint64_t base;
	bool refused;
	struct err why;
	/* An operation or a read. */
	struct kv_op *op;
	struct kv_look *look;
	size_t open; /* awaited effects that are not decided */
	struct told *told;
	size_t n_told;
	/* An effect. */
	struct kv_effect effect; /* its spans are in octets */
	struct buf octets;
	struct task *awaits;     /* the operation, if its node still lives */
	struct promise *promise; /* or what its source has promised in turn */
	bool stuck;
};

struct pump;

struct kv_memory {
	struct kv_memory_plan plan;
	pthread_mutex_t lock; /* recursive */
	uint64_t random;
	struct kv_set rows; /* of all objects */
	uint64_t used;      /* octets of its rows */
	size_t changes;     /* since the rows were last copied */
	size_t copied;      /* rows, then */
#define OBJECT_LISTS 512
	struct object *objects[OBJECT_LISTS];
	struct node *nodes;
	uint64_t next_node, next_task;
	struct task **tasks;
	size_t n_tasks, cap_tasks;
	bool drains;             /* together: there may be stored effects that can be applied */
	struct kv_run *runs[16]; /* that are not used now */
	size_t n_runs;
	struct pump *pumps;
	uint64_t (*beside)(void *arg);
	void *beside_arg;
	struct kv_memory_counts counts;
};

extern const struct kv_view memory_view; /* of struct kv_memory */

/* -- chance and tasks (kv_memory_task.c) -------------------------------------------------------------------- */

uint64_t memory_draw(struct kv_memory *m, uint64_t below);
bool memory_chance(struct kv_memory *m, unsigned one_in);
struct task *memory_add_task(struct kv_memory *m, enum task_kind kind, struct node *node);
void memory_take_out_task(struct kv_memory *m, const struct task *t); /* it waits no more */
void memory_free_task(struct task *t);
void memory_drop_task(struct kv_memory *m, struct task *t); /* both, and its run ends */
void memory_tell(struct task *op, const struct kv_part *to, const struct kv_fact *fact,
    const struct err *why);

/* -- runs and rows ----------------------------------------------------------------------------------------- */

uint64_t memory_used(const struct kv_memory *m);
uint64_t memory_count_pending(const struct kv_memory *m); /* together: of stored effects */
/* A set keeps the values that it had, so the rows are copied from time to time. */
void memory_copy_rows(struct kv_memory *m);
struct object *memory_object(struct kv_memory *m, const struct kv_part *part);
/* Begins t->run, as the node of t. */
void memory_begin_run(struct kv_memory *m, struct task *t);
void memory_end_run(struct kv_memory *m, struct task *t);
/* False: system_full.  op: NULL: an effect. */
bool memory_fits(struct kv_memory *m, const struct kv_run *r, const struct kv_op *op,
    struct err *e);
void memory_put_rows(struct kv_memory *m, const struct kv_run *r);

/* -- apart (kv_memory_apart.c) ------------------------------------------------------------------------------ */

/* The task that is next where t is, or NULL. */
struct task *apart_next(struct kv_memory *m, struct task *t);
void apart_step(struct kv_memory *m, struct task *t);
void apart_forget_node(struct kv_memory *m, struct node *node);
void apart_unstick(struct kv_memory *m, const struct kv_part *to); /* NULL: of every receiver */
void apart_forget_gone(struct kv_memory *m);
void apart_clear_object(struct object *o);

#endif
