/* spf_macro — the macro strings of RFC 7208 section 7: their grammar, and what they expand to.
 *
 * Pure.  Text of any length takes linear time and constant memory: of an expansion only the end is
 * kept, as much as a domain name can hold.
 *
 * Trust:  all text is hostile, the sender's local part and HELO name too; any octet may come.
 */
#ifndef COMMON_SPF_SPF_MACRO_H
#define COMMON_SPF_SPF_MACRO_H

#include <sys/socket.h>

#include "common/base/span.h"
#include "common/dns/dns.h"

/* One piece of a macro string. */
struct spf_macro {
	char letter;     /* lower case; 0: the piece is `literal` */
	char literal[4]; /* one octet, or "%20" */
	bool escape;     /* upper-case letter: URL escaping */
	bool reverse;
	unsigned parts;         /* right-hand parts to keep; 0: all */
	struct span delimiters; /* empty: "." */
};

/* The values of the letters.  Expansion sets `used_`, and never clears them. */
struct spf_macro_env {
	struct span local;              /* l; never empty */
	struct span sender_domain;      /* o */
	struct span domain;             /* d */
	struct span helo;               /* h */
	struct span validated;          /* p: a name, or "unknown" */
	struct sockaddr_storage client; /* i, v; never v4-mapped */
	bool used_local, used_helo;
};

/* Cuts one piece from the front; *rest is not empty.  False: malformed. */
bool spf_macro_next(struct span *rest, struct spf_macro *out);

/* macro-string, where c, r and t are allowed only if `exp_text`. */
bool spf_macro_string_valid(struct span s, bool exp_text);

/* domain-spec = macro-string ( "." toplabel [ "." ] / macro-expand ) */
bool spf_macro_domain_valid(struct span s);

/* Does it hold the letter, in either case?  `s` is valid. */
bool spf_macro_has(struct span s, char letter);

/* The target name of a valid domain-spec, without trailing dot.  Drops whole labels from the left
 * until it fits into 253 octets ("": no label is left). */
void spf_macro_expand(struct span spec, struct spf_macro_env *env, char out[DNS_NAME_BYTES]);

#endif
