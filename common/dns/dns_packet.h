/* dns_packet — one DNS answer in wire form, read into records of one name and type.
 *
 * Pure.  Follows CNAMEs from the question's name; names inside PTR, CNAME, MX, SRV and SOA records
 * come out uncompressed.
 *
 * Trust:  every octet is hostile; every read is checked against the length.
 */
#ifndef COMMON_DNS_DNS_PACKET_H
#define COMMON_DNS_DNS_PACKET_H

#include "common/base/buf.h"
#include "common/dns/dns.h"

struct dns_packet {
	enum dns_status status; /* never DNS_BOGUS */
	int rcode;
	uint32_t ttl_s;
	const char *why;            /* DNS_FAILED */
	char alias[DNS_NAME_BYTES]; /* where CNAMEs lead from the name; "": it has none */
	struct buf octets;          /* all rdata, one after the other */
	size_t n;
	size_t end[DNS_RECORDS_MAX]; /* of each, in octets */
};

/* `out` starts zeroed or cleared.  A packet that answers another question than `asked` (dotted labels
 * of any octets, no trailing dot) and `type` is DNS_FAILED. */
void dns_packet_read(struct dns_packet *out, struct span p, struct span asked, enum dns_type type);
void dns_packet_clear(struct dns_packet *p);
struct span dns_packet_rdata(const struct dns_packet *p, size_t i);

#endif
