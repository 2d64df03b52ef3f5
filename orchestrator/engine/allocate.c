/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/allocate.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "model/ipv4.h"

enum { TAGS = 4095 };

void allocations_free(struct allocations *allocations)
{
	for (size_t i = 0; i < allocations->count; i++)
		allocation_free(&allocations->items[i]);
	free(allocations->items);
	*allocations = (struct allocations){ 0 };
}

static void drop(char **text)
{
	free(*text);
	*text = NULL;
}

/* With its disks all that was kept of them goes. */
static void keep_absent(const struct allocation *record, struct allocation *made)
{
	allocation_copy(made, record);
	for (size_t i = 0; i < made->snapshots.count; i++) {
		AUTO_FREE char *name = NULL;
		uint64_t seconds;
		if (allocated_reset_parse(made->snapshots.items[i], &name, &seconds))
			text_list_add(&made->forgotten, name);
	}
	text_list_free(&made->snapshots);
	for (size_t i = 0; i < made->guest_count; i++) {
		drop(&made->guests[i].to);
		drop(&made->guests[i].disk_reset);
		drop(&made->guests[i].scratch_reset);
	}
}

static void give_up_disk(struct allocation *made, const char *name, bool scratch, const char *at)
{
	if (at != NULL)
		text_list_take(&made->given_up,
			       xasprintf("%s%s@%s", name, scratch ? "-scratch" : "", at));
}

/* A node that was taken out. */
static void give_up(struct allocation *made, const struct allocated_guest *gone)
{
	give_up_disk(made, gone->name, false, gone->disk);
	give_up_disk(made, gone->name, true, gone->scratch);
}

/* A golden disk is a clone in a thin pool. */
static bool fits(const struct cluster_group *group, const char *at)
{
	struct allocated_disk disk;
	if (!allocated_disk_parse(at, &disk))
		return false;
	bool thin = disk.thin_pool != NULL;
	allocated_disk_free(&disk);
	return thin || !text_equal(group->boot, "golden");
}

/* A disk that the group no longer has is given up, and one that was is taken up again. */
static void keep_disk(struct allocation *made, const struct cluster_guest *guest, bool scratch,
		      bool wanted, char **disk)
{
	AUTO_FREE char *begin = xasprintf("%s%s@", guest->name, scratch ? "-scratch" : "");
	if (!wanted) {
		give_up_disk(made, guest->name, scratch, *disk);
		drop(disk);
		return;
	}
	for (size_t i = made->given_up.count; i-- > 0;) {
		if (!text_starts(made->given_up.items[i], begin))
			continue;
		if (*disk == NULL && fits(guest->group, made->given_up.items[i] + strlen(begin)))
			*disk = xstrdup(made->given_up.items[i] + strlen(begin));
		text_list_remove(&made->given_up, made->given_up.items[i]);
	}
}

/* What the record says of what is still declared, in the order of the declaration. */
static void keep_recorded(const struct cluster *cluster, struct allocation *made)
{
	const struct allocation *record = &cluster->recorded;
	if (!cluster_is_wanted(cluster)) {
		keep_absent(record, made);
		return;
	}
	allocation_init(made);
	made->cluster = xstrdup(cluster->name);
	made->rotation = record->rotation == FIELD_UNSET ? 0 : record->rotation;
	made->place = record->place;
	text_list_copy(&made->snapshots, &record->snapshots);
	text_list_copy(&made->forgotten, &record->forgotten);
	text_list_copy(&made->given_up, &record->given_up);
	if (cluster->vlan == FIELD_UNSET)
		made->vlan = record->vlan;
	if (cluster->cidr == NULL)
		made->cidr = xstrdup(record->cidr);
	for (size_t i = 0; i < cluster->guest_count; i++) {
		const struct cluster_guest *guest = &cluster->guests[i];
		const struct allocated_guest *old = allocation_find(record, guest->name);
		struct allocated_guest *kept = allocation_add(made, old ? NULL : guest->name);
		if (old != NULL)
			fields_copy(ALLOCATED_GUEST_FIELDS, kept, old);
		if (old != NULL)
			kept->place = old->place;
		if (!cluster_is_running(cluster))
			drop(&kept->to);
		keep_disk(made, guest, false, guest->group->disk != FIELD_UNSET, &kept->disk);
		keep_disk(made, guest, true, guest->group->scratch != FIELD_UNSET, &kept->scratch);
		/* Another disk was never set back. */
		if (kept->disk == NULL)
			drop(&kept->disk_reset);
		if (kept->scratch == NULL)
			drop(&kept->scratch_reset);
	}
	for (size_t i = 0; i < record->guest_count; i++)
		if (cluster_find_guest(cluster, record->guests[i].name) == NULL)
			give_up(made, &record->guests[i]);
}

/* ---- tags ---- */

static void choose_tags(const struct site *site, struct allocations *allocations,
			struct mistakes *mistakes)
{
	bool taken[TAGS] = { false };
	unsigned first = 0;
	unsigned last = 0;
	bool pool = site_vlan_pool(site, &first, &last);
	for (size_t i = 0; i < site->network_count; i++)
		taken[site->networks[i].vlan] = true;
	for (size_t i = 0; i < site->cluster_count; i++) {
		uint64_t tag = cluster_vlan(&site->clusters[i], &allocations->items[i]);
		if (tag != FIELD_UNSET)
			taken[tag] = true;
	}
	for (size_t i = 0; i < site->cluster_count; i++) {
		const struct cluster *cluster = &site->clusters[i];
		struct allocation *made = &allocations->items[i];
		if (!cluster_is_wanted(cluster) || cluster_vlan(cluster, made) != FIELD_UNSET)
			continue;
		while (pool && first <= last && taken[first])
			first++;
		if (pool && first <= last)
			taken[made->vlan = first] = true;
		else if (pool)
			mistake_add(mistakes, cluster->place,
				    "cluster \"%s\": no tag of the site's vlan_pool %s is left; "
				    "make it larger, or remove a cluster",
				    cluster->name, site->vlan_pool);
		else
			mistake_add(mistakes, cluster->place,
				    "cluster \"%s\": vlan is missing, and the site has no "
				    "vlan_pool; write vlan_pool = \"100-199\" in site.cfg, or vlan "
				    "= 100 here",
				    cluster->name);
	}
}

/* ---- addresses ---- */

static bool is_free(const struct site *site, const struct ipv4_network *range)
{
	struct ipv4_network pool;
	if (site_link_pool(site, &pool) && ipv4_overlap(range, &pool))
		return false;
	for (size_t i = 0; i < site->network_count; i++) {
		struct ipv4_network other;
		if (site->networks[i].cidr && ipv4_parse_network(site->networks[i].cidr, &other) &&
		    ipv4_overlap(range, &other))
			return false;
	}
	return true;
}

/* Rocks' own choice is 10.1.0.0/16. Clusters may have the same: their networks never meet. */
static char *choose_cidr(const struct site *site)
{
	for (unsigned octet = 1; octet < 255; octet++) {
		struct ipv4_network range = { 10U << 24 | octet << 16, 16 };
		if (is_free(site, &range))
			return xasprintf("10.%u.0.0/16", octet);
	}
	return NULL;
}

static int compare_numbers(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left;
	uint32_t b = *(const uint32_t *)right;
	return a < b ? -1 : a > b;
}

/* The lowest free ones. Those outside of the range are of another one, which was declared before. */
static void number_guests(const struct cluster *cluster, const struct ipv4_network *range,
			  struct allocation *made, struct mistakes *mistakes)
{
	uint32_t *taken = xcalloc(made->guest_count, sizeof(*taken));
	uint32_t next = ipv4_first(range) + 1;
	size_t count = 0;
	for (size_t i = 0; i < made->guest_count; i++) {
		struct allocated_guest *guest = &made->guests[i];
		uint32_t address;
		if (guest->address && ipv4_parse(guest->address, &address) &&
		    address > ipv4_first(range) && address < ipv4_last(range)) {
			taken[count++] = address;
			continue;
		}
		drop(&guest->address);
	}
	qsort(taken, count, sizeof(*taken), compare_numbers);
	for (size_t i = 0, past = 0; i < made->guest_count; i++) {
		struct allocated_guest *guest = &made->guests[i];
		if (guest->address != NULL)
			continue;
		while (past < count && taken[past] <= next)
			next = taken[past++] == next ? next + 1 : next;
		if (next >= ipv4_last(range)) {
			mistake_add(mistakes, place_of(cluster->place, "cidr"),
				    "cluster \"%s\": cidr: %s has %u addresses, too few for %zu "
				    "guests; choose a larger one",
				    cluster->name, cluster_cidr(cluster, made),
				    ipv4_last(range) - ipv4_first(range) - 1, made->guest_count);
			break;
		}
		guest->address = ipv4_text(next++);
	}
	free(taken);
}

static void choose_addresses(const struct site *site, struct allocations *allocations,
			     struct mistakes *mistakes)
{
	AUTO_FREE char *cidr = choose_cidr(site);
	for (size_t i = 0; i < site->cluster_count; i++) {
		const struct cluster *cluster = &site->clusters[i];
		struct allocation *made = &allocations->items[i];
		struct ipv4_network range;
		if (!cluster_is_wanted(cluster))
			continue;
		if (cluster_cidr(cluster, made) == NULL)
			made->cidr = xstrdup(cidr);
		if (cluster_cidr(cluster, made) == NULL)
			mistake_add(mistakes, cluster->place,
				    "cluster \"%s\": cidr is missing, and no 10.N.0.0/16 is beside "
				    "the site's networks; write cidr = \"192.168.1.0/24\"",
				    cluster->name);
		else if (ipv4_parse_network(cluster_cidr(cluster, made), &range))
			number_guests(cluster, &range, made, mistakes);
	}
}

/* ---- MAC addresses ---- */

/* From the names, so that they are the same whatever else there is, and hardly ever those of
   another site on the same wire. 02 in front: locally administered (IEEE 802, 8.2). */
static int choose_mac(const struct site *site, struct map *taken, const char *guest_id,
		      const char *side, char **mac, struct err *err)
{
	for (unsigned attempt = 0; *mac == NULL; attempt++) {
		AUTO_FREE char *name =
			xasprintf("moyai mac %s %s %s %u", site->name, guest_id, side, attempt);
		char hex[HASH_HEX_SIZE];
		if (hash_bytes_hex(name, strlen(name), hex, err) != 0)
			return -1;
		char *made = xasprintf("02:%.2s:%.2s:%.2s:%.2s:%.2s", hex, hex + 2, hex + 4,
				       hex + 6, hex + 8);
		if (site_find_mac(site, made) == NULL && map_put(taken, made, made) == NULL)
			*mac = made;
		else
			free(made);
	}
	return 0;
}

static int choose_macs(const struct site *site, struct allocations *allocations, struct err *err)
{
	struct map taken = MAP_INIT;
	int rc = 0;
	for (size_t i = 0; i < allocations->count; i++)
		for (size_t j = 0; j < allocations->items[i].guest_count; j++) {
			const struct allocated_guest *guest = &allocations->items[i].guests[j];
			if (guest->mac)
				map_put(&taken, guest->mac, guest->mac);
			if (guest->outside_mac)
				map_put(&taken, guest->outside_mac, guest->outside_mac);
		}
	for (size_t i = 0; i < site->cluster_count; i++) {
		const struct cluster *cluster = &site->clusters[i];
		for (size_t j = 0; cluster_is_wanted(cluster) && j < cluster->guest_count; j++) {
			const struct cluster_guest *guest = &cluster->guests[j];
			struct allocated_guest *made = &allocations->items[i].guests[j];
			if (rc == 0)
				rc = choose_mac(site, &taken, guest->id, "inside", &made->mac, err);
			if (rc == 0 && cluster_is_frontend(guest))
				rc = choose_mac(site, &taken, guest->id, "outside",
						&made->outside_mac, err);
		}
	}
	map_free(&taken);
	return rc;
}

int allocate(const struct site *site, struct allocations *allocations, struct mistakes *mistakes,
	     struct err *err)
{
	struct allocations made = { xcalloc(site->cluster_count, sizeof(*made.items)),
				    site->cluster_count };
	for (size_t i = 0; i < site->cluster_count; i++)
		keep_recorded(&site->clusters[i], &made.items[i]);
	choose_tags(site, &made, mistakes);
	choose_addresses(site, &made, mistakes);
	if (choose_macs(site, &made, err) != 0) {
		allocations_free(&made);
		return -1;
	}
	allocate_places(site, &made, mistakes);
	*allocations = made;
	return 0;
}
