/* store_record — the records of the IMS's store; see store_record.h. */
#include "ims/store/store_record.h"

#include <string.h>

#include "common/base/record.h"

#define VERSION_1 1
#define VERSION_2 2
#define VERSION_3 3
#define VERSION_4 4 /* of what came by SMTP: only then, so that an ims of before reads the others */
#define PAGE      4096
#define NODE      24 /* overhead of LMDB and the checksum */
#define INLINE_MAX                                                                                 \
	2000     /* a longer record has overflow pages; pages of shorter ones are about 4/5 full */
#define FIXED 64 /* octets of an entry of the seen set without its texts, rounded up */
#define KEY   60 /* of a row, with its partition, about */

bool
ims_damaged(struct err *e)
{
	return err_set(e, REFUSAL_storage, "a stored record cannot be read");
}

/* -- what rows take ---------------------------------------------------------------------------------------- */

uint64_t
ims_takes(size_t key, size_t value)
{
	if (key + value <= INLINE_MAX)
		return (key + value + NODE) * 5 / 4;
	return key + NODE + (value + NODE + PAGE - 1) / PAGE * PAGE;
}

uint64_t
ims_seen_takes(struct span user, struct span domain)
{
	return ims_takes(KEY, FIXED + user.n + domain.n) + 2 * ims_takes(KEY + 40, 0);
}

static size_t
marks_octets(const struct mailbox_marks *m)
{
	struct buf value = BUF_INIT;
	size_t n;

	ims_marks_write(&value, m);
	n = value.len;
	buf_clear(&value);
	return n;
}

uint64_t
ims_notice_takes(const struct ims_notice_record *n)
{
	size_t texts = strlen(n->from) + strlen(n->to) + strlen(n->issuer);

	/* what the letter keeps of it, when it is looked at; and orders, as an earlier version had them: what a domain
	 * takes is the same in both */
	if (n->road == MAILBOX_SMTP)
		texts += domain_span(&n->payer).n + marks_octets(&n->marks);
	return ims_takes(KEY, IMS_NOTICE_FIXED + texts) + 3 * ims_takes(KEY, 8) +
	    2 * ims_takes(KEY, 40);
}

/* -- notices -------------------------------------------------------------------------------------------------- */

struct span
ims_notice_payer(const struct ims_notice_record *n)
{
	return n->payer.text[0] != '\0' ? domain_span(&n->payer)
					: address_domain(span_str(n->from));
}

void
ims_marks_write(struct buf *out, const struct mailbox_marks *m)
{
	put_u8(out, (uint8_t)m->spf);
	put_u8(out, (uint8_t)m->dkim);
	put_u8(out, (uint8_t)m->dmarc);
	put_u8(out, m->via);
	put_span(out, span_str(m->unaccountable));
	put_span(out, domain_span(&m->ehlo));
	put_span(out, domain_span(&m->dkim_domain));
	put_span(out, span_str(m->header_from));
	put_u8(out, m->has_fingerprint);
	if (m->has_fingerprint)
		put_bytes(out, m->fingerprint, sizeof m->fingerprint);
}

static enum mailbox_result
read_result(struct reader *r)
{
	uint8_t result = read_u8(r);

	r->bad = r->bad || result > MAILBOX_RESULT_PERMERROR;
	return r->bad ? MAILBOX_RESULT_NONE : (enum mailbox_result)result;
}

void
ims_marks_read(struct reader *r, struct mailbox_marks *m)
{
	*m = (struct mailbox_marks) { .spf = read_result(r) };
	m->dkim = read_result(r);
	m->dmarc = read_result(r);
	m->via = read_u8(r) != 0;
	read_str(r, m->unaccountable, sizeof m->unaccountable);
	read_str(r, m->ehlo.text, sizeof m->ehlo.text);
	read_str(r, m->dkim_domain.text, sizeof m->dkim_domain.text);
	read_str(r, m->header_from, sizeof m->header_from);
	m->has_fingerprint = read_u8(r) != 0;
	if (m->has_fingerprint)
		read_bytes(r, m->fingerprint, sizeof m->fingerprint);
}

static void
write_charges(struct buf *out, const struct ims_notice_record *n)
{
	if (n->road == MAILBOX_SMTP) {
		put_u64(out, n->charged);
		put_u64(out, n->charged_domain);
	} else {
		put_u32(out, (uint32_t)n->charged);
		put_u32(out, (uint32_t)n->charged_domain);
	}
}

static void
read_charges(struct reader *r, struct ims_notice_record *n)
{
	bool by_smtp = n->road == MAILBOX_SMTP;

	n->charged = by_smtp ? read_u64(r) : read_u32(r);
	n->charged_domain = by_smtp ? read_u64(r) : read_u32(r);
}

void
ims_notice_write(struct buf *out, const struct ims_notice_record *n)
{
	put_u8(out, n->road == MAILBOX_SMTP ? VERSION_4 : n->indexed ? VERSION_3 : VERSION_1);
	put_bytes(out, n->id.b, ULID_BYTES);
	put_span(out, span_str(n->from));
	put_span(out, span_str(n->to));
	put_u64(out, (uint64_t)n->received_s);
	put_u64(out, (uint64_t)n->date_s);
	put_u32(out, n->flags);
	put_u8(out, n->declined);
	put_u64(out, n->change);
	put_bytes(out, n->statement, sizeof n->statement);
	put_span(out, span_str(n->issuer));
	if (!n->indexed)
		return;
	put_u64(out, (uint64_t)n->due_s);
	write_charges(out, n);
	put_u64(out, n->stated);
	if (n->road != MAILBOX_SMTP)
		return;
	put_span(out, domain_span(&n->payer));
	put_u32(out, n->index);
	ims_marks_write(out, &n->marks);
}

bool
ims_notice_read(struct span value, struct ims_notice_record *n, struct err *e)
{
	struct reader r = reader_of(value);
	uint8_t version = read_u8(&r);
	bool good = version >= VERSION_1 && version <= VERSION_4;

	*n = (struct ims_notice_record) { .indexed = version >= VERSION_2,
		.road = version == VERSION_4 ? MAILBOX_SMTP : MAILBOX_SEALED };
	read_bytes(&r, n->id.b, ULID_BYTES);
	read_str(&r, n->from, sizeof n->from);
	read_str(&r, n->to, sizeof n->to);
	n->received_s = (int64_t)read_u64(&r);
	n->date_s = (int64_t)read_u64(&r);
	n->flags = read_u32(&r);
	n->declined = read_u8(&r) != 0;
	n->change = read_u64(&r);
	read_bytes(&r, n->statement, sizeof n->statement);
	read_str(&r, n->issuer, sizeof n->issuer);
	if (n->indexed) {
		n->due_s = (int64_t)read_u64(&r);
		read_charges(&r, n);
	}
	if (version >= VERSION_3)
		n->stated = read_u64(&r);
	if (version == VERSION_4) {
		read_str(&r, n->payer.text, sizeof n->payer.text);
		n->index = read_u32(&r);
		ims_marks_read(&r, &n->marks);
	}
	return (good && reader_done(&r)) || ims_damaged(e);
}

/* -- the seen set --------------------------------------------------------------------------------------------- */

void
ims_seen_write(struct buf *out, const struct ims_seen_record *r)
{
	put_u8(out, r->indexed ? VERSION_3 : VERSION_1);
	put_span(out, span_str(r->user));
	put_u64(out, r->number);
	put_bytes(out, r->facts, DIGEST_BYTES);
	put_u64(out, (uint64_t)r->until_s);
	if (!r->indexed)
		return;
	put_span(out, domain_span(&r->domain));
	put_u32(out, r->charged);
	put_u8(out, (uint8_t)r->answered);
}

bool
ims_seen_read(struct span value, struct ims_seen_record *r, struct err *e)
{
	struct reader in = reader_of(value);
	uint8_t version = read_u8(&in);
	bool good = version >= VERSION_1 && version <= VERSION_3;

	*r = (struct ims_seen_record) { .indexed = version >= VERSION_2 };
	read_str(&in, r->user, sizeof r->user);
	r->number = read_u64(&in);
	read_bytes(&in, r->facts, DIGEST_BYTES);
	r->until_s = (int64_t)read_u64(&in);
	if (r->indexed) {
		read_str(&in, r->domain.text, sizeof r->domain.text);
		r->charged = read_u32(&in);
	}
	if (version >= VERSION_3)
		r->answered = (enum ims_answered)read_u8(&in);
	return (good && reader_done(&in)) || ims_damaged(e);
}

/* -- letters --------------------------------------------------------------------------------------------------- */

void
ims_own_write(struct buf *out, const struct ims_own *o)
{
	put_u32(out, o->is.wants);
	put_u8(out, o->is.declined);
	put_u64(out, o->round);
	put_u8(out, (uint8_t)o->due);
}

bool
ims_own_read(struct reader *in, struct ims_own *o)
{
	o->is.wants = read_u32(in);
	o->is.declined = read_u8(in) != 0;
	o->round = read_u64(in);
	o->due = (enum ims_due)read_u8(in);
	return o->due <= IMS_DUE_DECLINE && !in->bad;
}

void
ims_letter_write(struct buf *out, const struct ims_letter_record *r)
{
	const struct ims_letter *f = &r->facts;

	put_u8(out,
	    f->road == MAILBOX_SMTP   ? VERSION_4
		: r->pays.octets != 0 ? VERSION_3
				      : VERSION_2);
	put_bytes(out, f->id.b, ULID_BYTES);
	put_span(out, domain_span(&f->from_domain));
	put_span(out, domain_span(&f->own_domain));
	put_u8(out, (uint8_t)f->state);
	put_span(out, span_str(f->why == REFUSAL_NONE ? "" : refusal_word(f->why)));
	put_u64(out, f->size);
	put_u64(out, f->summary_size);
	put_bytes(out, f->digest, DIGEST_BYTES);
	put_bytes(out, f->summary_digest, DIGEST_BYTES);
	put_u64(out, (uint64_t)f->hold_until_s);
	put_u64(out, f->fence);
	put_u64(out, (uint64_t)r->lease.since_s);
	put_u64(out, r->lease.by);
	put_u32(out, r->refs);
	put_span(out, span_str(r->file));
	ims_own_write(out, &r->own);
	put_u64(out, (uint64_t)r->renew_s);
	if (f->road == MAILBOX_SMTP)
		put_u64(out, r->takes);
	if (f->road == MAILBOX_SMTP || r->pays.octets != 0) {
		put_bytes(out, r->pays.mailbox, sizeof r->pays.mailbox);
		put_u64(out, r->pays.number);
		put_u64(out, (uint64_t)r->pays.octets);
	}
}

bool
ims_letter_read(struct span value, struct ims_letter_record *r, struct err *e)
{
	struct reader in = reader_of(value);
	struct ims_letter *f = &r->facts;
	uint8_t version = read_u8(&in);
	bool good = version >= VERSION_1 && version <= VERSION_4;

	*r = (struct ims_letter_record) { .refs = 0 };
	f->road = version == VERSION_4 ? MAILBOX_SMTP : MAILBOX_SEALED;
	read_bytes(&in, f->id.b, ULID_BYTES);
	read_str(&in, f->from_domain.text, sizeof f->from_domain.text);
	read_str(&in, f->own_domain.text, sizeof f->own_domain.text);
	f->state = (enum mailbox_state)read_u8(&in);
	f->why = refusal_by_word(read_span(&in));
	f->size = read_u64(&in);
	f->summary_size = read_u64(&in);
	read_bytes(&in, f->digest, DIGEST_BYTES);
	read_bytes(&in, f->summary_digest, DIGEST_BYTES);
	f->hold_until_s = (int64_t)read_u64(&in);
	f->fence = read_u64(&in);
	r->lease.since_s = (int64_t)read_u64(&in);
	r->lease.by = read_u64(&in);
	r->refs = read_u32(&in);
	read_str(&in, r->file, sizeof r->file);
	if (version >= VERSION_2) {
		good = ims_own_read(&in, &r->own) && good;
		r->renew_s = (int64_t)read_u64(&in);
	}
	if (version == VERSION_4)
		r->takes = read_u64(&in);
	if (version >= VERSION_3) {
		read_bytes(&in, r->pays.mailbox, sizeof r->pays.mailbox);
		r->pays.number = read_u64(&in);
		r->pays.octets = (int64_t)read_u64(&in);
	}
	return (good && f->state <= MAILBOX_BAD_SEAL && reader_done(&in)) || ims_damaged(e);
}
