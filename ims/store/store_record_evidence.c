/* store_record_evidence — the record of evidence; see store_record.h. */
#include "ims/store/store_record.h"

#define VERSION_1 1
#define VERSION_2 2 /* with CRLs */
#define VERSION_3 3 /* the seal is a paper; ends with what it takes */
#define VERSION_4 4 /* the same, with the seal's text */
#define VERSION_5 5 /* of a letter that came by SMTP: papers or none; ends with what it takes */
#define KEY_BYTES 60
#define LETTER    512 /* the rows of the letter, which come with it */

static void
put_promise(struct buf *out, const struct ims_evidence_record *e)
{
	put_span(out, e->statement);
	if (!e->has_seal)
		put_span(out, e->seal);
	put_span(out, e->alg);
	put_span(out, e->signature);
}

uint64_t
ims_evidence_pack(struct buf *out, const struct ims_evidence_record *e)
{
	uint64_t takes;

	put_u8(out, e->by_smtp ? VERSION_5 : e->has_seal ? VERSION_3 : VERSION_4);
	put_u8(out, (uint8_t)e->n_papers);
	for (size_t i = 0; i < e->n_papers; i++)
		put_bytes(out, e->paper[i], DIGEST_BYTES);
	if (e->by_smtp) {
		put_span(out, e->ehlo);
		put_span(out, e->results);
	} else {
		put_promise(out, e);
	}
	put_span(out, e->host);
	put_span(out, e->spf);
	put_u64(out, (uint64_t)e->received_s);
	takes = ims_takes(KEY_BYTES, out->len + 4) + LETTER;
	put_u32(out, (uint32_t)takes);
	return takes;
}

uint64_t
ims_evidence_takes(struct span value)
{
	unsigned version = value.n > 4 ? (unsigned char)value.p[0] : 0;
	struct reader r;

	if (version < VERSION_3 || version > VERSION_5)
		return ims_takes(KEY_BYTES, value.n) + LETTER;
	r = reader_of(span_sub(value, value.n - 4, 4));
	return read_u32(&r);
}

static bool
read_papers(struct reader *r, uint8_t version, struct ims_evidence_record *out)
{
	out->has_seal = version == VERSION_3;
	if (version == VERSION_1)
		out->n_papers = 1;
	else if (version == VERSION_2)
		out->n_papers = 1 + (size_t)read_u8(r);
	else if (version >= VERSION_3 && version <= VERSION_5)
		out->n_papers = read_u8(r);
	if (out->n_papers > IMS_PAPERS_MAX) {
		out->n_papers = 0;
		r->bad = true;
	}
	for (size_t i = 0; i < out->n_papers; i++)
		read_bytes(r, out->paper[i], DIGEST_BYTES);
	/* A host without a certificate has no chain. */
	return (out->n_papers > (size_t)out->has_seal || version == VERSION_5) && !r->bad;
}

static void
read_promise(struct reader *in, struct ims_evidence_record *r)
{
	r->statement = read_span(in);
	if (!r->has_seal)
		r->seal = read_span(in);
	r->alg = read_span(in);
	r->signature = read_span(in);
}

bool
ims_evidence_read(struct span value, struct ims_evidence_record *r, struct err *e)
{
	struct reader in = reader_of(value);
	uint8_t version = read_u8(&in);
	bool good;

	*r = (struct ims_evidence_record) { .received_s = 0 };
	good = read_papers(&in, version, r);
	if ((r->by_smtp = version == VERSION_5)) {
		r->ehlo = read_span(&in);
		r->results = read_span(&in);
	} else {
		read_promise(&in, r);
	}
	r->host = read_span(&in);
	r->spf = read_span(&in);
	r->received_s = (int64_t)read_u64(&in);
	if (version >= VERSION_3)
		read_u32(&in); /* what it takes */
	return (good && reader_done(&in)) || ims_damaged(e);
}
