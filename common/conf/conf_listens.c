/* conf_listens — see conf_listens.h. */
#include "common/conf/conf_listens.h"

#include <stdio.h>
#include <string.h>

#include "common/conf/conf_keys.h"
#include "common/text/address_text.h"

struct place {
	const struct conf_key *key;
	int line;
	struct sockaddr_storage address;
};

/* All places of all sections. */
struct places {
	struct place at[CONF_LISTENERS * CONF_LISTENS_MAX];
	size_t n;
};

static void
collect(const struct conf *c, struct places *out)
{
	out->n = 0;
	for (const struct conf_key *k = conf_keys; k->name != NULL; k++) {
		const void *at = (const char *)c + k->offset;
		const struct conf_listens *l = at;

		for (size_t i = 0; k->type == CONF_LISTENS && i < l->n; i++) {
			struct place *p = &out->at[out->n];

			p->key = k;
			p->line = l->line[i];
			out->n += address_read(span_str(l->at[i]), (uint16_t)k->min, &p->address);
		}
	}
}

static bool
clash(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	char one[ADDRESS_HOST_BYTES], other[ADDRESS_HOST_BYTES];
	const char *any = a->ss_family == AF_INET6 ? "::" : "0.0.0.0";

	if (a->ss_family != b->ss_family || address_port(a) != address_port(b) ||
	    address_port(a) == 0)
		return false;
	address_host(a, one);
	address_host(b, other);
	return strcmp(one, other) == 0 || strcmp(one, any) == 0 || strcmp(other, any) == 0;
}

static bool
refuse(const struct conf *c, const struct place *a, const struct place *b, struct err *e)
{
	char one[ADDRESS_TEXT_BYTES], other[ADDRESS_TEXT_BYTES];

	address_text(&a->address, one);
	address_text(&b->address, other);
	return err_set(e, REFUSAL_config,
	    "%s:%d: %s of %s: %s is in use by another listen, %s of %s on %s at line %d: give one of "
	    "them another port",
	    c->file, a->line, a->key->name, conf_sections[a->key->section].name, one, b->key->name,
	    conf_sections[b->key->section].name, other, b->line);
}

bool
conf_listens_fit(const struct conf *c, enum conf_role_index role, struct err *e)
{
	struct places p;

	collect(c, &p);
	for (size_t i = 0; i < p.n; i++)
		for (size_t k = 0; k < i; k++)
			if (p.at[i].key->section == CONF_OMS + role &&
			    p.at[k].key->section == CONF_OMS + role &&
			    clash(&p.at[i].address, &p.at[k].address))
				return refuse(c, &p.at[i], &p.at[k], e);
	return true;
}

bool
conf_listens_fit_others(const struct conf *c, enum conf_role_index role, struct err *e)
{
	struct places p;

	collect(c, &p);
	for (size_t i = 0; i < p.n; i++)
		for (size_t k = 0; k < p.n; k++)
			if (p.at[i].key->section == CONF_OMS + role &&
			    p.at[k].key->section != p.at[i].key->section &&
			    clash(&p.at[i].address, &p.at[k].address))
				return refuse(c, &p.at[i], &p.at[k], e);
	return true;
}
