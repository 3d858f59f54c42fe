/* conf — the configuration file: every key, its check, its default, its help, in one table.
 *
 * One file serves both daemons and all verbs.  `version = 1` comes first; a key that is unknown,
 * repeated or of the wrong form is refused with FILE:LINE, the nearest known key and the form it
 * should have (refusal config, status 78).  A file that others can write to is refused, also by
 * one of the folders on its path; so is a private key that others can read.
 *
 * Owner:   a struct conf is immutable and shared: conf_ref, conf_unref; a reload makes a new one.
 * Threads: a lock lets one conf_load run at a time, because libconfuse's scanner is global.
 * Units:   times in seconds or milliseconds and sizes in octets, by the name's ending.
 * Trust:   the file is the operator's; its limits are here against accidents.
 */
#ifndef COMMON_CONF_CONF_H
#define COMMON_CONF_CONF_H

#include "common/base/address.h"
#include "common/base/guard.h"
#include "common/base/log.h"

#define CONF_FILE_DEFAULT  "/etc/tillcalled/tillcalled.conf"
#define CONF_FILE_VARIABLE "TILLCALLED_CONF"
#define CONF_FILE_BYTES    (1024 * 1024)
#define CONF_PATH_BYTES    1024
#define CONF_DOMAINS_MAX   1024
#define CONF_PEERS_MAX     4096
#define CONF_LISTENS_MAX   16
#define CONF_LISTEN_BYTES  64 /* "[V6]:PORT" and a NUL */
#define CONF_WORKERS_MAX   64
#define CONF_URL_BYTES     201 /* with its NUL: a reply of SMTP has room for it */
#define CONF_ROAD_BYTES    272 /* "via HOST:PORT" and a NUL */
#define CONF_LOGIN_BYTES   256 /* at a smarthost */

/* Where the address of a listen-... key names no port. */
#define CONF_PORT_FETCH       1470
#define CONF_PORT_NOTIFY      1471
#define CONF_PORT_SUBMIT      1472
#define CONF_PORT_MAILBOX     1473
#define CONF_PORT_SUBMISSION  587
#define CONF_PORT_SUBMISSIONS 465
#define CONF_PORT_SMTP        25

#define CONF_PORT_SMARTHOST 465 /* where smtp-out names none */

/* One for each listen-... key. */
enum conf_listener {
	CONF_LISTEN_FETCH,
	CONF_LISTEN_SUBMIT,
	CONF_LISTEN_NOTIFY,
	CONF_LISTEN_MAILBOX,
	CONF_LISTEN_SUBMISSION,
	CONF_LISTEN_SUBMISSIONS,
	CONF_LISTEN_SMTP,
	CONF_LISTENERS
};

/* The value of a listen-... key; empty and not `given`: the key is absent. */
struct conf_listens {
	bool given;
	size_t n;
	char at[CONF_LISTENS_MAX][CONF_LISTEN_BYTES]; /* ADDRESS, ADDRESS:PORT or [V6]:PORT */
	int line[CONF_LISTENS_MAX];                   /* of the file */
};

#define CONF_PAIRS_MAX 64

/* The value of a list whose members are "FROM = TO". */
struct conf_pairs {
	size_t n;
	struct conf_pair {
		char from[ADDRESS_STR_BYTES], to[ADDRESS_STR_BYTES];
	} at[CONF_PAIRS_MAX];
};

#define CONF_MAILS_MAX 64

struct conf_mails { /* a list of addresses of mail, in canonical form */
	size_t n;
	char at[CONF_MAILS_MAX][ADDRESS_STR_BYTES];
};

struct conf_domain {
	struct domain name;
	char certificate[CONF_PATH_BYTES];
	char key[CONF_PATH_BYTES];
	int64_t keep_s;         /* how long letters are held for recipients */
	uint64_t message_bytes; /* the largest letter */
};

/* This host as SMTP knows it: one name for all that it says. */
struct conf_smtp {
	bool given; /* the section is in the file */
	struct domain name;
	char certificate[CONF_PATH_BYTES]; /* bears the name */
	char key[CONF_PATH_BYTES];
	char connect_from
	    [CONF_LISTEN_BYTES];      /* the name leads to it, and its reverse record to the name */
	char contact[CONF_URL_BYTES]; /* for senders who are refused; empty: none */
	char postmaster[ADDRESS_STR_BYTES]; /* in canonical form; empty: none */
};

/* How strictly a rule of the SMTP gateways is kept. */
enum conf_mode { CONF_ENFORCE, CONF_REPORT_ONLY };

/* Is DANE enough where no CA vouches for an MX host? */
enum conf_dane { CONF_DANE_BESIDES, CONF_DANE_ENOUGH };

enum conf_switch { CONF_ON, CONF_OFF };

/* SMTP outward, of the section oms. */
struct conf_smtp_out {
	char road[CONF_ROAD_BYTES];     /* "off", "mx", or "via HOST[:PORT]" */
	enum conf_mode certificate;     /* of the MX hosts */
	char user[CONF_LOGIN_BYTES];    /* at the smarthost; empty: none is signed in */
	char password[CONF_PATH_BYTES]; /* the file of the password; empty: as above */
	int64_t give_up_s;
	int64_t port; /* of MX hosts */
};

/* Are postmaster and abuse open to every sender? */
enum conf_open { CONF_OPEN_NOBODY, CONF_OPEN_TWO };

/* SMTP inward, of the section ims. */
struct conf_smtp_in {
	enum conf_mode certificate, spf, mx;
	enum conf_open open;
	struct conf_pairs names; /* hosts, and the name that their certificate bears */
};

/* What holds for one domain at the other end of SMTP. */
struct conf_peer {
	struct domain name;
	enum conf_switch smtp_in;
	enum conf_mode smtp_in_certificate; /* report-only wants SPF pass all the same */
	enum conf_switch smtp_out;
	enum conf_dane smtp_out_dane;
};

/* The sections of the two daemons have the same kinds of keys. */
enum conf_role_index { CONF_ROLE_OMS, CONF_ROLE_IMS, CONF_ROLES };

struct conf_role {
	bool given;                           /* the section is in the file */
	char folder[CONF_PATH_BYTES];         /* spool, store */
	uint64_t folder_bytes;                /* its largest size */
	char connect_from[CONF_LISTEN_BYTES]; /* empty: the system's choice */
	char control[CONF_PATH_BYTES];
	int64_t user_letters; /* oms alone: of one user, not fetched yet */
	uint64_t user_bytes;  /* oms alone: of the spool, for one user */
	char local_socket
	    [CONF_PATH_BYTES];        /* oms alone: for programs of this machine; empty: none */
	struct conf_mails lists;      /* oms alone: users who may write another's From */
	struct conf_pairs local_user; /* ... whose addresses are these; by their login */
	/* ims alone */
	int64_t hold_limit_s;
	int64_t sender_percent;         /* of folder_bytes, that one sender's domain may take */
	int64_t sender_mailbox_percent; /* the same within one mailbox */
	int64_t unknown_recipients;     /* an hour, that one sender's domain is told */
	int64_t notice_keep_s;          /* how long a notice outlives its letter */
};

struct conf {
	char file[CONF_PATH_BYTES]; /* that it was read from */
	int64_t version;            /* 1 */
	char user[64];              /* empty: no change of user */
	char accounts[CONF_PATH_BYTES];
	char trust[CONF_PATH_BYTES];
	char crls[CONF_PATH_BYTES]; /* empty: none of the operator's own */
	int64_t crl_refresh_s;
	char resolver[CONF_PATH_BYTES]; /* "system", "ADDRESS@PORT", "zone:FILE" */
	bool allow_private_peers, allow_private_crl_hosts;
	enum log_level log_level;
	int64_t workers; /* 0: one per core */
	/* what one domain, one account may take: common/share/share.h */
	int64_t peer_connections, peer_questions, password_guesses;
	struct conf_domain *domains;
	size_t n_domains;
	struct conf_peer *peers;
	size_t n_peers;
	struct conf_smtp smtp;
	struct conf_smtp_in smtp_in;
	struct conf_smtp_out smtp_out;
	struct conf_role role[CONF_ROLES];
	struct conf_listens listens[CONF_LISTENERS];
};

enum conf_use {
	CONF_FOR_VERBS,  /* the user of a verb may be unable to read the key files */
	CONF_FOR_RELOAD, /* the folders must exist and be closed to others */
	CONF_FOR_RUN     /* and each domain's certificate and key */
};

/* -C FILE, else $TILLCALLED_CONF, else the default; `option` may be NULL. */
const char *conf_path(const char *option);

/* False: *e is the first fault; `faults`, unless it is NULL, gets every fault, one a line.  On success *out has one reference. */
bool conf_load(const char *path, enum conf_use use, struct conf **out, struct buf *faults,
    struct err *e);
struct conf *conf_ref(struct conf *c);
void conf_unref(struct conf **c); /* sets NULL */

/* By the name as A-labels, in any case; NULL: the domain is not one of ours. */
const struct conf_domain *conf_domain(const struct conf *c, struct span name);
/* The largest letter that any of our domains takes: SMTP names one limit before it is known which domain's holds. */
uint64_t conf_message_most(const struct conf *c);

/* What the file says of another domain; else what holds for all. */
const struct conf_peer *conf_peer(const struct conf *c, struct span name);

/* The smarthost of "via HOST[:PORT]"; its port is 465 where none is given.  False: letters go to MX hosts, or not at all. */
bool conf_smarthost(const struct conf_smtp_out *o, char host[DOMAIN_BYTES], uint16_t *port);
bool conf_smtp_out_is_on(const struct conf *c, struct span peer);
/* Letters go by SMTP, but not to that domain.  True: *e is smtp_off. */
bool conf_smtp_out_excepts(const struct conf *c, struct span peer, struct err *e);

/* The user that the daemons become, or our own. */
struct guard_user conf_user(const struct conf *c);

/* The whole configuration in force, in the file's own form.  If `explained`, a comment above each key says
 * what it is for. */
void conf_print(const struct conf *c, bool explained, struct buf *out);

#endif
