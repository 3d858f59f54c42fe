/* check_conf — the verb `check`; see check_conf.h. */
#include "common/svc/check_conf.h"

#include <stdio.h>

#include "common/svc/conf.h"
#include "common/svc/json.h"
#include "common/svc/options.h"

static void
say_good(const struct options *o, const struct conf *c)
{
	struct buf	 out = BUF_INIT;
	struct json	*j;

	if (o->json) {
		j = json_new();
		json_put_str(j, "configuration", c->file);
		json_put_bool(j, "good", true);
		json_write(j, &out);
		json_free(&j);
		buf_addf(&out, "\n");
	} else if (o->verbose) {
		conf_print(c, &out);
	} else {
		buf_addf(&out, "%s: no fault found\n", c->file);
	}
	fwrite(out.data, 1, out.len, stdout);
	buf_clear(&out);
}

int
check_conf(struct options *o)
{
	struct buf	 faults = BUF_INIT;
	struct conf	*c;
	struct err	 e;

	if (conf_load(conf_path(o->conf_file), CONF_FOR_RUN, &c, &faults, &e)) {
		say_good(o, c);
		conf_unref(&c);
		buf_clear(&faults);
		return 0;
	}
	if (!o->json)
		fwrite(faults.data, 1, faults.len, stderr);
	buf_clear(&faults);
	return options_fail(o, &e);
}
