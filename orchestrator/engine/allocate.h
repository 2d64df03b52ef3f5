/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ENGINE_ALLOCATE_H
#define ENGINE_ALLOCATE_H
#include "model/kind.h"
/*
 * What the operator of a virtual cluster leaves open is decided here: the VLAN and addresses of
 * its private network, MAC addresses, where each disk is cut from and the host that each guest
 * is placed on first. Pure: the same site, with the same records, gives the same.
 *
 * What is recorded stays, and is looked at first, for all clusters; then each cluster gets what
 * it lacks, in the order of their names. So a cluster that comes or goes moves no other.
 */
struct allocations {
	/* One per cluster, as in site->clusters; the guests as in cluster->guests, but of an absent
	   cluster, which has those that are recorded. */
	struct allocation *items;
	size_t count;
};

/*
 * The site is without mistakes. What finds no place is a mistake, with what is missing and where
 * it would fit; the allocations are whole only when there are none. -1 (with err): no hashes.
 *
 * An absent cluster keeps what it has. A stopped one has disks, and takes nothing of its hosts.
 */
int allocate(const struct site *site, struct allocations *allocations, struct mistakes *mistakes,
	     struct err *err);
void allocations_free(struct allocations *allocations);

/* Hosts and disks: the second half of allocate(). */
void allocate_places(const struct site *site, struct allocations *allocations,
		     struct mistakes *mistakes);
#endif
