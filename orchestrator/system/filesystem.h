/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_FILESYSTEM_H
#define SYSTEM_FILESYSTEM_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
/*
 * ext4 and xfs filesystems and swap areas on block devices, by the tools of
 * each (e2fsprogs, xfsprogs, util-linux). Sizes are bytes.
 */
struct filesystem {
	char *type;    /* "ext4", "xfs", "swap", or what wipefs calls it; NULL: nothing is there */
	char *label;   /* NULL: none */
	char *uuid;    /* NULL: none */
	char *content; /* for people, what is there: `an ext4 filesystem labelled "photos"` */
	const char *
		wipe; /* the command that takes it away, before the device; NULL: nothing is there */
	bool fills;   /* its device, but for less than an extent; true where that means nothing */
	uint64_t size; /* of the device when it fills it; 0 where that means nothing */
};
void filesystem_free(struct filesystem *filesystem);

/*
 * Only reads. No such device is an error. Where no signature is known, the first 4 KiB decide whether
 * something is there: LVM makes them zero in a new volume, and further in are the bytes of one that was
 * removed. made_elsewhere: others may have written there, so the whole of it is looked at as a disk is
 * (system/content.h).
 */
int filesystem_read(const char *device, bool made_elsewhere, struct filesystem *out,
		    struct err *err);

/* On an empty device. label NULL: none. */
int filesystem_make(const char *device, const char *type, const char *label, const char *uuid,
		    struct err *err);
/* Of one that has none yet, or the same. */
int filesystem_set_label(const char *device, const char *type, const char *label, struct err *err);
/* ext4 or xfs, mounted or not, to the size of its device. */
int filesystem_grow(const char *device, const char *type, struct err *err);
/* Nothing is recognised on the device any more. In use is an error. */
int filesystem_wipe(const char *device, struct err *err);

/* Where a device is mounted, a copy; NULL: nowhere. */
char *filesystem_mounted(const char *device);
#endif
