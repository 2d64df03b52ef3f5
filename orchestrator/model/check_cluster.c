/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "model/check.h"
#include "model/ipv4.h"
#include "model/near.h"
#include "model/nodeset.h"

enum { SSH_PORT = 22 };

/* ---- what nodes give ---- */

static void check_guests_of(struct check *check, const struct site_node *node)
{
	const struct site_guests *guests = &node->guests;
	const struct site *site = check->site;
	struct place place = guests->place;
	bool runs = guests->vcpus != FIELD_UNSET || guests->memory != FIELD_UNSET;
	bool keeps = guests->storage != FIELD_UNSET || guests->pool != NULL ||
		     guests->thin_pool != NULL || guests->networks.count > 0;
	if (runs && (guests->vcpus == FIELD_UNSET || guests->memory == FIELD_UNSET))
		mistake_add(check->mistakes, place,
			    "node \"%s\": guests: needs vcpus and memory, both; write guests = { "
			    "vcpus = 32; memory = \"120G\"; }",
			    node->name);
	if (runs && !site_node_runs_guests(site, node))
		mistake_add(check->mistakes, place,
			    "node \"%s\": guests: guests run on nodes of the roles vm-server and "
			    "gateway, and this one has \"%s\"; take vcpus and memory out",
			    node->name, node->role_name ? node->role_name : "none");
	if (keeps &&
	    (guests->storage == FIELD_UNSET || guests->pool == NULL || guests->networks.count == 0))
		mistake_add(check->mistakes, place,
			    "node \"%s\": guests: needs storage, pool and networks, all three; "
			    "write guests = { storage = \"4T\"; pool = \"main\"; networks = [ "
			    "\"storage\" ]; }",
			    node->name);
	for (size_t i = 0; i < guests->networks.count; i++) {
		const char *name = guests->networks.items[i];
		if (site_find_network(site, name) == NULL)
			mistake_add(check->mistakes, place_of_item(place, "networks", i),
				    "node \"%s\": guests: networks: there is no network \"%.80s\"; "
				    "write the name of one of the site's",
				    node->name, name);
		else if (site_node_address(node, name) == NULL && !node->addresses_broken)
			mistake_add(check->mistakes, place_of_item(place, "networks", i),
				    "node \"%s\": guests: networks: the node has no address on "
				    "network \"%s\"; add it to its addresses",
				    node->name, name);
	}
}

static bool reaches(const struct site_node *node, const struct text_list *networks)
{
	for (size_t i = 0; i < networks->count; i++)
		if (site_node_address(node, networks->items[i]) != NULL)
			return true;
	return networks->count == 0;
}

/* A guest may come to run on each host, with a disk of each storage node. */
static void check_reach(struct check *check, const struct site_node *host,
			const struct site_node *const *keepers, size_t count)
{
	for (size_t i = 0; i < count && !host->addresses_broken; i++) {
		const struct text_list *networks = &keepers[i]->guests.networks;
		if (reaches(host, networks))
			continue;
		mistake_add(check->mistakes, host->guests.place,
			    "node \"%s\": guests: \"%s\" offers their disks on network \"%s\", "
			    "where this node has no address; add it to its addresses",
			    host->name, keepers[i]->name, networks->items[0]);
		return;
	}
}

void check_guests(struct check *check)
{
	const struct site *site = check->site;
	const struct site_node **keepers = xcalloc(site->node_count, sizeof(const void *));
	size_t count = 0;
	for (size_t i = 0; i < site->node_count; i++) {
		check_guests_of(check, &site->nodes[i]);
		if (site->nodes[i].guests.storage != FIELD_UNSET)
			keepers[count++] = &site->nodes[i];
	}
	for (size_t i = 0; i < site->node_count; i++)
		if (site->nodes[i].guests.vcpus != FIELD_UNSET)
			check_reach(check, &site->nodes[i], keepers, count);
	free(keepers);
}

/* ---- private networks ---- */

/* Who has a tag. */
struct tag_holder {
	const char *kind, *name; /* "network", "storage"; name NULL: nobody */
	struct place place;
};

static void check_tag(struct check *check, struct tag_holder *holders,
		      const struct cluster *cluster, uint64_t tag, struct place place,
		      bool recorded)
{
	const struct site *site = check->site;
	const char *what = recorded ? "allocation of" : "cluster";
	const char *right = recorded ? "take the line out, and moyai cluster allocate chooses "
				       "another"
				     : "choose another";
	struct tag_holder *holder = &holders[tag];
	unsigned first;
	unsigned last;
	if (holder->name != NULL) {
		AUTO_FREE char *where = check_place_text(holder->place, place);
		mistake_add(check->mistakes, place, "%s \"%s\": vlan %u is %s \"%s\"'s (%s); %s",
			    what, cluster->name, (unsigned)tag, holder->kind, holder->name, where,
			    right);
		return;
	}
	*holder = (struct tag_holder){ "cluster", cluster->name, place };
	if (site_vlan_pool(site, &first, &last) && (tag < first || tag > last))
		mistake_add(check->mistakes, place,
			    "%s \"%s\": vlan %u is outside of the site's vlan_pool %s; %s", what,
			    cluster->name, (unsigned)tag, site->vlan_pool, right);
}

/* Those that are recorded first: they are in use, and the ones that are chosen beside them are
   what can be changed. */
static void check_tags(struct check *check)
{
	const struct site *site = check->site;
	struct tag_holder *holders = xcalloc(4095, sizeof(*holders));
	for (size_t i = 0; i < site->network_count; i++) {
		const struct network *network = &site->networks[i];
		if (network->vlan > 0 && network->vlan <= 4094)
			holders[network->vlan] =
				(struct tag_holder){ "network", network->name,
						     place_of(network->place, "vlan") };
	}
	for (size_t i = 0; i < site->cluster_count; i++) {
		const struct cluster *cluster = &site->clusters[i];
		const struct allocation *record = &cluster->recorded;
		if (cluster->vlan == FIELD_UNSET && record->vlan != FIELD_UNSET)
			check_tag(check, holders, cluster, record->vlan,
				  place_of(record->place, "vlan"), true);
	}
	for (size_t i = 0; i < site->cluster_count; i++) {
		const struct cluster *cluster = &site->clusters[i];
		if (cluster->vlan != FIELD_UNSET)
			check_tag(check, holders, cluster, cluster->vlan,
				  place_of(cluster->place, "vlan"), false);
	}
	free(holders);
}

void check_private_network(struct check *check, struct place place, const char *what,
			   const struct cluster *cluster, const char *cidr)
{
	const struct site *site = check->site;
	struct ipv4_network range;
	struct ipv4_network pool;
	if (!ipv4_parse_network(cidr, &range))
		return;
	AUTO_FREE char *first = ipv4_text(ipv4_first(&range));
	unsigned octet = range.address >> 24;
	if (range.prefix < CLUSTER_PREFIX_MIN || range.prefix > CLUSTER_PREFIX_MAX) {
		mistake_add(check->mistakes, place,
			    "%s: cidr: /%u is no size for a cluster's network; from /%d to /%d",
			    what, range.prefix, CLUSTER_PREFIX_MIN, CLUSTER_PREFIX_MAX);
		return;
	}
	if (range.address != ipv4_first(&range))
		mistake_add(check->mistakes, place,
			    "%s: cidr: \"%s\" is an address in a network; write \"%s/%u\"", what,
			    cidr, first, range.prefix);
	else if (octet == 0 || octet == 127 || octet >= 224)
		mistake_add(check->mistakes, place,
			    "%s: cidr: %s is no network for interfaces; choose one in 10.0.0.0/8, "
			    "172.16.0.0/12 or 192.168.0.0/16",
			    what, cidr);
	if (cluster_has_link(cluster) && site_link_pool(site, &pool) && ipv4_overlap(&range, &pool))
		mistake_add(check->mistakes, place,
			    "%s: cidr: %s overlaps the site's link_pool %s, of which its "
			    "frontend's link to the gateway is; choose another",
			    what, cidr, site->link_pool);
	for (size_t i = 0; i < site->network_count; i++) {
		const struct network *network = &site->networks[i];
		struct ipv4_network other;
		if (network->cidr == NULL || !ipv4_parse_network(network->cidr, &other) ||
		    !ipv4_overlap(&range, &other))
			continue;
		AUTO_FREE char *where = check_place_text(place_of(network->place, "cidr"), place);
		mistake_add(check->mistakes, place,
			    "%s: cidr: %s overlaps %s of the site's network \"%s\" (%s), which the "
			    "nodes could not reach then; choose another",
			    what, cidr, network->cidr, network->name, where);
	}
}

/* ---- the outside ---- */

/* Who has an address or a port. */
struct owner {
	const struct cluster *cluster;
	struct place place;
};

/* Guests are never on the network that their disks are offered on. */
static bool check_no_disks(struct check *check, struct place place, const char *what,
			   const char *network)
{
	const struct site *site = check->site;
	for (size_t i = 0; i < site->node_count; i++) {
		const struct site_node *node = &site->nodes[i];
		if (!text_list_has(&node->guests.networks, network))
			continue;
		mistake_add(
			check->mistakes, place_of(place, "network"),
			"%s: \"%s\" offers the disks of guests on network \"%s\", which no guest "
			"may reach; choose another",
			what, node->name, network);
		return false;
	}
	return true;
}

static void check_external(struct check *check, const struct cluster *cluster, struct map *owners,
			   struct owner *owner)
{
	const struct site *site = check->site;
	const struct cluster_external *external = &cluster->external;
	const struct network *network = site_find_network(site, external->network);
	AUTO_FREE char *what = xasprintf("cluster \"%s\": external", cluster->name);
	struct place place = place_of(external->place, "address");
	if (external->network == NULL || external->address == NULL)
		return;
	if (network == NULL) {
		AUTO_LIST struct text_list known = TEXT_LIST_INIT;
		AUTO_STR struct str hint = STR_INIT;
		for (size_t i = 0; i < site->network_count; i++)
			text_list_add(&known, site->networks[i].name);
		near_add(external->network, &known, &hint);
		mistake_add(check->mistakes, place_of(external->place, "network"),
			    "%s: there is no network \"%s\"%s", what, external->network,
			    hint.length ? str_text(&hint) : "; write one of the site's");
		return;
	}
	check_no_disks(check, external->place, what, external->network);
	AUTO_FREE char *whole = xasprintf("%s: address", what);
	check_in_network(check, place, whole, network, external->address);
	if (text_equal(external->address, site->boot_server))
		mistake_add(check->mistakes, place, "%s: %s is the boot server's; choose another",
			    whole, external->address);
	for (size_t i = 0; i < site->node_count; i++) {
		const struct site_node *node = &site->nodes[i];
		if (text_equal(site_node_address(node, network->name), external->address))
			mistake_add(check->mistakes, place,
				    "%s: %s is node \"%s\"'s; choose another", whole,
				    external->address, node->name);
	}
	*owner = (struct owner){ cluster, place };
	const struct owner *other = map_put(owners, external->address, owner);
	if (other == NULL)
		return;
	AUTO_FREE char *where = check_place_text(other->place, place);
	mistake_add(check->mistakes, place, "%s: %s is also cluster \"%s\"'s (%s); choose another",
		    whole, external->address, other->cluster->name, where);
}

/* Its frontend may move to any gateway, so a port is one cluster's on all of them. */
static void check_forward(struct check *check, const struct cluster *cluster,
			  const struct cluster_forward *forward, struct text_list *keys,
			  struct map *owners, struct owner *owner)
{
	const struct site *site = check->site;
	const char *network = cluster_forward_network(forward, site->boot_network);
	struct place place = place_of(forward->place, "port");
	if (forward->port == FIELD_UNSET || forward->protocol == NULL || network == NULL)
		return;
	unsigned port = (unsigned)forward->port;
	if (site_find_network(site, network) == NULL) {
		mistake_add(check->mistakes, place_of(forward->place, "network"),
			    "cluster \"%s\": forward of port %u: there is no network \"%s\"; write "
			    "one of the site's, or none for the boot network",
			    cluster->name, port, network);
		return;
	}
	AUTO_FREE char *what = xasprintf("cluster \"%s\": forward of port %u", cluster->name, port);
	/* From the boot network ports lead in, and nothing leads out to it. */
	if (!text_equal(network, site->boot_network) &&
	    !check_no_disks(check, forward->place, what, network))
		return;
	if (port == SSH_PORT && text_equal(forward->protocol, "tcp") &&
	    text_equal(network, site->boot_network)) {
		mistake_add(check->mistakes, place,
			    "cluster \"%s\": forward of port %d: on the boot network Moyai reaches "
			    "the gateway itself at it; choose another, like 2201",
			    cluster->name, SSH_PORT);
		return;
	}
	char *key = xasprintf("%s %s %u", network, forward->protocol, port);
	text_list_take(keys, key);
	*owner = (struct owner){ cluster, place };
	const struct owner *other = map_put(owners, key, owner);
	if (other == NULL)
		return;
	AUTO_FREE char *where = check_place_text(other->place, place);
	mistake_add(check->mistakes, place,
		    "cluster \"%s\": %s port %u on network \"%s\" leads to cluster \"%s\" already "
		    "(%s); choose another",
		    cluster->name, forward->protocol, port, network, other->cluster->name, where);
}

static void check_outside(struct check *check)
{
	const struct site *site = check->site;
	AUTO_LIST struct text_list keys = TEXT_LIST_INIT;
	struct map owners = MAP_INIT;
	size_t count = 0;
	size_t used = 0;
	for (size_t i = 0; i < site->cluster_count; i++)
		count += 1 + site->clusters[i].forward_count;
	struct owner *all = xcalloc(count, sizeof(*all));
	for (size_t i = 0; i < site->cluster_count; i++) {
		const struct cluster *cluster = &site->clusters[i];
		check_external(check, cluster, &owners, &all[used++]);
		for (size_t j = 0; j < cluster->forward_count; j++)
			check_forward(check, cluster, &cluster->forwards[j], &keys, &owners,
				      &all[used++]);
	}
	map_free(&owners);
	free(all);
}

/* ---- guests ---- */

static void check_node_set(struct check *check, const struct cluster *cluster,
			   const struct cluster_group *group, const char *key, const char *text)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	struct err err = ERR_INIT;
	if (text == NULL || nodeset_parse(text, check->site, &names, &err) == 0)
		return;
	mistake_add(check->mistakes, place_of(group->place, key), "cluster \"%s\": %s%s%s: %s: %s",
		    cluster->name, group == &cluster->frontend ? "" : "group \"", group->name,
		    group == &cluster->frontend ? "" : "\"", key, err.text);
}

static void check_places(struct check *check, const struct cluster *cluster)
{
	check_node_set(check, cluster, &cluster->frontend, "pin", cluster->frontend.pin);
	check_node_set(check, cluster, &cluster->frontend, "exclude", cluster->frontend.exclude);
	for (size_t i = 0; i < cluster->group_count; i++) {
		const struct cluster_group *group = &cluster->groups[i];
		check_node_set(check, cluster, group, "pin", group->pin);
		check_node_set(check, cluster, group, "exclude", group->exclude);
	}
}

static void check_guest_name(struct check *check, const struct cluster *cluster,
			     const struct cluster_guest *guest)
{
	const struct site_node *node = site_find_node(check->site, guest->id);
	struct place place = place_of(guest->group->place, "name");
	if (node == NULL)
		return;
	AUTO_FREE char *where = check_place_text(place_of(node->place, "name"), place);
	mistake_add(check->mistakes, place,
		    "cluster \"%s\": node \"%s\": in the site it would be called \"%s\", and so is "
		    "a node of the site (%s); rename one of the two",
		    cluster->name, guest->name, guest->id, where);
}

/* In the site a guest is called CLUSTER-GUEST, and so are its disks: "a" with "b-c" and "a-b" with
   "c" would meet there, and "a" with "b" a node "a-b". */
static void check_names(struct check *check)
{
	const struct site *site = check->site;
	struct map owners = MAP_INIT;
	for (size_t i = 0; i < site->cluster_count; i++) {
		struct cluster *cluster = &site->clusters[i];
		for (size_t j = 0; j < cluster->guest_count; j++) {
			const struct cluster_guest *guest = &cluster->guests[j];
			const char *ids[] = { guest->id, guest->scratch_id };
			check_guest_name(check, cluster, guest);
			for (size_t k = 0; k < COUNT_OF(ids) && ids[k]; k++) {
				const struct cluster *other = map_put(&owners, ids[k], cluster);
				/* Two nodes of one name were told of when they were read. */
				if (other == NULL ||
				    cluster_find_guest(cluster, guest->name) != guest)
					continue;
				mistake_add(check->mistakes, place_of(guest->group->place, "name"),
					    "cluster \"%s\": node \"%s\": in the site a disk would "
					    "be called \"%s\", and so is one of cluster \"%s\"; "
					    "rename the node or the cluster",
					    cluster->name, guest->name, ids[k], other->name);
			}
		}
	}
	map_free(&owners);
}

/* ---- rolls ---- */

static void check_parameter(struct check *check, const struct cluster *cluster,
			    const struct cluster_parameter *parameter)
{
	const struct roll *roll = roll_list_find(&check->site->rolls, parameter->roll);
	AUTO_STR struct str hint = STR_INIT;
	if (!text_list_has(&cluster->rolls, parameter->roll)) {
		mistake_add(check->mistakes, parameter->place,
			    "cluster \"%s\": parameters: it has no roll \"%s\"; add it to rolls, "
			    "or take its parameters out",
			    cluster->name, parameter->roll);
		return;
	}
	if (roll == NULL || roll->broken || roll_find_parameter(roll, parameter->name))
		return;
	for (size_t i = 0; i < roll->parameter_count; i++)
		str_addf(&hint, "%s %s", i ? "," : "; it has", roll->parameters[i].name);
	mistake_add(check->mistakes, parameter->place,
		    "cluster \"%s\": parameters: roll \"%s\" has no parameter \"%s\"%s",
		    cluster->name, roll->name, parameter->name,
		    hint.length ? str_text(&hint) : "; it has none");
}

static bool is_said(const struct cluster *cluster, const char *roll, const char *parameter)
{
	for (size_t i = 0; i < cluster->parameter_count; i++)
		if (strcmp(cluster->parameters[i].roll, roll) == 0 &&
		    strcmp(cluster->parameters[i].name, parameter) == 0)
			return true;
	return false;
}

static void check_rolls(struct check *check, const struct cluster *cluster)
{
	for (size_t i = 0; i < cluster->rolls.count; i++) {
		const char *name = cluster->rolls.items[i];
		const struct roll *roll = roll_list_find(&check->site->rolls, name);
		struct place place = place_of_item(cluster->place, "rolls", i);
		for (size_t j = 0; j < i; j++)
			if (strcmp(cluster->rolls.items[j], name) == 0)
				mistake_add(check->mistakes, place,
					    "cluster \"%s\": rolls: \"%s\" is there twice; take "
					    "one out",
					    cluster->name, name);
		for (size_t j = 0; roll && !roll->broken && j < roll->parameter_count; j++) {
			const struct roll_parameter *parameter = &roll->parameters[j];
			if (parameter->fallback != NULL || is_said(cluster, name, parameter->name))
				continue;
			mistake_add(check->mistakes, place,
				    "cluster \"%s\": roll \"%s\" wants to be told its parameter "
				    "\"%s\"; write parameters = { %s = { %s = \"…\"; }; }, %s",
				    cluster->name, name, parameter->name, name, parameter->name,
				    parameter->doc);
		}
	}
	for (size_t i = 0; i < cluster->parameter_count; i++)
		check_parameter(check, cluster, &cluster->parameters[i]);
}

void check_clusters(struct check *check)
{
	const struct site *site = check->site;
	check_tags(check);
	check_outside(check);
	check_names(check);
	for (size_t i = 0; i < site->cluster_count; i++) {
		const struct cluster *cluster = &site->clusters[i];
		AUTO_FREE char *what = xasprintf("cluster \"%s\"", cluster->name);
		if (cluster->cidr != NULL)
			check_private_network(check, place_of(cluster->place, "cidr"), what,
					      cluster, cluster->cidr);
		check_places(check, cluster);
		check_rolls(check, cluster);
	}
}
