/* notify_batch_job — one sealed batch, judged and stored; see notify_batch_job.h. */
#include "ims/notify/notify_batch_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/net/conn.h"
#include "common/pki/crl_state.h"
#include "common/share/share_key.h"
#include "common/share/share_peer.h"
#include "ims/notify/notify_recipient.h"

/* A recipient that is judged. */
struct judging {
	struct job *job;
	size_t entry;
};

/* What a job and the store take for an entry, and for a statement, which has an entry. */
_Static_assert(IMS_STORE_USER_BYTES + sizeof(struct judging) + IMS_STORE_ENTRY_BYTES <=
	NOTIFY_ROLE_BYTES,
    "an entry");
_Static_assert(IMS_STORE_USER_BYTES + sizeof(struct judging) + IMS_STORE_ENTRY_BYTES +
	    IMS_STORE_SPF_BYTES + IMS_STORE_STATEMENT_BYTES <=
	2 * NOTIFY_ROLE_BYTES,
    "a statement with an entry");

struct job {
	struct ims_worker *worker;
	uint64_t conn; /* the session's id; it may have ended */
	struct sockaddr_storage address;
	struct notify_sender *session; /* valid while the connection is */
	struct notify_sender sender;   /* a copy from when the batch came */
	bool fresh;                    /* the domain was judged for this batch */
	struct notify_batch *batch;
	size_t next;    /* the statement whose sender is judged next */
	size_t waiting; /* recipients that are not judged yet, and one until each was asked for */
	char (*users)[IMS_STORE_USER_BYTES];
	struct judging *judging;          /* of each entry */
	char (*spf)[IMS_STORE_SPF_BYTES]; /* of each statement; "": its domain's */
	struct chain *chain;
	struct crl_state *crls;
	char host[64], issuer[MAILBOX_ISSUER_BYTES];
	struct ims_evidence evidence;
	struct share_peer_hold memory;
};

static void judge_on(struct job *j);

static void
spf_text(const struct spf_verdict *v, char out[IMS_STORE_SPF_BYTES])
{
	snprintf(out, IMS_STORE_SPF_BYTES, "%s %.*s", spf_result_word(v->result),
	    (int)(v->record.n < 450 ? v->record.n : 450), v->record.n > 0 ? v->record.p : "");
}

void
notify_sender_judged(struct notify_sender *p, const struct spf_verdict *v, int64_t now_ms)
{
	p->spf_by_sender = v->depends_on_local_part;
	p->spf_until_ms = now_ms + (int64_t)v->ttl_s * 1000;
	spf_text(v, p->spf);
}

void
notify_sender_clear(struct notify_sender *p)
{
	crl_state_unref(&p->crls);
}

/* The same for each batch until trust or CRLs have a new generation. */
static struct crl_state *
crls_of(struct ims_worker *w, struct notify_sender *p, const struct tls_peer *tls)
{
	struct tls *t;

	if (p->crls == NULL || p->crls_of != tls_holder_generation(w->ims->tls)) {
		t = tls_holder_get(w->ims->tls);
		crl_state_unref(&p->crls);
		p->crls = crl_state_new(tls_trust(t), tls->chain);
		p->crls_of = tls_generation(t);
		tls_unref(&t);
	}
	return crl_state_ref(p->crls);
}

/* -- its memory ---------------------------------------------------------------------------------- */

static struct share *
share_of(const struct job *j)
{
	return daemon_share(j->worker->ims->daemon);
}

static struct span
key_of(const struct job *j)
{
	return share_key_domain(domain_span(&j->sender.domain));
}

/* The session has released as much, so this is not refused. */
static void
hold_memory(struct job *j)
{
	int64_t bytes = (int64_t)(sizeof *j + notify_batch_bytes(j->batch));

	share_peer_force(share_of(j), &j->memory, SHARE_gathered, key_of(j),
	    (const struct sockaddr *)&j->address, bytes, loop_now_ms(j->worker->loop));
}

/* -- the end ------------------------------------------------------------------------------------- */

/* Appends " no-such-user=3": the number of entries for each answer. */
static void
add_counts(const struct notify_batch *b, struct buf *out)
{
	static const char *const words[] = {
		[NOTIFY_NOTICED] = "noticed",
		[NOTIFY_KNOWN] = "known",
		[NOTIFY_RECALLED] = "recalled",
	};
	unsigned done[3] = { 0 }, refused[REFUSAL__COUNT] = { 0 };

	for (size_t i = 0; i < b->n_entries; i++)
		if (b->entries[i].why == REFUSAL_NONE)
			done[b->entries[i].done]++;
		else
			refused[b->entries[i].why]++;
	for (size_t i = 0; i < 3; i++)
		if (done[i] > 0)
			buf_addf(out, " %s=%u", words[i], done[i]);
	for (size_t i = 0; i < REFUSAL__COUNT; i++)
		if (refused[i] > 0)
			buf_addf(out, " %s=%u", refusal_word((enum refusal)i), refused[i]);
}

/* One line for a batch of any size; id and recipient are those of its first entry. */
static void
log_batch(const struct job *j)
{
	const struct notify_batch *b = j->batch;
	const struct notify_entry *first = b->entries;
	char id[ULID_STR_BYTES] = "-";
	struct buf counts = BUF_INIT;
	bool refused = false;

	if (first->statement != NOTIFY_NO_STATEMENT)
		ulid_str(&b->statements[first->statement].id, id);
	for (size_t i = 0; i < b->n_entries; i++)
		refused = refused || b->entries[i].why != REFUSAL_NONE;
	add_counts(b, &counts);
	log_fact_of(key_of(j), refused ? LOG_WARN : LOG_INFO, "notify.batch",
	    "sid=%llx domain=%s id=%s rcpt=%s entries=%zu%.*s", (unsigned long long)j->conn,
	    j->sender.domain.text, id, log_value(first->address), b->n_entries,
	    SPAN_FMT(buf_span(&counts)));
	buf_clear(&counts);
}

static struct notify_asker
asker_of(const struct job *j)
{
	return (struct notify_asker) {
		.share = share_of(j),
		.store = j->worker->ims->store,
		.accounts = j->worker->ims->accounts,
		.domain = j->sender.domain.text,
		.peer = (const struct sockaddr *)&j->address,
		.loop = j->worker->loop,
		.now_ms = loop_now_ms(j->worker->loop),
	};
}

static void
give_credit(struct job *j)
{
	struct notify_asker asker = asker_of(j);
	int64_t n = 0;

	for (size_t i = 0; i < j->batch->n_entries; i++)
		n += j->batch->entries[i].why == REFUSAL_NONE &&
		    j->batch->entries[i].done == NOTIFY_NOTICED;
	notify_recipient_accepted(&asker, n);
}

/* What the store refused, for `status`. */
static void
note_storage(struct job *j)
{
	int64_t now_ms = loop_now_ms(j->worker->loop);

	for (size_t i = 0; i < j->batch->n_entries; i++)
		if (j->batch->entries[i].why == REFUSAL_sender_share)
			share_note(share_of(j), SHARE_storage, key_of(j), now_ms);
		else if (j->batch->entries[i].why == REFUSAL_sender_mailbox_share)
			share_note(share_of(j), SHARE_storage_mailbox, key_of(j), now_ms);
}

static void
finish(void *arg)
{
	struct job *j = arg;
	struct conn *c = conn_find(j->worker->loop, j->conn);

	give_credit(j);
	note_storage(j);
	log_batch(j);
	if (c != NULL && notify_server_answer(conn_role(c), j->batch))
		conn_kick(c);
	notify_batch_free(&j->batch);
	chain_unref(&j->chain);
	crl_state_unref(&j->crls);
	free(j->users);
	free(j->judging);
	free(j->spf);
	share_peer_release(share_of(j), &j->memory, j->memory.domain.n,
	    loop_now_ms(j->worker->loop));
	free(j);
}

/* -- results ------------------------------------------------------------------------------------- */

/* The result for this statement's sender, found with it or with an earlier one; NULL: none. */
static const char *
sender_result(const struct job *j, size_t statement)
{
	struct span from = j->batch->statements[statement].from.whole;

	for (size_t i = 0; i <= statement; i++)
		if (j->spf[i][0] != '\0' && span_eq(j->batch->statements[i].from.whole, from))
			return j->spf[i];
	return NULL;
}

/* -- recipients, the store ------------------------------------------------------------------------- */

static void store(struct job *j);

/* One of those that it waits for. */
static void
recipient_judged(struct job *j)
{
	if (--j->waiting == 0)
		store(j);
}

static void
recipient_answered(void *arg, const struct err *e)
{
	struct judging *w = arg;
	struct job *j = w->job;

	if (e != NULL)
		notify_batch_refuse(j->batch, w->entry, e);
	recipient_judged(j);
}

static void
judge_recipient(struct job *j, const struct notify_asker *asker, struct accounts_set **set,
    size_t entry)
{
	struct judging *w = &j->judging[entry];
	enum notify_recipient is;
	struct err e;

	*w = (struct judging) { j, entry };
	is = notify_recipient_judge(asker, set, j->batch->entries[entry].address, j->users[entry],
	    recipient_answered, w, &e);
	if (is == NOTIFY_RECIPIENT_ASKED)
		j->waiting++;
	else if (is == NOTIFY_RECIPIENT_REFUSED)
		notify_batch_refuse(j->batch, entry, &e);
}

/* The job itself counts as one that it waits for, so the last answer is never inside this call. */
static void
judge_recipients(struct job *j)
{
	struct accounts_set *set = accounts_set_get(j->worker->ims->accounts);
	struct notify_asker asker = asker_of(j);
	struct err e;

	j->users = memory_array(j->batch->n_entries + 1, sizeof *j->users);
	j->judging = memory_array(j->batch->n_entries + 1, sizeof *j->judging);
	j->waiting = 1;
	for (size_t i = 0; i < j->batch->n_entries; i++) {
		struct notify_entry *n = &j->batch->entries[i];

		if (n->judged)
			continue;
		if (n->address.n == 0) {
			err_set(&e, REFUSAL_unknown_id, "recalls are not taken yet");
			notify_batch_refuse(j->batch, i, &e);
		} else {
			judge_recipient(j, &asker, &set, i);
		}
	}
	accounts_set_put(&set);
	recipient_judged(j);
}

/* Gives each statement its SPF result for the evidence: that of its sender address if there is one, else
 * the domain's.  It goes backwards, so that a result filled in is not mistaken for one that was found. */
static void
fill_spf(struct job *j)
{
	for (size_t i = j->batch->n_statements; i-- > 0;) {
		const char *judged = sender_result(j, i);

		if (j->spf[i][0] == '\0')
			snprintf(j->spf[i], sizeof j->spf[i], "%s",
			    judged != NULL ? judged : j->sender.spf);
	}
}

/* What is pending for the domain can be sent now.  Its statements are nearly always for one of our domains. */
static void
heard(const struct job *j)
{
	struct ims *ims = j->worker->ims;
	struct span own, last = { 0 };
	char name[DOMAIN_BYTES];

	for (size_t i = 0; i < j->batch->n_statements && ims->heard != NULL; i++) {
		own = j->batch->statements[i].recipient_domain;
		if (!span_eq(own, last) && span_copy(own, name, sizeof name))
			ims->heard(ims, name, j->sender.domain.text);
		last = own;
	}
}

static void
store(struct job *j)
{
	struct conf *conf;
	const struct conf_role *limits;
	size_t n;
	const struct crl_octets *crls = crl_state_crls(j->crls, &n);

	if (j->batch->n_open == 0) {
		loop_post(j->worker->loop, finish, j);
		return;
	}
	heard(j);
	fill_spf(j);
	conf = daemon_conf(j->worker->ims->daemon);
	limits = &conf->role[CONF_ROLE_IMS];
	j->evidence = (struct ims_evidence) {
		.chain = chain_der(j->chain),
		.chain_digest = chain_digest(j->chain),
		.crls = crls,
		.n_crls = n,
		.issuer = j->issuer,
		.host = j->host,
		.spf = (const char(*)[IMS_STORE_SPF_BYTES])j->spf,
		.received_s = clock_wall_ms() / 1000,
		.hold_limit_s = limits->hold_limit_s,
		/* a domain that may take all of it has no bound, near the end either */
		.sender_limit = limits->sender_percent < 100 ? ims_sender_limit(limits) : 0,
		.mailbox_limit = ims_mailbox_limit(limits),
	};
	conf_unref(&conf);
	ims_store_accept(j->worker->ims->store, j->batch,
	    (const char(*)[IMS_STORE_USER_BYTES])j->users, &j->evidence, j->worker->loop, finish,
	    j);
}

/* -- SPF --------------------------------------------------------------------------------------------- */

static void
refuse_sender(struct job *j, struct span from, const struct err *e)
{
	for (size_t i = 0; i < j->batch->n_entries; i++) {
		struct notify_entry *n = &j->batch->entries[i];

		if (!n->judged && span_eq(j->batch->statements[n->statement].from.whole, from))
			notify_batch_refuse(j->batch, i, e);
	}
}

static void
domain_judged(void *arg, const struct spf_verdict *v)
{
	struct job *j = arg;
	struct conn *c = conn_find(j->worker->loop, j->conn);
	struct err e;

	j->fresh = true;
	notify_sender_judged(&j->sender, v, loop_now_ms(j->worker->loop));
	if (c != NULL)
		notify_sender_judged(j->session, v, loop_now_ms(j->worker->loop));
	if (!v->depends_on_local_part && !spf_accept(v, &e)) {
		notify_batch_refuse_all(j->batch, &e);
		if (c != NULL)
			log_fact_of(key_of(j), LOG_WARN, "notify.refused",
			    "sid=%llx domain=%s word=%s", (unsigned long long)j->conn,
			    j->sender.domain.text, refusal_word(e.why));
	}
	judge_on(j);
}

static void
sender_judged(void *arg, const struct spf_verdict *v)
{
	struct job *j = arg;
	struct err e;

	spf_text(v, j->spf[j->next]);
	if (!spf_accept(v, &e))
		refuse_sender(j, j->batch->statements[j->next].from.whole, &e);
	j->next++;
	judge_on(j);
}

/* The statement's sender is judged already, or all its entries are. */
static bool
needs_no_judging(const struct job *j, size_t statement)
{
	bool open = false;

	for (size_t i = 0; i < j->batch->n_entries; i++)
		open = open ||
		    (!j->batch->entries[i].judged && j->batch->entries[i].statement == statement);
	return !open || sender_result(j, statement) != NULL;
}

static void
judge_on(struct job *j)
{
	struct spf_home *spf = j->worker->spf;
	const struct sockaddr *a = (const struct sockaddr *)&j->address;
	struct span domain = domain_span(&j->sender.domain);

	if (!j->fresh && j->batch->n_open > 0 &&
	    loop_now_ms(j->worker->loop) >= j->sender.spf_until_ms) {
		spf_home_check(spf, a, domain, domain, domain_judged, j);
		return;
	}
	while (j->sender.spf_by_sender && j->next < j->batch->n_statements) {
		if (!needs_no_judging(j, j->next)) {
			spf_home_check(spf, a, domain, j->batch->statements[j->next].from.whole,
			    sender_judged, j);
			return;
		}
		j->next++;
	}
	judge_recipients(j);
}

void
notify_batch_job_take(struct ims_worker *w, struct conn *c, struct notify_sender *sender,
    struct notify_batch *b)
{
	struct job *j = memory_new(sizeof *j);
	const struct tls_peer *tls = conn_peer(c);

	j->worker = w;
	j->conn = conn_id(c);
	j->address = tls->address;
	j->session = sender;
	j->crls = crls_of(w, sender, tls);
	j->sender = *sender;
	j->batch = b;
	snprintf(j->host, sizeof j->host, "%s", tls->host);
	snprintf(j->issuer, sizeof j->issuer, "%s", chain_issuer(tls->chain));
	j->chain = chain_ref(tls->chain);
	hold_memory(j);
	j->spf = memory_array(b->n_statements + 1, sizeof *j->spf);
	judge_on(j);
}
