/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "model/check.h"
#include "model/ip.h"
#include "model/ipv4.h"
#include "model/text_check.h"

enum { IPV6_MTU_MIN = 1280 /* RFC 8200, 5: below it the kernel has no IPv6 on the link */ };

static bool network_range(const struct network *network, struct ipv4_network *range)
{
	return network->cidr != NULL && ipv4_parse_network(network->cidr, range);
}

/* RFC 6890 and RFC 5771: the kernel gives none of these to an interface. (Loopback it does: a
   site may be many nodes on one machine, as in tests/bench/fleet.) */
static void check_special(struct check *check, const struct network *network,
			  const struct ipv4_network *range)
{
	static const struct {
		const char *cidr;
		const char *use;
	} SPECIAL[] = {
		{ "0.0.0.0/8", "machines that have no address yet" },
		{ "224.0.0.0/4", "multicast" },
		{ "240.0.0.0/4", "nobody: reserved" },
	};
	for (size_t i = 0; i < COUNT_OF(SPECIAL); i++) {
		struct ipv4_network special;
		if (ipv4_parse_network(SPECIAL[i].cidr, &special) &&
		    range->prefix >= special.prefix && ipv4_contains(&special, range->address))
			mistake_add(
				check->mistakes, place_of(network->place, "cidr"),
				"network \"%s\": cidr: %s is in %s, which is for %s; choose one of "
				"10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16, or your own",
				network->name, network->cidr, SPECIAL[i].cidr, SPECIAL[i].use);
	}
}

static void check_cidr(struct check *check, const struct network *network)
{
	struct ipv4_network range;
	if (!network_range(network, &range))
		return;
	check_special(check, network, &range);
	if (range.prefix < 8 || range.prefix > 30) {
		mistake_add(check->mistakes, place_of(network->place, "cidr"),
			    "network \"%s\": cidr: /%u is no size for a network of machines; "
			    "from /8 to /30",
			    network->name, range.prefix);
	} else if (range.address != ipv4_first(&range)) {
		AUTO_FREE char *first = ipv4_text(ipv4_first(&range));
		mistake_add(check->mistakes, place_of(network->place, "cidr"),
			    "network \"%s\": cidr: \"%s\" is an address in a network; write "
			    "\"%s/%u\"",
			    network->name, network->cidr, first, range.prefix);
	}
}

static void check_network_name(struct check *check, const struct network *network)
{
	const char *why = text_interface_refusal(network->name);
	if (network->name[0] >= '0' && network->name[0] <= '9')
		mistake_add(check->mistakes, place_of(network->place, "name"),
			    "network \"%s\": begins with a digit, which a key in addresses cannot; "
			    "begin with a letter",
			    network->name);
	else if (why != NULL)
		mistake_add(check->mistakes, place_of(network->place, "name"), "network \"%s\": %s",
			    network->name, why);
}

static void check_gateway(struct check *check, const struct network *network)
{
	if (network->gateway == NULL)
		return;
	const struct site_node *node = site_find_node(check->site, network->gateway);
	if (node == NULL)
		mistake_add(check->mistakes, place_of(network->place, "gateway"),
			    "network \"%s\": gateway: there is no node \"%s\"; write the name of "
			    "a node",
			    network->name, network->gateway);
	else if (network->cidr == NULL && network->broken)
		return;
	else if (network->cidr == NULL)
		mistake_add(check->mistakes, place_of(network->place, "gateway"),
			    "network \"%s\": has a gateway and no cidr; add the cidr",
			    network->name);
	else if (site_node_address(node, network->name) == NULL && !node->addresses_broken)
		mistake_add(check->mistakes, place_of(network->place, "gateway"),
			    "network \"%s\": gateway: node \"%s\" has no address on it; add %s to "
			    "its addresses",
			    network->name, node->name, network->name);
}

static void check_vlans(struct check *check)
{
	const struct site *site = check->site;
	const struct network *by_tag[4095] = { NULL };
	for (size_t i = 0; i < site->network_count; i++) {
		const struct network *network = &site->networks[i];
		if (network->vlan == FIELD_UNSET || network->vlan > 4094)
			continue;
		const struct network **holder = &by_tag[network->vlan];
		if (*holder == NULL) {
			*holder = network;
			continue;
		}
		AUTO_FREE char *where = check_place_text(place_of((*holder)->place, "vlan"),
							 place_of(network->place, "vlan"));
		if (network->vlan == 0)
			mistake_add(check->mistakes, place_of(network->place, "vlan"),
				    "network \"%s\": is untagged, and so is network \"%s\" (%s); "
				    "give one of them a vlan",
				    network->name, (*holder)->name, where);
		else
			mistake_add(check->mistakes, place_of(network->place, "vlan"),
				    "network \"%s\": vlan %u is also network \"%s\"'s (%s); choose "
				    "another",
				    network->name, (unsigned)network->vlan, (*holder)->name, where);
	}
}

struct range {
	uint32_t first, last;
	const struct network *network;
};

static int compare_ranges(const void *left, const void *right)
{
	const struct range *a = left;
	const struct range *b = right;
	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	return a->network < b->network ? -1 : a->network > b->network;
}

/* Sorted by their beginning, each is compared with the one that reaches farthest so far. */
static void check_overlaps(struct check *check)
{
	const struct site *site = check->site;
	struct range *ranges = xcalloc(site->network_count, sizeof(*ranges));
	size_t count = 0;
	for (size_t i = 0; i < site->network_count; i++) {
		struct ipv4_network range;
		if (network_range(&site->networks[i], &range))
			ranges[count++] = (struct range){ ipv4_first(&range), ipv4_last(&range),
							  &site->networks[i] };
	}
	qsort(ranges, count, sizeof(*ranges), compare_ranges);
	for (size_t i = 1, far = 0; i < count; i++) {
		if (ranges[i].first <= ranges[far].last) {
			const struct network *a = ranges[far].network;
			const struct network *b = ranges[i].network;
			const struct network *late = a > b ? a : b;
			const struct network *early = a > b ? b : a;
			AUTO_FREE char *where = check_place_text(place_of(early->place, "cidr"),
								 place_of(late->place, "cidr"));
			mistake_add(check->mistakes, place_of(late->place, "cidr"),
				    "network \"%s\": %s overlaps %s of network \"%s\" (%s); every "
				    "address belongs to one network",
				    late->name, late->cidr, early->cidr, early->name, where);
		}
		if (ranges[i].last > ranges[far].last)
			far = i;
	}
	free(ranges);
}

/* Whether all who have an address on it have an uplink for it: then the kind of that looks at
   its mtu. */
static bool has_uplinks(const struct site *site, const struct network *network)
{
	bool some = false;
	for (size_t i = 0; i < site->node_count; i++) {
		const struct site_node *node = &site->nodes[i];
		if (site_node_address(node, network->name) == NULL)
			continue;
		if (node->uplink == NULL || text_equal(node->uplink, "boot0"))
			return false;
		some = true;
	}
	return some;
}

/* Every other tagged network is carried by the interface that the nodes boot from. */
static void check_mtu(struct check *check, const struct network *network)
{
	const struct network *boot =
		check->site->boot_network
			? site_find_network(check->site, check->site->boot_network)
			: NULL;
	if (boot == NULL || boot == network || network->vlan == 0 || network->mtu == FIELD_UNSET ||
	    boot->mtu == FIELD_UNSET || network->mtu <= boot->mtu ||
	    has_uplinks(check->site, network))
		return;
	mistake_add(check->mistakes, place_of(network->place, "mtu"),
		    "network \"%s\": mtu %llu is larger than %llu, that of the boot network "
		    "\"%s\", which carries it; make it smaller, or that one larger",
		    network->name, (unsigned long long)network->mtu, (unsigned long long)boot->mtu,
		    boot->name);
}

/* RFC 4291. The kernel refuses the one, and the other it gives each link itself: those are not
   looked at on a node. */
static void check_special6(struct check *check, const struct network *network,
			   const struct ip_subnet *subnet)
{
	static const struct {
		const char *cidr;
		const char *use;
	} SPECIAL[] = {
		{ "fe80::/10", "what each link gives itself" },
		{ "ff00::/8", "multicast" },
	};
	for (size_t i = 0; i < COUNT_OF(SPECIAL); i++) {
		struct ip_subnet special;
		if (ip_parse_subnet(SPECIAL[i].cidr, &special) && ip_in(&special, &subnet->address))
			mistake_add(check->mistakes, place_of(network->place, "cidr6"),
				    "network \"%s\": cidr6: %s is in %s, which is for %s; choose "
				    "one of "
				    "fd00::/8, or your own",
				    network->name, network->cidr6, SPECIAL[i].cidr, SPECIAL[i].use);
	}
}

/* 64 is what hosts expect of a link (RFC 4291); wider and smaller ones are for who knows. */
static void check_cidr6(struct check *check, const struct network *network)
{
	struct ip_subnet subnet;
	if (network->cidr6 == NULL || !ip_parse_subnet(network->cidr6, &subnet))
		return;
	if (!ip_is_v6(network->cidr6))
		mistake_add(check->mistakes, place_of(network->place, "cidr6"),
			    "network \"%s\": cidr6: %s is not IPv6; write it like "
			    "\"fd00:77:20::/64\"",
			    network->name, network->cidr6);
	else if (subnet.prefix < 32 || subnet.prefix > 126)
		mistake_add(check->mistakes, place_of(network->place, "cidr6"),
			    "network \"%s\": cidr6: /%u is no size for a network of machines; "
			    "from /32 to /126",
			    network->name, subnet.prefix);
	else if (ip_has_host_bits(&subnet))
		mistake_add(check->mistakes, place_of(network->place, "cidr6"),
			    "network \"%s\": cidr6: \"%s\" is an address in a network; write the "
			    "network's own",
			    network->name, network->cidr6);
	check_special6(check, network, &subnet);
	if (network->mtu != FIELD_UNSET && network->mtu < IPV6_MTU_MIN)
		mistake_add(check->mistakes, place_of(network->place, "mtu"),
			    "network \"%s\": mtu %llu is too small for its cidr6: IPv6 needs %d; "
			    "make it larger, or take cidr6 out",
			    network->name, (unsigned long long)network->mtu, IPV6_MTU_MIN);
	for (const struct network *other = check->site->networks; other < network; other++) {
		struct ip_subnet theirs;
		if (other->cidr6 && ip_parse_subnet(other->cidr6, &theirs) &&
		    ip_subnets_overlap(&subnet, &theirs))
			mistake_add(check->mistakes, place_of(network->place, "cidr6"),
				    "network \"%s\": %s overlaps %s of network \"%s\"; every "
				    "address belongs to one network",
				    network->name, network->cidr6, other->cidr6, other->name);
	}
}

/* The tags of clusters and those of the site's own networks are apart. */
static void check_vlan_pool(struct check *check)
{
	const struct site *site = check->site;
	unsigned first;
	unsigned last;
	if (site->vlan_pool == NULL)
		return;
	if (!site_vlan_pool(site, &first, &last)) {
		mistake_add(check->mistakes, site->vlan_pool_place,
			    "vlan_pool: \"%s\" is no range of VLAN tags; write the first and the "
			    "last of 1 to 4094, like \"100-199\"",
			    site->vlan_pool);
		return;
	}
	for (size_t i = 0; i < site->network_count; i++) {
		const struct network *network = &site->networks[i];
		if (network->vlan >= first && network->vlan <= last)
			mistake_add(check->mistakes, place_of(network->place, "vlan"),
				    "network \"%s\": vlan %u is in the site's vlan_pool %s, which "
				    "is for clusters; choose one outside",
				    network->name, (unsigned)network->vlan, site->vlan_pool);
	}
}

/* The first cluster whose frontend has a link; NULL: the pool is not in use. */
static const struct cluster *first_with_link(const struct site *site)
{
	for (size_t i = 0; i < site->cluster_count; i++)
		if (cluster_has_link(&site->clusters[i]))
			return &site->clusters[i];
	return NULL;
}

/* Gateways have addresses on the links and on the site's networks. */
static void check_link_pool(struct check *check)
{
	const struct site *site = check->site;
	const struct cluster *user = first_with_link(site);
	struct ipv4_network pool;
	if (!site_link_pool(site, &pool))
		return;
	if (pool.prefix < 8 || pool.prefix > SITE_LINK_POOL_MAX) {
		mistake_add(check->mistakes, site->link_pool_place,
			    "link_pool: /%u is no size for the links of 4094 VLAN tags, four "
			    "addresses each; from /8 to /%d",
			    pool.prefix, SITE_LINK_POOL_MAX);
		return;
	}
	if (pool.address != ipv4_first(&pool)) {
		AUTO_FREE char *first = ipv4_text(ipv4_first(&pool));
		mistake_add(check->mistakes, site->link_pool_place,
			    "link_pool: \"%s\" is an address in a network; write \"%s/%u\"",
			    site->link_pool, first, pool.prefix);
	}
	for (size_t i = 0; user != NULL && i < site->network_count; i++) {
		const struct network *network = &site->networks[i];
		struct ipv4_network range;
		if (network_range(network, &range) && ipv4_overlap(&range, &pool))
			mistake_add(
				check->mistakes, place_of(network->place, "cidr"),
				"network \"%s\": %s overlaps the site's link_pool %s, of which "
				"the link to cluster \"%s\" is; choose another, or write another "
				"link_pool in site.cfg",
				network->name, network->cidr, site->link_pool, user->name);
	}
}

void check_networks(struct check *check)
{
	check_vlan_pool(check);
	check_link_pool(check);
	for (size_t i = 0; i < check->site->network_count; i++) {
		check_cidr(check, &check->site->networks[i]);
		check_cidr6(check, &check->site->networks[i]);
		check_network_name(check, &check->site->networks[i]);
		check_gateway(check, &check->site->networks[i]);
		check_mtu(check, &check->site->networks[i]);
	}
	check_vlans(check);
	check_overlaps(check);
}

void check_in_network(struct check *check, struct place place, const char *what,
		      const struct network *network, const char *text)
{
	struct ipv4_network range;
	uint32_t address;
	if (network->cidr == NULL && network->broken)
		return;
	if (network->cidr == NULL) {
		mistake_add(check->mistakes, place,
			    "%s: network \"%s\" has no cidr; add it, or take the address out", what,
			    network->name);
		return;
	}
	if (!network_range(network, &range) || !ipv4_parse(text, &address))
		return;
	if (!ipv4_contains(&range, address))
		mistake_add(check->mistakes, place, "%s: %s is not in %s; choose an address in it",
			    what, text, network->cidr);
	else if (address == ipv4_first(&range))
		mistake_add(check->mistakes, place,
			    "%s: %s is the network's own address; choose one after it", what, text);
	else if (address == ipv4_last(&range))
		mistake_add(check->mistakes, place,
			    "%s: %s is the broadcast address; choose one before it", what, text);
}

void check_boot(struct check *check)
{
	const struct site *site = check->site;
	struct place place = site->boot_place;
	if (site->boot_network == NULL)
		return;
	const struct network *network = site_find_network(site, site->boot_network);
	if (network == NULL) {
		mistake_add(check->mistakes, place_of(place, "network"),
			    "boot: there is no network \"%s\"; add it to networks",
			    site->boot_network);
		return;
	}
	if (network->vlan != 0 && network->vlan != FIELD_UNSET)
		mistake_add(check->mistakes, place_of(network->place, "vlan"),
			    "network \"%s\": machines boot from it, and it has vlan %u; network "
			    "boot is untagged",
			    network->name, (unsigned)network->vlan);
	if (site->boot_server != NULL)
		check_in_network(check, place_of(place, "server"), "boot: server", network,
				 site->boot_server);
}
