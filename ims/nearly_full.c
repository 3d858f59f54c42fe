/* nearly_full — the domains that take most of the store; see nearly_full.h. */
#include "ims/nearly_full.h"

#include <stdio.h>
#include <string.h>

#include "common/text/quantity.h"

#define SHOWN 3
#define PAGE  100

struct largest {
	struct domain after; /* the last that was looked at */
	struct domain from[SHOWN];
	uint64_t octets[SHOWN]; /* 0: no row */
};

static void
look(void *arg, const char *from_domain, const struct ims_share *sum)
{
	struct largest *l = arg;
	size_t i = SHOWN;

	domain_set(&l->after, span_str(from_domain));
	while (i > 0 && sum->octets > l->octets[i - 1])
		i--;
	if (i == SHOWN)
		return;
	memmove(&l->from[i + 1], &l->from[i], (SHOWN - 1 - i) * sizeof l->from[0]);
	memmove(&l->octets[i + 1], &l->octets[i], (SHOWN - 1 - i) * sizeof l->octets[0]);
	l->from[i] = l->after;
	l->octets[i] = sum->octets;
}

void
nearly_full_put(struct ims_store *s, const struct ims_store_counts *c, struct json *status)
{
	struct largest l = { .octets = { 0 } };
	struct json *list, *row;
	size_t n = PAGE;
	struct err e;

	if (c->used_bytes + c->size_bytes / IMS_SHARE_SCARCE <= c->size_bytes)
		return;
	while (n == PAGE && ims_store_senders(s, l.after.text, PAGE, look, &l, &n, &e))
		continue;
	list = json_list();
	for (size_t i = 0; i < SHOWN && l.octets[i] > 0; i++) {
		row = json_new();
		json_put_str(row, "from", l.from[i].text);
		json_put_int(row, "octets", (int64_t)l.octets[i]);
		json_push_take(list, row);
	}
	json_put_take(status, "largest", list);
}

void
nearly_full_show(const struct json *status)
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
	printf(": drop --from DOMAIN makes room\n");
}
