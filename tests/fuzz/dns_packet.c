/* dns_packet — any octets as a DNS answer: bounded, and what is taken out of it can be read.
 *
 * The input's first octet chooses the type that was asked for; the name is "a.test".
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "common/dns/dns_packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

/* The name is uncompressed and ends at the record's end, for people in plain octets. */
static void
names(struct span rdata, size_t before)
{
	char text[DNS_NAME_BYTES];
	size_t at = before;

	must(rdata.n > before);
	if (!dns_rdata_name(rdata, &at, text))
		return; /* octets to be escaped make it too long */
	must(at == rdata.n && strlen(text) <= DNS_NAME_MAX);
	for (const char *p = text; *p != '\0'; p++)
		must(*p > 0x20 && *p < 0x7f);
}

static void
rdata(struct span r, enum dns_type type)
{
	struct sockaddr_storage address;
	uint16_t number;
	size_t at = 0;

	switch (type) {
	case DNS_CNAME:
	case DNS_PTR:
		names(r, 0);
		break;
	case DNS_MX:
		must(dns_rdata_u16(r, &at, &number) && at == 2);
		names(r, 2);
		break;
	case DNS_SRV:
		names(r, 6);
		break;
	case DNS_A:
		must(dns_rdata_address(r, type, 25, &address) == (r.n == 4));
		break;
	case DNS_AAAA:
		must(dns_rdata_address(r, type, 25, &address) == (r.n == 16));
		break;
	default:
		break;
	}
}

static void
read_packet(struct span packet, struct span asked, enum dns_type type, struct dns_packet *p)
{
	*p = (struct dns_packet) { 0 };
	dns_packet_read(p, packet, asked, type);
	must(p->ttl_s <= 604800 && p->n <= DNS_RECORDS_MAX && p->status != DNS_BOGUS);
	must((p->status == DNS_FAILED) == (p->why != NULL));
	must(p->status != DNS_OK || p->n > 0);
	must(strlen(p->alias) <= DNS_NAME_MAX);
	for (const char *c = p->alias; *c != '\0'; c++)
		must(*c > 0x20 && *c < 0x7f);
	must(p->n == 0 || p->end[p->n - 1] == p->octets.len);
	for (size_t i = 1; i < p->n; i++)
		must(p->end[i - 1] <= p->end[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const enum dns_type types[] = { DNS_A, DNS_CNAME, DNS_SOA, DNS_PTR, DNS_MX, DNS_TXT,
		DNS_AAAA, DNS_SRV, DNS_TLSA };
	struct span in = span_of(data, n), packet = span_sub(in, 1, in.n);
	enum dns_type type = n == 0 ? DNS_A : types[data[0] % (sizeof types / sizeof *types)];
	struct dns_packet p, other;

	read_packet(packet, SPAN_LIT("a.test"), type, &p);
	for (size_t i = 0; p.status == DNS_OK && i < p.n; i++)
		rdata(dns_packet_rdata(&p, i), type);
	/* An answer to one question is none to another. */
	read_packet(packet, SPAN_LIT("b.test"), type, &other);
	must(p.status == DNS_FAILED || other.status == DNS_FAILED);
	dns_packet_clear(&p);
	dns_packet_clear(&other);
	return 0;
}
