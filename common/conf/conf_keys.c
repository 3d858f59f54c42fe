/* conf_keys — the table of keys; see conf_keys.h.  The forms of values are in conf_values.c. */
#include "common/conf/conf_keys.h"

#include <stddef.h>

#define MIN_S  60
#define HOUR_S (60 * MIN_S)
#define DAY_S  (24 * HOUR_S)
#define KIB    INT64_C(1024)
#define MIB    (1024 * KIB)
#define GIB    (1024 * MIB)
#define TIB    (1024 * GIB)

/* KEY is in force from a reload on, LATE from the next start on; the daemon says so. */
#define KEY(sec, name, type, at, fallback, min, max, help)                                         \
	{                                                                                          \
		sec, name, type, at, fallback, min, max, help, false                               \
	}
#define LATE(sec, name, type, at, fallback, min, max, help)                                        \
	{                                                                                          \
		sec, name, type, at, fallback, min, max, help, true                                \
	}
#define R(field)       offsetof(struct conf, field)
#define LISTENS(which) R(listens[CONF_LISTEN_##which])
#define SMTP(field)    R(smtp.field)
#define OMS(field)     R(role[CONF_ROLE_OMS].field)
#define IMS(field)     R(role[CONF_ROLE_IMS].field)
#define OUT(field)     R(smtp_out.field)
#define IN(field)      R(smtp_in.field)
#define D(field)       offsetof(struct conf_domain, field)
#define P(field)       offsetof(struct conf_peer, field)

const struct conf_section_row conf_sections[CONF_SECTIONS] = {
	[CONF_ROOT] = { "", false, 0 },
	[CONF_DOMAIN] = { "domain", true, 0 },
	[CONF_PEER] = { "peer", true, 0 },
	[CONF_SMTP] = { "smtp", false, SMTP(given) },
	[CONF_OMS] = { "oms", false, OMS(given) },
	[CONF_IMS] = { "ims", false, IMS(given) },
};

const struct conf_key conf_keys[] = {
	KEY(CONF_ROOT, "version", CONF_INT, R(version), NULL, 1, 1,
	    "of this file's form; comes first"),
	LATE(CONF_ROOT, "user", CONF_USER, R(user), "", 0, 0,
	    "the user that the daemons become when root starts them"),
	LATE(CONF_ROOT, "accounts", CONF_PATH, R(accounts), "/var/lib/tillcalled/accounts", 0, 0,
	    "the file of mailboxes, aliases and password keys"),
	KEY(CONF_ROOT, "trust", CONF_PATH, R(trust), "/etc/ssl/certs", 0, 0,
	    "folder of the CAs that may vouch for a domain, PEM"),
	KEY(CONF_ROOT, "crls", CONF_PATH, R(crls), "", 0, 0,
	    "folder of revocation lists that you provide, PEM or DER"),
	LATE(CONF_ROOT, "crl-refresh", CONF_TIME, R(crl_refresh_s), "10 min", 1, 7 * DAY_S,
	    "how often revocation lists are checked and fetched again"),
	LATE(CONF_ROOT, "resolver", CONF_RESOLVER, R(resolver), "system", 0, 0,
	    "\"system\", \"ADDRESS@PORT\", or \"zone:FILE\" in place of DNS"),
	KEY(CONF_ROOT, "allow-private-peers", CONF_BOOL, R(allow_private_peers), "false", 0, 0,
	    "talk to peers at addresses that are not public"),
	LATE(CONF_ROOT, "allow-private-crl-hosts", CONF_BOOL, R(allow_private_crl_hosts), "false",
	    0, 0, "fetch revocation lists from addresses that are not public"),
	LATE(CONF_ROOT, "log-level", CONF_LEVEL, R(log_level), "info", 0, 0,
	    "error, warn, info or debug"),
	LATE(CONF_ROOT, "workers", CONF_INT, R(workers), "0", 0, CONF_WORKERS_MAX,
	    "threads that serve; 0: one per core"),
	KEY(CONF_ROOT, "peer-connections", CONF_INT, R(peer_connections), "200", 4, 10000,
	    "the most connections of one domain or user; twice as many of one address"),
	KEY(CONF_ROOT, "peer-questions", CONF_INT, R(peer_questions), "128", 48, 1024,
	    "the most DNS questions about one domain at once; twice as many for one address"),
	KEY(CONF_ROOT, "password-guesses", CONF_INT, R(password_guesses), "20", 10, 10000,
	    "wrong passwords an hour for one account; others in proportion"),

	KEY(CONF_DOMAIN, "certificate", CONF_PATH, D(certificate), NULL, 0, 0,
	    "PEM: the domain's certificate and its chain"),
	KEY(CONF_DOMAIN, "key", CONF_PATH, D(key), NULL, 0, 0,
	    "PEM: its private key, mode 0600 or 0640"),
	KEY(CONF_DOMAIN, "keep", CONF_TIME, D(keep_s), "30 days", HOUR_S, 366 * DAY_S,
	    "how long a letter is held for its recipients"),
	KEY(CONF_DOMAIN, "message-limit", CONF_SIZE, D(message_bytes), "50 MiB", KIB, 16 * GIB,
	    "the largest letter"),

	KEY(CONF_PEER, "smtp-in", CONF_SWITCH, P(smtp_in), "on", 0, 0,
	    "are letters of that domain taken by SMTP; on or off"),
	KEY(CONF_PEER, "smtp-in-certificate", CONF_MODE, P(smtp_in_certificate), "enforce", 0, 0,
	    "of its hosts; \"report-only\": any is taken where SPF passes, and the letter is marked"),
	KEY(CONF_PEER, "smtp-out", CONF_SWITCH, P(smtp_out), "on", 0, 0,
	    "may letters go to that domain by SMTP; on or off"),
	KEY(CONF_PEER, "smtp-out-dane", CONF_DANE, P(smtp_out_dane), "besides", 0, 0,
	    "TLSA records count besides the CA's word, or are enough without it"),

	KEY(CONF_SMTP, "name", CONF_HOST, SMTP(name), NULL, 0, 0,
	    "this host's name in SMTP, which leads to connect-from and back"),
	KEY(CONF_SMTP, "certificate", CONF_PATH, SMTP(certificate), NULL, 0, 0,
	    "PEM: a certificate for that name, and its chain"),
	KEY(CONF_SMTP, "key", CONF_PATH, SMTP(key), NULL, 0, 0,
	    "PEM: its private key, mode 0600 or 0640"),
	KEY(CONF_SMTP, "connect-from", CONF_ADDRESS, SMTP(connect_from), NULL, 0, 0,
	    "this host's public address, whose reverse record is the name"),
	KEY(CONF_SMTP, "contact", CONF_URL, SMTP(contact), "", 0, 0,
	    "https URL where people learn why their mail is refused; \"\": none"),
	KEY(CONF_SMTP, "postmaster", CONF_MAIL, SMTP(postmaster), "", 0, 0,
	    "address of the user who is postmaster and abuse of all domains; \"\": nobody"),

	LATE(CONF_OMS, "spool", CONF_PATH, OMS(folder), "/var/lib/tillcalled/oms", 0, 0,
	    "folder of the letters that are held"),
	LATE(CONF_OMS, "spool-size", CONF_SIZE, OMS(folder_bytes), "16 GiB", 16 * MIB, 64 * TIB,
	    "the most that it may take"),
	KEY(CONF_OMS, "user-letters", CONF_INT, OMS(user_letters), "10000", 1, 1000000000,
	    "the most letters of one user that have not been fetched yet, and never more than 30000"),
	KEY(CONF_OMS, "user-size", CONF_SIZE, OMS(user_bytes), "1 GiB", MIB, 64 * TIB,
	    "the most of the spool that one user may take, and never more than half"),
	LATE(CONF_OMS, "listen-fetch", CONF_LISTENS, LISTENS(FETCH), NULL, CONF_PORT_FETCH, 0,
	    "where recipients' servers fetch, port 1470; \"none\": nowhere"),
	LATE(CONF_OMS, "listen-submit", CONF_LISTENS, LISTENS(SUBMIT), NULL, CONF_PORT_SUBMIT, 0,
	    "where your users hand letters in, port 1472; \"none\": nowhere"),
	LATE(CONF_OMS, "listen-submission", CONF_LISTENS, LISTENS(SUBMISSION), "none",
	    CONF_PORT_SUBMISSION, 0,
	    "where your users' mail programs submit by SMTP with STARTTLS, port 587"),
	LATE(CONF_OMS, "listen-submissions", CONF_LISTENS, LISTENS(SUBMISSIONS), "none",
	    CONF_PORT_SUBMISSIONS, 0, "the same with TLS from the start, port 465"),
	KEY(CONF_OMS, "may-send-as-list", CONF_MAILS, OMS(lists), "", 0, 0,
	    "users whose letters may have any From, for list managers: { \"list@example.org\" }"),
	LATE(CONF_OMS, "local-socket", CONF_PATH, OMS(local_socket), "", 0, 0,
	    "socket where programs of this machine submit without a password; \"\": none"),
	KEY(CONF_OMS, "local-user", CONF_USERS, OMS(local_user), "", 0, 0,
	    "whose address a login of this machine has: { \"root = root@example.org\" }; others: LOGIN@ the smtp name"),
	LATE(CONF_OMS, "control", CONF_PATH, OMS(control), "/run/tillcalled/oms.sock", 0, 0,
	    "socket of oms queue, oms status"),
	KEY(CONF_OMS, "smtp-out", CONF_ROAD, OUT(road), "off", 0, 0,
	    "SMTP to domains that name no server of ours: \"off\", \"mx\", or \"via HOST:PORT\""),
	KEY(CONF_OMS, "smtp-out-certificate", CONF_MODE, OUT(certificate), "enforce", 0, 0,
	    "of MX hosts; \"report-only\": any is taken, and the outbox says so"),
	KEY(CONF_OMS, "smtp-out-user", CONF_LOGIN, OUT(user), "", 0, 0,
	    "who signs in at the smarthost; \"\": nobody"),
	KEY(CONF_OMS, "smtp-out-password", CONF_PATH, OUT(password), "", 0, 0,
	    "file of the password there, mode 0600 or 0640; \"\": none"),
	KEY(CONF_OMS, "smtp-give-up", CONF_TIME, OUT(give_up_s), "5 days", MIN_S, 60 * DAY_S,
	    "how long a letter is tried by SMTP, and never longer than it is held"),
	KEY(CONF_OMS, "smtp-port", CONF_INT, OUT(port), "25", 1, 65535,
	    "port of MX hosts, where it is not 25"),
	KEY(CONF_OMS, "connect-from", CONF_ADDRESS, OMS(connect_from), "", 0, 0,
	    "own address to notify from, the one that SPF names; \"\": the system's choice"),

	LATE(CONF_IMS, "store", CONF_PATH, IMS(folder), "/var/lib/tillcalled/ims", 0, 0,
	    "folder of the mailboxes"),
	LATE(CONF_IMS, "store-size", CONF_SIZE, IMS(folder_bytes), "16 GiB", 16 * MIB, 64 * TIB,
	    "the most that it may take"),
	LATE(CONF_IMS, "listen-notify", CONF_LISTENS, LISTENS(NOTIFY), NULL, CONF_PORT_NOTIFY, 0,
	    "where senders' servers announce letters, port 1471; \"none\": nowhere"),
	LATE(CONF_IMS, "listen-mailbox", CONF_LISTENS, LISTENS(MAILBOX), NULL, CONF_PORT_MAILBOX, 0,
	    "where your users read, port 1473; \"none\": nowhere"),
	LATE(CONF_IMS, "listen-smtp", CONF_LISTENS, LISTENS(SMTP), "none", CONF_PORT_SMTP, 0,
	    "where letters come by SMTP, port 25; wants the section smtp; \"none\": nowhere"),
	KEY(CONF_IMS, "smtp-in-certificate", CONF_MODE, IN(certificate), "enforce", 0, 0,
	    "of hosts that give letters; \"report-only\": any is taken, and the letter is marked"),
	KEY(CONF_IMS, "smtp-in-spf", CONF_MODE, IN(spf), "enforce", 0, 0,
	    "the same for SPF of the sender's domain"),
	KEY(CONF_IMS, "smtp-in-mx", CONF_MODE, IN(mx), "enforce", 0, 0,
	    "the same for the MX record that the sender's domain must have"),
	KEY(CONF_IMS, "smtp-in-name", CONF_PAIRS, IN(names), "", 0, 0,
	    "which name the certificate of such hosts bears: { \"*.example.org = mail.example.org\" }"),
	KEY(CONF_IMS, "smtp-in-open", CONF_OPEN, IN(open), "nobody", 0, 0,
	    "\"postmaster abuse\": these two are reached by any host, and such letters are marked"),
	LATE(CONF_IMS, "control", CONF_PATH, IMS(control), "/run/tillcalled/ims.sock", 0, 0,
	    "socket of ims list, ims status"),
	KEY(CONF_IMS, "hold-limit", CONF_TIME, IMS(hold_limit_s), "90 days", HOUR_S, 366 * DAY_S,
	    "a longer promise to hold a letter is cut to this"),
	KEY(CONF_IMS, "sender-share", CONF_INT, IMS(sender_percent), "20", 1, 100,
	    "percent of store-size that notices of one sender's domain may take; 1 in the last fifth; 100: no bound"),
	KEY(CONF_IMS, "sender-mailbox-share", CONF_INT, IMS(sender_mailbox_percent), "5", 1, 100,
	    "percent of store-size that they may take in one mailbox"),
	KEY(CONF_IMS, "unknown-recipients", CONF_INT, IMS(unknown_recipients), "20", 1, 100000,
	    "how many an hour one sender's domain is told of; 20 accepted ones earn one more, at most 100 an hour"),
	KEY(CONF_IMS, "notice-keep", CONF_TIME, IMS(notice_keep_s), "30 days", MIN_S, 366 * DAY_S,
	    "how long an unopened notice stays after its letter is no longer held"),
	KEY(CONF_IMS, "connect-from", CONF_ADDRESS, IMS(connect_from), "", 0, 0,
	    "own address to fetch from, one that _ims._tcp leads to; \"\": the system's choice"),
	{ CONF_ROOT, NULL, CONF_INT, 0, NULL, 0, 0, NULL, false },
};

const struct conf_key *
conf_key_of_listener(enum conf_listener l)
{
	const struct conf_key *k = conf_keys;

	while (k->type != CONF_LISTENS || k->offset != R(listens) + l * sizeof(struct conf_listens))
		k++;
	return k;
}
