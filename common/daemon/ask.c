/* ask — a command asks its running daemon; see ask.h. */
#include "common/daemon/ask.h"

#include <stdio.h>

struct answer {
	struct options *options;
	const struct ask *ask;
};

static bool
show_line(void *arg, const struct json *line)
{
	struct answer *a = arg;
	struct buf out = BUF_INIT;

	if (!a->options->json) {
		a->ask->show(a->ask->arg, line);
	} else {
		json_write(line, &out);
		printf("%.*s\n", SPAN_FMT(buf_span(&out)));
		buf_clear(&out);
	}
	return a->ask->changes || !ferror(stdout);
}

int
ask_daemon(struct options *o, const struct ask *a, struct json *request)
{
	struct answer answer = { o, a };
	struct json *r = request == NULL ? json_new() : request;
	struct conf *c;
	struct err e;
	bool good;

	if (!conf_load(conf_path(o->conf_file), CONF_FOR_VERBS, &c, NULL, &e)) {
		json_free(&r);
		return options_fail(o, &e);
	}
	json_put_str(r, "verb", a->verb);
	good = c->role[a->role].given
	    ? control_call(c->role[a->role].control, r, show_line, &answer, &e)
	    : err_set(&e, REFUSAL_config, "%s has no section for this daemon", c->file);
	json_free(&r);
	conf_unref(&c);
	if (good)
		return 0;
	if (e.why == REFUSAL_not_running)
		return options_fail_cure(o, &e, "start it:  %s run", o->command.data);
	return options_fail(o, &e);
}

const char *
ask_line_text(const struct json *line, const char *key)
{
	const char *s = json_get_str(line, key);

	return s == NULL ? "" : s;
}

int64_t
ask_line_number(const struct json *line, const char *key)
{
	int64_t v = 0;

	json_get_int(line, key, &v);
	return v;
}

const char *
ask_line_count(const struct json *line, const char *key, const char *one, const char *many,
    char out[QUANTITY_BYTES])
{
	return quantity_count(ask_line_number(line, key), one, many, out);
}

const char *
ask_line_size(const struct json *line, const char *key, char out[QUANTITY_BYTES])
{
	return quantity_size(ask_line_number(line, key), out);
}
