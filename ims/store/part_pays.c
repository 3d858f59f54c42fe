/* part_pays — which mailbox is charged with evidence that no notice is charged with; see part.h. */
#include <string.h>

#include "common/base/record.h"
#include "ims/store/part.h"

#define VERSION_1 1

/* The name of a NOTICE goes on with mailbox and number. */
static struct span
payer_in(struct span notice)
{
	return span_sub(notice, PART_SHORT, notice.n);
}

static struct kv_key
payer_of(const struct ims_payer *p)
{
	struct kv_key k = { .n = 0 };

	kv_key_add(&k, span_of(p->mailbox, sizeof p->mailbox));
	kv_key_add_u64(&k, p->number);
	return k;
}

static bool
is_payer(const struct ims_payer *p, struct span notice)
{
	struct kv_key k = payer_of(p);

	return span_eq(kv_key_span(&k), payer_in(notice));
}

static void
set_payer(struct ims_payer *p, struct span notice)
{
	struct span mailbox = span_sub(notice, PART_SHORT, PART_HASH);

	memcpy(p->mailbox, mailbox.p, mailbox.n);
	p->number = kv_key_u64(notice, PART_SHORT + PART_HASH);
}

static void
state(struct kv_txn *t, const struct ims_letter_record *r, bool gone)
{
	const struct ims_payer *p = &r->pays;
	struct kv_part to = kv_part_of(PART_MAILBOX, span_of(p->mailbox, sizeof p->mailbox));
	struct kv_key name = { .n = 0 };
	struct kv_fact f = { .what = FACT_PAYS, .version.n = kv_stamp(t), .gone = gone };
	struct buf value = BUF_INIT;

	kv_key_add(&name, span_of(kv_here(t)->name, kv_here(t)->n));
	kv_key_add_hash(&name, domain_span(&r->facts.from_domain), PART_SHORT);
	put_u8(&value, VERSION_1);
	put_span(&value, domain_span(&r->facts.from_domain));
	put_u64(&value, (uint64_t)p->octets);
	f.name = kv_key_span(&name);
	f.value = gone ? (struct span) { 0 } : buf_span(&value);
	kv_emit(t, &to, &f);
	buf_clear(&value);
}

int64_t
ims_pays_read(const struct kv_fact *f, struct span *from_domain)
{
	struct reader r = reader_of(f == NULL ? (struct span) { 0 } : f->value);
	int64_t octets;

	*from_domain = (struct span) { 0 };
	if (f == NULL || read_u8(&r) != VERSION_1)
		return 0;
	*from_domain = read_span(&r);
	octets = (int64_t)read_u64(&r);
	return reader_done(&r) ? octets : 0;
}

struct choosing {
	struct ims_payer *payer;
	struct span not ; /* name of a notice */
	bool found;
};

static bool
take_notice(void *arg, const struct kv_fact *f)
{
	struct choosing *c = arg;

	if (f->name.n != PART_SHORT + PART_HASH + 8 || span_eq(f->name, c->not ))
		return true;
	set_payer(c->payer, f->name);
	c->found = true;
	return false;
}

/* The first notice of the letter but `not`. */
static bool
choose(struct kv_txn *t, struct ims_letter_record *r, struct span not )
{
	struct choosing c = { &r->pays, not, false };
	struct kv_key prefix = { .n = 0 };

	kv_key_add_hash(&prefix, domain_span(&r->facts.from_domain), PART_SHORT);
	kv_each_fact(t, FACT_NOTICE, kv_key_span(&prefix), kv_key_span(&prefix), take_notice, &c);
	return c.found;
}

void
ims_pays_change(struct kv_txn *t, struct ims_letter_record *r, struct span notice, int64_t octets)
{
	bool had = r->pays.octets != 0;

	if (octets == 0)
		return;
	if (!had && notice.n > 0)
		set_payer(&r->pays, notice);
	else if (!had && !choose(t, r, notice))
		return;
	r->pays.octets += octets;
	state(t, r, r->pays.octets == 0);
}

void
ims_pays_without(struct kv_txn *t, struct ims_letter_record *r, struct span notice, uint64_t octets)
{
	struct ims_payer *p = &r->pays;
	bool had = p->octets != 0, goes = had && is_payer(p, notice);

	if (goes || (had && r->refs == 0))
		state(t, r, true);
	if (r->refs == 0 || (octets == 0 && !goes))
		return;
	p->octets += (int64_t)octets;
	if ((!had || goes) && (p->octets == 0 || !choose(t, r, notice)))
		p->octets = 0;
	else
		state(t, r, p->octets == 0);
}
