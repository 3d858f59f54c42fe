/* smtp_wire — one connection as SMTP uses it, blocking: plain first, TLS later.  For the peers of tests/tools.
 *
 * Nothing is verified and no key is too small: the side that judges is the one that is tested.
 */
#ifndef TESTS_SMTP_WIRE_H
#define TESTS_SMTP_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#include <netinet/in.h>
#include <openssl/ssl.h>

struct smtp_wire {
	int fd;
	SSL *ssl; /* NULL: plain */
	size_t at, n;
	char in[1 << 16];
};

struct smtp_wire_tls {
	const char *certificate, *key; /* NULL: none is shown */
	const char *version;           /* "1.2", "1.3"; NULL: either */
	const char *sni;               /* a client's; NULL: none */
	bool asks;                     /* a server asks for a certificate */
};

/* Cuts WORD=VALUE at its "="; NULL: there is none. */
char *smtp_wire_value(char *word);
/* The words cert, key and tls; a value keeps its place.  False: the word is another. */
bool smtp_wire_tls_word(struct smtp_wire_tls *tls, const char *word, const char *value);

/* ADDRESS or ADDRESS:PORT.  Ends the program where it is none. */
void smtp_wire_address(const char *text, struct sockaddr_in *out);

/* For the rest of the program; a read or write that takes longer than `seconds` is the end of the connection. */
void smtp_wire_patience(struct smtp_wire *w, int seconds);

/* The handshake.  False: `why` says what was wrong.  Octets that have come before it are dropped: smtp_wire_early says
 * how many there are. */
bool smtp_wire_secure(struct smtp_wire *w, const struct smtp_wire_tls *tls, bool server,
    const char **why);
size_t smtp_wire_early(struct smtp_wire *w);
/* "TLSv1.3 SUITE CERTIFICATE", the subject of what the other side has shown, or none. */
void smtp_wire_describe(const struct smtp_wire *w, char *out, size_t cap);

bool smtp_wire_write(struct smtp_wire *w, const char *octets, size_t n);
/* The next octet; -1: there is none. */
int smtp_wire_octet(struct smtp_wire *w);
/* The next line, with its LF; what does not fit in `cap` is dropped, and the text ends in a NUL.  How many octets it
 * has; 0: there is none, and what came of it is in `line`. */
size_t smtp_wire_line(struct smtp_wire *w, char *line, size_t cap);
void smtp_wire_close(struct smtp_wire *w, bool politely);

#endif
