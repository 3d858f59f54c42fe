/* part_given — the value of GIVEN, which a letter that came by SMTP states to each recipient's mailbox; see part.h. */
#include <string.h>

#include "common/base/record.h"
#include "ims/store/part_given.h"

#define VERSION_1 1

void
ims_given_fact_write(struct buf *out, const struct ims_given_fact *f)
{
	put_u8(out, VERSION_1);
	put_span(out, f->payer);
	put_span(out, f->user);
	put_span(out, f->from);
	put_span(out, f->to);
	put_span(out, f->issuer);
	put_u64(out, (uint64_t)f->received_s);
	put_u64(out, (uint64_t)f->date_s);
	put_u64(out, f->takes);
	put_u8(out, f->pays);
	put_u8(out, f->groups);
	put_u64(out, f->mailbox_limit);
	ims_marks_write(out, &f->marks);
}

bool
ims_given_fact_read(struct span value, struct ims_given_fact *f, struct err *e)
{
	struct reader in = reader_of(value);
	bool good = read_u8(&in) == VERSION_1;

	*f = (struct ims_given_fact) { .payer = read_span(&in) };
	f->user = read_span(&in);
	f->from = read_span(&in);
	f->to = read_span(&in);
	f->issuer = read_span(&in);
	f->received_s = (int64_t)read_u64(&in);
	f->date_s = (int64_t)read_u64(&in);
	f->takes = read_u64(&in);
	f->pays = read_u8(&in) != 0;
	f->groups = read_u8(&in) != 0;
	f->mailbox_limit = read_u64(&in);
	ims_marks_read(&in, &f->marks);
	return (good && reader_done(&in)) || ims_damaged(e);
}

struct kv_key
ims_given_fact_name(const struct ims_given_name *n)
{
	struct kv_key k = { .n = 0 };

	kv_key_add(&k, span_of(n->id.b, ULID_BYTES));
	kv_key_add(&k, span_of(n->payer_hash, sizeof n->payer_hash));
	kv_key_add_u64(&k, n->index);
	return k;
}

bool
ims_given_fact_name_read(struct span name, struct ims_given_name *n, struct err *e)
{
	if (name.n != ULID_BYTES + PART_SHORT + 8)
		return ims_damaged(e);
	memcpy(n->id.b, name.p, ULID_BYTES);
	memcpy(n->payer_hash, name.p + ULID_BYTES, PART_SHORT);
	n->index = (uint32_t)kv_key_u64(name, ULID_BYTES + PART_SHORT);
	return true;
}

/* Nothing of it comes to an end, so it has no time at which it is due. */
void
ims_given_notice(struct ims_notice_record *n, const struct ims_given_name *name,
    const struct ims_given_fact *f)
{
	*n = (struct ims_notice_record) {
		.id = name->id,
		.received_s = f->received_s,
		.date_s = f->date_s,
		.indexed = true,
		.road = MAILBOX_SMTP,
		.index = name->index,
		.marks = f->marks,
	};
	domain_copy_span(&n->payer, f->payer);
	span_copy(f->from, n->from, sizeof n->from);
	span_copy(f->to, n->to, sizeof n->to);
	span_copy(span_sub(f->issuer, 0, sizeof n->issuer - 1), n->issuer, sizeof n->issuer);
}
