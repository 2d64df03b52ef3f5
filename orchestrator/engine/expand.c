/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/expand.h"

#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "engine/expansion.h"
#include "model/check.h"

#define MEMORY_UNIT (1024 * 1024ULL) /* of guests; libvirt counts in KiB */

/* ---- guests ---- */

void expand_appliance(const struct expansion *of, struct site_node *host,
		      const struct cluster_group *group)
{
	if (!expansion_has(host, "appliance", group->role))
		expansion_set(expansion_add(of, host, "appliance", group->role, group->place),
			      "name", group->role);
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
		expansion_set(guest, "appliance", group->role);
		AUTO_FREE char *hostname = xasprintf("hostname=%s", from->name);
		expansion_set(guest, "settings", hostname);
	}
	return guest;
}

/* All that the guest needs there besides its disks, so that it can come while it runs; and what it is then. */
static void make_ready(const struct expansion *of, struct site_node *to,
		       const struct cluster_guest *from, const struct allocated_guest *made,
		       const struct spec *guest, const struct text_list *devices)
{
	free(expand_private(of, to));
	if (cluster_starts_appliance(from))
		expand_appliance(of, to, from->group);
	struct spec *arriving = spec_list_copy(&to->arriving, guest);
	expansion_set_number(arriving, "epoch", made->epoch == FIELD_UNSET ? 1 : made->epoch + 1);
	for (size_t i = 0; i < devices->count; i++)
		expansion_set(arriving, "disks", devices->items[i]);
}

/* What a guest that its host starts from an appliance is told, and has there. */
static void add_appliance(const struct expansion *of, struct site_node *host,
			  const struct cluster_guest *from, struct spec *guest)
{
	if (!cluster_starts_appliance(from))
		return;
	expand_appliance(of, host, from->group);
	if (cluster_is_frontend(from) && !from->group->alone) {
		expand_told(of, host, guest);
		return;
	}
	for (size_t i = 0; i < of->cluster->authorized_keys.count; i++) {
		AUTO_FREE char *key = xasprintf("key=%s", of->cluster->authorized_keys.items[i]);
		expansion_set(guest, "settings", key);
	}
}

static void expand_guest(const struct expansion *of, size_t index)
{
	const struct cluster_guest *from = &of->cluster->guests[index];
	const struct allocated_guest *made = &of->made->guests[index];
	bool runs = cluster_is_running(of->cluster);
	AUTO_LIST struct text_list devices = TEXT_LIST_INIT;
	AUTO_LIST struct text_list devices_to = TEXT_LIST_INIT;
	const struct expand_hosts hosts = {
		.host = runs ? expansion_node(of, made->host) : NULL,
		.to = runs && made->to ? expansion_node(of, made->to) : NULL,
		.devices = &devices,
		.devices_to = &devices_to,
	};
	expand_disk(of, from, false, made->disk, &hosts);
	expand_disk(of, from, true, made->scratch, &hosts);
	if (hosts.host == NULL)
		return;
	/* A copy: what is added to the host moves its list. The body stays where it is. */
	struct spec guest = *add_guest(of, hosts.host, from, made);
	add_others(of, hosts.host, &guest);
	expand_interfaces(of, hosts.host, from, made, &guest);
	add_appliance(of, hosts.host, from, &guest);
	if (hosts.to != NULL)
		make_ready(of, hosts.to, from, made, &guest, &devices_to);
	for (size_t i = 0; i < devices.count; i++)
		expansion_set(&guest, "disks", devices.items[i]);
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

static void expand_cluster(const struct expansion *of)
{
	of->cluster->open = is_open(of->cluster, of->made);
	expand_give_up(of);
	if (!cluster_is_wanted(of->cluster)) {
		expand_check_scrub(of, &of->cluster->recorded);
		return;
	}
	expand_check_scrub(of, of->made);
	expand_check_served(of);
	for (size_t i = 0; i < of->cluster->guest_count; i++)
		expand_guest(of, i);
}

void expand(struct site *site, const struct allocations *allocations, struct mistakes *mistakes)
{
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
