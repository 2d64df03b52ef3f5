/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/advert.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char ALL_NODES[] = "ff02::1";
static const char ALL_ROUTERS[] = "ff02::2";

static int set_options(int fd, const char *interface, unsigned index)
{
	int hops = 255; /* less is not believed: RFC 4861, section 6.1.2 */
	struct ipv6_mreq group = { .ipv6mr_interface = index };
	struct icmp6_filter filter;
	ICMP6_FILTER_SETBLOCKALL(&filter);
	ICMP6_FILTER_SETPASS(ND_ROUTER_SOLICIT, &filter);
	inet_pton(AF_INET6, ALL_ROUTERS, &group.ipv6mr_multiaddr);
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface)) !=
		    0 ||
	    setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)) != 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)) != 0)
		return -1;
	return setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &group, sizeof(group));
}

int advert_open(const char *interface, struct err *err)
{
	unsigned index = if_nametoindex(interface);
	int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);
	if (fd >= 0 && index != 0 && set_options(fd, interface, index) == 0)
		return fd;
	err_set_errno(err, errno, "router solicitations on %s", interface);
	if (fd >= 0)
		close(fd);
	return -1;
}

void advert_answer(int fd, const char *interface)
{
	struct nd_router_solicit solicit;
	struct nd_router_advert advert = { .nd_ra_type = ND_ROUTER_ADVERT };
	struct sockaddr_in6 to = { .sin6_family = AF_INET6,
				   .sin6_scope_id = if_nametoindex(interface) };
	inet_pton(AF_INET6, ALL_NODES, &to.sin6_addr);
	while (recv(fd, &solicit, sizeof(solicit), 0) > 0) {
		/* One that is lost costs the machine its wait, and no more. */
		if (sendto(fd, &advert, sizeof(advert), 0, (const struct sockaddr *)&to,
			   sizeof(to)) < 0)
			return;
	}
}
