/* refusal — THE table of everything that can be refused, and RULE().
 *
 * One row per reason: the stable word that comes first in a refusal's text, the RFC 5321 reply
 * code (4xx: waiting may help; 5xx: it will not), the RFC 3463/7372/7505 enhanced code, the
 * sysexits status of a command that ends with it, and the sentence for people.  The four
 * protocols, the SMTP gateways, the logs and the three commands answer from this table alike;
 * no other file maps one of these to another.  A row with code 0 never goes on the wire.
 *
 * Spec: SPEC.md "Refusals" (a test holds the two tables against each other).
 */
#ifndef BASE_REFUSAL_H
#define BASE_REFUSAL_H

#include <stdbool.h>

#include "common/base/span.h"

/*        name                   word                    code enhanced  exit  sentence */
/* clang-format off */
#define REFUSAL_TABLE(X)									\
	/* framing and grammar: our peer's fault, never repeated as it is */			\
	X(bare_lf,               "bare-lf",               500, "5.5.2",  76, "a line ends in CR LF, nothing else")	\
	X(line_too_long,         "line-too-long",         500, "5.5.2",  76, "a line is longer than 1,024 octets")	\
	X(bad_octet,             "bad-octet",             500, "5.5.2",  76, "a line contains a control character or malformed UTF-8")	\
	X(unknown_verb,          "unknown-verb",          500, "5.5.1",  76, "no such request")	\
	X(bad_sequence,          "bad-sequence",          503, "5.5.1",  76, "this request is not allowed now")	\
	X(starttls_required,     "starttls-required",     530, "5.7.0",  77, "only STARTTLS is served before TLS")	\
	X(octets_before_tls,     "octets-before-tls",     554, "5.5.1",  76, "octets came in plain after STARTTLS")	\
	X(early_octets,          "early-octets",          554, "5.5.1",  76, "octets came before the reply that must precede them")	\
	X(bad_parameter,         "bad-parameter",         555, "5.5.4",  76, "a parameter is not known, or not allowed here")	\
	X(bad_syntax,            "bad-syntax",            501, "5.5.4",  76, "the request is malformed")	\
	X(bad_address,           "bad-address",           553, "5.1.3",  65, "the address is not local@domain")	\
	X(address_literal,       "address-literal",       553, "5.1.3",  65, "an address literal is never accepted")	\
	X(bad_domain,            "bad-domain",            553, "5.1.2",  65, "the domain is not one")	\
	X(bad_id,                "bad-id",                501, "5.5.4",  65, "the id is malformed")	\
	X(bad_statement,         "bad-statement",         550, "5.5.2",  65, "the statement is not canonical")	\
	X(statement_too_big,     "statement-too-big",     552, "5.3.4",  65, "the statement is longer than 16 KiB")	\
	X(bad_seal_form,         "bad-seal-form",         550, "5.5.2",  65, "the seal is not canonical")	\
	X(too_many_statements,   "too-many-statements",   550, "5.5.3",  65, "more than 64 statements under one seal")	\
	X(too_many_recipients,   "too-many-recipients",   452, "4.5.3",  75, "more than 100 recipients")	\
	X(batch_too_big,         "batch-too-big",         552, "5.3.4",  65, "more than 1 MiB before a seal")	\
	X(batch_share,           "batch-share",           421, "4.5.3",  75, "the unanswered statements of this domain take too much memory")	\
	X(recipient_share,       "recipient-share",       450, "4.7.0",  75, "this domain named too many unknown recipients; new ones must wait")	\
	X(too_many_outstanding,  "too-many-outstanding",  450, "4.5.3",  75, "too many requests are waiting for their answers")	\
	X(too_many_errors,       "too-many-errors",       421, "4.7.0",  76, "too many errors in one session")	\
	X(idle,                  "idle",                  421, "4.4.2",  75, "nothing came for too long")	\
	X(too_slow,              "too-slow",              421, "4.4.2",  75, "the session lasted too long")	\
	X(too_many_connections,  "too-many-connections",  421, "4.7.0",  75, "too many connections")	\
	X(closing,               "closing",               421, "4.3.2",  75, "the server is going down")	\
	/* who are you: certificates */								\
	X(no_certificate,        "no-certificate",        550, "5.7.5",  77, "no certificate was shown")	\
	X(certificate_selfsigned, "certificate-selfsigned", 550, "5.7.5", 77, "the certificate vouches for itself")	\
	X(certificate_untrusted, "certificate-untrusted", 550, "5.7.5",  77, "no trusted CA vouches for the certificate")	\
	X(certificate_expired,   "certificate-expired",   550, "5.7.5",  77, "the certificate has expired")	\
	X(certificate_early,     "certificate-early",     550, "5.7.5",  77, "the certificate is not valid yet")	\
	X(certificate_revoked,   "certificate-revoked",   550, "5.7.5",  77, "the certificate is revoked")	\
	X(certificate_ca,        "certificate-ca",        550, "5.7.5",  77, "a CA certificate is no server's certificate")	\
	X(certificate_purpose,   "certificate-purpose",   550, "5.7.5",  77, "the certificate is not for a server")	\
	X(certificate_weak,      "certificate-weak",      550, "5.7.5",  77, "key or signature of the certificate is too weak or of an unknown kind")	\
	X(certificate_form,      "certificate-form",      550, "5.7.5",  77, "the certificate breaks a rule of RFC 5280")	\
	X(certificate_constraint, "certificate-constraint", 550, "5.7.5", 77, "a CA in the chain may not vouch for this name")	\
	X(certificate_wildcard,  "certificate-wildcard",  550, "5.7.5",  77, "the domain is named by a wildcard only")	\
	X(certificate_name,      "certificate-name",      550, "5.7.5",  77, "the certificate does not name the domain")	\
	X(certificate_no_revocation, "certificate-no-revocation", 550, "5.7.5", 77, "the certificate says nowhere how it would be revoked")	\
	X(revocation_unknown,    "revocation-unknown",    451, "4.7.5",  75, "whether the certificate is revoked cannot be known now")	\
	/* log only: these fail before TLS is up */						\
	X(tls_failed,            "tls-failed",            454, "4.7.0",  69, "the TLS handshake failed")	\
	X(tls_version,           "tls-version",           550, "5.7.10", 76, "TLS 1.3 is required")	\
	X(no_alpn,               "no-alpn",               550, "5.7.10", 76, "no protocol was agreed on by ALPN")	\
	X(no_sni,                "no-sni",                550, "5.7.10", 76, "the connection names no domain that is served here (SNI)")	\
	X(tls_truncated,         "tls-truncated",         451, "4.4.2",  69, "the connection was cut off without a TLS close")	\
	X(too_many_key_updates,  "too-many-key-updates",  421, "4.7.0",  76, "the TLS keys are changed too often")	\
	/* who are you: domain, SPF, designation */						\
	X(hello_mismatch,        "hello-mismatch",        550, "5.7.1",  77, "the certificate does not name the domain of HELLO")	\
	X(domain_not_served,     "domain-not-served",     550, "5.1.2",  68, "the domain is not served here")	\
	X(spf_fail,              "spf-fail",              550, "5.7.23", 77, "SPF: this address may not send for the domain")	\
	X(spf_softfail,          "spf-softfail",          550, "5.7.23", 77, "SPF: this address probably may not send for the domain")	\
	X(spf_neutral,           "spf-neutral",           550, "5.7.23", 77, "SPF: the domain does not say whether this address may send")	\
	X(spf_none,              "spf-none",              550, "5.7.23", 77, "SPF: the domain has no SPF record")	\
	X(spf_permerror,         "spf-permerror",         550, "5.7.24", 77, "SPF: the domain's record is broken")	\
	X(spf_temperror,         "spf-temperror",         451, "4.7.24", 75, "SPF: the record cannot be looked up now")	\
	X(not_designated,        "not-designated",        550, "5.7.1",  77, "this host is not designated by its domain")	\
	X(no_designation,        "no-designation",        550, "5.1.2",  68, "the domain names no server for this mail")	\
	X(takes_no_mail,         "takes-no-mail",         550, "5.1.10", 68, "the domain says that it takes no mail this way")	\
	X(private_address,       "private-address",       550, "5.4.4",  68, "the domain leads to an address that is not public")	\
	X(bad_port,              "bad-port",              550, "5.4.4",  68, "the domain leads to a port that is not allowed")	\
	X(too_many_targets,      "too-many-targets",      550, "5.4.4",  68, "the domain names more than 20 servers")	\
	X(dns_failed,            "dns-failed",            451, "4.4.3",  75, "DNS does not answer")	\
	X(question_share,        "question-share",        450, "4.7.0",  75, "too many DNS questions about this domain are under way")	\
	X(dns_bogus,             "dns-bogus",             451, "4.4.3",  75, "DNS answers with a broken DNSSEC signature")	\
	X(no_such_domain,        "no-such-domain",        550, "5.1.2",  68, "there is no such domain")	\
	X(designation_vanished,  "designation-vanished",  451, "4.4.3",  75, "the domain named a server lately, and DNS says without DNSSEC that it no longer does")	\
	X(no_mx,                 "no-mx",                 550, "5.1.8",  77, "the domain has no MX record")	\
	X(null_mx,               "null-mx",               550, "5.7.27", 77, "the domain says by its MX record that it takes no mail")	\
	X(bad_ehlo,              "bad-ehlo",              550, "5.7.1",  77, "EHLO must give the name of a host")	\
	X(ehlo_mismatch,         "ehlo-mismatch",         550, "5.7.5",  77, "the certificate does not name the host of EHLO")	\
	X(relay,                 "relay",                 550, "5.7.1",  77, "mail for this domain is not taken here")	\
	X(dmarc,                 "dmarc",                 550, "5.7.1",  77, "DMARC: the author's domain asks to refuse what it does not vouch for")	\
	X(mx_loop,               "mx-loop",               554, "5.4.6",  68, "the domain's MX records lead back to this server")	\
	X(tlsa_unknown,          "tlsa-unknown",          451, "4.4.3",  75, "whether DNS says how the server's certificate must be (TLSA) cannot be known now")	\
	X(dane_mismatch,         "dane-mismatch",         451, "4.7.5",  75, "the server's certificate is none that its TLSA records in DNS allow")	\
	X(sts_mismatch,          "sts-mismatch",          451, "4.7.5",  75, "the server is none that the domain's MTA-STS policy names")	\
	X(no_starttls,           "no-starttls",           454, "4.7.10", 75, "the server offers no TLS")	\
	X(dane_only,             "dane-only",             451, "4.7.5",  75, "TLSA records alone vouch for the server, and no CA that we trust")	\
	X(smtp_off,              "smtp-off",              550, "5.7.1",  77, "no letters go there by SMTP")	\
	X(unreachable,           "unreachable",           451, "4.4.1",  75, "the server does not answer")	\
	/* seals and statements */								\
	X(seal_bad,              "seal-bad",              550, "5.7.5",  65, "the seal's signature does not fit")	\
	X(seal_signer,           "seal-signer",           550, "5.7.5",  65, "the seal's signer is not the domain that is connected")	\
	X(seal_for,              "seal-for",              550, "5.7.5",  65, "the seal is made for another domain")	\
	X(seal_date,             "seal-date",             451, "4.7.5",  75, "the seal's date is more than 300 s off")	\
	X(seal_statement,        "seal-statement",        550, "5.7.5",  65, "the seal does not contain the statement")	\
	X(from_domain,           "from-domain",           550, "5.7.1",  65, "the sender is not of the domain that seals")	\
	X(rcpt_hash,             "rcpt-hash",             550, "5.7.5",  65, "the statement does not contain the recipient")	\
	X(hold_expired,          "hold-expired",          550, "5.7.1",  65, "the letter is no longer held")	\
	X(duplicate,             "duplicate",             550, "5.5.0",  65, "duplicate within this batch")	\
	X(id_conflict,           "id-conflict",           550, "5.5.0",  65, "this id is known with another letter")	\
	/* letters, people, quotas */								\
	X(no_such_user,          "no-such-user",          550, "5.1.1",  67, "there is no such mailbox")	\
	X(mailbox_full,          "mailbox-full",          452, "4.2.2",  75, "the mailbox is full")	\
	X(outbox_full,           "outbox-full",           452, "4.2.2",  75, "the letters that are kept for the user take all of their share")	\
	X(queue_full,            "queue-full",            452, "4.4.5",  75, "too many letters wait together")	\
	X(sender_share,          "sender-share",          452, "4.5.3",  75, "the sender's domain has used its share of the storage")	\
	X(sender_mailbox_share,  "sender-mailbox-share",  452, "4.5.3",  75, "the sender's domain has used its share of the mailbox")	\
	X(message_too_big,       "message-too-big",       552, "5.3.4",  65, "the letter is larger than the limit")	\
	X(bad_message,           "bad-message",           554, "5.6.0",  65, "the letter's header or line ends break a rule of RFC 5322")	\
	X(too_many_hops,         "too-many-hops",         554, "5.4.6",  65, "the letter has passed more than 50 servers")	\
	X(bad_from,              "bad-from",              550, "5.7.1",  77, "the sender's address does not belong to the user")	\
	X(smtp_line,             "smtp-line",             554, "5.6.0",  65, "a line is longer than SMTP takes")	\
	X(needs_eight_bit,            "needs-eight-bit",            554, "5.6.3",  65, "the letter has 8-bit octets, and the recipient's server takes none")	\
	X(needs_unicode_address,    "needs-unicode-address",    553, "5.6.7",  65, "an address is not ASCII, and the recipient's server takes no such")	\
	X(needs_unicode_header,     "needs-unicode-header",     554, "5.6.9",  65, "the header is not ASCII, and the recipient's server takes no such")	\
	X(no_recipient,          "no-recipient",          554, "5.5.1",  64, "the letter has no recipient")	\
	X(bad_hold,              "bad-hold",              501, "5.5.4",  64, "the time to hold is out of bounds")	\
	X(system_full,           "system-full",           452, "4.3.1",  75, "the server's storage is full")	\
	X(storage,               "storage",               451, "4.3.0",  74, "the server's storage failed")	\
	X(internal,              "internal",              451, "4.3.0",  70, "the server failed")	\
	X(refused,               "refused",               554, "5.0.0",  69, "refused, by a word that this program does not know")	\
	X(refused_for_now,       "refused-for-now",       450, "4.0.0",  75, "refused for now, by a word that this program does not know")	\
	X(unknown_id,            "unknown-id",            550, "5.7.1",  66, "no such letter is held for you")	\
	X(bad_offset,            "bad-offset",            501, "5.5.4",  76, "the offset is beyond the letter's end")	\
	X(too_late,              "too-late",              550, "5.7.1",  65, "the letter was handed out already")	\
	X(gone,                  "gone",                  550, "5.7.17", 68, "the sender's server no longer has the letter")	\
	X(recalled,              "recalled",              550, "5.7.17", 68, "the sender took the letter back")	\
	X(declined,              "declined",              550, "5.7.1",  77, "the letter was declined")	\
	X(broken_promise,        "broken-promise",        550, "5.7.5",  65, "what the sender's server hands out is not what it announced")	\
	X(fetch_running,         "fetch-running",         450, "4.3.0",  75, "the letter is being fetched already")	\
	X(no_such_number,        "no-such-number",        550, "5.1.1",  66, "there is no letter of that number")	\
	X(expired,               "expired",               550, "5.4.7",  75, "the recipient's server could not be notified in time")	\
	X(given_up,              "given-up",              550, "5.4.7",  75, "the recipient's server did not take the letter in time")	\
	X(answer_unknown,        "answer-unknown",        451, "4.4.2",  75, "the letter was given to the recipient's server, whose answer is not known")	\
	/* clients */										\
	X(auth_required,         "auth-required",         530, "5.7.0",  77, "sign in first")	\
	X(auth_failed,           "auth-failed",           535, "5.7.8",  77, "address or password is wrong")	\
	X(password_share,        "password-share",        454, "4.7.0",  75, "too many wrong passwords; try again later")	\
	X(auth_mechanism,        "auth-mechanism",        504, "5.5.4",  77, "unsupported SASL mechanism")	\
	/* never on the wire */									\
	X(usage,                 "usage",                   0, "",       64, "the command is malformed")	\
	X(account_exists,        "account-exists",          0, "",       64, "another account is set up here")	\
	X(no_account,            "no-account",              0, "",       78, "no account is set up here")	\
	X(config,                "config",                  0, "",       78, "the configuration is wrong")	\
	X(no_input,              "no-input",                0, "",       66, "a file cannot be read")	\
	X(cannot_write,          "cannot-write",            0, "",       73, "a file cannot be written")	\
	X(os_error,              "os-error",                0, "",       71, "the operating system refused")	\
	X(bad_reply,             "bad-reply",               0, "",       76, "the other side's reply is malformed")	\
	X(not_running,           "not-running",             0, "",       69, "the daemon does not run")	\
	X(clock_wrong,           "clock-wrong",             0, "",       71, "the machine's clock is wrong")
/* clang-format on */

enum refusal {
	REFUSAL_NONE = 0,
#define X(name, word, code, enhanced, status, sentence) REFUSAL_##name,
	REFUSAL_TABLE(X)
#undef X
	    REFUSAL__COUNT
};

/* Borrowed strings of static life.  For REFUSAL_NONE: "ok", 250, "2.0.0", 0, "". */
const char *refusal_word(enum refusal r);
int refusal_code(enum refusal r);
const char *refusal_enhanced(enum refusal r);
int refusal_status(enum refusal r); /* sysexits.h */
const char *refusal_sentence(enum refusal r);
bool refusal_temporary(enum refusal r);         /* a 4xx code */
enum refusal refusal_by_word(struct span word); /* REFUSAL_NONE: no such word */
/* It is about the form of requests, about who we or our peer are, or about signing in: three parts of the table.
 * Whatever its code, it says nothing of the letter that was asked about. */
bool refusal_of_session(enum refusal r);

/* Each rule that can refuse says its word: `if (RULE(seal_date) && skew > MAX) return ...`.  In
 * every build that people run it is a constant true; a build with RULE_SWITCHES (make
 * check-rules) switches one rule off by name, everywhere or in one file, to prove that a test
 * notices. */
#ifdef RULE_SWITCHES
bool refusal_rule_on(enum refusal r, const char *file);
#define RULE(name) refusal_rule_on(REFUSAL_##name, __FILE__)
#else
#define RULE(name) ((void)REFUSAL_##name, true)
#endif

#endif
