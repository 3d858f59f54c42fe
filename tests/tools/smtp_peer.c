/* smtp_peer — an SMTP server that takes letters, with whatever fault it is told to show.
 *
 *	smtp_peer ADDRESS:PORT [WORD=VALUE]...
 *
 * It says `ready` and then a line for each thing that happens, with the connection's number first: `open ADDRESS
 * now=N`, `< COMMAND`, `> REPLY`, `tls VERSION SUITE CERTIFICATE`, `tls failed WHY`, `early N` (octets that came
 * before the handshake), `letter N OCTETS` or `refused N OCTETS`, `unfinished N OCTETS`, `stall`, `closed`.  Words:
 *
 *	cert=FILE key=FILE	its certificate
 *	tls=1.2|1.3		that version alone		wrapper=yes	TLS from the first octet
 *	patience=S		for each read (60)		asks=no		it asks for no certificate
 *	folder=DIR		letter N is DIR/N.letter, octet for octet without its stuffing and its final dot;
 *				DIR/N.envelope says its client, EHLO, TLS, MAIL and RCPT lines; what is not taken
 *				is DIR/N.refused
 *	name=NAME		of banner and EHLO (mx.test)
 *	offers=A,B		after EHLO.  STARTTLS is left out once TLS is up, and AUTH before it
 *	most=N			a connection beyond N at once is told 421
 *	STAGE=ACTION|ACTION...	what it does there the first time, the second time ...; the last one goes on.  Times
 *				are counted over all connections.  By address: rcpt/carl@b.test=ACTION
 *
 * Stages: banner ehlo starttls handshake ehlo2 (inside TLS) auth mail rcpt data content (while it comes) end (after
 * its dot) rset noop quit.  An action is a reply (`250-A\n250 B` has two lines), or one of:
 *
 *	ok		what a good server says		stall		says and reads nothing more
 *	close		ends the connection		trailing	the good reply, with octets after it
 *	big		10 MB in one line		lines		101 lines	wide	a line of 513 octets
 *	endless		no CRLF comes			lf		LF alone	nul	a NUL in its text
 *	two-digits	a code of two digits		mixed		lines of two codes	words	no code
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/tcp.h>

#include "tests/smtp_wire.h"

#define LINE_ROOM   4096
#define BIG_BYTES   (10 << 20)
#define BY_ADDRESS  32
#define PATIENCE_S  60
#define COUNT(a)    (sizeof(a) / sizeof *(a))
#define IS(text, b) (strcmp((text), (b)) == 0)

static void
die(const char *what)
{
	fprintf(stderr, "smtp_peer: %s: %s\n", what, errno != 0 ? strerror(errno) : "no");
	exit(64);
}

/* -- what is asked for -------------------------------------------------------------------------- */

enum stage {
	BANNER,
	EHLO,
	STARTTLS,
	HANDSHAKE,
	EHLO2,
	AUTH,
	MAIL,
	RCPT,
	DATA,
	CONTENT,
	END,
	RSET,
	NOOP,
	QUIT,
	STAGES
};

static const struct {
	const char *name, *good;
} stages[] = {
	[BANNER] = { "banner", NULL },
	[EHLO] = { "ehlo", NULL },
	[STARTTLS] = { "starttls", "220 2.0.0 go on" },
	[HANDSHAKE] = { "handshake", NULL },
	[EHLO2] = { "ehlo2", NULL },
	[AUTH] = { "auth", "235 2.7.0 signed in" },
	[MAIL] = { "mail", "250 2.1.0 sender ok" },
	[RCPT] = { "rcpt", "250 2.1.5 recipient ok" },
	[DATA] = { "data", "354 go on" },
	[CONTENT] = { "content", NULL },
	[END] = { "end", NULL },
	[RSET] = { "rset", "250 2.0.0 reset" },
	[NOOP] = { "noop", "250 2.0.0 ok" },
	[QUIT] = { "quit", "221 2.0.0 bye" },
};

/* Of all connections, which are processes. */
struct shared {
	atomic_uint connections, letters, now;
	atomic_uint times[STAGES], times_by_address[BY_ADDRESS];
};

struct options {
	struct sockaddr_in at;
	struct smtp_wire_tls tls;
	bool wrapper;
	int patience_s;
	const char *name, *folder, *offers;
	unsigned most;
	char *action[STAGES];
	struct {
		const char *address;
		char *action;
	} by_address[BY_ADDRESS];
	struct shared *shared;
};

static const char default_offers[] =
    "PIPELINING,SIZE 1073741824,8BITMIME,SMTPUTF8,DSN,STARTTLS,ENHANCEDSTATUSCODES";

static void
by_address(struct options *o, char *address, char *action)
{
	size_t i = 0;

	while (i < BY_ADDRESS && o->by_address[i].address != NULL)
		i++;
	if (i == BY_ADDRESS)
		die("too many recipients");
	o->by_address[i].address = address;
	o->by_address[i].action = action;
}

static bool
parse_stage(struct options *o, char *word, char *value)
{
	if (strncmp(word, "rcpt/", 5) == 0) {
		by_address(o, word + 5, value);
		return true;
	}
	for (size_t i = 0; i < COUNT(stages); i++)
		if (IS(word, stages[i].name)) {
			o->action[i] = value;
			return true;
		}
	return false;
}

static void
parse_word(struct options *o, char *word)
{
	char *value = smtp_wire_value(word);

	errno = 0;
	if (value == NULL)
		die(word);
	if (smtp_wire_tls_word(&o->tls, word, value))
		return;
	if (IS(word, "name"))
		o->name = value;
	else if (IS(word, "folder"))
		o->folder = value;
	else if (IS(word, "offers"))
		o->offers = value;
	else if (IS(word, "wrapper"))
		o->wrapper = IS(value, "yes");
	else if (IS(word, "asks"))
		o->tls.asks = !IS(value, "no");
	else if (IS(word, "most"))
		o->most = (unsigned)atoi(value);
	else if (IS(word, "patience"))
		o->patience_s = atoi(value);
	else if (!parse_stage(o, word, value))
		die(word);
}

/* -- what it says ------------------------------------------------------------------------ */

struct session {
	struct options *o;
	struct smtp_wire wire;
	unsigned number;
	char client[INET_ADDRSTRLEN];
	char hello[256], secured[320], mail[LINE_ROOM];
	char *rcpt; /* lines */
	size_t rcpt_n;
	FILE *rcpts;
	unsigned accepted;
};

/* One write, so that lines of several connections do not mix. */
static void
say(const struct session *s, const char *what, const char *text, size_t n)
{
	char line[LINE_ROOM];
	size_t at = (size_t)snprintf(line, sizeof line, "%u %s ", s->number, what);

	for (size_t i = 0; i < n && at < sizeof line - 8; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= ' ' && c != 127)
			line[at++] = (char)c;
		else if (c != '\r' && c != '\n')
			at += (size_t)sprintf(line + at, "\\x%02x", c);
		else if (c == '\n' && i + 1 < n)
			line[at++] = '|';
	}
	while (line[at - 1] == ' ')
		at--;
	line[at++] = '\n';
	if (write(STDOUT_FILENO, line, at) < 0)
		exit(74);
}

static void sayf(const struct session *s, const char *what, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void
sayf(const struct session *s, const char *what, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	say(s, what, text, strlen(text));
}

static bool
send_octets(struct session *s, const char *octets, size_t n)
{
	say(s, ">", octets, n < 400 ? n : 400);
	return smtp_wire_write(&s->wire, octets, n);
}

/* Until the other side ends the connection. */
static void
stall(struct session *s)
{
	struct pollfd p = { .fd = s->wire.fd, .events = POLLRDHUP };

	sayf(s, "stall", "%s", "");
	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
}

/* The text of the reply that a good server gives; "" where it says none. */
static void
good_reply(struct session *s, enum stage at, char *out, size_t cap)
{
	size_t n = 0;

	out[0] = '\0';
	if (stages[at].good != NULL)
		snprintf(out, cap, "%s\r\n", stages[at].good);
	else if (at == BANNER)
		snprintf(out, cap, "220 %s ESMTP\r\n", s->o->name);
	else if (at == END)
		snprintf(out, cap, "250 2.0.0 kept as %u\r\n", (unsigned)s->o->shared->letters);
	else if (at == EHLO || at == EHLO2) {
		char list[LINE_ROOM], *rest, *word;

		snprintf(list, sizeof list, "%s", s->o->offers);
		n = (size_t)snprintf(out, cap, "250-%s\r\n", s->o->name);
		for (word = strtok_r(list, ",", &rest); word; word = strtok_r(NULL, ",", &rest))
			if (at == EHLO ? strncmp(word, "AUTH", 4) != 0 : !IS(word, "STARTTLS"))
				n += (size_t)snprintf(out + n, cap - n, "250-%s\r\n", word);
		snprintf(out + n, cap - n, "250 HELP\r\n");
	}
}

/* The action that is due, out of a list with | between. */
static void
due(const char *list, atomic_uint *times, char *out, size_t cap)
{
	unsigned n = atomic_fetch_add(times, 1);
	const char *bar;

	while (list != NULL && n-- > 0 && (bar = strchr(list, '|')) != NULL)
		list = bar + 1;
	snprintf(out, cap, "%.*s", list == NULL ? 0 : (int)strcspn(list, "|"),
	    list == NULL ? "" : list);
}

static bool
is_for(const char *line, const char *address)
{
	const char *open = strchr(line, '<');

	return open != NULL && strncasecmp(open + 1, address, strlen(address)) == 0 &&
	    open[1 + strlen(address)] == '>';
}

static void
due_at(struct session *s, enum stage at, const char *line, char *out, size_t cap)
{
	struct options *o = s->o;

	for (size_t i = 0; at == RCPT && i < BY_ADDRESS && o->by_address[i].address != NULL; i++)
		if (is_for(line, o->by_address[i].address)) {
			due(o->by_address[i].action, &o->shared->times_by_address[i], out, cap);
			return;
		}
	due(o->action[at], &o->shared->times[at], out, cap);
}

/* A reply given as text: \n ends a line. */
static bool
send_text(struct session *s, const char *text)
{
	char out[LINE_ROOM * 2];
	size_t n = 0;

	for (; *text != '\0' && n < sizeof out - 8; text++) {
		if (text[0] == '\\' && text[1] == 'n') {
			n += (size_t)sprintf(out + n, "\r\n");
			text++;
		} else {
			out[n++] = *text;
		}
	}
	n += (size_t)sprintf(out + n, "\r\n");
	return send_octets(s, out, n);
}

static bool
send_filled(struct session *s, const char *before, size_t filled, const char *after)
{
	size_t head = strlen(before), tail = strlen(after), n = head + filled + tail;
	char *octets = malloc(n + 1);
	bool sent;

	if (octets == NULL)
		abort();
	memcpy(octets, before, head);
	memset(octets + head, 'x', filled);
	memcpy(octets + head + filled, after, tail + 1);
	sent = send_octets(s, octets, n);
	free(octets);
	return sent;
}

static bool
send_lines(struct session *s)
{
	char out[LINE_ROOM];
	size_t n = 0;

	for (int i = 0; i < 100; i++)
		n += (size_t)sprintf(out + n, "250-line %d\r\n", i);
	n += (size_t)sprintf(out + n, "250 line 100\r\n");
	return send_octets(s, out, n);
}

/* The faults that are a reply nevertheless.  False: there is no fault of that name. */
static bool
faulty_reply(struct session *s, const char *fault, const char *good, bool *sent)
{
	char text[LINE_ROOM * 2];

	if (IS(fault, "trailing")) {
		snprintf(text, sizeof text, "%s250 2.0.0 nobody asked\r\n", good);
		*sent = send_octets(s, text, strlen(text));
	} else if (IS(fault, "big")) {
		*sent = send_filled(s, "250 ", BIG_BYTES, "\r\n");
	} else if (IS(fault, "wide")) {
		*sent = send_filled(s, "250 ", 507, "\r\n");
	} else if (IS(fault, "lines")) {
		*sent = send_lines(s);
	} else if (IS(fault, "endless")) {
		*sent = send_octets(s, "250 ok", 6);
		stall(s);
		*sent = false;
	} else if (IS(fault, "lf")) {
		*sent = send_octets(s, "250 ok\n", 7);
	} else if (IS(fault, "nul")) {
		*sent = send_octets(s, "250 o\0k\r\n", 9);
	} else if (IS(fault, "two-digits")) {
		*sent = send_octets(s, "25 ok\r\n", 7);
	} else if (IS(fault, "mixed")) {
		*sent = send_octets(s, "250-ok\r\n550 no\r\n", 16);
	} else if (IS(fault, "words")) {
		*sent = send_octets(s, "all is well\r\n", 13);
	} else {
		return false;
	}
	return true;
}

/* What is due at this stage is done.  False: the session is over.  `accepted`: the client may think so. */
static bool
act(struct session *s, enum stage at, const char *line, bool *accepted)
{
	char action[LINE_ROOM], good[LINE_ROOM];
	bool sent = false;

	due_at(s, at, line, action, sizeof action);
	good_reply(s, at, good, sizeof good);
	*accepted = true;
	if (action[0] == '\0' || IS(action, "ok"))
		return good[0] == '\0' || send_octets(s, good, strlen(good));
	if (action[0] >= '0' && action[0] <= '9') {
		*accepted = action[0] == '2' || action[0] == '3';
		return send_text(s, action) && strncmp(action, "421", 3) != 0;
	}
	*accepted = false;
	if (IS(action, "stall")) {
		stall(s);
		return false;
	}
	if (IS(action, "close"))
		return false;
	if (faulty_reply(s, action, good, &sent))
		return sent;
	die(action);
	return false;
}

/* -- a session --------------------------------------------------------------------------- */

static bool
handshake(struct session *s)
{
	const char *why;
	bool accepted;

	if (!act(s, HANDSHAKE, "", &accepted))
		return false;
	if (!smtp_wire_secure(&s->wire, &s->o->tls, true, &why)) {
		sayf(s, "tls", "failed %s", why);
		return false;
	}
	smtp_wire_describe(&s->wire, s->secured, sizeof s->secured);
	sayf(s, "tls", "%s", s->secured);
	return true;
}

/* The octets up to CRLF "." CRLF, without stuffing.  False: the connection ended. */
static bool
read_content(struct session *s, FILE *f, size_t *octets)
{
	enum { LINE, INSIDE, CR, DOT, DOT_CR } at = LINE; /* LINE: after a CRLF */
	int c;

	while ((c = smtp_wire_octet(&s->wire)) >= 0) {
		if (at == DOT_CR && c == '\n')
			return true;
		if (at == LINE && c == '.') {
			at = DOT;
			continue;
		}
		if (at == DOT && c == '\r') {
			at = DOT_CR;
			continue;
		}
		if (at == DOT_CR) {
			fputc('\r', f);
			++*octets;
		}
		fputc(c, f);
		++*octets;
		at = c == '\r' ? CR : (at == CR || at == DOT_CR) && c == '\n' ? LINE : INSIDE;
	}
	return false;
}

static void
keep_envelope(const struct session *s, unsigned n)
{
	char path[LINE_ROOM];
	FILE *f;

	snprintf(path, sizeof path, "%s/%u.envelope", s->o->folder, n);
	if ((f = fopen(path, "we")) == NULL)
		die(path);
	fflush(s->rcpts);
	fprintf(f, "client %s\nhello %s\ntls %s\n%s\n%.*s", s->client, s->hello,
	    s->secured[0] != '\0' ? s->secured : "none", s->mail, (int)s->rcpt_n, s->rcpt);
	fclose(f);
}

static bool
take_content(struct session *s)
{
	unsigned n = atomic_fetch_add(&s->o->shared->letters, 1) + 1;
	char path[LINE_ROOM], final[LINE_ROOM];
	const char *folder = s->o->folder;
	bool taken, accepted, goes_on;
	size_t octets = 0;
	FILE *f;

	if (!act(s, CONTENT, "", &accepted))
		return false;
	snprintf(path, sizeof path, "%s/%u.coming", folder != NULL ? folder : "", n);
	f = fopen(folder != NULL ? path : "/dev/null", "we");
	if (f == NULL)
		die(path);
	taken = read_content(s, f, &octets);
	if (fclose(f) != 0)
		die(path);
	if (!taken) {
		sayf(s, "unfinished", "%u %zu", n, octets);
		return false;
	}
	if (folder != NULL)
		keep_envelope(s, n);
	goes_on = act(s, END, "", &accepted);
	snprintf(final, sizeof final, "%s/%u.%s", folder != NULL ? folder : "", n,
	    accepted ? "letter" : "refused");
	if (folder != NULL && rename(path, final) != 0)
		die(final);
	sayf(s, accepted ? "letter" : "refused", "%u %zu", n, octets);
	return goes_on;
}

static void
forget(struct session *s)
{
	s->mail[0] = '\0';
	s->accepted = 0;
	if (s->rcpts != NULL)
		fclose(s->rcpts);
	free(s->rcpt);
	if ((s->rcpts = open_memstream(&s->rcpt, &s->rcpt_n)) == NULL)
		abort();
}

static bool
is_verb(const char *line, const char *verb)
{
	size_t n = strlen(verb);

	return strncasecmp(line, verb, n) == 0 && strchr(" :\r\n", line[n]) != NULL;
}

static bool
do_hello(struct session *s, const char *line)
{
	bool accepted;

	line += 4 + strspn(line + 4, " ");
	snprintf(s->hello, sizeof s->hello, "%.*s", (int)strcspn(line, "\r\n"), line);
	forget(s);
	return act(s, s->wire.ssl != NULL ? EHLO2 : EHLO, line, &accepted);
}

static bool
do_envelope(struct session *s, enum stage at, const char *line)
{
	size_t n = strcspn(line, "\r\n");
	bool accepted, goes_on = act(s, at, line, &accepted);

	if (accepted && at == MAIL)
		snprintf(s->mail, sizeof s->mail, "%.*s", (int)n, line);
	if (accepted && at == RCPT) {
		s->accepted++;
		fprintf(s->rcpts, "%.*s\n", (int)n, line);
	}
	return goes_on;
}

static bool
do_data(struct session *s, const char *line)
{
	bool accepted;

	if (s->accepted == 0 && s->o->action[DATA] == NULL)
		return send_octets(s, "554 5.5.1 no valid recipients\r\n", 31);
	if (!act(s, DATA, line, &accepted))
		return false;
	if (accepted && !take_content(s))
		return false;
	forget(s);
	return true;
}

/* Before its reply no octet of the handshake can have come. */
static bool
do_starttls(struct session *s, const char *line)
{
	size_t early = smtp_wire_early(&s->wire);
	bool accepted;

	if (early > 0)
		sayf(s, "early", "%zu", early);
	return act(s, STARTTLS, line, &accepted) && (!accepted || handshake(s));
}

static bool
obey(struct session *s, const char *line)
{
	bool accepted;

	if (is_verb(line, "EHLO") || is_verb(line, "HELO"))
		return do_hello(s, line);
	if (is_verb(line, "STARTTLS"))
		return do_starttls(s, line);
	if (is_verb(line, "MAIL"))
		return do_envelope(s, MAIL, line);
	if (is_verb(line, "RCPT"))
		return do_envelope(s, RCPT, line);
	if (is_verb(line, "DATA"))
		return do_data(s, line);
	if (is_verb(line, "RSET")) {
		forget(s);
		return act(s, RSET, line, &accepted);
	}
	if (is_verb(line, "NOOP"))
		return act(s, NOOP, line, &accepted);
	if (is_verb(line, "AUTH"))
		return act(s, AUTH, line, &accepted);
	if (is_verb(line, "QUIT")) {
		act(s, QUIT, line, &accepted);
		return false;
	}
	return send_octets(s, "500 5.5.2 no such command\r\n", 27);
}

static void
attend(struct session *s)
{
	char line[LINE_ROOM];
	bool accepted;
	size_t n;

	smtp_wire_patience(&s->wire, s->o->patience_s);
	forget(s);
	if (s->o->most > 0 && s->o->shared->now > s->o->most) {
		send_text(s, "421 4.3.2 too many connections");
		return;
	}
	if ((s->o->wrapper && !handshake(s)) || !act(s, BANNER, "", &accepted))
		return;
	while ((n = smtp_wire_line(&s->wire, line, sizeof line)) > 0) {
		say(s, "<", line, n < sizeof line ? n : sizeof line - 1);
		if (!obey(s, line))
			return;
	}
}

static void
serve_one(struct options *o, int fd, const struct sockaddr_in *client)
{
	static struct session s;
	static const int on = 1;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	s.o = o;
	s.wire.fd = fd;
	s.number = atomic_fetch_add(&o->shared->connections, 1) + 1;
	inet_ntop(AF_INET, &client->sin_addr, s.client, sizeof s.client);
	sayf(&s, "open", "%s now=%u", s.client, atomic_fetch_add(&o->shared->now, 1) + 1);
	attend(&s);
	sayf(&s, "closed", "%s", "");
	atomic_fetch_sub(&o->shared->now, 1);
	smtp_wire_close(&s.wire, true);
	exit(0);
}

static int
serve(struct options *o)
{
	static const int on = 1;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	o->shared = mmap(NULL, sizeof *o->shared, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (o->shared == MAP_FAILED ||
	    bind(listener, (struct sockaddr *)&o->at, sizeof o->at) < 0 ||
	    listen(listener, 128) < 0)
		die("listen");
	signal(SIGCHLD, SIG_IGN);
	if (write(STDOUT_FILENO, "ready\n", 6) != 6)
		return 74;
	for (;;) {
		struct sockaddr_in client;
		socklen_t n = sizeof client;
		int fd = accept4(listener, (struct sockaddr *)&client, &n, SOCK_CLOEXEC);

		if (fd >= 0 && fork() == 0)
			serve_one(o, fd, &client);
		if (fd >= 0)
			close(fd);
	}
}

/* A tool that says its lines and ends frees nothing: LeakSanitizer is not to look at it. */
int __lsan_is_turned_off(void);

int
__lsan_is_turned_off(void)
{
	return 1;
}

int
main(int argc, char **argv)
{
	static struct options o = { .name = "mx.test",
		.offers = default_offers,
		.tls.asks = true,
		.patience_s = PATIENCE_S };

	signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		fprintf(stderr, "usage: smtp_peer ADDRESS:PORT [WORD=VALUE]...\n");
		return 64;
	}
	smtp_wire_address(argv[1], &o.at);
	for (int i = 2; i < argc; i++)
		parse_word(&o, argv[i]);
	return serve(&o);
}
