/* smtp_talk — an SMTP client that sends what its script says, well-formed or not.
 *
 *	smtp_talk ADDRESS:PORT [WORD=VALUE]... <SCRIPT
 *
 * Words: from (own address), cert, key, sni, tls (1.2 or 1.3), wrapper=yes (TLS from the first octet), patience
 * (seconds, 60).  The banner is waited for first.  Each line of the replies is printed, `closed` where there is none.
 *
 *	TEXT		sends it with CRLF, and waits for its reply
 *	&TEXT		sends it in one write with what follows; its reply is waited for then
 *	=OCTETS		the same without CRLF and without a reply.  \r \n \0 \\ and \xHH are octets
 *	!send		sends what is kept, and waits for the replies that are due
 *	!fill N X	keeps N octets X
 *	!file FILE	keeps the octets of FILE
 *	!tls		the handshake; says `tls VERSION SUITE CERTIFICATE`, and `early N` where octets came before it
 *	!letter FILE	the content in FILE, stuffed, and its dot; not after another reply than 354
 *	!repeat N TEXT	sends TEXT so many times, 100 at once, and says how often each reply came in turn
 *	!run COMMAND	runs it in a shell and waits for it
 *	!hear		waits for one more reply
 *	!close		ends the connection
 *
 * At the end of the script the connection is closed without QUIT.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/tcp.h>

#include "tests/smtp_wire.h"

#define LINE_ROOM   4096
#define GROUP       100
#define PATIENCE_S  60
#define IS(text, b) (strcmp((text), (b)) == 0)

struct options {
	struct sockaddr_in at, from;
	struct smtp_wire_tls tls;
	bool wrapper;
	int patience_s;
};

static void
die(const char *what)
{
	fprintf(stderr, "smtp_talk: %s: %s\n", what, errno != 0 ? strerror(errno) : "no");
	exit(64);
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
	if (IS(word, "sni"))
		o->tls.sni = value;
	else if (IS(word, "from"))
		smtp_wire_address(value, &o->from);
	else if (IS(word, "wrapper"))
		o->wrapper = IS(value, "yes");
	else if (IS(word, "patience"))
		o->patience_s = atoi(value);
	else
		die(word);
}

struct talk {
	struct options *o;
	struct smtp_wire wire;
	FILE *kept;
	char *octets;
	size_t n;
	unsigned long replies; /* that are due for what is kept */
	char code[4];          /* of the last reply */
};

static void
keep_nothing(struct talk *t)
{
	if (t->kept != NULL)
		fclose(t->kept);
	free(t->octets);
	t->octets = NULL;
	if ((t->kept = open_memstream(&t->octets, &t->n)) == NULL)
		abort();
}

static void
ended(void)
{
	printf("closed\n");
	exit(0);
}

/* One reply, printed unless `last` (of LINE_ROOM octets) takes its first line. */
static void
hear(struct talk *t, char *last)
{
	char line[LINE_ROOM];

	for (bool first = true;; first = false) {
		size_t n = smtp_wire_line(&t->wire, line, sizeof line);

		line[strcspn(line, "\r\n")] = '\0';
		if (last == NULL && (n > 0 || line[0] != '\0'))
			printf("%s\n", line);
		else if (last != NULL && first)
			memcpy(last, line, sizeof line);
		if (n == 0)
			ended();
		if (strlen(line) < 4 || line[3] != '-') {
			snprintf(t->code, sizeof t->code, "%.3s", line);
			return;
		}
	}
}

static void
send_kept(struct talk *t)
{
	unsigned long replies = t->replies;

	fflush(t->kept);
	/* What was refused in the middle has its reply nevertheless. */
	(void)smtp_wire_write(&t->wire, t->octets, t->n);
	keep_nothing(t);
	for (t->replies = 0; replies > 0; replies--)
		hear(t, NULL);
}

static void
keep_octets(struct talk *t, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text != '\\') {
			fputc(*text, t->kept);
			continue;
		}
		switch (*++text) {
		case 'r':
			fputc('\r', t->kept);
			break;
		case 'n':
			fputc('\n', t->kept);
			break;
		case '0':
			fputc('\0', t->kept);
			break;
		case 'x':
			fputc((int)strtoul((char[3]) { text[1], text[2], '\0' }, NULL, 16),
			    t->kept);
			text += 2;
			break;
		default:
			fputc(*text, t->kept);
		}
	}
}

static void
keep_file(struct talk *t, const char *path)
{
	FILE *f = fopen(path, "re");
	int c;

	if (f == NULL)
		die(path);
	while ((c = fgetc(f)) != EOF)
		fputc(c, t->kept);
	fclose(f);
}

/* CR LF ends each line already; what has no last line end gets one. */
static void
keep_letter(struct talk *t, const char *path)
{
	FILE *f = fopen(path, "re");
	int c, last = '\n';

	if (f == NULL)
		die(path);
	while ((c = fgetc(f)) != EOF) {
		if (c == '.' && last == '\n')
			fputc('.', t->kept);
		fputc(c, t->kept);
		last = c;
	}
	fclose(f);
	fputs(last == '\n' ? ".\r\n" : "\r\n.\r\n", t->kept);
	t->replies++;
}

static void
handshake_here(struct talk *t)
{
	const char *why;
	char text[512];
	size_t early = smtp_wire_early(&t->wire);

	if (early > 0)
		printf("early %zu\n", early);
	if (!smtp_wire_secure(&t->wire, &t->o->tls, false, &why)) {
		printf("tls failed %s\n", why);
		exit(0);
	}
	smtp_wire_describe(&t->wire, text, sizeof text);
	printf("tls %s\n", text);
}

static void
told_so_far(const char *reply, unsigned long times)
{
	if (times > 0)
		printf("%lu x %s\n", times, reply);
}

static void
repeat(struct talk *t, unsigned long times, const char *text)
{
	char reply[LINE_ROOM], last[LINE_ROOM] = "";
	unsigned long same = 0;

	for (; times > 0; times -= times < GROUP ? times : GROUP) {
		unsigned long group = times < GROUP ? times : GROUP;

		for (unsigned long i = 0; i < group; i++)
			fprintf(t->kept, "%s\r\n", text);
		send_kept(t);
		for (unsigned long i = 0; i < group; i++) {
			hear(t, reply);
			if (!IS(reply, last)) {
				told_so_far(last, same);
				memcpy(last, reply, sizeof last);
				same = 0;
			}
			same++;
		}
	}
	told_so_far(last, same);
}

static void
do_order(struct talk *t, char *order)
{
	char *argument = strchr(order, ' '), *text;
	unsigned long n;

	if (argument != NULL)
		*argument++ = '\0';
	else
		argument = order + strlen(order);
	n = strtoul(argument, &text, 10);
	text += *text == ' ';
	if (IS(order, "send"))
		send_kept(t);
	else if (IS(order, "tls"))
		handshake_here(t);
	else if (IS(order, "letter")) {
		if (t->replies > 0 || IS(t->code, "354")) {
			keep_letter(t, argument);
			send_kept(t);
		}
	} else if (IS(order, "fill"))
		for (; n > 0; n--)
			fputc(*text, t->kept);
	else if (IS(order, "file"))
		keep_file(t, argument);
	else if (IS(order, "repeat"))
		repeat(t, n, text);
	else if (IS(order, "hear"))
		hear(t, NULL);
	else if (IS(order, "run")) {
		if (system(argument) != 0)
			die(argument);
	} else if (IS(order, "close"))
		exit(0);
	else
		die(order);
}

static void
obey_script(struct talk *t)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	while ((n = getline(&line, &room, stdin)) > 0) {
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		if (line[0] == '!') {
			do_order(t, line + 1);
		} else if (line[0] == '=') {
			keep_octets(t, line + 1);
		} else {
			fprintf(t->kept, "%s\r\n", line + (line[0] == '&'));
			t->replies++;
			if (line[0] != '&')
				send_kept(t);
		}
	}
	free(line);
}

static int
talk(struct options *o)
{
	static struct talk t;
	static const int on = 1;

	setvbuf(stdout, NULL, _IOLBF, 0);
	t.o = o;
	t.wire.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (o->from.sin_family == AF_INET &&
	    bind(t.wire.fd, (struct sockaddr *)&o->from, sizeof o->from) < 0)
		die("bind");
	if (connect(t.wire.fd, (struct sockaddr *)&o->at, sizeof o->at) < 0)
		die("connect");
	setsockopt(t.wire.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	smtp_wire_patience(&t.wire, o->patience_s);
	keep_nothing(&t);
	if (o->wrapper)
		handshake_here(&t);
	hear(&t, NULL);
	obey_script(&t);
	smtp_wire_close(&t.wire, true);
	return 0;
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
	static struct options o = { .patience_s = PATIENCE_S };

	signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		fprintf(stderr, "usage: smtp_talk ADDRESS:PORT [WORD=VALUE]... <SCRIPT\n");
		return 64;
	}
	smtp_wire_address(argv[1], &o.at);
	for (int i = 2; i < argc; i++)
		parse_word(&o, argv[i]);
	return talk(&o);
}
