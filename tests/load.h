/* load — a client that gives daemons work and counts what they acknowledge; for bench and tests.
 *
 * These kinds share one struct load: letters (users' programs at an oms), notices (an oms at an ims), list (what
 * is in a mailbox, held against a journal), and lists, fetch and show (users' programs at an ims).  A journal has a line "ID DIGEST
 * RECIPIENT" for each acknowledged letter, made durable before the next is sent, so that it tells
 * after a crash of the other side what had been promised.
 *
 * Units: latencies in microseconds, from the request's handing over to its answer.
 */
#ifndef TESTS_LOAD_H
#define TESTS_LOAD_H

#include <sys/socket.h>

#include "common/auth/auth.h"
#include "common/base/address.h"
#include "common/base/err.h"
#include "common/base/ulid.h"
#include "common/net/conn.h"
#include "common/text/digest.h"
#include "proto/server.h"
#include "tests/latency.h"

#define LOAD_WINDOW_MAX     16
#define LOAD_PASSWORD_BYTES 256

struct load_options {
	const char *to, *domain, *user, *password_file, *trust, *crls, *recipient, *journal;
	const char *own, *certificate, *key, *from, *envelope, *header, *refused;
	long connections, size, seconds, count, window, per_seal, pause_ms, recipients, idle, users,
	    per_user, addresses;
	bool again; /* a broken connection is made anew, what was open sent again */
	bool poll;  /* until the end, no sleep */
};

struct load {
	struct load_options o;
	struct loop *loop;
	struct tls_holder *tls;
	struct sockaddr_storage address;
	int journal;
	int64_t began_us, end_us;
	uint64_t sent, acked, refused, broken;
	long turn, connected;
	unsigned open; /* connections that have not ended */
	bool stopping;
	struct err why;        /* the first refusal */
	enum refusal expected; /* REFUSAL_NONE; or what is an answer as good as 250 */
	struct latencies latencies;
};

int64_t load_now_us(void);
/* Its loop, its identity, where it is to go: by its options.  Ends the program where they are of no use. */
void load_open(struct load *l, const char *program);
/* Begins to count the time anew; nothing has been sent. */
void load_begin(struct load *l);
/* The address with n in place of each %. */
void load_numbered(const char *pattern, long n, char out[ADDRESS_STR_BYTES]);
/* Whose turn is next?  1 ... --recipients, again and again. */
long load_turn(struct load *l);
/* May one more be sent?  Counts it. */
bool load_take(struct load *l);
/* One more has its answer. */
void load_answered(struct load *l, int64_t sent_us);
/* The same, and it was acknowledged: the journal has it. */
void load_acked(struct load *l, int64_t sent_us, const struct ulid *id,
    const unsigned char digest[DIGEST_BYTES], const char *recipient);
void load_refused(struct load *l, const struct err *e);
/* A connection has ended for good; the loop stops with the last. */
void load_closed(struct load *l);
struct conn *load_connect(struct load *l, const char *alpn, const struct conn_events *events,
    void *role);

void load_password(const struct load *l, char out[LOAD_PASSWORD_BYTES]);
/* Begins to sign in on c.  NULL: it cannot. */
struct auth_client *load_sign_in(struct conn *c, const char *user, const char *password,
    struct auth_cache *cache);
/* A step of SCRAM, in the form that the engines' clients ask for. */
enum outcome load_step(struct auth_client *a, struct span message, bool last, struct buf *out,
    struct err *e);

/* Each starts the connections of its kind and returns; load_free_* frees them once the loop has. */
void *load_letters(struct load *l);
void load_letters_free(void *all);
void *load_notices(struct load *l);
void load_notices_free(void *all);
/* A connection that reads the whole list and prints "NUMBER STATE ID DIGEST" for each notice. */
void *load_list(struct load *l);
void load_list_free(void *all);
/* Connection N is user N (% in --user).  Each lists its mailbox again and again; reads each letter that is held
 * elsewhere; reads the letters that are here, over and over. */
void *load_lists(struct load *l);
void *load_fetch(struct load *l);
void *load_show(struct load *l);
void load_read_free(void *all);

#endif
