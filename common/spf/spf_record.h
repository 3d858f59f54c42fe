/* spf_record — one SPF record, parsed strictly by the grammar of RFC 7208 section 12.
 *
 * Pure.  A syntax error anywhere makes the whole record malformed (4.6: permerror).
 * Spans point into the text that was parsed.
 *
 * Trust:  the record is hostile: any octets, any length up to a DNS answer's.
 */
#ifndef COMMON_SPF_SPF_RECORD_H
#define COMMON_SPF_SPF_RECORD_H

#include "common/base/err.h"

#define SPF_RECORD_TERMS_MAX 8192 /* a shortest term takes three octets of at most 65,535 */
/* Octets of one term; a longer one is an error.  It names 253 octets at most, and each macro in it costs at
 * every evaluation, which a record may want for each local part. */
#define SPF_TERM_MAX 1024

enum spf_kind { SPF_ALL, SPF_INCLUDE, SPF_A, SPF_MX, SPF_PTR, SPF_IP4, SPF_IP6, SPF_EXISTS };

struct spf_term {
	enum spf_kind kind;
	char qualifier;       /* + - ? ~ */
	struct span domain;   /* domain-spec; empty: the domain itself */
	uint8_t bits4, bits6; /* prefix lengths; 32 and 128 where none is given */
	uint8_t address[16];  /* ip4: the first four */
};

struct spf_record {
	struct spf_term *terms;
	size_t n;
	struct span redirect, exp; /* domain-specs; empty: none */
};

/* Does a TXT record's text belong to SPF at all?  "v=spf1" and then a space or the end. */
bool spf_record_is(struct span text);

/* `text` is one for which spf_record_is holds.  False: spf_permerror, *r is empty. */
bool spf_record_parse(struct spf_record *r, struct span text, struct err *e);
void spf_record_clear(struct spf_record *r);

#endif
