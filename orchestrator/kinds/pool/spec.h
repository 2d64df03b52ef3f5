/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_POOL_SPEC_H
#define KINDS_POOL_SPEC_H
#include "engine/kind.h"
/* An LVM volume group `moyai-NAME` with the tag `moyai`, on partitions of ours. */
struct pool {
	char *name;
	struct text_list partitions;
	int filled;    /* the physical volumes fill their partitions and have tags; derived */
	uint64_t free; /* seen: bytes in free extents */
	char *partitions_hold; /* seen: what keeps us from a partition, ready to be shown */
};
extern const struct kind_spec pool_spec;
#endif
