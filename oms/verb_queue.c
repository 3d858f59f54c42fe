/* verb_queue — `oms queue`: the recipients whose letters are kept; see verbs.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/utf8.h"
#include "common/daemon/ask.h"
#include "common/text/idn.h"
#include "oms/oms.h"
#include "oms/queue/notifier.h"
#include "oms/store/store.h"
#include "oms/verbs.h"

#define PAGE   50 /* deliveries in one reading */
#define WIDTH  76
#define INDENT 11 /* of everything but a letter's id */

const struct options_option oms_queue_options[] = {
	{ "all", 0, NULL, "also recipients that are over: fetched, refused, expired" },
	{ "domain", 0, "DOMAIN", "recipients of this domain alone" },
	{ "road", 0, "ROAD", "those whose last try went by this road: native or smtp" },
	{ "now", 0, NULL, "try those that wait again at once" },
	{ NULL, 0, NULL, NULL },
};

/* -- the daemon's side ------------------------------------------------------------------------ */

struct queue {
	struct oms *oms;
	struct control_request *request;
	bool all, now;
	struct domain domain; /* "": each */
	bool by_road;         /* of this road alone: */
	enum oms_road road;
	struct oms_place at;
};

static void
put_time(struct json *o, const char *key, int64_t wall_s)
{
	char date[CLOCK_DATE_BYTES];

	if (wall_s == 0)
		return;
	clock_date(wall_s, date);
	json_put_str(o, key, date);
}

static void
print_recipient_line(struct queue *q, const struct oms_letter *l, const struct oms_delivery *d,
    const struct oms_recipient *r)
{
	struct json *line = json_new();
	char id[ULID_STR_BYTES];

	ulid_str(&l->id, id);
	json_put_str(line, "id", id);
	json_put_str(line, "from", l->from);
	json_put_str(line, "to", r->address);
	json_put_str(line, "state", submit_state_name(r->state));
	json_put_int(line, "size", (int64_t)l->size);
	json_put_int(line, "tries", (int64_t)d->tries);
	put_time(line, "taken", l->date_s);
	put_time(line, "since", r->since_s);
	put_time(line, "next", r->state == SUBMIT_WAITING ? d->next_ms / 1000 : 0);
	put_time(line, "hold_until", l->hold_until_s);
	if (r->word[0] != '\0') {
		json_put_str(line, "word", r->word);
		json_put_str(line, "text", r->text);
		json_put_str(line, "by",
		    r->by == SUBMIT_SPEAKER_UNKNOWN ? NULL : submit_speaker_name(r->by));
	}
	if (d->road == OMS_ROAD_SMTP)
		json_put_str(line, "road", "smtp");
	if (oms_recipient_is_given(r)) {
		json_put_str(line, "host", r->host.text);
		json_put_str(line, "secured", r->secured);
	}
	control_line_take(q->request, line);
}

static bool
is_asked_for(const struct queue *q, const struct oms_delivery *d)
{
	return (q->domain.text[0] == '\0' || strcmp(q->domain.text, d->peer.text) == 0) &&
	    (!q->by_road || q->road == d->road);
}

static void
print_listed(struct queue *q, const struct oms_listed *x)
{
	for (size_t i = 0; i < x->n; i++) {
		if (!is_asked_for(q, &x->deliveries[i]))
			continue;
		if (q->now && oms_delivery_waits(&x->deliveries[i]))
			notifier_retry(q->oms, x->deliveries[i].own.text,
			    x->deliveries[i].peer.text);
		for (size_t k = 0; k < x->deliveries[i].n_recipients; k++) {
			const struct oms_recipient *r = &x->deliveries[i].recipients[k];

			if (q->all || !oms_recipient_is_over(r))
				print_recipient_line(q, &x->letter, &x->deliveries[i], r);
		}
	}
}

static void
queue_end(struct queue *q, const struct err *e)
{
	control_end(q->request, e);
	free(q);
}

static void queue_on(struct control_request *r, void *arg);

static void
queue_read(void *arg, const struct oms_listed *page, size_t n, const struct oms_place *next,
    bool more, const struct err *e)
{
	struct queue *q = arg;

	for (size_t i = 0; i < n; i++)
		print_listed(q, &page[i]);
	q->at = *next;
	if (e != NULL || !more)
		queue_end(q, e);
	else
		queue_on(q->request, q);
}

/* The client may have gone, and the daemon may be going down. */
static void
queue_on(struct control_request *r, void *arg)
{
	struct queue *q = arg;
	struct err e;

	if (control_gone(r))
		queue_end(q, NULL);
	else if (!daemon_open_for_work(q->oms->daemon, &e))
		queue_end(q, &e);
	else if (control_full(r))
		control_again(r, queue_on, q);
	else
		oms_store_queue(q->oms->store, &q->at, PAGE, daemon_loop(q->oms->daemon),
		    queue_read, q);
}

static bool
read_request(struct queue *q, const struct json *request, struct err *e)
{
	const char *domain = json_get_str(request, "domain"), *road = json_get_str(request, "road");

	json_get_bool(request, "all", &q->all);
	json_get_bool(request, "now", &q->now);
	q->by_road = road != NULL;
	q->road = road != NULL && strcmp(road, "smtp") == 0 ? OMS_ROAD_SMTP : OMS_ROAD_NATIVE;
	return domain == NULL || idn_a_label(span_str(domain), &q->domain, e);
}

void
oms_control_queue(void *role, struct control_request *r, const struct json *request)
{
	struct queue *q = memory_new(sizeof *q);
	struct err e;

	q->oms = role;
	q->request = r;
	if (read_request(q, request, &e))
		queue_on(r, q);
	else
		queue_end(q, &e);
}

/* -- the command's side ------ */

struct shown {
	char id[ULID_STR_BYTES]; /* of the letter shown last */
	int n;
	int64_t now_s;
};

/* Prints a word at column *at (0: at the start of a line, which is indented), and breaks it at WIDTH.  A
 * character that is not printable ASCII becomes '?', because its width on the terminal is not known. */
static void
print_word(struct span word, size_t *at)
{
	while (word.n > 0) {
		uint32_t c = '?';

		if (!utf8_cut(&word, &c))
			word = span_sub(word, 1, word.n);
		if (*at == WIDTH) {
			printf("\n");
			*at = 0;
		}
		if (*at == 0)
			*at = (size_t)printf("%*s", INDENT, "");
		putchar(c > 0x20 && c < 0x7f ? (int)c : '?');
		++*at;
	}
}

static void
print_wrapped(size_t at, const char *text)
{
	struct span rest = span_str(text), word;

	while (rest.n > 0) {
		word = span_cut(&rest, ' ');
		if (word.n == 0)
			continue;
		if (at > INDENT && at + 1 + word.n > WIDTH) {
			printf("\n");
			at = 0;
		} else if (at > INDENT) {
			printf(" ");
			at++;
		}
		print_word(word, &at);
	}
	printf("\n");
}

static void
print_letter(const struct json *line, const char *id)
{
	struct ulid u;
	char end[ULID_END_BYTES] = "-", size[QUANTITY_BYTES];
	struct buf text = BUF_INIT;

	if (ulid_parse(span_str(id), &u))
		ulid_end(&u, end);
	buf_addf(&text, "from %s, %s, kept until %.10s", ask_line_text(line, "from"),
	    ask_line_count(line, "size", "octet", "octets", size),
	    ask_line_text(line, "hold_until"));
	buf_add(&text, "", 1);
	printf("%-*s", INDENT, end);
	print_wrapped(INDENT, text.data);
	buf_clear(&text);
}

/* "in 5 min" */
static void
next_text(const struct json *line, int64_t now_s, char out[32])
{
	int64_t at_s, in_s;

	if (!clock_parse_date(span_str(ask_line_text(line, "next")), &at_s))
		snprintf(out, 32, "-");
	else if ((in_s = at_s - now_s) <= 0)
		snprintf(out, 32, "now");
	else if (in_s < 120)
		snprintf(out, 32, "in %" PRId64 " s", in_s);
	else
		snprintf(out, 32, "in %" PRId64 " min", in_s / 60);
}

static void
print_recipient(const struct json *line, int64_t now_s)
{
	const char *to = ask_line_text(line, "to");
	struct buf text = BUF_INIT;
	char next[32];

	if (strlen(to) > 32) {
		print_wrapped(0, to);
		to = "";
	}
	next_text(line, now_s, next);
	printf("%*s%-32s  %-10s  %-10s  %4" PRId64 "\n", INDENT, "", to,
	    ask_line_text(line, "state"), next, ask_line_number(line, "tries"));
	if (ask_line_text(line, "word")[0] != '\0') {
		buf_addf(&text, "[%s] %s", ask_line_text(line, "word"),
		    ask_line_text(line, "text"));
		buf_add(&text, "", 1);
		print_wrapped(0, text.data);
	}
	buf_clear(&text);
}

static void
show_recipient(void *arg, const struct json *line)
{
	struct shown *s = arg;
	const char *id = ask_line_text(line, "id");

	if (s->n++ == 0)
		printf("%-*s%-32s  %-10s  %-10s  %s\n", INDENT, "ID", "To", "State", "Next try",
		    "Tries");
	if (strcmp(id, s->id) != 0)
		print_letter(line, id);
	snprintf(s->id, sizeof s->id, "%s", id);
	print_recipient(line, s->now_s);
}

int
oms_verb_queue(struct options *o)
{
	struct shown s = { .now_s = clock_wall_ms() / 1000 };
	struct ask a = { "queue", CONF_ROLE_OMS, show_recipient, &s, false };
	struct json *request = json_new();
	const char *road = options_value(o, "road");
	int status;

	if (road != NULL && strcmp(road, "native") != 0 && strcmp(road, "smtp") != 0) {
		json_free(&request);
		return options_usage(o, "--road is native or smtp");
	}
	json_put_bool(request, "all", options_has(o, "all"));
	json_put_bool(request, "now", options_has(o, "now"));
	json_put_str(request, "road", road);
	json_put_str(request, "domain", options_value(o, "domain"));
	status = ask_daemon(o, &a, request);
	if (status != 0 || s.n > 0 || o->json || o->quiet)
		return status;
	printf("%s\n",
	    road != NULL || options_value(o, "domain") != NULL
		? "Nothing of that is in the queue."
		: "The queue is empty: no letter waits for a recipient.");
	if (!options_has(o, "all"))
		printf("What became of earlier letters:  %s queue --all\n", o->command.data);
	return 0;
}
