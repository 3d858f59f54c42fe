/* ims_full — a store that is being filled by puts of any size: a DROP, a DECLINE and a mark succeed at every
 * state of filling, and a removal of many at the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ims_store_scene.h"

#define FIRST 600 /* notices that are there from the start; each is dropped, declined or marked */

struct filling {
	struct world w;
	uint64_t next;    /* of the first notices */
	unsigned number;  /* of the last statement */
	unsigned refused; /* batches in all */
	unsigned taken;
	char *crl; /* of half a megabyte, in which a number makes it another each time */
};

static void
frees_one(struct filling *f)
{
	uint64_t n = f->next++;
	enum refusal why = n % 3 == 0 ? drop(&f->w, BOB, n)
	    : n % 3 == 1              ? decline(&f->w, BOB, n)
				      : mark(&f->w, BOB, n, MAILBOX_SEEN, 0);

	if (why != REFUSAL_NONE)
		fail_msg("notice %u after %u batches: %s", (unsigned)n, f->taken,
		    refusal_word(why));
}

/* False: refused.  statements: in one batch. */
static bool
puts_one(struct filling *f, unsigned statements, size_t crl)
{
	struct notification n = { .to = EVE, .hold_s = DAY, .statements = statements };
	enum notify_done done;
	enum refusal why;

	n.number = f->number + 1;
	if (crl > 0) {
		memset(f->crl, 'x', crl);
		snprintf(f->crl, 16, "%014u", n.number);
		f->crl[14] = 'x';
		f->crl[crl] = '\0';
		n.crl = f->crl;
	}
	if ((why = accept_one(&f->w, &n, &done)) == REFUSAL_NONE) {
		f->number += statements;
		f->taken++;
		return true;
	}
	assert_int_equal(why, REFUSAL_system_full);
	f->refused++;
	return false;
}

static void
fill(struct filling *f, uint64_t mib)
{
	static const struct {
		unsigned statements;
		size_t crl;
	} put[] = { { 1, 500000 }, { 64, 100000 }, { 1, 20000 }, { 64, 0 }, { 8, 0 }, { 1, 0 } };
	bool more;

	*f = (struct filling) { .next = 1 };
	world_sized(&f->w, mib << 20);
	f->crl = memory_array(1, 500001);
	for (; f->number < FIRST; f->number += 50)
		accepts(&f->w,
		    (struct notification) { .number = f->number + 1,
			.to = BOB,
			.hold_s = DAY,
			.statements = 50 });
	for (size_t i = 0; i < sizeof put / sizeof *put; i++)
		do {
			more = puts_one(f, put[i].statements, put[i].crl);
			frees_one(f);
		} while (more && f->next < FIRST - 20);
}

static void
what_frees_goes_on_at_every_state(void **state)
{
	struct filling f;

	(void)state;
	for (uint64_t mib = 6; mib <= 9; mib++) {
		fill(&f, mib);
		/* The reserve, and what is there from the start, take 3 MiB at most; the rest takes two CRLs a MiB. */
		assert_true(f.refused >= 4 && f.taken >= 2 * (mib - 3));
		while (f.next <= FIRST)
			frees_one(&f);
		for (uint64_t n = 1; n <= 20 && n <= f.number - FIRST; n++)
			assert_int_equal(drop(&f.w, EVE, n), REFUSAL_NONE);
		free(f.crl);
		world_clear(&f.w);
	}
}

/* Its CRL finds no space, and its notice would: the batch is refused, and the notice is nowhere. */
static void
a_notice_whose_paper_has_no_room_is_not_there(void **state)
{
	struct filling f = { .next = 1 };

	(void)state;
	world_sized(&f.w, 6 << 20);
	f.crl = memory_array(1, 500001);
	while (puts_one(&f, 1, 500000))
		assert_int_equal(mailbox_notices(&f.w, EVE), f.number);
	assert_true(f.taken > 1);
	assert_int_equal(mailbox_notices(&f.w, EVE), f.number);
	assert_true(puts_one(&f, 1, 0));
	free(f.crl);
	world_clear(&f.w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_frees_goes_on_at_every_state),
		cmocka_unit_test(a_notice_whose_paper_has_no_room_is_not_there),
	};

	return cmocka_run_group_tests_name("ims_full", tests, NULL, NULL);
}
