/* oms_verdict — which refusals end a delivery: each word, by where it comes from, whether DNSSEC vouches
 * and whether the domain is remembered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/err.h"
#include "oms/notify/verdict.h"

/* What DNS alone can say, and what a peer can say of a letter or a recipient. */
static const char of_dns[] =
    " no-such-domain no-designation takes-no-mail too-many-targets bad-port "
    "private-address ";
static const char of_letter[] =
    " bad-address address-literal bad-domain bad-id bad-statement statement-too-big "
    "seal-statement from-domain rcpt-hash hold-expired duplicate id-conflict no-such-user "
    "message-too-big bad-message bad-from no-recipient recalled declined too-late bad-reply ";

static bool
names(const char *list, enum refusal why)
{
	char word[64] = " ";

	strcat(strcat(word, refusal_word(why)), " ");
	return strstr(list, word) != NULL;
}

static void
each_word_by_its_source(void **state)
{
	unsigned final = 0;

	(void)state;
	for (int i = 1; i < REFUSAL__COUNT; i++) {
		enum refusal why = (enum refusal)i;

		for (int vouched = 0; vouched < 2; vouched++) {
			assert_int_equal(verdict_is_final(why, VERDICT_DNS, vouched == 1),
			    vouched == 1 && names(of_dns, why));
			assert_false(verdict_is_final(why, VERDICT_SESSION, vouched == 1));
			if (verdict_is_final(why, VERDICT_ANSWER, vouched == 1) !=
			    names(of_letter, why))
				fail_msg("%s", refusal_word(why));
			final += names(of_letter, why);
		}
		assert_int_equal(verdict_refuses_recipient(why), names(of_dns, why));
		assert_true(!verdict_is_of_seal(why) || !names(of_letter, why));
	}
	assert_int_equal(final, 2 * 21);
}

/* Nothing that the table calls temporary ends a delivery, and nothing that blames us. */
static void
what_may_be_mended_never_ends(void **state)
{
	(void)state;
	for (int i = 1; i < REFUSAL__COUNT; i++) {
		enum refusal why = (enum refusal)i;
		const char *word = refusal_word(why);
		bool blames_us = strncmp(word, "certificate-", 12) == 0 ||
		    strncmp(word, "spf-", 4) == 0 || strncmp(word, "tls-", 4) == 0 ||
		    why == REFUSAL_no_certificate || why == REFUSAL_hello_mismatch ||
		    why == REFUSAL_not_designated || why == REFUSAL_no_sni ||
		    why == REFUSAL_no_alpn || why == REFUSAL_domain_not_served ||
		    verdict_is_of_seal(why);

		if (blames_us || refusal_temporary(why))
			for (int s = VERDICT_DNS; s <= VERDICT_ANSWER; s++)
				assert_false(verdict_is_final(why, (enum verdict_source)s, true));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_word_by_its_source),
		cmocka_unit_test(what_may_be_mended_never_ends),
	};

	return cmocka_run_group_tests_name("oms_verdict", tests, NULL, NULL);
}
