/* mailbox_verbs — the command's side of the verbs on mailboxes; see mailbox_verbs.h. */
#include "ims/mailbox_verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/base64.h"
#include "common/base/file.h"
#include "common/daemon/ask.h"

const struct options_option ims_list_options[] = {
	{ "senders", 0, NULL, "list instead what each sender's domain takes" },
	{ NULL, 0, NULL, NULL },
};

const struct options_option ims_drop_options[] = {
	{ "from", 0, "DOMAIN", "the sender's domain; required" },
	{ "subdomains", 0, NULL, "also of all domains below it" },
	{ "mailbox", 0, "MAILBOX", "only in this mailbox" },
	{ "opened", 0, NULL, "also drop letters that were fetched" },
	{ NULL, 0, NULL, NULL },
};

const struct options_option ims_mailbox_remove_options[] = {
	{ "in-use", 0, NULL, "also if its user was not removed" },
	{ NULL, 0, NULL, NULL },
};

/* -- list ----------------------------------------------------------------------------------------- */

static void
show_mailbox(void *arg, const struct json *line)
{
	const char *state = ask_line_text(line, "state");
	char notices[QUANTITY_BYTES];

	++*(int *)arg;
	printf("%-40s %s", ask_line_text(line, "mailbox"),
	    ask_line_count(line, "notices", "notice", "notices", notices));
	if (strcmp(state, "removed") == 0)
		printf(", of a removed user, kept until %.10s", ask_line_text(line, "until"));
	else if (strcmp(state, "nobody") == 0)
		printf(", of no user");
	putchar('\n');
}

static void
show_sender(void *arg, const struct json *line)
{
	int64_t octets = ask_line_number(line, "octets"), limit = ask_line_number(line, "limit");
	char notices[QUANTITY_BYTES], size[QUANTITY_BYTES];

	++*(int *)arg;
	printf("%-40s %s, %s, %" PRId64 " %% of its share\n", ask_line_text(line, "from"),
	    ask_line_count(line, "notices", "notice", "notices", notices),
	    quantity_size(octets, size),
	    limit > 0 ? (int64_t)((double)octets * 100 / (double)limit) : 0);
}

/* The number is the one that evidence show takes. */
static void
show_notice(void *arg, const struct json *line)
{
	++*(int *)arg;
	printf("%6" PRId64 "  %-9s  %.10s  %s\n", ask_line_number(line, "number"),
	    ask_line_text(line, "state"), ask_line_text(line, "received"),
	    ask_line_text(line, "from"));
}

static int
list_notices(struct options *o)
{
	int n = 0, status;
	struct ask a = { "notices", CONF_ROLE_IMS, show_notice, &n, false };
	struct json *request = json_new();

	json_put_str(request, "mailbox", o->args[0]);
	status = ask_daemon(o, &a, request);
	if (status == 0 && n == 0 && !o->json && !o->quiet)
		printf("The mailbox has no notice.\n");
	return status;
}

int
ims_verb_list(struct options *o)
{
	bool senders = options_has(o, "senders");
	int n = 0, status;
	struct ask a = { "list", CONF_ROLE_IMS, senders ? show_sender : show_mailbox, &n, false };
	struct json *request;

	if (o->n_args > 0)
		return list_notices(o);
	request = json_new();
	json_put_bool(request, "senders", senders);
	status = ask_daemon(o, &a, request);
	if (status == 0 && n == 0 && !o->json && !o->quiet)
		printf(senders ? "Nothing is kept of any sender.\n"
			       : "No mailbox has a notice yet.\n");
	return status;
}

/* -- drop, remove --------------------------------------------------------------------------------- */

struct dropping {
	const struct options *o;
	bool shown; /* progress, on the terminal */
};

static void
show_dropped(void *arg, const struct json *line)
{
	struct dropping *d = arg;
	int64_t n = ask_line_number(line, "dropped");
	bool all = false, ended = json_get_bool(line, "all", &all);

	if (d->o->quiet)
		return;
	if (!ended) {
		if (isatty(STDERR_FILENO) != 0) {
			fprintf(stderr, "\r%" PRId64 " dropped ", n);
			d->shown = true;
		}
		return;
	}
	if (d->shown)
		fputs("\r\033[K", stderr);
	printf("%" PRId64 " notice%s dropped%s\n", n, n == 1 ? "" : "s",
	    all ? "" : "; not all of them");
}

int
ims_verb_drop(struct options *o)
{
	struct dropping d = { .o = o };
	struct ask a = { "drop", CONF_ROLE_IMS, show_dropped, &d, true };
	struct json *request;

	if (options_value(o, "from") == NULL)
		return options_usage(o,
		    "drop needs --from and the sender's domain; all there are:  %s list --senders",
		    o->command.data);
	request = json_new();
	json_put_str(request, "from", options_value(o, "from"));
	if (options_value(o, "mailbox") != NULL)
		json_put_str(request, "mailbox", options_value(o, "mailbox"));
	json_put_bool(request, "opened", options_has(o, "opened"));
	json_put_bool(request, "subdomains", options_has(o, "subdomains"));
	return ask_daemon(o, &a, request);
}

int
ims_verb_mailbox_remove(struct options *o)
{
	struct dropping d = { .o = o };
	struct ask a = { "mailbox-remove", CONF_ROLE_IMS, show_dropped, &d, true };
	struct json *request = json_new();

	json_put_str(request, "mailbox", o->args[0]);
	json_put_bool(request, "in_use", options_has(o, "in-use"));
	return ask_daemon(o, &a, request);
}

/* -- export --------------------------------------------------------------------------------------- */

struct exporting {
	int folder;
	int notices; /* the file of all notices */
	int letter;  /* the file of the current letter; -1: none */
	unsigned n, letters;
	bool failed;
	struct err why;
};

static void
fail(struct exporting *x, const char *what)
{
	if (!x->failed)
		err_set_errno(&x->why, REFUSAL_cannot_write, errno, "%s", what);
	x->failed = true;
}

static void
write_all(struct exporting *x, int fd, struct span s)
{
	if (!x->failed && !file_write(fd, s))
		fail(x, "the export");
}

static void
end_letter(struct exporting *x)
{
	if (x->letter >= 0 && (fsync(x->letter) < 0 || close(x->letter) < 0))
		fail(x, "a letter");
	x->letter = -1;
}

static void
take_notice(struct exporting *x, const struct json *line)
{
	struct buf row = BUF_INIT;
	bool has_letter = false;
	char name[40];

	end_letter(x);
	x->n++;
	json_write(line, &row);
	buf_add(&row, "\n", 1);
	write_all(x, x->notices, buf_span(&row));
	buf_clear(&row);
	json_get_bool(line, "letter", &has_letter);
	if (!has_letter)
		return;
	x->letters++;
	snprintf(name, sizeof name, "%" PRId64 ".eml", ask_line_number(line, "number"));
	x->letter = openat(x->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (x->letter < 0)
		fail(x, name);
}

static void
take_line(void *arg, const struct json *line)
{
	struct exporting *x = arg;
	const char *octets = json_get_str(line, "octets");
	struct buf piece = BUF_INIT;

	if (x->failed)
		return;
	if (octets == NULL)
		take_notice(x, line);
	else if (x->letter >= 0 && base64_parse(span_str(octets), &piece))
		write_all(x, x->letter, buf_span(&piece));
	buf_clear(&piece);
}

static bool
open_export(struct exporting *x, const char *folder, struct err *e)
{
	*x = (struct exporting) { .folder = -1, .notices = -1, .letter = -1 };
	if (access(folder, F_OK) == 0)
		return err_set(e, REFUSAL_cannot_write,
		    "%s is there already: name a folder that is not", folder);
	if (mkdir(folder, 0700) < 0 ||
	    (x->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
	    (x->notices = openat(x->folder, "notices.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		 0600)) < 0)
		return err_set_errno(e, REFUSAL_cannot_write, errno, "%s", folder);
	return true;
}

static void
close_export(struct exporting *x)
{
	end_letter(x);
	if (x->notices >= 0 && (fsync(x->notices) < 0 || close(x->notices) < 0))
		fail(x, "notices.json");
	if (x->folder >= 0 && (fsync(x->folder) < 0 || close(x->folder) < 0))
		fail(x, "the folder");
}

int
ims_verb_mailbox_export(struct options *o)
{
	struct exporting x;
	struct options quiet = *o;
	struct ask a = { "mailbox-export", CONF_ROLE_IMS, take_line, &x, true };
	struct json *request;
	struct err e;
	int status;

	if (!open_export(&x, o->args[1], &e)) {
		close_export(&x);
		return options_fail(o, &e);
	}
	request = json_new();
	json_put_str(request, "mailbox", o->args[0]);
	quiet.json = false; /* writes the lines to files instead */
	status = ask_daemon(&quiet, &a, request);
	close_export(&x);
	if (status == 0 && x.failed)
		return options_fail(o, &x.why);
	if (status == 0 && !o->quiet && o->json)
		printf("{\"notices\":%u,\"letters\":%u}\n", x.n, x.letters);
	else if (status == 0 && !o->quiet)
		printf("%u notice%s, %u letter%s in %s\n", x.n, x.n == 1 ? "" : "s", x.letters,
		    x.letters == 1 ? "" : "s", o->args[1]);
	return status;
}
