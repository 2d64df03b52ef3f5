/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
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
	const char *reset; /* of the record; borrowed */
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
	AUTO_FREE char *golden = xasprintf(EXPAND_GOLDEN "%s", group->role);
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

/* Of a name, or of what the record says with the time behind it. */
static char *snapshot_id(const char *disk, const char *snapshot)
{
	return xasprintf("%s-at-%.*s", disk, (int)strcspn(snapshot, "@"), snapshot);
}

static struct spec *add_volume(const struct expansion *of, const struct disk *disk, const char *id)
{
	struct spec *volume =
		expansion_add(of, disk->keeper, "volume", id, disk->guest->group->place);
	expansion_set(volume, "name", id);
	expansion_set(volume, "pool", disk->at.pool);
	expansion_set_number(volume, "size", disk->bytes);
	expansion_set(volume, "scrub", scrub_of(of->cluster, &disk->at));
	if (disk->at.thin_pool == NULL)
		return volume;
	expansion_set(volume, "type", "thin");
	expansion_set(volume, "thin_pool", disk->at.thin_pool);
	return volume;
}

/* While it is copied or set back nobody writes to it. Its guest is not to run, and is gone where it did. */
static void keep_guest_away(const struct expansion *of, const struct disk *disk,
			    struct spec *volume)
{
	if (cluster_is_running(of->cluster))
		return;
	expansion_set(volume, "guest", disk->guest->id);
	expansion_set(volume, "keeper", disk->keeper->name);
	for (size_t i = 0; i < of->site->node_count; i++)
		if (site_node_runs_guests(of->site, &of->site->nodes[i]))
			expansion_set(volume, "hosts", of->site->nodes[i].name);
}

/* Whether the disk can have its snapshots. */
static bool check_snapshots(const struct expansion *of, const struct disk *disk)
{
	enum { VOLUME_NAME_MAX = 63 };
	const struct text_list *snapshots = &of->made->snapshots;
	const char *longest = "";
	for (size_t i = 0; i < snapshots->count; i++)
		if (strcspn(snapshots->items[i], "@") > strcspn(longest, "@"))
			longest = snapshots->items[i];
	AUTO_FREE char *id = snapshot_id(disk->id, longest);
	if (snapshots->count > 0 && disk->at.thin_pool == NULL)
		mistake_add(of->mistakes, of->made->place,
			    "cluster \"%s\": snapshots: disk \"%s\" is in no thin pool, and only "
			    "disks in one have snapshots; take its place out of the record, or the "
			    "snapshots",
			    of->cluster->name, disk->id);
	else if (snapshots->count > 0 && strlen(id) > VOLUME_NAME_MAX)
		mistake_add(of->mistakes, of->made->place,
			    "cluster \"%s\": snapshots: volume \"%s\" would have a name of %zu "
			    "characters, and %d are the most; choose a shorter one",
			    of->cluster->name, id, strlen(id), VOLUME_NAME_MAX);
	else
		return true;
	return false;
}

static void set_snapshot(const struct expansion *of, const struct disk *disk, const char *snapshot,
			 struct spec *volume)
{
	AUTO_FREE char *name = NULL;
	AUTO_FREE char *golden = xasprintf(EXPAND_GOLDEN "%s", disk->guest->group->role);
	uint64_t seconds;
	expansion_set(volume, "snapshot_of", disk->id);
	if (allocated_reset_parse(snapshot, &name, &seconds))
		expansion_set_number(volume, "snapshot_at", seconds);
	/* A disk that is not there either would have begun as that. */
	if (disk->golden && refer_find(disk->keeper, "volume", golden) != NULL)
		expansion_set(volume, "begins_as", golden);
	keep_guest_away(of, disk, volume);
}

/* The disk, and what is kept of it. */
static void add_volumes(const struct expansion *of, const struct disk *disk)
{
	const struct text_list *snapshots = &of->made->snapshots;
	AUTO_FREE char *back = NULL;
	uint64_t seconds;
	if (!check_snapshots(of, disk))
		return;
	struct spec *volume = add_volume(of, disk, disk->id);
	if (allocated_reset_parse(disk->reset, &back, &seconds)) {
		AUTO_FREE char *from = snapshot_id(disk->id, back);
		expansion_set(volume, "of", from);
		expansion_set_number(volume, "reset", seconds);
		keep_guest_away(of, disk, volume);
	} else if (disk->golden) {
		add_clone(of, disk, volume);
	}
	for (size_t i = 0; i < snapshots->count; i++) {
		AUTO_FREE char *id = snapshot_id(disk->id, snapshots->items[i]);
		volume = add_volume(of, disk, id);
		set_snapshot(of, disk, snapshots->items[i], volume);
	}
}

/* Those on which the disk is offered and the host has an address, and the other one too; NULL: there is
   none. The first one first. */
static void set_networks(struct spec *spec, const struct site_node *keeper,
			 const struct site_node *host, const struct site_node *other)
{
	const struct text_list *offered = &keeper->guests.networks;
	const char *name = "network";
	for (size_t i = 0; i < offered->count; i++) {
		if (site_node_address(host, offered->items[i]) == NULL ||
		    (other && site_node_address(other, offered->items[i]) == NULL))
			continue;
		expansion_set(spec, name, offered->items[i]);
		name = "more_networks";
	}
}

/* Once for each host. */
static void check_direct(const struct expansion *of, const struct site_node *host)
{
	struct place place = place_of(of->cluster->place, "attach");
	if (host->role == NULL || text_list_has(&host->role->packages, "qemu-block-extra"))
		return;
	AUTO_FREE char *text =
		xasprintf("cluster \"%s\": attach: role \"%s\" of \"%s\" has no package "
			  "qemu-block-extra, which \"direct\" needs; add it to the role's packages",
			  of->cluster->name, host->role->name, host->name);
	for (size_t i = 0; i < of->mistakes->count; i++)
		if (text_equal(of->mistakes->items[i].text, text))
			return;
	mistake_add(of->mistakes, place, "%s", text);
}

static bool is_direct(const struct expansion *of)
{
	return text_equal(of->cluster->attach, "direct");
}

/* For the one host of its guest, or for two while that moves. */
static void add_target(const struct expansion *of, const struct disk *disk,
		       const struct site_node *host, const struct site_node *to)
{
	const struct site_node *first = host != disk->keeper ? host : to;
	if (first == NULL || first == disk->keeper)
		return;
	struct spec *target =
		expansion_add(of, disk->keeper, "target", disk->id, disk->guest->group->place);
	expansion_set(target, "name", disk->id);
	expansion_set(target, "volume", disk->id);
	expansion_set(target, "initiator", first->name);
	if (first == host && to != NULL && to != disk->keeper)
		expansion_set(target, "also", to->name);
	set_networks(target, disk->keeper, first, NULL);
	if (is_direct(of))
		expansion_set(target, "guest", disk->guest->id);
}

/* beside: the other host that is let in; NULL: none. */
static void add_session(const struct expansion *of, const struct disk *disk, const char *id,
			struct site_node *host, const struct site_node *beside)
{
	struct spec *session = expansion_add(of, host, "session", id, disk->guest->group->place);
	expansion_set(session, "name", disk->id);
	expansion_set(session, "from", disk->keeper->name);
	set_networks(session, disk->keeper, host, beside);
}

/* How the host comes to the disk; a copy: its device there, or FROM/TARGET for QEMU. */
static char *attach(const struct expansion *of, const struct disk *disk, struct site_node *host,
		    const struct site_node *beside)
{
	if (host == disk->keeper)
		return device_path(host, "volume", disk->id);
	char *id = xasprintf("%s/%s", disk->keeper->name, disk->id);
	if (is_direct(of)) {
		check_direct(of, host);
		return id;
	}
	add_session(of, disk, id, host, beside);
	char *device = device_path(host, "session", id);
	free(id);
	return device;
}

static void attach_to(const struct expansion *of, const struct disk *disk,
		      const struct expand_hosts *hosts)
{
	struct site_node *to = hosts->to;
	const struct text_list *offered = &disk->keeper->guests.networks;
	const struct site_node *beside = hosts->host == disk->keeper ? NULL : hosts->host;
	bool shared = to == disk->keeper;
	for (size_t i = 0; i < offered->count && !shared; i++) {
		bool mine = site_node_address(to, offered->items[i]) != NULL;
		bool its = !beside || site_node_address(beside, offered->items[i]) != NULL;
		shared = mine && its;
		/* QEMU knows one way, which would be another one once the guest is there alone. */
		if (is_direct(of) && mine != its)
			break;
	}
	if (shared)
		text_list_take(hosts->devices_to, attach(of, disk, to, beside));
	else if (disk->id != disk->guest->scratch_id || disk->guest->group->disk == FIELD_UNSET)
		mistake_add(
			of->mistakes,
			place_of(of->made->guests[disk->guest - of->cluster->guests].place, "to"),
			"allocation of \"%s\": guest \"%s\": to: \"%s\" is on no network on "
			"which \"%s\" offers disks to \"%s\"; take it out: the guest stays "
			"where it is",
			of->cluster->name, disk->guest->name, to->name, disk->keeper->name,
			hosts->host->name);
}

void expand_disk(const struct expansion *of, const struct cluster_guest *guest, bool scratch,
		 const char *recorded, const struct expand_hosts *hosts)
{
	const struct cluster_group *group = guest->group;
	const struct allocated_guest *made = &of->made->guests[guest - of->cluster->guests];
	struct disk disk = { .guest = guest,
			     .id = scratch ? guest->scratch_id : guest->id,
			     .bytes = scratch ? group->scratch : group->disk,
			     .reset = scratch ? made->scratch_reset : made->disk_reset,
			     .golden = !scratch && text_equal(group->boot, "golden") };
	if (disk.bytes == FIELD_UNSET || recorded == NULL ||
	    !allocated_disk_parse(recorded, &disk.at))
		return;
	disk.keeper = expansion_node(of, disk.at.node);
	add_volumes(of, &disk);
	add_target(of, &disk, hosts->host, hosts->to);
	if (hosts->host != NULL)
		text_list_take(hosts->devices, attach(of, &disk, hosts->host, NULL));
	if (hosts->to != NULL)
		attach_to(of, &disk, hosts);
	allocated_disk_free(&disk.at);
}

/* ---- consent ---- */

/* Of a disk of the record: itself, and its snapshots by these names. */
static void add_scopes(const char *recorded, const char *id, bool itself,
		       const struct text_list *snapshots, struct text_list *scopes)
{
	struct allocated_disk at;
	if (recorded == NULL || !allocated_disk_parse(recorded, &at))
		return;
	if (itself)
		text_list_take(scopes, xasprintf("%s/volume/%s", at.node, id));
	for (size_t i = 0; i < snapshots->count; i++) {
		AUTO_FREE char *snapshot = snapshot_id(id, snapshots->items[i]);
		text_list_take(scopes, xasprintf("%s/volume/%s", at.node, snapshot));
	}
	allocated_disk_free(&at);
}

static void add_guest_scopes(const struct allocation *record, size_t index, bool disk, bool scratch,
			     const struct text_list *snapshots, struct text_list *scopes)
{
	const struct allocated_guest *guest = &record->guests[index];
	AUTO_FREE char *id = xasprintf("%s-%s", record->cluster, guest->name);
	AUTO_FREE char *scratch_id = xasprintf("%s-scratch", id);
	add_scopes(guest->disk, id, disk, snapshots, scopes);
	add_scopes(guest->scratch, scratch_id, scratch, snapshots, scopes);
}

/* Of nodes that were taken out. */
static void add_given_up(const struct allocation *record, struct text_list *scopes)
{
	for (size_t i = 0; i < record->given_up.count; i++) {
		const char *at = strchr(record->given_up.items[i], '@');
		AUTO_FREE char *id =
			xasprintf("%s-%.*s", record->cluster, (int)(at - record->given_up.items[i]),
				  record->given_up.items[i]);
		add_scopes(at + 1, id, true, &record->snapshots, scopes);
		add_scopes(at + 1, id, false, &record->forgotten, scopes);
	}
}

void expand_scopes(const struct cluster *cluster, struct text_list *scopes)
{
	const struct allocation *record = &cluster->recorded;
	for (size_t i = 0; i < record->guest_count; i++) {
		add_guest_scopes(record, i, true, true, &record->snapshots, scopes);
		add_guest_scopes(record, i, false, false, &record->forgotten, scopes);
	}
	add_given_up(record, scopes);
}

/* A disk may be lost of a cluster that is absent, of a stopped one while it is set back, and of a node that
   was taken out. */
static void give_up(const struct cluster *cluster, struct text_list *scopes)
{
	static const struct text_list NONE = TEXT_LIST_INIT;
	const struct allocation *record = &cluster->recorded;
	if (!cluster_is_wanted(cluster)) {
		expand_scopes(cluster, scopes);
		return;
	}
	for (size_t i = 0; i < record->guest_count; i++) {
		const struct allocated_guest *guest = &record->guests[i];
		bool still = !cluster_is_running(cluster);
		add_guest_scopes(record, i, still && guest->disk_reset != NULL,
				 still && guest->scratch_reset != NULL, &NONE, scopes);
		add_guest_scopes(record, i, false, false, &record->forgotten, scopes);
	}
	add_given_up(record, scopes);
}

void expand_give_up(const struct expansion *of)
{
	AUTO_LIST struct text_list scopes = TEXT_LIST_INIT;
	give_up(of->cluster, &scopes);
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

static const char *scrub_of_guest(const struct cluster *cluster,
				  const struct allocated_guest *guest, const char *node,
				  const char *volume)
{
	AUTO_FREE char *disk = xasprintf("%s-%s", cluster->name, guest->name);
	AUTO_FREE char *scratch = xasprintf("%s-scratch", disk);
	const char *scrub = scrub_of_disk(cluster, guest->disk, node, volume, disk);
	return scrub ? scrub : scrub_of_disk(cluster, guest->scratch, node, volume, scratch);
}

static const char *scrub_of_given_up(const struct cluster *cluster, const char *given_up,
				     const char *node, const char *volume)
{
	const char *at = strchr(given_up, '@');
	AUTO_FREE char *disk = xasprintf("%s-%.*s", cluster->name, (int)(at - given_up), given_up);
	return scrub_of_disk(cluster, at + 1, node, volume, disk);
}

const char *expand_scrub(const struct site *site, const char *node, const char *volume)
{
	const char *scrub = NULL;
	for (size_t i = 0; i < site->cluster_count && scrub == NULL; i++) {
		const struct cluster *cluster = &site->clusters[i];
		const struct allocation *record = &cluster->recorded;
		bool absent = !cluster_is_wanted(cluster);
		for (size_t j = 0; absent && j < record->guest_count && scrub == NULL; j++)
			scrub = scrub_of_guest(cluster, &record->guests[j], node, volume);
		for (size_t j = 0; j < record->given_up.count && scrub == NULL; j++)
			scrub = scrub_of_given_up(cluster, record->given_up.items[j], node, volume);
	}
	return scrub;
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
