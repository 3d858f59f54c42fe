/* conf_print — the configuration in force, in the form of its file; see conf.h. */
#include "common/conf/conf_keys.h"

static void
print_section(enum conf_section section, const void *base, bool explained, struct buf *out)
{
	const char *indent = section == CONF_ROOT ? "" : "\t";

	for (const struct conf_key *k = conf_keys; k->name != NULL; k++) {
		if (k->section != section)
			continue;
		if (explained)
			buf_addf(out, "%s# %s\n", indent, k->help);
		buf_addf(out, "%s%s = ", indent, k->name);
		conf_key_print(k, base, out);
		buf_addf(out, "\n");
	}
}

void
conf_print(const struct conf *c, bool explained, struct buf *out)
{
	print_section(CONF_ROOT, c, explained, out);
	for (size_t i = 0; i < c->n_domains; i++) {
		buf_addf(out, "domain %s {\n", c->domains[i].name.text);
		print_section(CONF_DOMAIN, &c->domains[i], explained, out);
		buf_addf(out, "}\n");
	}
	for (size_t i = 0; i < c->n_peers; i++) {
		buf_addf(out, "peer %s {\n", c->peers[i].name.text);
		print_section(CONF_PEER, &c->peers[i], explained, out);
		buf_addf(out, "}\n");
	}
	for (int s = CONF_DOMAIN; s < CONF_SECTIONS; s++) {
		if (conf_sections[s].titled ||
		    !*(const bool *)((const char *)c + conf_sections[s].given))
			continue;
		buf_addf(out, "%s {\n", conf_sections[s].name);
		print_section((enum conf_section)s, c, explained, out);
		buf_addf(out, "}\n");
	}
}
