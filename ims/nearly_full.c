/* nearly_full — the domains that take most of the store; see nearly_full.h. */
#include "ims/nearly_full.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/text/quantity.h"

#define SHOWN 3
#define PAGE  100

struct largest {
	struct ims_store *store; /* open, while a page is there */
	struct loop *loop;
	struct json *status;
	struct domain from[SHOWN];
	uint64_t octets[SHOWN]; /* 0: no row */
	void (*done)(void *arg);
	void *arg;
};

static void
look(struct largest *l, const struct ims_sender *s)
{
	size_t i = SHOWN;

	while (i > 0 && s->sum.octets > l->octets[i - 1])
		i--;
	if (i == SHOWN)
		return;
	memmove(&l->from[i + 1], &l->from[i], (SHOWN - 1 - i) * sizeof l->from[0]);
	memmove(&l->octets[i + 1], &l->octets[i], (SHOWN - 1 - i) * sizeof l->octets[0]);
	l->from[i] = s->domain;
	l->octets[i] = s->sum.octets;
}

static void
put(const struct largest *l)
{
	struct json *list = json_list(), *row;

	for (size_t i = 0; i < SHOWN && l->octets[i] > 0; i++) {
		row = json_new();
		json_put_str(row, "from", l->from[i].text);
		json_put_int(row, "octets", (int64_t)l->octets[i]);
		json_push_take(list, row);
	}
	json_put_take(l->status, "largest", list);
}

static void
looked(void *arg, const struct ims_sender *rows, size_t n, bool more, const struct err *e)
{
	struct largest *l = arg;

	(void)e; /* what was read is shown */
	for (size_t i = 0; i < n; i++)
		look(l, &rows[i]);
	if (more) {
		ims_store_senders(l->store, rows[n - 1].domain.text, PAGE, l->loop, looked, l);
		return;
	}
	put(l);
	l->done(l->arg);
	free(l);
}

void
nearly_full_put(struct ims_store *s, const struct ims_store_counts *c, struct json *status,
    struct loop *loop, void (*done)(void *arg), void *arg)
{
	struct largest *l;

	if (c->used_bytes + c->size_bytes / IMS_SHARE_SCARCE <= c->size_bytes) {
		done(arg);
		return;
	}
	l = memory_new(sizeof *l);
	l->store = s;
	l->loop = loop;
	l->status = status;
	l->done = done;
	l->arg = arg;
	ims_store_senders(s, "", PAGE, loop, looked, l);
}

void
nearly_full_show(const struct json *status, const char *command)
{
	const struct json *list = json_get(status, "largest"), *row;
	char size[QUANTITY_BYTES];
	int64_t octets;

	if (list == NULL)
		return;
	printf("  nearly full       ");
	for (size_t i = 0; (row = json_at(list, i)) != NULL; i++) {
		octets = 0;
		json_get_int(row, "octets", &octets);
		printf("%s%s %s", i == 0 ? "" : ", ", json_get_str(row, "from"),
		    quantity_size(octets, size));
	}
	if (json_count(list) > 0)
		printf("; this makes room:  %s drop --from %s", command,
		    json_get_str(json_at(list, 0), "from"));
	printf("\n");
}
