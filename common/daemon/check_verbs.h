/* check_verbs — `check spf` and `check cert`, shared by oms and ims; no daemon needed.
 *
 *	check spf --ip IP --helo NAME --from ADDR [--resolver SPEC]
 *		prints the word of RFC 7208, then the reason; status 0 for pass, else 1
 *	check cert --domain D --chain PEM --trust PEM [--crl FILE]... [--at TIME] [--name N]
 *	    [--no-revocation]
 *		prints `accepted` or the refusal's word, then the reason; status 0 or 1
 *
 * Usage: status 64.  A file that cannot be read: 66.
 */
#ifndef COMMON_DAEMON_CHECK_VERBS_H
#define COMMON_DAEMON_CHECK_VERBS_H

#include "common/conf/options.h"

extern const struct options_option check_spf_options[], check_cert_options[];

int check_verb_spf(struct options *o);
int check_verb_cert(struct options *o);

/* The rows of a program's verb table. */
#define CHECK_VERBS                                                                                \
	{ "check spf", "", 0, 0, "may an address send for a domain?  (RFC 7208)",                  \
		check_spf_options, check_verb_spf, false },                                        \
	{                                                                                          \
		"check cert", "", 0, 0, "would a peer with this certificate be believed?",         \
		    check_cert_options, check_verb_cert, false                                     \
	}

#endif
