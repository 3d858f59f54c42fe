/* fetch — has letters fetched to the user's server; see verbs.h and mc.1.  Flow: 6 of 8. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/memory.h"
#include "mc/notice.h"
#include "mc/reading.h"
#include "mc/verbs.h"

struct fetching {
	const struct options *options;
	struct account account;
	struct inbox *server;
	struct out out, progress;
	uint64_t *numbers;
	size_t n;
	int status; /* of the first that failed */
};

static void
add_number(struct fetching *f, uint64_t number)
{
	f->numbers = memory_resize(f->numbers, f->n + 1, sizeof *f->numbers);
	f->numbers[f->n++] = number;
}

static void
add_held(void *arg, const struct mailbox_notice *n)
{
	if (notice_is_held(n))
		add_number(arg, n->number);
}

static bool
typed_numbers(struct fetching *f, int *status)
{
	uint64_t number;
	struct err e;

	for (int i = 0; i < f->options->n_args; i++) {
		if (!reading_number(f->options->args[i], &number, &e)) {
			*status = fault_print_err(f->options, "nothing was fetched", &e, NULL);
			return false;
		}
		add_number(f, number);
	}
	return true;
}

static void
print_fetched(struct fetching *f, const struct mailbox_notice *n)
{
	struct json *o;
	struct buf b = BUF_INIT;

	if (!f->options->json) {
		if (!f->options->quiet)
			out_wrapf(&f->out, 0, 4,
			    "%llu  here: signature and octets good. Read it: %s show %llu\n",
			    (unsigned long long)n->number, f->options->command.data,
			    (unsigned long long)n->number);
		return;
	}
	o = json_new();
	notice_put(o, n, NULL);
	json_write(o, &b);
	out_json_line(&f->out, buf_span(&b));
	buf_clear(&b);
	json_free(&o);
}

/* A letter that fails is reported and remembered; the others are fetched all the same. */
static void
fetch_one(struct fetching *f, uint64_t number)
{
	struct mailbox_notice n;
	struct fault fault;
	char what[64];
	int status;

	if (inbox_find(f->server, number, &n, &fault) &&
	    reading_fetch(f->server, &n, f->options->quiet ? NULL : &f->progress, &fault) &&
	    inbox_find(f->server, number, &n, &fault)) {
		print_fetched(f, &n);
		return;
	}
	snprintf(what, sizeof what, "letter %llu", (unsigned long long)number);
	status = fault_print(f->options, what, &fault, NULL);
	if (f->status == 0)
		f->status = status;
}

static int
run(struct fetching *f)
{
	struct fault fault;
	struct err e;

	if (!inbox_open(&f->server, &f->account, &fault) ||
	    !inbox_sign_in(f->server, &f->account, &fault) ||
	    (options_has(f->options, "all") && !inbox_list(f->server, add_held, f, &fault)))
		return fault_print(f->options, "nothing was fetched", &fault, NULL);
	for (size_t i = 0; i < f->n; i++)
		fetch_one(f, f->numbers[i]);
	if (f->n == 0 && !f->options->json && !f->options->quiet)
		out_wrapf(&f->out, 0, 2, "Nothing is held: all letters are here.\n");
	if (f->status == 0 && !out_ok(&f->out, &e))
		return fault_print_err(f->options, "output", &e, NULL);
	return f->status;
}

int
verb_fetch(struct options *o)
{
	struct fetching f = { .options = o };
	int status;

	if (o->n_args == 0 && !options_has(o, "all")) {
		struct err e;

		err_set(&e, REFUSAL_usage, "fetch needs NUMBER... or --all");
		return fault_print_err(o, "nothing was fetched", &e, "list them:  %s list");
	}
	out_init(&f.out, STDOUT_FILENO);
	out_init(&f.progress, STDERR_FILENO);
	if (typed_numbers(&f, &status) && account_load(&f.account, o, &status)) {
		status = run(&f);
		inbox_close(&f.server);
		account_clear(&f.account);
	}
	free(f.numbers);
	return status;
}
