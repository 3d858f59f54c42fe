/* tls_profile — the rows; see tls_profile.h. */
#include "common/tls/tls_profile.h"

const struct tls_profile *
tls_profile(enum tls_kind kind)
{
	/* clang-format off */
	static const struct tls_profile rows[TLS_KINDS] = {
		/*                    server asks   1.2    plain  ALPN   shows             names             verdict */
		[TLS_PEERS]       = { true,  true,  false, false, true,  TLS_SHOWS_DOMAIN, TLS_NAMES_LATER,  TLS_VERDICT_ANSWERED },
		[TLS_USERS]       = { true,  false, false, false, true,  TLS_SHOWS_DOMAIN, TLS_NAMES_LATER,  TLS_VERDICT_ANSWERED },
		[TLS_TO_PEER]     = { false, true,  false, false, true,  TLS_SHOWS_DOMAIN, TLS_NAMES_DOMAIN, TLS_VERDICT_ENDS },
		[TLS_TO_SERVER]   = { false, true,  false, false, true,  TLS_SHOWS_NONE,   TLS_NAMES_DOMAIN, TLS_VERDICT_ENDS },
		[TLS_SMTP_IN]     = { true,  true,  true,  true,  false, TLS_SHOWS_HOST,   TLS_NAMES_LATER,  TLS_VERDICT_ROLES },
		[TLS_SUBMISSION]  = { true,  false, true,  true,  false, TLS_SHOWS_HOST,   TLS_NAMES_LATER,  TLS_VERDICT_ROLES },
		[TLS_SUBMISSIONS] = { true,  false, true,  false, false, TLS_SHOWS_HOST,   TLS_NAMES_LATER,  TLS_VERDICT_ROLES },
		[TLS_SMTP_OUT]    = { false, true,  true,  true,  false, TLS_SHOWS_HOST,   TLS_NAMES_HOST,   TLS_VERDICT_ROLES },
		[TLS_SMTPS_OUT]   = { false, true,  true,  false, false, TLS_SHOWS_HOST,   TLS_NAMES_HOST,   TLS_VERDICT_ROLES },
	};
	/* clang-format on */

	return &rows[kind];
}
