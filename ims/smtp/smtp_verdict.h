/* smtp_verdict — may this host give us this sender's letters?  Pure: the table of what is known and of the modes.
 *
 * Spec:    SPEC.md "SMTP", the verdict on a sender.
 * Rules:   in this order, and the first one that is broken is said:
 *		address-literal     EHLO with an address.  No mode relaxes it.
 *		certificate-...     the host's certificate is not good: its word		mode: certificate
 *		bad-ehlo            EHLO with neither a host's name nor an address		certificate
 *		ehlo-mismatch       the certificate does not name the host of EHLO		certificate
 *		spf-...             anything but pass						spf
 *		no-mx, null-mx ...  the sender's domain takes no answers (not asked for <>)	mx
 * Modes:   enforce refuses.  report-only takes the letter, which is then marked with the word.  A domain's exception
 *          relaxes the certificate alone, and only where SPF passes for that domain.  An open recipient (postmaster,
 *          abuse, where the operator chose so) makes all three report-only.
 * Trust:   what a host says about itself is worth nothing; each fact here was found out by us.
 */
#ifndef IMS_SMTP_SMTP_VERDICT_H
#define IMS_SMTP_SMTP_VERDICT_H

#include "common/conf/conf.h"
#include "proto/smtp/smtp_command.h"

/* why REFUSAL_NONE: nothing is wrong. */
struct smtp_heard {
	enum smtp_name_kind ehlo;
	struct err certificate; /* the verdict on the host's certificate */
	struct err name;        /* does it name the host of EHLO? */
	struct err spf;
	struct err mx;
};

struct smtp_modes {
	enum conf_mode certificate, spf, mx;
	bool excepted; /* the sender's domain has an exception for the certificate */
	bool open;     /* the recipient is open to everyone */
};

enum smtp_verdict { SMTP_ACCEPTED, SMTP_MARKED, SMTP_REFUSED };

/* MARKED: *e is the first rule that is broken.  REFUSED: *e is the first one that refuses. */
enum smtp_verdict smtp_judge(const struct smtp_heard *h, const struct smtp_modes *m, struct err *e);

/* The name that the certificate of a host must bear which says `ehlo`: what the operator's pairs (smtp-in-name) say of
 * it, else `ehlo`.  A `*` as the leftmost label of a pair is any one label. */
const char *smtp_certificate_name(const struct conf_pairs *pairs, const char *ehlo);

#endif
