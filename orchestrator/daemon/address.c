/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <stdio.h>

#include "model/ipv4.h"

int boot_address_find(const struct site *site, char address[INET_ADDRSTRLEN],
		      char interface[IF_NAMESIZE], struct err *err)
{
	const struct network *network = site_find_network(site, site->boot_network);
	struct ipv4_network range;
	struct ifaddrs *list;
	bool found = false;
	if (network == NULL || network->cidr == NULL || !ipv4_parse_network(network->cidr, &range))
		return err_set(err, "the boot network needs addresses: cidr = \"10.0.0.0/24\"");
	if (getifaddrs(&list) != 0)
		return err_set_errno(err, errno, "the interfaces of this machine");
	for (const struct ifaddrs *at = list; at; at = at->ifa_next) {
		char text[INET_ADDRSTRLEN];
		if (at->ifa_addr == NULL || at->ifa_addr->sa_family != AF_INET)
			continue;
		const struct sockaddr_in *has = (const void *)at->ifa_addr;
		inet_ntop(AF_INET, &has->sin_addr, text, sizeof(text));
		bool declared = text_equal(text, site->boot_server);
		if (!declared && (found || !ipv4_contains(&range, ntohl(has->sin_addr.s_addr))))
			continue;
		snprintf(address, INET_ADDRSTRLEN, "%s", text);
		snprintf(interface, IF_NAMESIZE, "%s", at->ifa_name);
		found = true;
		if (declared)
			break;
	}
	freeifaddrs(list);
	if (found)
		return 0;
	return err_set(err,
		       "no interface of this machine is on the boot network: neither %s "
		       "(boot.server) nor another address in %s",
		       site->boot_server, network->cidr);
}
