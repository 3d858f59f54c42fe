/* compose — turns what a program writes into a letter that can be counted and sent.
 *
 * Flow:   1 of 8.  Line ends become CR LF before anything is counted; nothing else in the body
 *         changes (lines of ".", 8-bit octets and a missing last line end stay).  Bcc is removed from
 *         the header; missing From, Date and Message-ID are added at its front; every other field
 *         stays octet for octet.  Text without a header gets one.
 * Disk:   the body waits in a scratch file; only the header is in memory.
 * Trust:  the letter comes from the user or from a program of the user's.
 * Owner:  letter_clear frees; a source borrows the letter.
 */
#ifndef MC_COMPOSE_H
#define MC_COMPOSE_H

#include "common/base/engine.h"
#include "common/base/err.h"
#include "proto/submit.h"

#define COMPOSE_HEADER_BYTES   (100 * 1024)
#define COMPOSE_RECIPIENTS_MAX SUBMIT_RECIPIENTS_MAX

struct letter {
	struct buf header; /* to be sent first */
	int fd;            /* -1: none */
	uint64_t body_at;  /* in the file */
	uint64_t body_octets;
	char *from; /* the first address of From */
	char *name; /* that a From without an address had; NULL: none */
	char **to;  /* without repetitions */
	size_t n_to;
	/* Called with the number of octets that a source has given so far; may be NULL. */
	void (*on_read)(void *arg, uint64_t octets);
	void *on_read_arg;
};

struct compose {
	const char *own;  /* the user's address, for a missing From */
	bool from_header; /* -t: recipients are those of To, Cc and Bcc */
	int64_t wall_s;
	unsigned char random[12]; /* for the Message-ID */
	uint64_t most;            /* octets of a letter */
	/* Programs of this machine write logins for addresses: they are at this domain.  NULL: they are refused. */
	const char *domain;
	const char *name; /* of the user, in a From that is added; NULL: none */
};

void letter_init(struct letter *l);
/* Reads `in` to its end.  False: bad_message, message_too_big, bad_address, no_input, ... */
bool compose_read(struct letter *l, int in, const struct compose *how, struct err *e);
/* Adds to `out` a list of addresses where each that is a login alone has "@domain" after it. */
void compose_qualify(struct span list, const char *domain, struct buf *out);
/* Adds a recipient, once.  False: bad_address, too_many_recipients. */
bool letter_to(struct letter *l, const char *address, struct err *e);
uint64_t letter_size(const struct letter *l);
/* The letter's octets, for one attempt to send it.  Whoever takes the source frees it. */
struct source *letter_source(const struct letter *l);
void letter_clear(struct letter *l);

#endif
