/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_VOLUME_SPEC_H
#define KINDS_VOLUME_SPEC_H
#include "engine/kind.h"
/* A logical volume with the tag `moyai`, at /dev/moyai-POOL/NAME. */
struct volume {
	char *name;
	char *pool;
	uint64_t size;
	int active;	    /* there is a device for it; derived */
	uint64_t pool_free; /* seen: bytes in free extents of the pool */
	char *foreign;	    /* seen: one of this name that is not ours, ready to be shown */
};
/* Pools are always made with this extent, so sizes can be rounded beforehand. */
#define VOLUME_EXTENT (4 * 1024 * 1024ULL)
extern const struct kind_spec volume_spec;
#endif
