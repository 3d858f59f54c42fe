/* wire — what crosses a world's network: a line for each TCP segment, until SIGTERM.
 *
 *	wire > FILE
 *
 * prints "ready", then MILLISECONDS SOURCE:PORT DESTINATION:PORT OCTETS FLAGS, where OCTETS are those
 * of the payload and FLAGS some of S (syn), F (fin), R (rst) or "-".  Each segment once, as it leaves.
 * Needs CAP_NET_RAW in its network namespace.  tests/lib/wire.sh sums up.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SEGMENT_BYTES (256 * 1024) /* loopback's are joined to 64 KiB and more */

static volatile sig_atomic_t ended;

static void
end(int sig)
{
	(void)sig;
	ended = 1;
}

/* The TCP header in a packet of n octets; *payload_end is where the IP packet ends. */
static const unsigned char *
tcp_of(const unsigned char *p, size_t n, char src[INET6_ADDRSTRLEN], char dst[INET6_ADDRSTRLEN],
    const unsigned char **payload_end)
{
	const struct iphdr *v4 = (const void *)p;
	const struct ip6_hdr *v6 = (const void *)p;
	size_t head, all;

	if (n >= sizeof *v4 && v4->version == 4 && v4->protocol == IPPROTO_TCP) {
		head = (size_t)v4->ihl * 4;
		all = ntohs(v4->tot_len);
		inet_ntop(AF_INET, &v4->saddr, src, INET6_ADDRSTRLEN);
		inet_ntop(AF_INET, &v4->daddr, dst, INET6_ADDRSTRLEN);
	} else if (n >= sizeof *v6 && v4->version == 6 && v6->ip6_nxt == IPPROTO_TCP) {
		head = sizeof *v6;
		all = ntohs(v6->ip6_plen) == 0 ? 0 : head + ntohs(v6->ip6_plen);
		inet_ntop(AF_INET6, &v6->ip6_src, src, INET6_ADDRSTRLEN);
		inet_ntop(AF_INET6, &v6->ip6_dst, dst, INET6_ADDRSTRLEN);
	} else
		return NULL;
	if (all == 0 || all > n) /* joined segments over 64 KiB say 0 */
		all = n;
	*payload_end = p + all;
	return head + sizeof(struct tcphdr) <= all ? p + head : NULL;
}

static void
told(const unsigned char *p, size_t n)
{
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	const unsigned char *stop, *at = tcp_of(p, n, src, dst, &stop);
	const struct tcphdr *tcp = (const void *)at;
	struct timespec now;

	if (at == NULL || at + (size_t)tcp->doff * 4 > stop)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	printf("%lld %s:%u %s:%u %zu %s%s%s%s\n",
	    (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000, src, ntohs(tcp->source), dst,
	    ntohs(tcp->dest), (size_t)(stop - at) - (size_t)tcp->doff * 4, tcp->syn ? "S" : "",
	    tcp->fin ? "F" : "", tcp->rst ? "R" : "", tcp->syn || tcp->fin || tcp->rst ? "" : "-");
}

int
main(void)
{
	static _Alignas(8) unsigned char segment[SEGMENT_BYTES];
	struct sigaction act = { .sa_handler = end };
	struct sockaddr_ll from;
	socklen_t from_bytes;
	ssize_t n;
	int room = 64 << 20;
	int s = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ALL));

	if (s < 0) {
		perror("wire");
		return 77;
	}
	if (setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) < 0)
		setsockopt(s, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	printf("ready\n");
	setvbuf(stdout, NULL, _IOLBF, 0);
	fflush(stdout);
	while (!ended) {
		from_bytes = sizeof from;
		n = recvfrom(s, segment, sizeof segment, 0, (struct sockaddr *)&from, &from_bytes);
		if (n < 0 && errno != EINTR)
			break;
		if (n > 0 && from.sll_pkttype == PACKET_OUTGOING)
			told(segment, (size_t)n);
	}
	close(s);
	return ended ? 0 : 74;
}
