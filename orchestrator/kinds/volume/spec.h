/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_VOLUME_SPEC_H
#define KINDS_VOLUME_SPEC_H
#include "engine/kind.h"
/*
 * A logical volume with the tag `moyai`, at /dev/moyai-POOL/NAME; or a thin
 * pool, which has no device and holds thin volumes.
 *
 * A clone is a thin snapshot of its golden volume, made as it is at that
 * moment. Of what it is a clone, and how often it was reset, is in its tags:
 * LVM forgets the origin when that is removed, and what the clone holds is
 * still what it was. What becomes of its content is in its tags, too: it is removed when nobody
 * declares it any more.
 */
struct volume {
	char *name;
	char *pool;
	char *type; /* "linear", "striped", "raid1", "thin", "thin-pool" */
	uint64_t size;
	uint64_t stripes;
	uint64_t stripe_size;
	uint64_t mirrors;
	char *thin_pool;
	char *of;	   /* the golden volume */
	uint64_t reset;	   /* which time it was set back; 0 in a thin one that never was */
	char *snapshot_of; /* the volume that it is a copy of, as that was when this was made */
	uint64_t
		snapshot_at; /* seconds since 1970: when it was asked for; another time is another one */
	char *begins_as; /* the golden volume, for a snapshot of a disk that is not there; derived */
	char *keeper;	 /* this node, which must not offer the disk meanwhile; derived */
	char *guest; /* who must run on none of `hosts` while it is made, or set back; derived */
	struct text_list hosts;
	struct text_list on;
	uint64_t overcommit_percent;
	uint64_t warn_percent;
	char *scrub; /* "none", "discard", "overwrite": when it is removed */

	int active;	       /* there is a device for it; derived */
	int whole;	       /* every copy of a mirror is in use; derived */
	uint64_t metadata;     /* bytes of a thin pool's metadata; derived */
	uint64_t takes;	       /* bytes of the pool, copies and metadata counted; derived */
	uint64_t pool_wanted;  /* what all volumes of the pool take; derived */
	uint64_t pool_members; /* partitions the pool is to have; derived */

	uint64_t pool_size;	   /* seen: bytes in extents of the pool; unset while it grows */
	uint64_t pool_free;	   /* seen: of these free; likewise */
	uint64_t used_percent;	   /* seen: of a thin pool's data, rounded up */
	uint64_t metadata_percent; /* seen: of a thin pool's metadata, rounded up */
	uint64_t synced_percent;   /* seen: of a mirror, rounded up */
	char *health;		   /* seen: what LVM says of a mirror that is not whole */
	char *foreign;		   /* seen: why what is there is not touched */
	char *dependent;	   /* seen: why it is not removed */
};
/* A cluster's snapshot is a volume too, DISK-at-SNAPSHOT, and a disk that is set back to it is a clone
   of it: each is a copy of the other, made at different times. */
#define VOLUME_REFRESH "refresh needed" /* lv_health_status, lvs(8) */
extern const struct kind_spec volume_spec;
#endif
