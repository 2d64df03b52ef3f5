/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/expand.h"

#include <string.h>

#include "base/size.h"
#include "engine/apart.h"
#include "engine/expansion.h"
#include "model/check.h"

#define MEMORY_UNIT (1024 * 1024ULL) /* of guests; libvirt counts in KiB */

/* ---- guests ---- */

/* What it is started with lies on the host; once for each. */
static void add_appliance(const struct expansion *of, struct site_node *host,
			  const struct cluster_group *group)
{
	if (!expansion_has(host, "appliance", group->appliance))
		expansion_set(expansion_add(of, host, "appliance", group->appliance, group->place),
			      "name", group->appliance);
}

/* Whoever may have the guest has to say that it has it not, before it is started. Not only where it
   would be put today: nodes change their roles. */
static void add_others(const struct expansion *of, const struct site_node *host, struct spec *guest)
{
	for (size_t i = 0; i < of->site->node_count; i++) {
		const struct site_node *node = &of->site->nodes[i];
		if (node != host && site_node_runs_guests(of->site, node))
			expansion_set(guest, "others", node->name);
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
	struct spec *guest = expansion_add(of, host, "guest", from->id, group->place);
	expansion_set(guest, "name", from->id);
	expansion_set_number(guest, "vcpus", group->vcpus);
	expansion_set_number(guest, "memory", size_round_up(group->memory, MEMORY_UNIT));
	expansion_set(guest, "boot", boot_of(from));
	expansion_set_number(guest, "epoch", made->epoch == FIELD_UNSET ? 0 : made->epoch);
	if (cluster_starts_appliance(from)) {
		expansion_set(guest, "appliance", group->appliance);
		AUTO_FREE char *hostname = xasprintf("hostname=%s", from->name);
		expansion_set(guest, "settings", hostname);
	}
	return guest;
}

static bool is_own(const struct site *site, const struct role *role)
{
	AUTO_FREE char *own = xasprintf("%s/roles/", site->dir);
	for (size_t i = 0; role && i < role->folders.count; i++)
		if (text_starts(role->folders.items[i], own))
			return true;
	return false;
}

/* That the frontend can serve them what they start from. */
static void check_served(const struct expansion *of, const struct cluster_group *group)
{
	const struct cluster *cluster = of->cluster;
	const struct role *frontend = role_list_find(&of->site->roles, cluster->frontend.appliance);
	const struct role *role = role_list_find(&of->site->roles, group->appliance);
	if (frontend != NULL && !role_is_frontend(frontend))
		mistake_add(
			of->mistakes, group->place,
			"cluster \"%s\": group \"%s\": its nodes start from their frontend, and "
			"the appliance \"%s\" of that serves nobody; write appliance = "
			"\"frontend\" there, or appliance = \"micro\" and boot = \"ram\" here",
			cluster->name, group->name, frontend->name);
	else if (is_own(of->site, role))
		mistake_add(
			of->mistakes, place_of(group->place, "appliance"),
			"cluster \"%s\": group \"%s\": a role of the site's own cannot be handed "
			"on to the frontend yet; write appliance = \"compute\"",
			cluster->name, group->name);
}

/* The frontend is told of its nodes, "NAME MAC ADDRESS BOOT [APPLIANCE]", and has the appliances that
   they start from. One that is all in its initramfs has nothing to tell them with. */
static void add_nodes(const struct expansion *of, struct site_node *host, struct spec *frontend)
{
	const struct cluster *cluster = of->cluster;
	AUTO_FREE char *name = xasprintf("cluster=%s", cluster->name);
	AUTO_FREE char *domain = xasprintf("domain=%s", of->site->domain);
	AUTO_FREE char *mirror = xasprintf("mirror=%s", of->site->mirror);
	expansion_set(frontend, "settings", name);
	expansion_set(frontend, "settings", domain);
	expansion_set(frontend, "settings", mirror);
	AUTO_LIST struct text_list serves = TEXT_LIST_INIT;
	for (size_t i = 1; i < cluster->guest_count; i++) {
		const struct cluster_guest *node = &cluster->guests[i];
		const struct allocated_guest *made = &of->made->guests[i];
		bool served = cluster_starts_from_frontend(node);
		AUTO_FREE char *line = xasprintf(
			"node=%s %s %s %s%s%s", node->name, made->mac, made->address,
			node->group->boot, served ? " " : "", served ? node->group->appliance : "");
		expansion_set(frontend, "settings", line);
		if (!served || text_list_has(&serves, node->group->appliance))
			continue;
		text_list_add(&serves, node->group->appliance);
		expansion_set(frontend, "serves", node->group->appliance);
		add_appliance(of, host, node->group);
	}
}

static void expand_guest(const struct expansion *of, size_t index)
{
	const struct cluster_guest *from = &of->cluster->guests[index];
	const struct allocated_guest *made = &of->made->guests[index];
	bool runs = cluster_is_running(of->cluster);
	struct site_node *host = runs ? expansion_node(of, made->host) : NULL;
	AUTO_LIST struct text_list devices = TEXT_LIST_INIT;
	expand_disk(of, from, false, made->disk, host, &devices);
	expand_disk(of, from, true, made->scratch, host, &devices);
	if (host == NULL)
		return;
	/* A copy: what is added to the host moves its list. The body stays where it is. */
	struct spec guest = *add_guest(of, host, from, made);
	for (size_t i = 0; i < devices.count; i++)
		expansion_set(&guest, "disks", devices.items[i]);
	add_others(of, host, &guest);
	expand_interfaces(of, host, from, made, &guest);
	if (!cluster_starts_appliance(from))
		return;
	add_appliance(of, host, from->group);
	if (cluster_is_frontend(from) && !from->group->alone)
		add_nodes(of, host, &guest);
	for (size_t i = 0; i < of->cluster->authorized_keys.count; i++) {
		AUTO_FREE char *key = xasprintf("key=%s", of->cluster->authorized_keys.items[i]);
		expansion_set(&guest, "settings", key);
	}
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

/* Each group once: by its first node. */
static void check_nodes(const struct expansion *of)
{
	const struct cluster *cluster = of->cluster;
	for (size_t i = 1; i < cluster->guest_count; i++)
		if (cluster->guests[i].group != cluster->guests[i - 1].group &&
		    cluster_starts_from_frontend(&cluster->guests[i]))
			check_served(of, cluster->guests[i].group);
}

static void expand_cluster(const struct expansion *of)
{
	of->cluster->open = is_open(of->cluster, of->made);
	if (!cluster_is_wanted(of->cluster)) {
		expand_check_scrub(of, &of->cluster->recorded);
		expand_give_up(of);
		return;
	}
	if (cluster_is_running(of->cluster) && text_equal(of->cluster->attach, "direct"))
		mistake_add(of->mistakes, place_of(of->cluster->place, "attach"),
			    "cluster \"%s\": attach = \"direct\" cannot be carried out yet; write "
			    "attach = \"host\"",
			    of->cluster->name);
	expand_check_scrub(of, of->made);
	check_nodes(of);
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
