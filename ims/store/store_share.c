/* store_share — sums per sender's domain; see store_share.h. */
#include "ims/store/store_share.h"

#include "common/base/record.h"
#include "ims/store/store_key.h"

#define VERSION_1 1
#define PAGE      4096
#define NODE      24 /* overhead of LMDB and the checksum */
#define INLINE_MAX                                                                                 \
	2000 /* a longer record has overflow pages; pages of shorter ones are about 4/5 full */

uint64_t
ims_takes(size_t key, size_t value)
{
	if (key + value <= INLINE_MAX)
		return (key + value + NODE) * 5 / 4;
	return key + NODE + (value + NODE + PAGE - 1) / PAGE * PAGE;
}

struct db_key
ims_key_share(struct span from_domain)
{
	struct db_key k = { .n = 0 };

	db_key_add(&k, "d", 1);
	db_key_add(&k, from_domain.p, from_domain.n);
	return k;
}

struct db_key
ims_key_share_in(const char *user, struct span from_domain)
{
	struct db_key k = { .n = 0 }, domain = ims_key_domain(from_domain);

	db_key_add(&k, "m", 1);
	db_key_add(&k, domain.b, domain.n);
	db_key_add(&k, span_str(user).p, span_str(user).n);
	return k;
}

bool
ims_share_read(struct span value, struct ims_share *out)
{
	struct reader r = reader_of(value);
	bool good = read_u8(&r) == VERSION_1;

	out->octets = read_u64(&r);
	out->notices = read_u64(&r);
	return good && reader_done(&r);
}

/* A damaged sum starts anew: it must neither refuse the domain nor keep its notices from going. */
void
ims_share_get(struct db_txn *t, const struct db_key *k, struct ims_share *out)
{
	struct span value;

	if (!ims_get_spared(t, SHARE, k, &value) || !ims_share_read(value, out))
		*out = (struct ims_share) { .octets = 0 };
}

void
ims_share_change(struct db_txn *t, const struct db_key *k, int64_t octets, int64_t notices)
{
	struct buf value = BUF_INIT;
	struct ims_share s;

	if (octets == 0 && notices == 0)
		return;
	ims_share_get(t, k, &s);
	ims_share_add(&s, octets, notices);
	if (s.octets == 0 && s.notices == 0) {
		db_del(t, SHARE, db_key_span(k));
		return;
	}
	put_u8(&value, VERSION_1);
	put_u64(&value, s.octets);
	put_u64(&value, s.notices);
	db_put(t, SHARE, db_key_span(k), buf_span(&value));
	buf_clear(&value);
}
