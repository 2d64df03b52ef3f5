/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/expand.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/size.h"
#include "engine/apart.h"
#include "engine/device.h"
#include "engine/refer.h"
#include "model/check.h"

#define MEMORY_UNIT (1024 * 1024ULL) /* of guests; libvirt counts in KiB */

/* One cluster at work. */
struct expansion {
	struct site *site;
	struct cluster *cluster;
	const struct allocation *made;
	struct mistakes *mistakes;
};

/* ---- resources, by the tables of their kinds ---- */

static struct spec *add(const struct expansion *of, struct site_node *node, const char *kind,
			const char *name, struct place place)
{
	const struct spec *declared = refer_find(node, kind, name);
	if (declared != NULL)
		mistake_add(of->mistakes, declared->place,
			    "%s \"%s\": cluster \"%s\" has one of this name on \"%s\"; rename this "
			    "one",
			    kind, name, of->cluster->name, node->name);
	struct spec *spec = spec_list_add(&node->wants, kind_find(kind), name);
	spec->cluster = of->cluster;
	spec->place = (struct place){ .file = place.file, .line = place.line };
	fields_fallback(spec->kind->fields, spec->body);
	return spec;
}

/* Appends to a list. What does not fit the field is a mistake of the program. */
static void set(struct spec *spec, const char *name, const char *text)
{
	const struct field *field = field_find(spec->kind->fields, name);
	if (field == NULL || field_set_text(field, spec->body, text, NULL) != 0)
		abort();
}

static void set_number(struct spec *spec, const char *name, uint64_t number)
{
	char text[24];
	snprintf(text, sizeof(text), "%" PRIu64, number);
	set(spec, name, text);
}

/* Whether a cluster has brought it there already; what the node declares is another thing. */
static bool has(const struct site_node *node, const char *kind, const char *id)
{
	for (size_t i = 0; i < node->wants.count; i++) {
		const struct spec *spec = &node->wants.items[i];
		if (spec->cluster != NULL && strcmp(spec->kind->name, kind) == 0 &&
		    strcmp(spec->id, id) == 0)
			return true;
	}
	return false;
}

static struct site_node *node_of(const struct expansion *of, const char *name)
{
	struct site_node *node = site_find_node(of->site, name);
	if (node == NULL)
		abort(); /* check_allocation.c has looked at what is recorded */
	return node;
}

/* ---- disks ---- */

struct disk {
	const struct cluster_guest *guest;
	const char *id;
	uint64_t bytes;
	bool golden;
	struct site_node *keeper;
	struct allocated_disk at;
};

/* Whether an earlier guest of the group has its disk in the same place: one message for each place. */
static bool is_told(const struct expansion *of, const struct disk *disk)
{
	const struct allocated_guest *made = of->made->guests;
	size_t index = (size_t)(disk->guest - of->cluster->guests);
	for (size_t i = 0; i < index; i++)
		if (of->cluster->guests[i].group == disk->guest->group &&
		    text_equal(made[i].disk, made[index].disk))
			return true;
	return false;
}

static void add_clone(const struct expansion *of, const struct disk *disk, struct spec *volume)
{
	const struct cluster_group *group = disk->guest->group;
	AUTO_FREE char *golden = xasprintf(EXPAND_GOLDEN "%s", group->appliance);
	const struct spec *from = refer_find(disk->keeper, "volume", golden);
	if (from != NULL && text_equal(refer_text(from, "thin_pool"), disk->at.thin_pool)) {
		set(volume, "of", golden);
		return;
	}
	if (!is_told(of, disk))
		mistake_add(of->mistakes, group->place,
			    "cluster \"%s\": group \"%s\": boot = \"golden\" clones volume \"%s\", "
			    "which "
			    "\"%s\" does not have in thin pool \"%s\"; add it to its volumes, and "
			    "put the "
			    "system of the nodes on it",
			    of->cluster->name, group->name, golden, disk->keeper->name,
			    disk->at.thin_pool);
}

static const char *scrub_of(const struct cluster *cluster, const struct allocated_disk *at)
{
	return at->thin_pool ? "discard" : cluster->scrub;
}

static void add_volume(const struct expansion *of, const struct disk *disk)
{
	struct spec *volume = add(of, disk->keeper, "volume", disk->id, disk->guest->group->place);
	set(volume, "name", disk->id);
	set(volume, "pool", disk->at.pool);
	set_number(volume, "size", disk->bytes);
	set(volume, "scrub", scrub_of(of->cluster, &disk->at));
	if (disk->at.thin_pool == NULL)
		return;
	set(volume, "type", "thin");
	set(volume, "thin_pool", disk->at.thin_pool);
	if (disk->golden)
		add_clone(of, disk, volume);
}

/* Those on which the disk is offered and the host has an address; the first one first. */
static void set_networks(struct spec *spec, const struct site_node *keeper,
			 const struct site_node *host)
{
	const struct text_list *offered = &keeper->guests.networks;
	const char *name = "network";
	for (size_t i = 0; i < offered->count; i++) {
		if (site_node_address(host, offered->items[i]) == NULL)
			continue;
		set(spec, name, offered->items[i]);
		name = "more_networks";
	}
}

/* How the host comes to the disk; a copy: its device there. */
static char *attach(const struct expansion *of, const struct disk *disk, struct site_node *host)
{
	struct place place = disk->guest->group->place;
	if (host == disk->keeper)
		return device_path(host, "volume", disk->id);
	struct spec *target = add(of, disk->keeper, "target", disk->id, place);
	set(target, "name", disk->id);
	set(target, "volume", disk->id);
	set(target, "initiator", host->name);
	set_networks(target, disk->keeper, host);
	AUTO_FREE char *id = xasprintf("%s/%s", disk->keeper->name, disk->id);
	struct spec *session = add(of, host, "session", id, place);
	set(session, "name", disk->id);
	set(session, "from", disk->keeper->name);
	set_networks(session, disk->keeper, host);
	return device_path(host, "session", id);
}

/* ---- networks ---- */

/* The cluster's VLAN on the host, and a bridge that its guests there are on; once for each host. */
static void add_private(const struct expansion *of, struct site_node *host, const char *bridge)
{
	uint64_t tag = cluster_vlan(of->cluster, of->made);
	AUTO_FREE char *name = xasprintf("vlan%" PRIu64, tag);
	if (has(host, "bridge", bridge))
		return;
	struct spec *vlan = add(of, host, "vlan", name, of->cluster->place);
	set(vlan, "name", name);
	set(vlan, "parent", refer_uplink(host));
	set_number(vlan, "id", tag);
	set(vlan, "bridge", bridge);
	struct spec *spec = add(of, host, "bridge", bridge, of->cluster->place);
	set(spec, "name", bridge);
	set(spec, "port", name);
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
	struct spec *bridge = add(of, host, "bridge", name, of->cluster->external.place);
	set(bridge, "name", name);
	set(bridge, "network", network);
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
	set(guest, "settings", line);
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
		set(guest, "firewall", firewall->id);
	struct spec *bridge = add(of, host, "bridge", link.name, of->cluster->forwards[0].place);
	set(bridge, "name", link.name);
	set(bridge, "addresses", address);
	set(guest, "interfaces", outside);
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
	set(firewall, "rules", rule);
	struct spec *masquerade = add(of, host, "masquerade", name, forward->place);
	set(masquerade, "name", name);
	set(masquerade, "from", from);
	set(masquerade, "out", out);
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
	set(firewall, "rules", rule);
	add_exit(of, host, link, forward, firewall);
}

/* Once all clusters are there: one that is outside by itself may have put a bridge on the network. */
static void expand_forwards(const struct expansion *of)
{
	if (!cluster_is_running(of->cluster) || !cluster_has_link(of->cluster))
		return;
	struct site_node *host = node_of(of, of->made->guests[0].host);
	struct spec *found = firewall_of(of, host);
	if (found == NULL)
		return; /* add_link() has told */
	/* A copy: what is added to the host moves its list. The body stays where it is. */
	struct spec firewall = *found;
	struct link link = link_of(of);
	AUTO_FREE char *guard = xasprintf("guard %s", link.name);
	set(&firewall, "rules", guard);
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
static void add_interfaces(const struct expansion *of, struct site_node *host,
			   const struct cluster_guest *of_guest, const struct allocated_guest *made,
			   struct spec *guest)
{
	const struct cluster *cluster = of->cluster;
	const char *cidr = cluster_cidr(cluster, of->made);
	bool routes = cluster_is_frontend(of_guest);
	AUTO_FREE char *bridge = xasprintf("br-vlan%" PRIu64, cluster_vlan(cluster, of->made));
	AUTO_FREE char *inside = xasprintf("%s %s%s%s", bridge, made->mac, routes ? "" : " ",
					   routes ? "" : made->address);
	add_private(of, host, bridge);
	set(guest, "interfaces", inside);
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
	set(guest, "interfaces", outside);
	/* It does not start before what keeps it from other networks is there; see apart.h. */
	refer_each(host, "firewall", first_id, &firewall);
	if (firewall != NULL && !cluster_has_link(cluster))
		set(guest, "firewall", firewall);
	tell_interface(guest, made->outside_mac, cluster->external.address, network->cidr,
		       router ? site_node_address(router, network->name) : NULL);
}

/* ---- guests ---- */

/* What it is started with lies on the host; once for each. */
static void add_appliance(const struct expansion *of, struct site_node *host,
			  const struct cluster_group *group)
{
	if (!has(host, "appliance", group->appliance))
		set(add(of, host, "appliance", group->appliance, group->place), "name",
		    group->appliance);
}

/* Whoever may have the guest has to say that it has it not, before it is started. Not only where it
   would be put today: nodes change their roles. */
static void add_others(const struct expansion *of, const struct site_node *host, struct spec *guest)
{
	for (size_t i = 0; i < of->site->node_count; i++) {
		const struct site_node *node = &of->site->nodes[i];
		if (node != host && site_node_runs_guests(of->site, node))
			set(guest, "others", node->name);
	}
}

static const char *boot_of(const struct cluster_guest *guest)
{
	if (cluster_starts_appliance(guest))
		return "appliance";
	return text_equal(guest->group->boot, "golden") ? "disk" : "network";
}

static struct spec *add_guest(const struct expansion *of, struct site_node *host,
			      const struct cluster_guest *from, const struct allocated_guest *made)
{
	const struct cluster_group *group = from->group;
	struct spec *guest = add(of, host, "guest", from->id, group->place);
	set(guest, "name", from->id);
	set_number(guest, "vcpus", group->vcpus);
	set_number(guest, "memory", size_round_up(group->memory, MEMORY_UNIT));
	set(guest, "boot", boot_of(from));
	set_number(guest, "epoch", made->epoch == FIELD_UNSET ? 0 : made->epoch);
	if (cluster_starts_appliance(from)) {
		set(guest, "appliance", group->appliance);
		AUTO_FREE char *hostname = xasprintf("hostname=%s", from->name);
		set(guest, "settings", hostname);
	}
	return guest;
}

/* One disk, if the guest has it, and how the host comes to it when it is to run. host NULL: it is
   not. */
static void add_disk(const struct expansion *of, const struct cluster_guest *guest, bool scratch,
		     const char *recorded, struct site_node *host, struct text_list *devices)
{
	const struct cluster_group *group = guest->group;
	struct disk disk = { .guest = guest,
			     .id = scratch ? guest->scratch_id : guest->id,
			     .bytes = scratch ? group->scratch : group->disk,
			     .golden = !scratch && text_equal(group->boot, "golden") };
	if (disk.bytes == FIELD_UNSET || recorded == NULL ||
	    !allocated_disk_parse(recorded, &disk.at))
		return;
	disk.keeper = node_of(of, disk.at.node);
	add_volume(of, &disk);
	if (host != NULL)
		text_list_take(devices, attach(of, &disk, host));
	allocated_disk_free(&disk.at);
}

static void expand_guest(const struct expansion *of, size_t index)
{
	const struct cluster_guest *from = &of->cluster->guests[index];
	const struct allocated_guest *made = &of->made->guests[index];
	bool runs = cluster_is_running(of->cluster);
	struct site_node *host = runs ? node_of(of, made->host) : NULL;
	AUTO_LIST struct text_list devices = TEXT_LIST_INIT;
	add_disk(of, from, false, made->disk, host, &devices);
	add_disk(of, from, true, made->scratch, host, &devices);
	if (host == NULL)
		return;
	/* A copy: what is added to the host moves its list. The body stays where it is. */
	struct spec guest = *add_guest(of, host, from, made);
	for (size_t i = 0; i < devices.count; i++)
		set(&guest, "disks", devices.items[i]);
	add_others(of, host, &guest);
	add_interfaces(of, host, from, made, &guest);
	if (!cluster_starts_appliance(from))
		return;
	add_appliance(of, host, from->group);
	for (size_t i = 0; i < of->cluster->authorized_keys.count; i++) {
		AUTO_FREE char *key = xasprintf("key=%s", of->cluster->authorized_keys.items[i]);
		set(&guest, "settings", key);
	}
}

/* ---- consent ---- */

static void add_scope(const char *disk, const char *cluster, const char *guest, const char *end,
		      struct text_list *scopes)
{
	struct allocated_disk at;
	if (disk == NULL || !allocated_disk_parse(disk, &at))
		return;
	text_list_take(scopes, xasprintf("%s/volume/%s-%s%s", at.node, cluster, guest, end));
	allocated_disk_free(&at);
}

void expand_scopes(const struct cluster *cluster, struct text_list *scopes)
{
	const struct allocation *record = &cluster->recorded;
	for (size_t i = 0; i < record->guest_count; i++) {
		const struct allocated_guest *guest = &record->guests[i];
		add_scope(guest->disk, cluster->name, guest->name, "", scopes);
		add_scope(guest->scratch, cluster->name, guest->name, "-scratch", scopes);
	}
}

static void give_up(const struct expansion *of)
{
	AUTO_LIST struct text_list scopes = TEXT_LIST_INIT;
	expand_scopes(of->cluster, &scopes);
	for (size_t i = 0; i < scopes.count; i++) {
		const char *slash = strchr(scopes.items[i], '/');
		AUTO_FREE char *name = xstrndup(scopes.items[i], (size_t)(slash - scopes.items[i]));
		struct site_node *node = site_find_node(of->site, name);
		if (node != NULL)
			text_list_add(&node->given_up, slash + 1);
	}
}

/* NULL: the recorded disk is not this volume. */
static const char *scrub_of_disk(const struct cluster *cluster, const char *disk, const char *node,
				 const char *volume, const char *name)
{
	struct allocated_disk at;
	if (disk == NULL || !text_equal(volume, name) || !allocated_disk_parse(disk, &at))
		return NULL;
	const char *scrub = text_equal(at.node, node) ? scrub_of(cluster, &at) : NULL;
	allocated_disk_free(&at);
	return scrub;
}

const char *expand_scrub(const struct site *site, const char *node, const char *volume)
{
	for (size_t i = 0; i < site->cluster_count; i++) {
		const struct cluster *cluster = &site->clusters[i];
		const struct allocation *record = &cluster->recorded;
		for (size_t j = 0; !cluster_is_wanted(cluster) && j < record->guest_count; j++) {
			const struct allocated_guest *guest = &record->guests[j];
			AUTO_FREE char *disk = xasprintf("%s-%s", cluster->name, guest->name);
			AUTO_FREE char *scratch = xasprintf("%s-scratch", disk);
			const char *scrub = scrub_of_disk(cluster, guest->disk, node, volume, disk);
			if (scrub == NULL)
				scrub = scrub_of_disk(cluster, guest->scratch, node, volume,
						      scratch);
			if (scrub != NULL)
				return scrub;
		}
	}
	return NULL;
}

/* ---- all of it ---- */

static bool is_open(const struct cluster *cluster, const struct allocation *made)
{
	AUTO_STR struct str before = STR_INIT;
	AUTO_STR struct str after = STR_INIT;
	if (cluster->recorded.cluster != NULL)
		allocation_print(&cluster->recorded, &before);
	if (made->cluster != NULL)
		allocation_print(made, &after);
	return !text_equal(str_text(&before), str_text(&after));
}

/* Whether such a disk is recorded, and told of: once for a cluster. */
static bool refuse_overwrite(const struct expansion *of, const char *disk)
{
	struct allocated_disk at;
	if (disk == NULL || !allocated_disk_parse(disk, &at))
		return false;
	bool thin = at.thin_pool != NULL;
	if (thin)
		mistake_add(of->mistakes, place_of(of->cluster->place, "scrub"),
			    "cluster \"%s\": scrub: disks in thin pool \"%s\" of \"%s\" are not "
			    "overwritten, for that would take all their size of it; write scrub = "
			    "\"discard\": a thin pool zeroes what it gives to another disk",
			    of->cluster->name, at.thin_pool, at.node);
	allocated_disk_free(&at);
	return thin;
}

static void check_scrub(const struct expansion *of, const struct allocation *disks)
{
	bool told = !text_equal(of->cluster->scrub, "overwrite");
	for (size_t i = 0; i < disks->guest_count && !told; i++)
		told = refuse_overwrite(of, disks->guests[i].disk) ||
		       refuse_overwrite(of, disks->guests[i].scratch);
}

static void expand_cluster(const struct expansion *of)
{
	of->cluster->open = is_open(of->cluster, of->made);
	if (!cluster_is_wanted(of->cluster)) {
		check_scrub(of, &of->cluster->recorded);
		give_up(of);
		return;
	}
	if (cluster_is_running(of->cluster) && text_equal(of->cluster->attach, "direct"))
		mistake_add(of->mistakes, place_of(of->cluster->place, "attach"),
			    "cluster \"%s\": attach = \"direct\" cannot be carried out yet; write "
			    "attach = \"host\"",
			    of->cluster->name);
	check_scrub(of, of->made);
	for (size_t i = 0; i < of->cluster->guest_count; i++)
		expand_guest(of, i);
}

void expand(struct site *site, const struct allocations *allocations, struct mistakes *mistakes)
{
	apart_check(site, mistakes);
	for (size_t i = 0; i < site->cluster_count; i++) {
		const struct expansion of = { site, &site->clusters[i], &allocations->items[i],
					      mistakes };
		expand_cluster(&of);
	}
	for (size_t i = 0; i < site->cluster_count; i++) {
		const struct expansion of = { site, &site->clusters[i], &allocations->items[i],
					      mistakes };
		expand_forwards(&of);
	}
	if (mistakes->count == 0)
		check_expanded(site, mistakes);
}
