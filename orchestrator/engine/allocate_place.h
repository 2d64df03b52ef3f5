/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ENGINE_ALLOCATE_PLACE_H
#define ENGINE_ALLOCATE_PLACE_H
#include "engine/allocate.h"
#include "engine/place.h"
/* The second half of allocate(): hosts of guests and storage nodes of disks. */
/* The nodes that give something, and what is left of it. */
struct givers {
	const struct site_node **nodes; /* borrowed from the site */
	struct place_host *hosts;
	size_t count;
	struct map by_name; /* of hosts */
};

struct places {
	const struct site *site;
	struct allocations *allocations;
	struct mistakes *mistakes;
	struct givers runners; /* give processors and memory */
	struct givers keepers; /* give storage */
};

/* All that give something, with nothing placed on them; mistakes of what is counted go to places->mistakes. */
void places_begin(struct places *places);
void places_end(struct places *places);

/* The position of the node, or PLACE_NONE; the name may be NULL. */
size_t givers_find(const struct givers *givers, const char *name);
/* "16G" and "4 vCPUs and 16G". */
void places_add_bytes(struct str *out, uint64_t bytes);
void places_add_need(struct str *out, const uint64_t need[PLACE_DIMENSIONS]);
/* "2 vCPUs and 4G on vm2, 0 vCPUs and 1G on vm1": what is left, most bytes first, on those that
   `may` allows (NULL: all). Returns how many these are; of many some are said. */
size_t places_add_left(struct str *out, const struct givers *givers, const bool *may);

/* allocate_hosts.c. What is recorded counts first, whoever's it is. */
void places_count_hosts(struct places *places);
void places_check_hosts(struct places *places); /* more is placed on one than it gives */
void places_choose_hosts(struct places *places, const struct cluster *cluster,
			 struct allocation *made);
/* By runner: neither excluded nor beside the pin, and of the guest's role. The caller frees. */
bool *places_may(const struct places *places, const struct cluster_guest *guest);
/* Without a place. */
struct place_item places_item(const struct cluster_guest *guest, const bool *may);

/* allocate_disks.c, likewise. */
void places_count_disks(struct places *places);
void places_check_keepers(struct places *places);
void places_choose_disks(struct places *places, const struct cluster *cluster,
			 struct allocation *made);
/* Volumes of the operator's own that are called like a disk. */
void places_check_volumes(struct places *places, const struct cluster *cluster,
			  const struct allocation *made);
#endif
