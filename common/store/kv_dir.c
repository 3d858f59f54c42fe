/* kv_dir — see kv_dir.h.  A page is read shard by shard, and given out after the read has ended, since a read
 * may run several times. */
#include "common/store/kv_dir.h"

#include <string.h>

#include "common/base/record.h"

#define PAGE_OCTETS ((size_t)256 << 10)

struct kv_part
kv_dir_shard(unsigned kind, unsigned shard)
{
	unsigned char name = (unsigned char)shard;

	return kv_part_of(kind, span_of(&name, 1));
}

struct kv_part
kv_dir_part(unsigned kind, struct span name)
{
	struct kv_part hash = kv_part_hash(kind, name, 1);

	return kv_dir_shard(kind, hash.name[0] % KV_DIR_SHARDS);
}

static bool
collect(void *arg, const struct kv_fact *f)
{
	struct kv_dir_page *p = arg;

	if (p->given + p->n >= p->most || (p->n > 0 && p->entries.len + f->value.n > PAGE_OCTETS)) {
		p->shard_ends = false;
		return false;
	}
	put_span(&p->entries, f->name);
	put_span(&p->entries, f->value);
	p->n++;
	memcpy(p->next.name, f->name.p, f->name.n);
	p->next.name[f->name.n] = 0;
	p->next.n = f->name.n + 1;
	return true;
}

static void
look(struct kv_txn *t, void *arg)
{
	struct kv_dir_page *p = arg;

	buf_reset(&p->entries);
	p->n = 0;
	p->next = p->at;
	p->shard_ends = true;
	kv_each_fact(t, p->what, span_of(p->at.name, p->at.n), SPAN_LIT(""), collect, p);
}

static void
end(struct kv_dir_page *p, bool last, const struct err *e)
{
	buf_clear(&p->entries);
	p->done(p->arg, last, e);
}

static void
read_shard(struct kv_dir_page *p)
{
	p->look.part = kv_dir_shard(p->kind, p->at.shard);
	kv_read(p->kv, &p->look);
}

static void
looked(void *arg, const struct err *e)
{
	struct kv_dir_page *p = arg;
	struct reader r = reader_of(buf_span(&p->entries));

	if (e != NULL) {
		end(p, false, e);
		return;
	}
	for (size_t i = 0; i < p->n; i++) {
		struct span name = read_span(&r), value = read_span(&r);

		p->entry(p->arg, name, value);
	}
	p->given += p->n;
	p->at = p->next;
	if (p->shard_ends) {
		p->at.shard++;
		p->at.n = 0;
	}
	if (p->at.shard == KV_DIR_SHARDS)
		end(p, true, NULL);
	else if (p->given >= p->most || !p->shard_ends)
		end(p, false, NULL);
	else
		read_shard(p);
}

void
kv_dir_read(struct kv *k, struct kv_dir_page *p)
{
	p->kv = k;
	p->given = 0;
	p->entries = (struct buf)BUF_INIT;
	p->look = (struct kv_look) { .look = look, .done = looked, .arg = p, .home = p->home };
	if (p->most == 0 || p->most > KV_DIR_PAGE_MAX)
		p->most = KV_DIR_PAGE_MAX;
	if (p->at.shard >= KV_DIR_SHARDS)
		p->at = (struct kv_dir_at) { 0 };
	read_shard(p);
}
