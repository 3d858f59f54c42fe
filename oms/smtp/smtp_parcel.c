/* smtp_parcel — a letter on its way by SMTP; see smtp_parcel.h. */
#include "oms/smtp/smtp_parcel.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/source.h"
#include "common/dkim/dkim_sign.h"
#include "common/loop/loop.h"
#include "proto/header.h"

/* The letter's source, for the parcel and for what sends it. */
struct shared {
	struct source *of;
	unsigned holders;
};

struct holder {
	struct source source; /* first */
	struct shared *shared;
};

struct smtp_parcel {
	struct loop *loop;
	struct offload *offload;
	struct dkim_signer *signer; /* NULL: it is not signed, or no longer */
	struct buf header;          /* of the letter, until it is whole; for the signer */
	bool in_body;
	struct err why_unsigned;
	struct shared *shared;
	struct source *reading; /* NULL: it is over */
	uint64_t octets, at;
	struct loop_timer *next;
	struct buf head;
	struct smtp_text text;
	smtp_parcel_done *done;
	void *arg;
};

/* -- one source for several ----------------------------------------------------------------------- */

static void
nobody(void *arg)
{
	(void)arg;
}

static ssize_t
holder_read(struct source *s, uint64_t offset, char *dst, size_t n)
{
	struct source *of = ((struct holder *)s)->shared->of;

	of->wake = s->wake;
	of->wake_arg = s->wake_arg;
	return of->read(of, offset, dst, n);
}

static void
holder_free(struct source *s)
{
	struct shared *shared = ((struct holder *)s)->shared;

	shared->of->wake = nobody;
	if (--shared->holders == 0) {
		shared->of->free(shared->of);
		free(shared);
	}
	free(s);
}

static struct source *
hold(struct shared *shared)
{
	struct holder *h = memory_new(sizeof *h);

	h->source = (struct source) { .read = holder_read, .free = holder_free };
	h->shared = shared;
	shared->holders++;
	return &h->source;
}

/* -- signing -------------------------------------------------------------------------------------- */

static void
over(struct smtp_parcel *p, const struct err *e)
{
	p->done(p->arg, e);
}

static void
was_signed(void *arg, struct span fields, const struct err *e)
{
	struct smtp_parcel *p = arg;

	if (e == NULL)
		smtp_parcel_prepend(p, fields);
	else
		p->why_unsigned = *e;
	dkim_signer_free(&p->signer);
	over(p, NULL);
}

/* last: no octets follow. */
static void
sign_piece(struct smtp_parcel *p, struct span piece, bool last)
{
	struct span header;

	if (p->signer == NULL)
		return;
	if (p->in_body) {
		dkim_signer_body(p->signer, piece);
		return;
	}
	buf_add(&p->header, piece.p, piece.n);
	p->in_body = header_find(buf_span(&p->header), last, &header);
	if (!p->in_body && (last || p->header.len > HEADER_MAX_BYTES)) {
		dkim_signer_free(&p->signer); /* it is no letter that anybody could check */
		return;
	}
	if (!p->in_body)
		return;
	dkim_signer_header(p->signer, header);
	dkim_signer_body(p->signer, span_sub(buf_span(&p->header), header.n, p->header.len));
	buf_clear(&p->header);
}

/* -- reading -------------------------------------------------------------------------------------- */

static void
go_on(void *arg)
{
	loop_timer_set_ms(((struct smtp_parcel *)arg)->next, 0);
}

static void
read_piece(void *arg)
{
	struct smtp_parcel *p = arg;
	uint64_t left = p->octets - p->at;
	size_t n = left < SMTP_PARCEL_PIECE ? (size_t)left : SMTP_PARCEL_PIECE;
	struct source *s = p->reading;
	ssize_t got = 0;
	struct err e;
	char *piece;

	if (n == 0 && p->signer != NULL) {
		dkim_signer_end(p->signer, p->offload, p->loop, was_signed, p);
		return;
	}
	if (n == 0) {
		over(p, NULL);
		return;
	}
	piece = memory_array(n, 1);
	s->wake = go_on;
	s->wake_arg = p;
	got = s->read(s, p->at, piece, n);
	if (got > 0) {
		smtp_text_scan(&p->text, span_of(piece, (size_t)got));
		p->at += (uint64_t)got;
		sign_piece(p, span_of(piece, (size_t)got), p->at == p->octets);
		go_on(p);
	} else if (got != SOURCE_WAIT) {
		err_set(&e, REFUSAL_storage, "the letter cannot be read");
		over(p, &e);
	}
	free(piece);
}

struct smtp_parcel *
smtp_parcel_new(struct loop *l, struct offload *o, struct source *letter, uint64_t octets,
    struct dkim_signer *signer, smtp_parcel_done *done, void *arg)
{
	struct smtp_parcel *p = memory_new(sizeof *p);

	p->loop = l;
	p->offload = o;
	p->signer = signer;
	p->shared = memory_new(sizeof *p->shared);
	p->shared->of = letter;
	p->reading = hold(p->shared);
	p->octets = octets;
	p->done = done;
	p->arg = arg;
	p->next = loop_timer_new(l, read_piece, p);
	go_on(p);
	return p;
}

void
smtp_parcel_free(struct smtp_parcel **pp)
{
	struct smtp_parcel *p = *pp;

	*pp = NULL;
	if (p == NULL)
		return;
	loop_timer_free(&p->next);
	p->reading->free(p->reading);
	dkim_signer_free(&p->signer);
	buf_clear(&p->header);
	buf_clear(&p->head);
	free(p);
}

const struct err *
smtp_parcel_why_unsigned(const struct smtp_parcel *p)
{
	return p->why_unsigned.why == REFUSAL_NONE ? NULL : &p->why_unsigned;
}

/* -- sending -------------------------------------------------------------------------------------- */

const struct smtp_text *
smtp_parcel_text(const struct smtp_parcel *p)
{
	return &p->text;
}

void
smtp_parcel_prepend(struct smtp_parcel *p, struct span fields)
{
	struct buf both = BUF_INIT;

	buf_add(&both, fields.p, fields.n);
	buf_add(&both, p->head.data, p->head.len);
	buf_clear(&p->head);
	p->head = both;
}

uint64_t
smtp_parcel_octets(const struct smtp_parcel *p)
{
	return p->head.len + p->octets;
}

struct source *
smtp_parcel_source(struct smtp_parcel *p)
{
	struct buf head = BUF_INIT;

	buf_add(&head, p->head.data, p->head.len);
	return source_joined_take(&head, hold(p->shared));
}

void
smtp_parcel_received(struct buf *out, const char *name, const char *id, int64_t now_s)
{
	char date[CLOCK_MAIL_DATE_BYTES];

	clock_mail_date(now_s, date);
	buf_addf(out, "Received: by %s id %s;\r\n %s\r\n", name, id, date);
}
