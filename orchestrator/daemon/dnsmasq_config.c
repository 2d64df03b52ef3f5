/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "daemon/dnsmasq.h"
#include "daemon/template.h"

enum { MTU_USUAL = 1500 };

/* "10.77.0.0/24" → "10.77.0.0", "255.255.255.0" */
static int split_network(const char *cidr, char network[INET_ADDRSTRLEN],
			 char netmask[INET_ADDRSTRLEN], struct err *err)
{
	struct in_addr address;
	char text[INET_ADDRSTRLEN] = "";
	char *end = NULL;
	const char *slash = cidr ? strchr(cidr, '/') : NULL;
	if (slash && (size_t)(slash - cidr) < sizeof(text))
		memcpy(text, cidr, (size_t)(slash - cidr));
	unsigned long bits = slash ? strtoul(slash + 1, &end, 10) : 0;
	if (inet_pton(AF_INET, text, &address) != 1 || bits < 1 || bits > 32 || *end != '\0')
		return err_set(err, "the boot network needs addresses: cidr = \"10.0.0.0/24\"");
	struct in_addr mask = { htonl((uint32_t)(0xffffffffUL << (32 - bits))) };
	address.s_addr &= mask.s_addr;
	inet_ntop(AF_INET, &address, network, INET_ADDRSTRLEN);
	inet_ntop(AF_INET, &mask, netmask, INET_ADDRSTRLEN);
	return 0;
}

static const char *router(const struct site *site, const struct network *network)
{
	const struct site_node *gateway =
		network->gateway ? site_find_node(site, network->gateway) : NULL;
	return gateway ? site_node_address(gateway, network->name) : NULL;
}

/* Without the nodes' names: they take those from /seed, and to dnsmasq "ignore", "infinite"
   and "12h" would not be names. */
static void hosts(const struct site *site, const char *only, struct str *out)
{
	for (size_t i = 0; i < site->node_count; i++) {
		const struct site_node *node = &site->nodes[i];
		const char *address = site_node_boot_address(site, node);
		if (node->mac && address && (only == NULL || text_equal(node->name, only)))
			str_addf(out, "dhcp-host=%s,%s\n", node->mac, address);
	}
}

/* snponly drives the card through the firmware that booted from it: nothing is
   probed twice. Where it is not shipped, ipxe.efi brings drivers of its own. */
static const char *efi_binary(const char *tftp_dir)
{
	AUTO_FREE char *path = xasprintf("%s/snponly.efi", tftp_dir);
	return file_exists(path) ? "snponly.efi" : "ipxe.efi";
}

char *dnsmasq_leases(const char *boot_dir)
{
	return xasprintf("%s/dnsmasq.leases", boot_dir);
}

int dnsmasq_config_print(const struct dnsmasq_config *config, struct str *out, struct err *err)
{
	const struct site *site = config->site;
	const struct network *network = site_find_network(site, site->boot_network);
	char base[INET_ADDRSTRLEN];
	char netmask[INET_ADDRSTRLEN];
	AUTO_STR struct str list = STR_INIT;
	if (network == NULL)
		return err_set(err, "the site has no boot network");
	if (split_network(network->cidr, base, netmask, err) != 0)
		return -1;
	hosts(site, config->only, &list);
	const char *gateway = router(site, network);
	AUTO_FREE char *leases = dnsmasq_leases(config->boot_dir);
	AUTO_FREE char *script = xasprintf("http://%s:%llu/ipxe?mac=${netX/mac}", config->server,
					   (unsigned long long)site->boot_port);
	AUTO_FREE char *route = gateway ? xasprintf(",%s", gateway) : xstrdup("");
	AUTO_FREE char *mtu =
		network->mtu && network->mtu != MTU_USUAL
			? xasprintf("dhcp-option=option:mtu,%llu", (unsigned long long)network->mtu)
			: xstrdup("");
	const struct template_value values[] = {
		{ "INTERFACE", config->interface, 0 },
		{ "SERVER", config->server, 0 },
		{ "USER", config->user, 0 },
		{ "GROUP", strcmp(config->user, "root") == 0 ? "root" : "nogroup", 0 },
		{ "LEASES", leases, 0 },
		{ "NETWORK", base, 0 },
		{ "NETMASK", netmask, 0 },
		{ "ROUTER", route, 0 },
		{ "DOMAIN", site->domain, 0 },
		{ "MTU", mtu, 0 },
		{ "SCRIPT", script, 0 },
		{ "EFI_BINARY", efi_binary(config->tftp_dir), 0 },
		{ "TFTP", config->tftp_dir, 0 },
		{ "HOSTS", str_text(&list), 1 },
	};
	return template_file(config->share_dir, "dnsmasq.conf.in", values, COUNT_OF(values), out,
			     err);
}
