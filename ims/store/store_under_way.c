/* store_under_way — what batches that are being accepted may take of the store; see store_private.h. */
#include "ims/store/store_private.h"

void
ims_under_way_begin(struct ims_store *s, struct ims_under_way *mine)
{
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	mine->next = s->under_way;
	s->under_way = mine;
	pthread_mutex_unlock(&s->lock);
}

static uint64_t
count_others(const struct ims_under_way *mine)
{
	uint64_t octets = mine->ended;

	for (const struct ims_under_way *u = mine->next; u != NULL; u = u->next)
		if (domain_eq(&u->from_domain, domain_span(&mine->from_domain)))
			octets += u->octets;
	return octets;
}

uint64_t
ims_claimed(struct ims_store *s, const struct ims_under_way *mine)
{
	uint64_t octets;

	if (s == NULL)
		return 0;
	pthread_mutex_lock(&s->lock);
	octets = count_others(mine);
	pthread_mutex_unlock(&s->lock);
	return octets;
}

uint64_t
ims_under_way_count(struct ims_store *s, struct ims_under_way *mine, uint64_t takes)
{
	uint64_t octets;

	if (s == NULL)
		return 0;
	pthread_mutex_lock(&s->lock);
	octets = count_others(mine);
	mine->octets = takes;
	mine->counted = true;
	pthread_mutex_unlock(&s->lock);
	return octets;
}

/* Those that come before it in the list began after it. */
void
ims_under_way_end(struct ims_store *s, struct ims_under_way *mine, uint64_t took)
{
	struct ims_under_way **at;

	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	for (at = &s->under_way; *at != mine; at = &(*at)->next)
		if (!(*at)->counted &&
		    domain_eq(&(*at)->from_domain, domain_span(&mine->from_domain)))
			(*at)->ended += took;
	*at = mine->next;
	pthread_mutex_unlock(&s->lock);
}
