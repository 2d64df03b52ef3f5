/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_PARTITION_SPEC_H
#define KINDS_PARTITION_SPEC_H
#include "engine/kind.h"
/*
 * A partition with the GPT label `moyai.NAME`. The disk's partition table is
 * made when the disk is empty, and refused when it holds anything not ours.
 *
 * Layout: partitions of one disk are made in the order they are written, each
 * at the first gap that is big enough, aligned to 1 MiB; sizes are rounded up
 * to 1 MiB. The last may leave its size out and takes what is left.
 */
struct partition {
	char *name;
	char *disk;
	uint64_t size;
	char *after;	      /* the partition written before it on the same disk; derived */
	uint64_t disk_wanted; /* bytes that all partitions of this disk want; derived */
	char *table;	      /* "whole", or "torn" by an interruption; derived */
	char *disk_holds;     /* seen: what keeps us from the disk, ready to be shown */
	uint64_t disk_size;   /* seen: bytes that partitions can have; 0: no such disk */
	uint64_t room;	      /* seen: the biggest gap (create), or what it can grow to */
	struct text_list other_disks; /* what the node's other partitions call theirs; derived */
	char *device;		      /* seen: "/dev/vdb1" */
};
#define PARTITION_LABEL "moyai." /* in front of the name */
#define PARTITION_ALIGN (1024 * 1024ULL)
extern const struct kind_spec partition_spec;
#endif
