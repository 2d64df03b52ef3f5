/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "model/check.h"
#include "model/ipv4.h"
#include "model/kind.h"

/* A record is machine-written: what is wrong with it was edited, or two were merged. What is
   taken out of it is chosen anew. */
#define ANEW "take it out, and moyai cluster allocate chooses another"

struct record {
	struct check *check;
	const struct cluster *cluster;
	struct allocated_guest *guest;
	const char *what; /* allocation of "genome": guest "compute1" */
};

static void check_host(const struct record *of)
{
	const char *host = of->guest->host;
	if (host != NULL && site_find_node(of->check->site, host) == NULL)
		mistake_add(of->check->mistakes, place_of(of->guest->place, "host"),
			    "%s: host: there is no node \"%s\"; " ANEW, of->what, host);
}

static void check_to(const struct record *of)
{
	const struct allocated_guest *guest = of->guest;
	struct place place = place_of(guest->place, "to");
	if (guest->to == NULL)
		return;
	if (site_find_node(of->check->site, guest->to) == NULL)
		mistake_add(of->check->mistakes, place,
			    "%s: to: there is no node \"%s\"; take it out: the guest stays where "
			    "it is",
			    of->what, guest->to);
	else if (guest->host == NULL)
		mistake_add(of->check->mistakes, place,
			    "%s: to: it has no host to move from; take it out", of->what);
	else if (text_equal(guest->host, guest->to))
		mistake_add(of->check->mistakes, place,
			    "%s: to: \"%s\" is its host by now; take it out: the guest stays where "
			    "it is",
			    of->what, guest->to);
}

static bool has(const struct site_node *node, const char *kind, const char *id)
{
	return spec_list_find(&node->wants, kind, id) != NULL ||
	       (node->role && spec_list_find(node->role->wants, kind, id) != NULL);
}

/* Another place would be another disk, and an empty one. */
static void check_disk(const struct record *of, const char *key, const char *text)
{
	struct allocated_disk disk;
	struct place place = place_of(of->guest->place, key);
	if (text == NULL)
		return;
	if (!allocated_disk_parse(text, &disk)) {
		mistake_add(of->check->mistakes, place,
			    "%s: %s: \"%.80s\" is not NODE/POOL or NODE/POOL/THIN-POOL; " ANEW,
			    of->what, key, text);
		return;
	}
	const struct site_node *node = site_find_node(of->check->site, disk.node);
	const struct cluster_guest *guest =
		of->guest->name ? cluster_find_guest(of->cluster, of->guest->name) : NULL;
	if (guest && text_equal(guest->group->boot, "golden") && strcmp(key, "disk") == 0 &&
	    disk.thin_pool == NULL)
		mistake_add(of->check->mistakes, place,
			    "%s: %s: \"%s\" is no thin pool, which boot = \"golden\" needs; write "
			    "the boot it had, or, when its data may be lost, " ANEW,
			    of->what, key, text);
	if (node == NULL)
		mistake_add(of->check->mistakes, place,
			    "%s: %s: there is no node \"%s\"; bring it back, or, when its data may "
			    "be lost, " ANEW,
			    of->what, key, disk.node);
	else if (!has(node, "pool", disk.pool))
		mistake_add(of->check->mistakes, place,
			    "%s: %s: node \"%s\" has no pool \"%s\"; bring it back, or, when its "
			    "data may be lost, " ANEW,
			    of->what, key, disk.node, disk.pool);
	else if (disk.thin_pool && !has(node, "volume", disk.thin_pool))
		mistake_add(of->check->mistakes, place,
			    "%s: %s: node \"%s\" has no volume \"%s\"; bring it back, or, when its "
			    "data may be lost, " ANEW,
			    of->what, key, disk.node, disk.thin_pool);
	allocated_disk_free(&disk);
}

/* Of nodes that were taken out: one that comes back has its disk there again. */
static void check_given_up(struct check *check, const struct cluster *cluster, const char *name)
{
	const struct allocation *record = &cluster->recorded;
	for (size_t i = 0; i < record->given_up.count; i++) {
		AUTO_FREE char *id = NULL;
		struct allocated_disk disk;
		if (!allocated_given_up_parse(record->given_up.items[i], &id, &disk))
			continue; /* read_allocation.c has told that */
		const struct site_node *node = site_find_node(check->site, disk.node);
		if (node == NULL || !has(node, "pool", disk.pool) ||
		    (disk.thin_pool && !has(node, "volume", disk.thin_pool)))
			mistake_add(check->mistakes, place_of_item(record->place, "given_up", i),
				    "%s: given_up: \"%s\" is cut from what the site does not have "
				    "any more; take it out, for the disk is gone with that",
				    name, record->given_up.items[i]);
		allocated_disk_free(&disk);
	}
}

static void check_reset(const struct record *of, const char *key, const char *text)
{
	AUTO_FREE char *snapshot = NULL;
	uint64_t seconds;
	struct place place = place_of(of->guest->place, key);
	if (text == NULL)
		return;
	if (!allocated_reset_parse(text, &snapshot, &seconds))
		mistake_add(of->check->mistakes, place,
			    "%s: %s: \"%.80s\" is not SNAPSHOT@SECONDS; write what it was",
			    of->what, key, text);
	else if (cluster_is_wanted(of->cluster) &&
		 !allocation_has_snapshot(&of->cluster->recorded, snapshot))
		mistake_add(of->check->mistakes, place,
			    "%s: %s: the record has no snapshot \"%s\"; bring it back into "
			    "snapshots, or take this out",
			    of->what, key, snapshot);
}

static void check_address(const struct record *of, struct map *by_address)
{
	struct allocated_guest *guest = of->guest;
	struct place place = place_of(guest->place, "address");
	const char *cidr = of->cluster->recorded.cidr;
	struct ipv4_network range;
	uint32_t address;
	if (guest->address == NULL || !ipv4_parse(guest->address, &address))
		return;
	const struct allocated_guest *twin = map_put(by_address, guest->address, guest);
	if (twin != NULL)
		mistake_add(of->check->mistakes, place,
			    "%s: address: %s is guest \"%s\"'s too (line %u); " ANEW, of->what,
			    guest->address, twin->name ? twin->name : "",
			    place_of(twin->place, "address").line);
	/* With a cidr in the cluster's own file, what is not in it was before that changed. */
	if (of->cluster->cidr == NULL && cidr && ipv4_parse_network(cidr, &range) &&
	    (address <= ipv4_first(&range) || address >= ipv4_last(&range)))
		mistake_add(of->check->mistakes, place,
			    "%s: address: %s is no address for a guest in %s; " ANEW, of->what,
			    guest->address, cidr);
}

struct mac_owner {
	const struct cluster *cluster;
	struct place place;
};

static void check_mac(const struct record *of, const char *key, const char *mac, struct map *by_mac,
		      struct mac_owner *owner)
{
	struct place place = place_of(of->guest->place, key);
	const struct site_node *node = site_find_mac(of->check->site, mac);
	if (mac == NULL)
		return;
	*owner = (struct mac_owner){ of->cluster, place };
	const struct mac_owner *twin = map_put(by_mac, mac, owner);
	if (node != NULL)
		mistake_add(of->check->mistakes, place, "%s: %s: %s is node \"%s\"'s; " ANEW,
			    of->what, key, mac, node->name);
	if (twin == NULL)
		return;
	AUTO_FREE char *where = check_place_text(twin->place, place);
	mistake_add(of->check->mistakes, place,
		    "%s: %s: %s is also in the record of cluster \"%s\" (%s); " ANEW, of->what, key,
		    mac, twin->cluster->name, where);
}

void check_allocations(struct check *check)
{
	const struct site *site = check->site;
	struct map by_mac = MAP_INIT;
	size_t count = 0;
	for (size_t i = 0; i < site->cluster_count; i++)
		count += 2 * site->clusters[i].recorded.guest_count;
	struct mac_owner *owners = xcalloc(count, sizeof(*owners));
	for (size_t i = 0, next = 0; i < site->cluster_count; i++) {
		const struct cluster *cluster = &site->clusters[i];
		const struct allocation *record = &cluster->recorded;
		AUTO_FREE char *name = xasprintf("allocation of \"%s\"", cluster->name);
		struct map by_address = MAP_INIT;
		if (cluster->cidr == NULL && record->cidr != NULL)
			check_private_network(check, place_of(record->place, "cidr"), name, cluster,
					      record->cidr);
		check_given_up(check, cluster, name);
		for (size_t j = 0; j < record->guest_count; j++) {
			struct allocated_guest *guest = &record->guests[j];
			AUTO_FREE char *what =
				xasprintf("%s: guest \"%s\"", name, guest->name ? guest->name : "");
			const struct record of = { check, cluster, guest, what };
			check_host(&of);
			check_to(&of);
			check_disk(&of, "disk", guest->disk);
			check_disk(&of, "scratch", guest->scratch);
			check_reset(&of, "disk_reset", guest->disk_reset);
			check_reset(&of, "scratch_reset", guest->scratch_reset);
			check_address(&of, &by_address);
			check_mac(&of, "mac", guest->mac, &by_mac, &owners[next++]);
			check_mac(&of, "outside_mac", guest->outside_mac, &by_mac, &owners[next++]);
		}
		map_free(&by_address);
	}
	map_free(&by_mac);
	free(owners);
}
