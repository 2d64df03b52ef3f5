/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_CLUSTER_H
#define PROGRAMS_CLUSTER_H
#include "engine/allocate.h"
#include "programs/command.h"
/* What the commands about virtual clusters share. */

/* Read the site and allocate. -1 after having printed why. */
int cluster_command_read(const struct options *options, struct site *site,
			 struct allocations *allocations);

/* The clusters that are named, or all: their positions in the site. The caller frees; NULL
   (with err) when one is not there. */
size_t *cluster_command_choose(const struct site *site, int argc, char **argv, size_t *count,
			       struct err *err);

/* Sums over the guests of a cluster, disks with their scratch. */
struct cluster_sum {
	uint64_t vcpus, memory_bytes, disk_bytes;
};
struct cluster_sum cluster_command_sum(const struct cluster *cluster);

/* The record as it is, and as it is to be; "" for none. */
void cluster_command_records(const struct cluster *cluster, const struct allocation *made,
			     struct str *before, struct str *after);
#endif
