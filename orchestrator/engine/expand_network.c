/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "engine/expansion.h"
#include "engine/refer.h"

/* ---- networks ---- */

/* Once for each host. */
char *expand_private(const struct expansion *of, struct site_node *host)
{
	uint64_t tag = cluster_vlan(of->cluster, of->made);
	AUTO_FREE char *name = xasprintf("vlan%" PRIu64, tag);
	char *bridge = xasprintf("br-%s", name);
	if (expansion_has(host, "bridge", bridge))
		return bridge;
	struct spec *vlan = expansion_add(of, host, "vlan", name, of->cluster->place);
	expansion_set(vlan, "name", name);
	expansion_set(vlan, "parent", refer_uplink(host));
	expansion_set_number(vlan, "id", tag);
	expansion_set(vlan, "bridge", bridge);
	struct spec *spec = expansion_add(of, host, "bridge", bridge, of->cluster->place);
	expansion_set(spec, "name", bridge);
	expansion_set(spec, "port", name);
	return bridge;
}

/*
 * br-NETWORK, in the 15 characters that the kernel has for it; a copy. Of a longer name the beginning
 * and a digest, since networks may begin alike.
 */
static char *bridge_name(const char *network)
{
	enum { SHORT = 12, BEGINNING = 7, DIGEST = 4 };
	char hex[HASH_HEX_SIZE];
	if (strlen(network) <= SHORT)
		return xasprintf("br-%s", network);
	if (hash_bytes_hex(network, strlen(network), hex, NULL) != 0)
		abort(); /* of a name it cannot fail */
	return xasprintf("br-%.*s-%.*s", BEGINNING, network, DIGEST, hex);
}

/* The host's bridge on the network that the frontend is on besides; a copy. */
static char *outside_bridge(const struct expansion *of, struct site_node *host)
{
	const char *network = of->cluster->external.network;
	const struct spec *there = refer_bridge(host, network);
	if (there != NULL)
		return xstrdup(there->id);
	char *name = bridge_name(network);
	struct spec *bridge = expansion_add(of, host, "bridge", name, of->cluster->external.place);
	expansion_set(bridge, "name", name);
	expansion_set(bridge, "network", network);
	return name;
}

/* "MAC ADDRESS/PREFIX [ROUTER]" of what the guest is told about itself. */
static void tell_interface(struct spec *guest, const char *mac, const char *address,
			   const char *cidr, const char *router)
{
	const char *prefix = cidr ? strchr(cidr, '/') : NULL;
	AUTO_FREE char *line =
		xasprintf("interface=%s %s%s%s%s", mac, address, prefix ? prefix : "",
			  router ? " " : "", router ? router : "");
	expansion_set(guest, "settings", line);
}

/* ---- the link to the gateway, for ports that lead to the frontend ---- */

struct link {
	struct ipv4_network network;
	char *name; /* of its bridge */
	char *gateway, *frontend;
};

static struct link link_of(const struct expansion *of)
{
	struct link link;
	uint64_t tag = cluster_vlan(of->cluster, of->made);
	if (!site_link(of->site, tag, &link.network))
		abort(); /* check_network.c has looked at the pool */
	link.name = xasprintf("br-link%" PRIu64, tag);
	link.gateway = ipv4_text(ipv4_first(&link.network) + 1);
	link.frontend = ipv4_text(ipv4_first(&link.network) + 2);
	return link;
}

static void link_free(struct link *link)
{
	free(link->name);
	free(link->gateway);
	free(link->frontend);
}

/* The one that the node has, to add to. Its role's is for other nodes too: a copy of it. NULL: none. */
static struct spec *firewall_of(const struct expansion *of, struct site_node *node)
{
	const struct spec_list *role = node->role ? node->role->wants : NULL;
	for (size_t i = 0; i < node->wants.count; i++)
		if (strcmp(node->wants.items[i].kind->name, "firewall") == 0)
			return &node->wants.items[i];
	for (size_t i = 0; role && i < role->count; i++) {
		if (strcmp(role->items[i].kind->name, "firewall") != 0)
			continue;
		struct spec *copy = spec_list_copy(&node->wants, &role->items[i]);
		copy->cluster = of->cluster;
		return copy;
	}
	return NULL;
}

/* A bridge with nobody else on it. Outside, the frontend is the gateway. */
static void add_link(const struct expansion *of, struct site_node *host,
		     const struct allocated_guest *made, struct spec *guest)
{
	struct link link = link_of(of);
	const struct spec *firewall = firewall_of(of, host);
	AUTO_FREE char *address = xasprintf("%s/%u", link.gateway, link.network.prefix);
	AUTO_FREE char *outside =
		xasprintf("%s %s %s", link.name, made->outside_mac, link.frontend);
	AUTO_FREE char *cidr = xasprintf("%s/%u", link.frontend, link.network.prefix);
	if (firewall == NULL)
		mistake_add(
			of->mistakes, of->cluster->forwards[0].place,
			"cluster \"%s\": forwards: \"%s\", where its frontend is, has no "
			"firewall, and without one it forwards everything; write firewalls = "
			"( { name = \"site\"; } ) into it, with what else may pass in its allow",
			of->cluster->name, host->name);
	else
		expansion_set(guest, "firewall", firewall->id);
	struct spec *bridge =
		expansion_add(of, host, "bridge", link.name, of->cluster->forwards[0].place);
	expansion_set(bridge, "name", link.name);
	expansion_set(bridge, "addresses", address);
	expansion_set(guest, "interfaces", outside);
	tell_interface(guest, made->outside_mac, link.frontend, cidr, link.gateway);
	link_free(&link);
}

/* The interface that has the host's address on the network; a copy. */
static char *interface_of(const struct expansion *of, const struct site_node *host,
			  const char *network)
{
	char *link = refer_link(of->site, host, network);
	return link ? link : xstrdup("boot0");
}

/* Who is on a network that ports lead in from is reached from inside, as the gateway. Not on the boot
   network: there a machine is who its address says. Once for each network. */
static void add_exit(const struct expansion *of, struct site_node *host, const struct link *link,
		     const struct cluster_forward *forward, struct spec *firewall)
{
	const char *network = forward->network;
	if (network == NULL || text_equal(network, of->site->boot_network))
		return;
	for (const struct cluster_forward *other = of->cluster->forwards; other < forward; other++)
		if (text_equal(other->network, network))
			return;
	AUTO_FREE char *out = interface_of(of, host, network);
	AUTO_FREE char *rule = xasprintf("exit %s %s", link->name, out);
	AUTO_FREE char *first = ipv4_text(ipv4_first(&link->network));
	AUTO_FREE char *from = xasprintf("%s/%u", first, link->network.prefix);
	AUTO_FREE char *name = xasprintf("%s-%s", link->name + strlen("br-"), network);
	expansion_set(firewall, "rules", rule);
	struct spec *masquerade = expansion_add(of, host, "masquerade", name, forward->place);
	expansion_set(masquerade, "name", name);
	expansion_set(masquerade, "from", from);
	expansion_set(masquerade, "out", out);
}

static void add_forward(const struct expansion *of, struct site_node *host, const struct link *link,
			const struct cluster_forward *forward, struct spec *firewall)
{
	const char *network = cluster_forward_network(forward, of->site->boot_network);
	const char *at = site_node_address(host, network);
	if (at == NULL) {
		mistake_add(
			of->mistakes, place_of(forward->place, "network"),
			"cluster \"%s\": forward of port %" PRIu64
			": \"%s\", where its frontend is, has no address on network \"%s\"; "
			"add it to its addresses, or pin the frontend to a gateway that has one",
			of->cluster->name, forward->port, host->name, network);
		return;
	}
	AUTO_FREE char *in = interface_of(of, host, network);
	AUTO_FREE char *rule =
		xasprintf("forward %s %s %" PRIu64 " %s %" PRIu64 " %s", in, forward->protocol,
			  forward->port, link->frontend, cluster_forward_to(forward), at);
	expansion_set(firewall, "rules", rule);
	add_exit(of, host, link, forward, firewall);
}

void expand_forwards(const struct expansion *of)
{
	if (!cluster_is_running(of->cluster) || !cluster_has_link(of->cluster))
		return;
	struct site_node *host = expansion_node(of, of->made->guests[0].host);
	struct spec *found = firewall_of(of, host);
	if (found == NULL)
		return; /* add_link() has told */
	/* A copy: what is added to the host moves its list. The body stays where it is. */
	struct spec firewall = *found;
	struct link link = link_of(of);
	AUTO_FREE char *guard = xasprintf("guard %s", link.name);
	expansion_set(&firewall, "rules", guard);
	for (size_t i = 0; i < of->cluster->forward_count; i++)
		add_forward(of, host, &link, &of->cluster->forwards[i], &firewall);
	link_free(&link);
}

/* ---- interfaces ---- */

static void first_id(const struct spec *spec, void *context)
{
	const char **id = context;
	if (*id == NULL)
		*id = spec->id;
}

/* The frontend routes for the others, so what it sends there has any source address. */
void expand_interfaces(const struct expansion *of, struct site_node *host,
		       const struct cluster_guest *of_guest, const struct allocated_guest *made,
		       struct spec *guest)
{
	const struct cluster *cluster = of->cluster;
	const char *cidr = cluster_cidr(cluster, of->made);
	bool routes = cluster_is_frontend(of_guest);
	AUTO_FREE char *bridge = expand_private(of, host);
	AUTO_FREE char *inside = xasprintf("%s %s%s%s", bridge, made->mac, routes ? "" : " ",
					   routes ? "" : made->address);
	expansion_set(guest, "interfaces", inside);
	tell_interface(guest, made->mac, made->address, cidr,
		       routes ? NULL : of->made->guests[0].address);
	if (routes && cluster_has_link(cluster))
		add_link(of, host, made, guest);
	if (!routes || cluster->external.network == NULL)
		return;
	const char *firewall = NULL;
	const struct network *network = site_find_network(of->site, cluster->external.network);
	const struct site_node *router = site_find_node(of->site, network->gateway);
	AUTO_FREE char *outer = outside_bridge(of, host);
	AUTO_FREE char *outside =
		xasprintf("%s %s %s", outer, made->outside_mac, cluster->external.address);
	expansion_set(guest, "interfaces", outside);
	/* It does not start before what keeps it from other networks is there; see apart.h. */
	refer_each(host, "firewall", first_id, &firewall);
	if (firewall != NULL && !cluster_has_link(cluster))
		expansion_set(guest, "firewall", firewall);
	tell_interface(guest, made->outside_mac, cluster->external.address, network->cidr,
		       router ? site_node_address(router, network->name) : NULL);
}
