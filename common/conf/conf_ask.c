/* conf_ask — what a configuration says of one domain, and of SMTP outward; see conf.h. */
#include <string.h>

#include "common/conf/conf.h"

const struct conf_domain *
conf_domain(const struct conf *c, struct span name)
{
	for (size_t i = 0; i < c->n_domains; i++)
		if (span_eq_nocase(domain_span(&c->domains[i].name), name))
			return &c->domains[i];
	return NULL;
}

uint64_t
conf_message_most(const struct conf *c)
{
	uint64_t most = 0;

	for (size_t i = 0; i < c->n_domains; i++)
		if (c->domains[i].message_bytes > most)
			most = c->domains[i].message_bytes;
	return most;
}

const struct conf_peer *
conf_peer(const struct conf *c, struct span name)
{
	static const struct conf_peer any;

	for (size_t i = 0; i < c->n_peers; i++)
		if (span_eq_nocase(domain_span(&c->peers[i].name), name))
			return &c->peers[i];
	return &any;
}

bool
conf_smarthost(const struct conf_smtp_out *o, char host[DOMAIN_BYTES], uint16_t *port)
{
	struct span rest = span_str(o->road), name;
	uint64_t n = CONF_PORT_SMARTHOST;

	if (!span_starts(rest, SPAN_LIT("via ")))
		return false;
	rest = span_sub(rest, 4, rest.n);
	name = span_cut(&rest, ':');
	(void)span_u64(rest, &n);
	*port = (uint16_t)n;
	return span_copy(name, host, DOMAIN_BYTES);
}

bool
conf_smtp_out_is_on(const struct conf *c, struct span peer)
{
	return strcmp(c->smtp_out.road, "off") != 0 && conf_peer(c, peer)->smtp_out == CONF_ON;
}

bool
conf_smtp_out_excepts(const struct conf *c, struct span peer, struct err *e)
{
	if (!RULE(smtp_off) || strcmp(c->smtp_out.road, "off") == 0 ||
	    conf_peer(c, peer)->smtp_out == CONF_ON)
		return false;
	err_set(e, REFUSAL_smtp_off, "no letters go to %.*s by SMTP", SPAN_FMT(peer));
	return true;
}
