/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_CLUSTER_H
#define PROGRAMS_CLUSTER_H
#include <stdio.h>

#include "engine/allocate.h"
#include "programs/command.h"
/* What the commands about virtual clusters share. */

/* Read the site and allocate, with nothing new on nodes that are in maintenance. -1 after having printed
   why. */
int cluster_command_read(const struct options *options, struct site *site,
			 struct allocations *allocations);
/* The same for who only looks: whatever is in maintenance. */
int cluster_command_look(const struct options *options, struct site *site,
			 struct allocations *allocations);

/* The clusters that are named, or all: their positions in the site. The caller frees; NULL
   (with err) when one is not there. */
size_t *cluster_command_choose(const struct site *site, int argc, char **argv, size_t *count,
			       struct err *err);

/* One of them, and one of its guests by its name there. NULL (with err): there is none. */
const struct cluster *cluster_named(const struct site *site, const char *name, struct err *err);
const struct cluster_guest *cluster_guest_named(const struct cluster *cluster, const char *name,
						struct err *err);

/* Sums over the guests of a cluster, disks with their scratch. */
struct cluster_sum {
	uint64_t vcpus, memory_bytes, disk_bytes;
};
struct cluster_sum cluster_command_sum(const struct cluster *cluster);

/* Write the cluster's record when it is not what was made. The difference goes to `out` (with
   --json a line to stdout). 1: it was written, 0: it is as it should be. */
int cluster_command_record(const struct options *options, const struct cluster *cluster,
			   const struct allocation *made, FILE *out, struct err *err);

/* The record as it is, and as it is to be; "" for none. */
void cluster_command_records(const struct cluster *cluster, const struct allocation *made,
			     struct str *before, struct str *after);
#endif
