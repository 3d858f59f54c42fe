/* mailbox — both engines and any octets: the same out however they come in, every request of a
 * client ends once, every source is freed once.
 *
 * Input: 'c' and what a server says, or 's' and what a client says; then the size of the pieces.
 */
#include "common/base/source.h"
#include "proto/mailbox_client.h"
#include "proto/mailbox_server.h"
#include "tests/fuzz/chunks.h"

#define ASKED 6
#define TEXT  "Subject: x\r\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool
admit(void *role, struct err *e)
{
	(void)role;
	(void)e;
	return true;
}

/* -- the server ---------------------------------------------------------------------------- */

struct box {
	struct mailbox_server s; /* first */
	struct buf *heard;
	unsigned turn; /* each answer is of another kind */
};

static enum outcome
next(struct box *b, struct err *e)
{
	if (b->turn++ % 5 == 3)
		return err_word(e, REFUSAL_storage), REFUSED;
	return b->turn % 2 == 0 ? DONE : PENDING;
}

static enum outcome
auth(void *role, struct span mechanism, struct span message, struct sasl_said *said, struct err *e)
{
	(void)mechanism;
	said->signed_in = message.n > 8;
	return next(role, e);
}

static enum outcome
list(void *role, uint64_t after, struct buf *page, bool *more, struct err *e)
{
	struct mailbox_notice n = { .number = after / 2 + 1 };
	enum outcome o = next(role, e);

	*more = true;
	if (o == DONE)
		mailbox_notice_write(page, &n);
	return o;
}

static enum outcome
find(void *role, uint64_t number, struct mailbox_found *found, struct err *e)
{
	enum outcome o = next(role, e);

	chunks_must(number > 0);
	if (o == DONE)
		*found = (struct mailbox_found) { source_bytes(SPAN_LIT(TEXT)), sizeof TEXT - 1 };
	return o;
}

static enum outcome
mark(void *role, uint64_t number, unsigned set, unsigned cleared, struct err *e)
{
	chunks_must(number > 0 && (set & cleared) == 0 && (set | cleared) != 0);
	buf_addf(((struct box *)role)->heard, "%u %u;", set, cleared);
	return next(role, e);
}

static enum outcome
change(void *role, uint64_t number, struct err *e)
{
	chunks_must(number > 0);
	return next(role, e);
}

static const struct mailbox_server_ops server_ops = {
	.sasl = { .server = { .admit = admit }, .auth = auth },
	.list = list,
	.summary = find,
	.read = find,
	.mark = mark,
	.drop = change,
	.decline = change,
};

static void *
make_server(struct engine **e, struct buf *heard)
{
	struct box *b = calloc(1, sizeof *b);

	chunks_must(b != NULL);
	b->heard = heard;
	mailbox_server_init(&b->s, &server_ops, b);
	*e = &b->s.sasl.server.engine;
	b->s.sasl.server.state = SASL_READY;
	return b;
}

static bool
answer(void *role)
{
	struct box *b = role;
	uint64_t request = b->s.sasl.server.request;
	struct mailbox_found found = { NULL, sizeof TEXT - 1 };
	struct sasl_said said = { .signed_in = true };

	if (!b->s.sasl.server.waiting)
		return false;
	chunks_must(!mailbox_server_answer(&b->s, request - 1, NULL));
	mailbox_server_progress(&b->s, request, 1, 2);
	found.source = source_bytes(SPAN_LIT(TEXT));
	return mailbox_server_found_take(&b->s, request, &found, NULL) ||
	    sasl_server_answer(&b->s.sasl, request, &said, NULL) ||
	    mailbox_server_answer(&b->s, request, NULL) ||
	    mailbox_server_page(&b->s, request, SPAN_LIT("x\r\n"), true, NULL);
}

static void
end_server(void *role)
{
	mailbox_server_clear(&((struct box *)role)->s);
	free(role);
}

/* -- the client ---------------------------------------------------------------------------- */

struct user {
	struct mailbox_client c; /* first */
	struct buf *heard;
	uint64_t left, octets;
	unsigned ended[ASKED], lost;
};

static enum outcome
step(void *role, struct span message, bool last, struct buf *out, struct err *e)
{
	(void)role;
	(void)message;
	(void)last;
	(void)out;
	return err_word(e, REFUSAL_auth_failed), REFUSED;
}

static void
on_signed_in(void *role, const struct err *e)
{
	(void)role;
	chunks_must(e != NULL);
}

static void
on_notice(void *role, void *arg, const struct mailbox_notice *n)
{
	chunks_must(*(unsigned *)arg == 0 && n->number > 0);
	buf_addf(((struct user *)role)->heard, "%llu %s %s;", (unsigned long long)n->number,
	    mailbox_state_name(n->state), n->issuer);
}

static void
on_progress(void *role, void *arg, uint64_t got, uint64_t size)
{
	chunks_must(*(unsigned *)arg == 0);
	buf_addf(((struct user *)role)->heard, "%llu/%llu;", (unsigned long long)got,
	    (unsigned long long)size);
}

static bool
on_found(void *role, void *arg, uint64_t octets, struct err *e)
{
	chunks_must(*(unsigned *)arg == 0);
	((struct user *)role)->left = octets;
	return octets < 1000000 || err_word(e, REFUSAL_message_too_big);
}

static void
on_payload(void *role, void *arg, struct span piece)
{
	struct user *u = role;

	chunks_must(*(unsigned *)arg == 0 && piece.n > 0 && piece.n <= u->left);
	u->left -= piece.n;
	u->octets += piece.n;
}

static void
on_end(void *role, void *arg, bool more, const struct err *e)
{
	struct user *u = role;

	chunks_must(++*(unsigned *)arg == 1 && u->lost == 0);
	chunks_must(e != NULL || u->left == 0);
	buf_addf(u->heard, "end %d %d %llu %s;", (int)((unsigned *)arg - u->ended), more,
	    (unsigned long long)u->octets, e ? refusal_word(e->why) : "");
	u->left = 0;
}

static void
on_lost(void *role, const struct err *e)
{
	(void)e;
	chunks_must(++((struct user *)role)->lost == 1);
}

static const struct mailbox_client_ops client_ops = {
	{ step, on_signed_in },
	on_notice,
	on_progress,
	on_found,
	on_payload,
	on_end,
	on_lost,
};

static void *
make_client(struct engine **e, struct buf *heard)
{
	struct user *u = calloc(1, sizeof *u);

	chunks_must(u != NULL);
	u->heard = heard;
	mailbox_client_init(&u->c, &client_ops, u);
	*e = &u->c.sasl.client.engine;
	chunks_must(mailbox_client_list(&u->c, 0, &u->ended[0]));
	chunks_must(mailbox_client_read(&u->c, 1, 0, &u->ended[1]));
	chunks_must(mailbox_client_summary(&u->c, 2, &u->ended[2]));
	chunks_must(mailbox_client_mark(&u->c, 1, 1, 2, &u->ended[3]));
	chunks_must(mailbox_client_list(&u->c, 7, &u->ended[4]));
	chunks_must(mailbox_client_drop(&u->c, 3, &u->ended[5]));
	return u;
}

static bool
no_answer(void *role)
{
	(void)role;
	return false;
}

static void
end_client(void *role)
{
	struct user *u = role;
	struct err e;

	err_word(&e, REFUSAL_tls_truncated);
	client_lost(&u->c.sasl.client, &e);
	for (size_t i = 0; i < ASKED; i++)
		chunks_must(u->ended[i] == 1);
	chunks_must(u->lost == 1);
	mailbox_client_clear(&u->c);
	free(u);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct chunks_kind server = { make_server, answer, end_server };
	static const struct chunks_kind client = { make_client, no_answer, end_client };

	if (n < 2)
		return 0;
	chunks_compare(data[0] == 'c' ? &client : &server, span_of(data + 2, n - 2),
	    data[1] % 64 + 1u);
	return 0;
}
