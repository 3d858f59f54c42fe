/* address_list — the addresses of a From, To or Cc; see address_list.h. */
#include "mc/address_list.h"

#include <string.h>

#include <gmime/gmime.h>

#include "mc/visible.h"
#include "mc/words.h"

#define GROUP_DEPTH 2 /* of groups in groups */

/* -- for people --------------------------------------------------------------------------------- */

static void
note_address(gint64 offset, GMimeParserWarning code, const gchar *item, gpointer arg)
{
	bool *faulty = arg;

	(void)offset;
	(void)item;
	*faulty = *faulty || code == GMIME_WARN_INVALID_ADDRESS_LIST;
}

/* NULL: no address; *faulty: some of it is not an address. */
static InternetAddressList *
parse(struct span value, struct span charset, bool *faulty)
{
	GMimeParserOptions *options = g_mime_parser_options_new();
	struct buf plain = BUF_INIT;
	InternetAddressList *list;

	g_mime_parser_options_set_warning_callback(options, note_address, faulty);
	words_plain(&plain, value, charset);
	buf_add(&plain, "", 1);
	list = internet_address_list_parse(options, plain.data);
	buf_clear(&plain);
	g_mime_parser_options_free(options);
	return list;
}

/* Adds a name, in quotes where it could be taken for more than a name. */
static void
add_name(struct buf *b, const char *name)
{
	if (strpbrk(name, "()<>@,;:\"[]") == NULL) {
		buf_add(b, name, strlen(name));
		return;
	}
	buf_add(b, "\"", 1);
	for (; *name != '\0'; name++)
		buf_addf(b, *name == '"' ? "\\%c" : "%c", *name);
	buf_add(b, "\"", 1);
}

static void
add_addresses(struct buf *b, InternetAddressList *list, int depth)
{
	int n = list == NULL ? 0 : internet_address_list_length(list);

	for (int i = 0; i < n; i++) {
		InternetAddress *a = internet_address_list_get_address(list, i);
		const char *name = internet_address_get_name(a);

		if (i > 0)
			buf_add(b, ", ", 2);
		if (name != NULL && name[0] != '\0')
			add_name(b, name);
		if (INTERNET_ADDRESS_IS_GROUP(a)) {
			buf_add(b, ": ", 2);
			if (depth < GROUP_DEPTH)
				add_addresses(b,
				    internet_address_group_get_members(INTERNET_ADDRESS_GROUP(a)),
				    depth + 1);
			buf_add(b, ";", 1);
		} else if (name != NULL && name[0] != '\0')
			buf_addf(b, " <%s>",
			    internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(a)));
		else
			buf_addf(b, "%s",
			    internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(a)));
	}
}

void
address_list_text(struct buf *out, struct span value, struct span charset)
{
	bool faulty = false;
	InternetAddressList *list = parse(value, charset, &faulty);

	if (list != NULL && !faulty)
		add_addresses(out, list, 0);
	else
		words_text(out, value, charset);
	if (list != NULL)
		g_object_unref(list);
}

void
address_list_name(struct buf *out, struct span value, struct span charset)
{
	bool faulty = false;
	InternetAddressList *list = parse(value, charset, &faulty);
	const char *name = list != NULL && internet_address_list_length(list) > 0
	    ? internet_address_get_name(internet_address_list_get_address(list, 0))
	    : NULL;

	if (name != NULL)
		visible_add(out, span_str(name));
	if (list != NULL)
		g_object_unref(list);
}

/* -- for servers -------------------------------------------------------------------------------- */

static bool
each_of(InternetAddressList *list, int depth, bool (*each)(void *, const char *, struct err *),
    void *arg, struct err *e)
{
	int n = list == NULL ? 0 : internet_address_list_length(list);

	for (int i = 0; i < n; i++) {
		InternetAddress *a = internet_address_list_get_address(list, i);

		if (INTERNET_ADDRESS_IS_GROUP(a)) {
			if (depth < GROUP_DEPTH &&
			    !each_of(internet_address_group_get_members(INTERNET_ADDRESS_GROUP(a)),
				depth + 1, each, arg, e))
				return false;
		} else if (!each(arg,
			       internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(a)), e))
			return false;
	}
	return true;
}

bool
address_list_each(struct span value, bool (*each)(void *arg, const char *address, struct err *e),
    void *arg, struct err *e)
{
	char *s = g_strndup(value.p, value.n);
	InternetAddressList *list = internet_address_list_parse(NULL, s);
	bool ok;

	g_free(s);
	if (list == NULL)
		return err_set(e, REFUSAL_bad_address, "no address in \"%.*s\"",
		    SPAN_FMT(span_sub(value, 0, 200)));
	ok = each_of(list, 0, each, arg, e);
	g_object_unref(list);
	return ok;
}
