/* part_notice — the value of NOTICE, which a mailbox states to a letter; see part.h. */
#include "common/base/record.h"
#include "ims/store/part.h"

#define VERSION_1 1
#define VERSION_2 2   /* of a fact: with what its notice is charged */
#define VERSION_3 3   /* of a letter that came by SMTP; the letter keeps the same */
#define SHORT_1   129 /* of a fact as the letter keeps it */
#define SHORT_2   130 /* the same, with what its notice is charged */

static void
write_given(struct buf *out, const struct ims_notice_fact *f)
{
	put_u8(out, VERSION_3);
	put_u8(out, (uint8_t)f->state);
	put_span(out, f->from_domain);
	put_span(out, f->own_domain);
	put_u64(out, f->pays);
	put_u32(out, f->index);
}

void
ims_notice_fact_write(struct buf *out, const struct ims_notice_fact *f)
{
	const struct ims_letter *l = &f->letter;

	if (f->road == MAILBOX_SMTP) {
		write_given(out, f);
		return;
	}
	put_u8(out, f->pays > 0 ? VERSION_2 : VERSION_1);
	put_u8(out, (uint8_t)f->state);
	put_span(out, f->from_domain);
	put_span(out, f->own_domain);
	if (f->pays > 0)
		put_u32(out, (uint32_t)f->pays);
	put_bytes(out, f->statement, sizeof f->statement);
	put_span(out, f->evidence);
	put_u64(out, l->size);
	put_u64(out, l->summary_size);
	put_bytes(out, l->digest, sizeof l->digest);
	put_bytes(out, l->summary_digest, sizeof l->summary_digest);
	put_u64(out, (uint64_t)l->hold_until_s);
	put_u64(out, (uint64_t)f->now_s);
}

bool
ims_notice_fact_read(struct span value, struct ims_notice_fact *f, struct err *e)
{
	struct reader in = reader_of(value);
	uint8_t version = read_u8(&in);
	bool is_short = version == SHORT_1 || version == SHORT_2,
	     pays = version == VERSION_2 || version == SHORT_2,
	     good = is_short || pays || version == VERSION_1;
	struct ims_letter *l = &f->letter;

	*f = (struct ims_notice_fact) { .state = (enum ims_notice_is)read_u8(&in) };
	f->from_domain = read_span(&in);
	f->own_domain = read_span(&in);
	if (version == VERSION_3) {
		f->road = MAILBOX_SMTP;
		f->pays = read_u64(&in);
		f->index = read_u32(&in);
		return reader_done(&in) || ims_damaged(e);
	}
	if (pays)
		f->pays = read_u32(&in);
	if (is_short)
		return reader_done(&in) || ims_damaged(e);
	read_bytes(&in, f->statement, sizeof f->statement);
	f->evidence = read_span(&in);
	l->size = read_u64(&in);
	l->summary_size = read_u64(&in);
	read_bytes(&in, l->digest, sizeof l->digest);
	read_bytes(&in, l->summary_digest, sizeof l->summary_digest);
	l->hold_until_s = (int64_t)read_u64(&in);
	f->now_s = (int64_t)read_u64(&in);
	if (!good || !reader_done(&in) || !domain_copy_span(&l->from_domain, f->from_domain) ||
	    !domain_copy_span(&l->own_domain, f->own_domain))
		return ims_damaged(e);
	return true;
}

struct kv_key
ims_notice_fact_name(struct span from_domain, const struct kv_part *mailbox, uint64_t number)
{
	struct kv_key k = { .n = 0 };

	kv_key_add_hash(&k, from_domain, PART_SHORT);
	kv_key_add(&k, span_of(mailbox->name, mailbox->n));
	kv_key_add_u64(&k, number);
	return k;
}

void
ims_notice_fact_keep(struct kv_txn *t, const struct ims_notice_fact *f)
{
	struct buf value = BUF_INIT;

	if (f->road == MAILBOX_SMTP) {
		write_given(&value, f);
	} else {
		put_u8(&value, f->pays > 0 ? SHORT_2 : SHORT_1);
		put_u8(&value, (uint8_t)f->state);
		put_span(&value, f->from_domain);
		put_span(&value, f->own_domain);
		if (f->pays > 0)
			put_u32(&value, (uint32_t)f->pays);
	}
	kv_keep(t, buf_span(&value));
	buf_clear(&value);
}
