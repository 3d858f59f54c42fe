/* accounts_set — looks up users in one reading of the accounts; see accounts.h and accounts_private.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/auth/accounts_private.h"

void
accounts_set_put(struct accounts_set **s)
{
	struct accounts_set *set = *s;

	*s = NULL;
	if (set == NULL || atomic_fetch_sub(&set->references, 1) > 1)
		return;
	free(set->users);
	free(set->names);
	free(set->removed);
	free(set->lists);
	free(set->owners);
	buf_clear(&set->text);
	free(set);
}

static const struct accounts_name *
find_name(const struct accounts_set *s, struct span address)
{
	char low[ACCOUNTS_ADDRESS_BYTES];
	size_t from = 0, to = s->n_names;

	if (!span_copy(address, low, sizeof low))
		return NULL;
	for (char *c = low; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c | 0x20);
	while (from < to) {
		size_t mid = from + (to - from) / 2;
		int order = strcmp(low, s->names[mid].address);

		if (order == 0)
			return &s->names[mid];
		if (order < 0)
			to = mid;
		else
			from = mid + 1;
	}
	return NULL;
}

const struct account *
accounts_find(const struct accounts_set *s, struct span address)
{
	const struct accounts_name *name = find_name(s, address);

	return name != NULL ? &s->users[name->user] : NULL;
}

const struct account *
accounts_of_owner(const struct accounts_set *s, const char *owner)
{
	const struct account *a = accounts_find(s, accounts_owner_address(owner));

	return a != NULL && strcmp(a->owner, owner) == 0 ? a : NULL;
}

bool
accounts_owns(const struct accounts_set *s, const char *owner, struct span address)
{
	const struct account *a = accounts_of_owner(s, owner);

	return a != NULL && a == accounts_find(s, address);
}

size_t
accounts_removed_count(const struct accounts_set *s)
{
	return s->n_removed;
}

const struct account_removed *
accounts_removed_at(const struct accounts_set *s, size_t i)
{
	return i < s->n_removed ? &s->removed[i] : NULL;
}

const struct account_removed *
accounts_removed(const struct accounts_set *s, const char *owner)
{
	for (size_t i = 0; i < s->n_removed; i++)
		if (strcmp(s->removed[i].owner, owner) == 0)
			return &s->removed[i];
	return NULL;
}

struct span
accounts_owner_address(const char *owner)
{
	return span_of(owner, strcspn(owner, " "));
}

void
accounts_owner(const char *address, uint64_t generation, char out[ACCOUNTS_OWNER_BYTES])
{
	if (generation == 0)
		snprintf(out, ACCOUNTS_OWNER_BYTES, "%s", address);
	else
		snprintf(out, ACCOUNTS_OWNER_BYTES, "%s %" PRIu64, address, generation);
}

bool
accounts_are_missing(const struct accounts_set *s)
{
	return s->missing;
}

size_t
accounts_count(const struct accounts_set *s)
{
	return s->n_users;
}

const struct account *
accounts_at(const struct accounts_set *s, size_t i)
{
	return i < s->n_users ? &s->users[i] : NULL;
}
