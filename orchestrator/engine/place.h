/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ENGINE_PLACE_H
#define ENGINE_PLACE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/*
 * What goes where: guests on hosts by processors and memory, disks on storage nodes by bytes.
 * Pure; the same in, the same out. What has a place already keeps it.
 *
 * Placing things of several dimensions on few hosts is vector bin packing, which is NP-hard.
 * Greedy by decreasing size comes near the optimum and moves nothing that is placed (Panigrahy,
 * Talwar, Uyeda, Wieder: Heuristics for Vector Bin Packing, Microsoft Research, 2011):
 *
 *   order   what fewest hosts may take first, then the largest, measured by the dimension that
 *           is the scarcest for it, then as it stands in the list
 *   spread  where fewest of the same group are, then where the fullest dimension is the least
 *           full afterwards
 *   pack    where the fullest dimension is the fullest afterwards
 *
 * When spreading leaves something over, all is tried again with `pack`, for a hint must not cost
 * a place. So what is refused might at most have fitted by moving things.
 */
enum place_dimension { PLACE_CPUS, PLACE_BYTES, PLACE_DIMENSIONS };
#define PLACE_NONE SIZE_MAX

struct place_host {
	uint64_t room[PLACE_DIMENSIONS]; /* in all */
	uint64_t used[PLACE_DIMENSIONS]; /* of it, by what is placed; kept up to date */
};

struct place_item {
	uint64_t need[PLACE_DIMENSIONS];
	const void *group; /* items with the same pointer are alike, and are spread; NULL: none */
	bool pack;	   /* else spread */
	const bool *may;   /* by host; NULL: any. Borrowed */
	size_t host;	   /* PLACE_NONE: to be placed */
};

/* Count what is placed already into the hosts' `used`, once, whether or not it fits. */
void place_count(struct place_host *hosts, const struct place_item *items, size_t count);

/*
 * Give each item that has none a host. Items that find no room are left with PLACE_NONE;
 * returns how many. Those that have a place must have been counted.
 */
size_t place_items(struct place_host *hosts, size_t host_count, struct place_item *items,
		   size_t count);

/* What is left of its room. */
uint64_t place_left(const struct place_host *host, enum place_dimension dimension);
/* More is placed on it than it has. */
bool place_is_overfull(const struct place_host *host);
/* Whether the host has room for it, whatever `may` says. */
bool place_fits(const struct place_host *host, const struct place_item *item);
/* Whether an empty host would have. */
bool place_could_fit(const struct place_host *host, const struct place_item *item);
#endif
