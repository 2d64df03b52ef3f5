/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "base/size.h"
#include "engine/allocate_place.h"
#include "engine/device.h"
#include "engine/refer.h"

/* One that is to be cut. */
struct disk {
	const struct cluster_group *group;
	const char *id;
	char **place; /* of the allocation */
	bool golden;
};

static struct place_item disk_item(uint64_t bytes, const bool *may)
{
	return (struct place_item){ .need = { 0, size_round_up(bytes, DEVICE_EXTENT) },
				    .may = may,
				    .host = PLACE_NONE };
}

static size_t keeper_of(const struct places *places, const char *text)
{
	struct allocated_disk disk;
	if (text == NULL || !allocated_disk_parse(text, &disk))
		return PLACE_NONE;
	size_t host = givers_find(&places->keepers, disk.node);
	allocated_disk_free(&disk);
	return host;
}

/* What is recorded of a node that gives nothing any more stays, and takes nothing of the rest. */
void places_count_disks(struct places *places)
{
	const struct site *site = places->site;
	for (size_t i = 0; i < site->cluster_count; i++) {
		const struct cluster *cluster = &site->clusters[i];
		for (size_t j = 0; cluster_is_wanted(cluster) && j < cluster->guest_count; j++) {
			const struct allocated_guest *made =
				&places->allocations->items[i].guests[j];
			const struct cluster_group *group = cluster->guests[j].group;
			struct place_item disk = disk_item(made->disk ? group->disk : 0, NULL);
			struct place_item scratch =
				disk_item(made->scratch ? group->scratch : 0, NULL);
			disk.host = keeper_of(places, made->disk);
			scratch.host = keeper_of(places, made->scratch);
			place_count(places->keepers.hosts, &disk, 1);
			place_count(places->keepers.hosts, &scratch, 1);
		}
	}
}

static char *disk_text(const struct site_node *node)
{
	const struct site_guests *guests = &node->guests;
	return xasprintf("%s/%s%s%s", node->name, guests->pool, guests->thin_pool ? "/" : "",
			 guests->thin_pool ? guests->thin_pool : "");
}

static void add_uncut(const struct places *places, const struct cluster *cluster,
		      const struct allocation *made, const struct disk *disk, uint64_t bytes,
		      size_t count, const bool *may)
{
	const struct givers *keepers = &places->keepers;
	AUTO_STR struct str size = STR_INIT;
	AUTO_STR struct str left = STR_INIT;
	places_add_bytes(&size, bytes);
	size_t able = places_add_left(&left, keepers, may);
	struct place place = place_of(disk->group->place, "disk");
	if (able == 0 && may && made->snapshots.count > 0)
		mistake_add(places->mistakes, disk->group->place,
			    "cluster \"%s\": group \"%s\": the cluster has snapshots, which only "
			    "disks in thin pools have, and no node gives a thin_pool to guests; "
			    "write thin_pool into the guests of a storage node",
			    cluster->name, disk->group->name);
	else if (able == 0 && may)
		mistake_add(places->mistakes, disk->group->place,
			    "cluster \"%s\": group \"%s\": boot = \"golden\" takes thin clones, "
			    "and no node gives a thin_pool to guests; write thin_pool into the "
			    "guests of a storage node",
			    cluster->name, disk->group->name);
	else if (able == 0)
		mistake_add(places->mistakes, place,
			    "cluster \"%s\": no node gives storage to guests; write guests = { "
			    "storage = \"4T\"; pool = \"main\"; networks = [ \"storage\" ]; } into "
			    "a storage node",
			    cluster->name);
	else
		mistake_add(places->mistakes, place,
			    "cluster \"%s\": there is no room for %zu of its disks, of which %s "
			    "needs %s; left are %s; make them smaller, or give more storage to "
			    "guests",
			    cluster->name, count, disk->id, str_text(&size), str_text(&left));
}

void places_choose_disks(struct places *places, const struct cluster *cluster,
			 struct allocation *made)
{
	struct givers *keepers = &places->keepers;
	size_t most = 2 * cluster->guest_count;
	struct place_item *items = xcalloc(most, sizeof(*items));
	struct disk *disks = xcalloc(most, sizeof(*disks));
	bool *thin = xcalloc(keepers->count, sizeof(*thin));
	size_t count = 0;
	size_t left = 0;
	size_t first = PLACE_NONE;
	for (size_t i = 0; i < keepers->count; i++)
		thin[i] = keepers->nodes[i]->guests.thin_pool != NULL;
	for (size_t i = 0; i < cluster->guest_count; i++) {
		const struct cluster_guest *guest = &cluster->guests[i];
		const struct cluster_group *group = guest->group;
		bool golden = text_equal(group->boot, "golden");
		bool kept = made->snapshots.count > 0; /* which only thin disks have */
		if (group->disk != FIELD_UNSET && made->guests[i].disk == NULL) {
			items[count] = disk_item(group->disk, golden || kept ? thin : NULL);
			disks[count++] =
				(struct disk){ group, guest->id, &made->guests[i].disk, golden };
		}
		if (group->scratch != FIELD_UNSET && made->guests[i].scratch == NULL) {
			items[count] = disk_item(group->scratch, kept ? thin : NULL);
			disks[count++] = (struct disk){ group, guest->scratch_id,
							&made->guests[i].scratch, false };
		}
	}
	place_items(keepers->hosts, keepers->count, items, count);
	for (size_t i = 0; i < count; i++) {
		if (items[i].host != PLACE_NONE) {
			*disks[i].place = disk_text(keepers->nodes[items[i].host]);
			continue;
		}
		left++;
		first = first == PLACE_NONE ? i : first;
	}
	if (left > 0)
		add_uncut(places, cluster, made, &disks[first], items[first].need[PLACE_BYTES],
			  left, items[first].may);
	free(items);
	free(disks);
	free(thin);
}

/* What its pool says: of which the disks are cut. */
static void check_keeper(struct places *places, size_t index)
{
	const struct site_node *node = places->keepers.nodes[index];
	const struct place_host *host = &places->keepers.hosts[index];
	const struct site_guests *guests = &node->guests;
	AUTO_STR struct str known = STR_INIT;
	const struct spec *thin =
		guests->thin_pool ? refer_find(node, "volume", guests->thin_pool) : NULL;
	if (refer_find(node, "pool", guests->pool) == NULL) {
		refer_choices(node, "pool", &known);
		mistake_add(places->mistakes, place_of(guests->place, "pool"),
			    "node \"%s\": guests: there is no pool \"%s\"%s", node->name,
			    guests->pool, str_text(&known));
	} else if (guests->thin_pool &&
		   (thin == NULL || !text_equal(device_volume_type(thin), "thin-pool") ||
		    !text_equal(refer_text(thin, "pool"), guests->pool))) {
		mistake_add(places->mistakes, place_of(guests->place, "thin_pool"),
			    "node \"%s\": guests: thin_pool: pool \"%s\" has no volume \"%s\" of "
			    "the type thin-pool; add it to volumes",
			    node->name, guests->pool, guests->thin_pool);
	}
	if (!place_is_overfull(host))
		return;
	AUTO_STR struct str gives = STR_INIT;
	AUTO_STR struct str used = STR_INIT;
	places_add_bytes(&gives, host->room[PLACE_BYTES]);
	places_add_bytes(&used, host->used[PLACE_BYTES]);
	mistake_add(places->mistakes, place_of(guests->place, "storage"),
		    "node \"%s\": guests: gives %s of storage, and the disks that are allocated on "
		    "it need %s; give more, or make them smaller where they are not made yet",
		    node->name, str_text(&gives), str_text(&used));
}

void places_check_keepers(struct places *places)
{
	for (size_t i = 0; i < places->keepers.count; i++)
		check_keeper(places, i);
}

/* A disk is a volume, and names of volumes are the operator's too. */
static void check_volume(struct places *places, const struct cluster *cluster, const char *id,
			 const char *disk)
{
	size_t keeper = id ? keeper_of(places, disk) : PLACE_NONE;
	const struct spec *volume =
		keeper != PLACE_NONE ? refer_find(places->keepers.nodes[keeper], "volume", id)
				     : NULL;
	if (volume != NULL && volume->cluster == NULL)
		mistake_add(places->mistakes, place_of(volume->place, "name"),
			    "volume \"%s\": cluster \"%s\" has a disk of this name on \"%s\"; "
			    "rename the volume",
			    id, cluster->name, places->keepers.nodes[keeper]->name);
}

void places_check_volumes(struct places *places, const struct cluster *cluster,
			  const struct allocation *made)
{
	for (size_t i = 0; i < cluster->guest_count; i++) {
		const struct cluster_guest *guest = &cluster->guests[i];
		check_volume(places, cluster, guest->id, made->guests[i].disk);
		check_volume(places, cluster, guest->scratch_id, made->guests[i].scratch);
	}
}
