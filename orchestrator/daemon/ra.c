/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/ra.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Neighbour discovery believes only what no router has forwarded. */
enum { ND_HOP_LIMIT = 255 };

int ra_open(const char *interface, struct err *err)
{
	struct icmp6_filter filter;
	int hops = ND_HOP_LIMIT;
	int index = (int)if_nametoindex(interface);
	struct ipv6_mreq group = { .ipv6mr_interface = (unsigned)index };
	int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);
	if (fd < 0)
		return err_set_errno(err, errno, "a socket for ICMPv6");
	ICMP6_FILTER_SETBLOCKALL(&filter);
	ICMP6_FILTER_SETPASS(ND_ROUTER_SOLICIT, &filter);
	inet_pton(AF_INET6, "ff02::2", &group.ipv6mr_multiaddr); /* all routers */
	if (setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface,
		       (socklen_t)strlen(interface) + 1) != 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof(hops)) != 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)) != 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof(index)) != 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &group, sizeof(group)) != 0) {
		err_set_errno(err, errno, "ICMPv6 on %s", interface);
		close(fd);
		return -1;
	}
	return fd;
}

void ra_answer(int fd)
{
	/* The kernel fills the checksum in. */
	const struct nd_router_advert answer = { .nd_ra_hdr.icmp6_type = ND_ROUTER_ADVERT };
	struct sockaddr_in6 from;
	struct nd_router_solicit question;
	for (;;) {
		socklen_t size = sizeof(from);
		ssize_t got = recvfrom(fd, &question, sizeof(question), 0, (struct sockaddr *)&from,
				       &size);
		if (got < 0)
			return;
		if (got < (ssize_t)sizeof(question))
			continue;
		/* Who has no address yet listens to all of them. */
		if (IN6_IS_ADDR_UNSPECIFIED(&from.sin6_addr))
			inet_pton(AF_INET6, "ff02::1", &from.sin6_addr);
		/* Lost answers are asked for again. */
		ssize_t ignored = sendto(fd, &answer, sizeof(answer), 0, (struct sockaddr *)&from,
					 sizeof(from));
		(void)ignored;
	}
}
