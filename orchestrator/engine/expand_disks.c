/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "engine/device.h"
#include "engine/expand.h"
#include "engine/expansion.h"
#include "engine/refer.h"

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
		expansion_set(volume, "of", golden);
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
	struct spec *volume =
		expansion_add(of, disk->keeper, "volume", disk->id, disk->guest->group->place);
	expansion_set(volume, "name", disk->id);
	expansion_set(volume, "pool", disk->at.pool);
	expansion_set_number(volume, "size", disk->bytes);
	expansion_set(volume, "scrub", scrub_of(of->cluster, &disk->at));
	if (disk->at.thin_pool == NULL)
		return;
	expansion_set(volume, "type", "thin");
	expansion_set(volume, "thin_pool", disk->at.thin_pool);
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
		expansion_set(spec, name, offered->items[i]);
		name = "more_networks";
	}
}

/* How the host comes to the disk; a copy: its device there. */
static char *attach(const struct expansion *of, const struct disk *disk, struct site_node *host)
{
	struct place place = disk->guest->group->place;
	if (host == disk->keeper)
		return device_path(host, "volume", disk->id);
	struct spec *target = expansion_add(of, disk->keeper, "target", disk->id, place);
	expansion_set(target, "name", disk->id);
	expansion_set(target, "volume", disk->id);
	expansion_set(target, "initiator", host->name);
	set_networks(target, disk->keeper, host);
	AUTO_FREE char *id = xasprintf("%s/%s", disk->keeper->name, disk->id);
	struct spec *session = expansion_add(of, host, "session", id, place);
	expansion_set(session, "name", disk->id);
	expansion_set(session, "from", disk->keeper->name);
	set_networks(session, disk->keeper, host);
	return device_path(host, "session", id);
}

void expand_disk(const struct expansion *of, const struct cluster_guest *guest, bool scratch,
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
	disk.keeper = expansion_node(of, disk.at.node);
	add_volume(of, &disk);
	if (host != NULL)
		text_list_take(devices, attach(of, &disk, host));
	allocated_disk_free(&disk.at);
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

void expand_give_up(const struct expansion *of)
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

/* ---- scrub ---- */

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

void expand_check_scrub(const struct expansion *of, const struct allocation *disks)
{
	bool told = !text_equal(of->cluster->scrub, "overwrite");
	for (size_t i = 0; i < disks->guest_count && !told; i++)
		told = refuse_overwrite(of, disks->guests[i].disk) ||
		       refuse_overwrite(of, disks->guests[i].scratch);
}
