/* dns_packet — reading answers; see dns_packet.h. */
#include "common/dns/dns_packet.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES  12
#define TTL_UNKNOWN_S 60 /* absence without a SOA */
#define TTL_MAX_S     604800
#define WIRE_NAME_MAX 255
#define POINTERS_MAX  64

struct name {
	uint8_t wire[WIRE_NAME_MAX];
	size_t n;
};

struct record {
	struct name owner;
	uint16_t type, rrclass;
	uint32_t ttl_s;
	size_t at, n; /* rdata */
};

static uint8_t
octet(struct span p, size_t at)
{
	return (uint8_t)p.p[at];
}

static bool
read_u16(struct span p, size_t *at, uint16_t *out)
{
	if (p.n < 2 || *at > p.n - 2)
		return false;
	*out = (uint16_t)(octet(p, *at) << 8 | octet(p, *at + 1));
	*at += 2;
	return true;
}

static bool
read_u32(struct span p, size_t *at, uint32_t *out)
{
	uint16_t high, low;

	if (!read_u16(p, at, &high) || !read_u16(p, at, &low))
		return false;
	*out = (uint32_t)high << 16 | low;
	return true;
}

/* A pointer must lead backwards, so reading ends. */
static bool
read_name(struct span p, size_t *at, struct name *out)
{
	size_t here = *at, limit = *at, hops = 0;
	bool jumped = false;

	out->n = 0;
	for (;;) {
		if (here >= p.n)
			return false;
		uint8_t len = octet(p, here);
		if ((len & 0xc0) == 0xc0) {
			if (here + 1 >= p.n || ++hops > POINTERS_MAX)
				return false;
			size_t to = (size_t)(len & 0x3f) << 8 | octet(p, here + 1);
			if (!jumped)
				*at = here + 2;
			if (to >= limit)
				return false;
			jumped = true;
			here = limit = to;
			continue;
		}
		if (len > 63 || out->n + len + 1u > WIRE_NAME_MAX || p.n - here < len + 1u)
			return false;
		memcpy(out->wire + out->n, p.p + here, len + 1u);
		out->n += len + 1u;
		here += len + 1u;
		if (len == 0)
			break;
	}
	if (!jumped)
		*at = here;
	return true;
}

/* False: too long as text, and out is "". */
static bool
name_text(const struct name *name, char out[DNS_NAME_BYTES])
{
	size_t n = 0, i = 0;

	while (name->wire[i] != 0) {
		size_t end = i + 1u + name->wire[i];

		if (i > 0)
			out[n++] = '.';
		for (i++; i < end; i++) {
			uint8_t c = name->wire[i];
			bool plain = c > 0x20 && c < 0x7f && c != '\\' && c != '.';

			if (n + (plain ? 1 : 4) > DNS_NAME_MAX) {
				out[0] = '\0';
				return false;
			}
			if (plain) {
				out[n++] = (char)c;
				continue;
			}
			out[n++] = '\\';
			out[n++] = (char)('0' + c / 100);
			out[n++] = (char)('0' + c / 10 % 10);
			out[n++] = (char)('0' + c % 10);
		}
	}
	out[n] = '\0';
	return true;
}

static bool
same_name(const struct name *a, const struct name *b)
{
	return span_eq_nocase(span_of(a->wire, a->n), span_of(b->wire, b->n));
}

static bool
read_record(struct span p, size_t *at, struct record *r)
{
	uint16_t n;

	if (!read_name(p, at, &r->owner) || !read_u16(p, at, &r->type) ||
	    !read_u16(p, at, &r->rrclass) || !read_u32(p, at, &r->ttl_s) || !read_u16(p, at, &n) ||
	    p.n - *at < n)
		return false;
	if (r->ttl_s > TTL_MAX_S)
		r->ttl_s = (r->ttl_s & 0x80000000u) != 0 ? 0 : TTL_MAX_S;
	r->at = *at;
	r->n = n;
	*at += n;
	return true;
}

/* How many octets precede the name in such a record; -1: it holds no name. */
static int
octets_before_name(uint16_t type)
{
	switch (type) {
	case DNS_CNAME:
	case DNS_PTR:
		return 0;
	case DNS_MX:
		return 2;
	case DNS_SRV:
		return 6;
	default:
		return -1;
	}
}

static bool
keep_rdata(struct dns_packet *out, struct span p, const struct record *r)
{
	struct name name;
	int before = octets_before_name(r->type);

	if (before < 0) {
		buf_add(&out->octets, p.p + r->at, r->n);
	} else {
		size_t at = r->at + (size_t)before;

		if (r->n < (size_t)before || !read_name(p, &at, &name) || at != r->at + r->n)
			return false;
		buf_add(&out->octets, p.p + r->at, (size_t)before);
		buf_add(&out->octets, name.wire, name.n);
	}
	out->end[out->n++] = out->octets.len;
	return true;
}

static bool
failed(struct dns_packet *out, const char *why)
{
	out->status = DNS_FAILED;
	out->why = why;
	return false;
}

/* One step along the chain: keeps what `name` has of `type`, or moves name on by a CNAME.
 * `*more`: a CNAME was followed. */
static bool
step(struct dns_packet *out, struct span p, size_t at, unsigned count, uint16_t type,
    struct name *name, bool *more)
{
	struct record r;
	struct name next;

	*more = false;
	for (; count > 0; count--) {
		if (!read_record(p, &at, &r))
			return failed(out, "the answer is malformed");
		if (r.rrclass != 1 || !same_name(&r.owner, name))
			continue;
		if (r.type == type) {
			if (out->n == DNS_RECORDS_MAX)
				return failed(out, "the answer has too many records");
			if (!keep_rdata(out, p, &r))
				return failed(out, "a record is malformed");
		} else if (r.type == DNS_CNAME && !*more) {
			size_t target = r.at;

			if (!read_name(p, &target, &next))
				return failed(out, "a record is malformed");
			*more = true;
		} else {
			continue;
		}
		if (r.ttl_s < out->ttl_s)
			out->ttl_s = r.ttl_s;
	}
	if (out->n > 0)
		*more = false;
	else if (*more)
		*name = next;
	return true;
}

/* RFC 2308: a negative answer lasts for the SOA's TTL or its last field, whichever is less. */
static void
absence_ttl(struct dns_packet *out, struct span p, size_t at, unsigned answers, unsigned count)
{
	struct record r;
	uint32_t ttl = TTL_UNKNOWN_S, minimum;

	for (; answers > 0; answers--)
		if (!read_record(p, &at, &r))
			return;
	for (; count > 0 && read_record(p, &at, &r); count--) {
		if (r.type != DNS_SOA || r.n < 4)
			continue;
		size_t last = r.at + r.n - 4;

		ttl = r.ttl_s;
		if (read_u32(p, &last, &minimum) && minimum < ttl)
			ttl = minimum;
		break;
	}
	if (ttl < out->ttl_s)
		out->ttl_s = ttl;
}

/* Is it the name of these dotted labels? */
static bool
name_is(const struct name *name, struct span dotted)
{
	size_t i = 0;

	while (dotted.n > 0) {
		struct span label = span_cut(&dotted, '.');

		if (name->wire[i] != label.n ||
		    !span_eq_nocase(span_of(name->wire + i + 1, label.n), label))
			return false;
		i += label.n + 1;
	}
	return name->wire[i] == 0;
}

static void
follow(struct dns_packet *out, struct span p, size_t first, struct name name, uint16_t type,
    unsigned answers, unsigned authority)
{
	bool more = true;
	unsigned followed = 0;

	while (more) {
		if (!step(out, p, first, answers, type, &name, &more))
			return;
		if (more && ++followed > DNS_CNAMES_MAX) {
			failed(out, "more than 8 CNAMEs in a row");
			return;
		}
	}
	if (followed > 0 && !name_text(&name, out->alias)) {
		failed(out, "a record is malformed");
		return;
	}
	if (out->n > 0) {
		out->status = DNS_OK;
		return;
	}
	out->status = out->rcode == 3 ? DNS_NXDOMAIN : DNS_NODATA;
	absence_ttl(out, p, first, answers, authority);
}

static bool
read_question(struct span p, size_t *at, struct span asked, uint16_t type, struct name *name)
{
	uint16_t qtype, qclass;

	return read_name(p, at, name) && read_u16(p, at, &qtype) && read_u16(p, at, &qclass) &&
	    name_is(name, asked) && qtype == type && qclass == 1;
}

void
dns_packet_read(struct dns_packet *out, struct span p, struct span asked, enum dns_type type)
{
	uint16_t questions = 0, answers = 0, authority = 0;
	size_t at = 4, first = HEADER_BYTES;
	struct name name;

	out->ttl_s = TTL_MAX_S;
	out->rcode = -1;
	if (p.n < HEADER_BYTES || p.n > DNS_ANSWER_MAX) {
		failed(out, p.n == 0 ? "no answer" : "the answer is malformed");
		return;
	}
	out->rcode = octet(p, 3) & 0x0f;
	(void)(read_u16(p, &at, &questions) && read_u16(p, &at, &answers) &&
	    read_u16(p, &at, &authority));
	if (out->rcode != 0 && out->rcode != 3)
		failed(out, out->rcode == 2 ? "SERVFAIL" : "the name server refused");
	else if (questions != 1 || !read_question(p, &first, asked, (uint16_t)type, &name))
		failed(out, "the answer is to another question");
	else if ((octet(p, 2) & 0x02) != 0)
		failed(out, "the answer is cut off");
	else
		follow(out, p, first, name, (uint16_t)type, answers, authority);
}

void
dns_packet_clear(struct dns_packet *p)
{
	buf_clear(&p->octets);
	p->n = 0;
}

struct span
dns_packet_rdata(const struct dns_packet *p, size_t i)
{
	size_t start = i == 0 ? 0 : p->end[i - 1];

	return span_of(p->octets.data == NULL ? "" : p->octets.data + start, p->end[i] - start);
}

bool
dns_rdata_u16(struct span rdata, size_t *at, uint16_t *out)
{
	return read_u16(rdata, at, out);
}

bool
dns_rdata_name(struct span rdata, size_t *at, char out[DNS_NAME_BYTES])
{
	struct name name;

	return read_name(rdata, at, &name) && name_text(&name, out);
}

bool
dns_rdata_address(struct span rdata, enum dns_type type, uint16_t port,
    struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if (type == DNS_A && rdata.n == 4) {
		struct sockaddr_in *in = (struct sockaddr_in *)out;

		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, rdata.p, 4);
		return true;
	}
	if (type == DNS_AAAA && rdata.n == 16) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		memcpy(&in6->sin6_addr, rdata.p, 16);
		return true;
	}
	return false;
}
