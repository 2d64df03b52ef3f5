/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_SYSFS_H
#define SYSTEM_SYSFS_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
/* Block devices as the kernel shows them under /sys. Only reads. */

/* One attribute file, its end of line cut off; NULL when it cannot be read. */
char *sysfs_read(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* "vdb" of a device node, links followed; NULL when it is no block device. */
char *sysfs_block_name(const char *path);
/* Bytes; 0 when there is no such device. name: "vdb", "vdb1". */
uint64_t sysfs_block_size(const char *name);

/* Whether a read of the device would come back: false while its disk, or every disk of a multipath
   one, is blocked or offline. path: a device node. */
bool sysfs_block_answers(const char *path);

/*
 * Local disks: what Moyai may make partitions on. Not among them: loop, ram
 * and CD drives, device-mapper and md devices, and disks of iSCSI sessions,
 * whose content belongs to somebody's guest.
 */
void sysfs_disks(struct text_list *names);
bool sysfs_is_disk(const char *name);
/* Why it is none: "a partition", "a disk of an iSCSI session", …; static text. */
const char *sysfs_not_disk(const char *name);
/* For people: `/dev/vdb (2G, /dev/disk/by-id/virtio-x)`. */
void sysfs_disk_describe(const char *name, struct str *out);

/* Partitions on local disks whose GPT label starts so. */
struct sysfs_partition {
	char *name;  /* "vdb1" */
	char *disk;  /* "vdb" */
	char *label; /* "moyai.main" */
};
struct sysfs_partitions {
	struct sysfs_partition *items;
	size_t count;
};
void sysfs_partitions(const char *label_prefix, struct sysfs_partitions *out);
void sysfs_partitions_free(struct sysfs_partitions *partitions);
/* NULL when there is none. Borrowed. */
const struct sysfs_partition *sysfs_partition_find(const struct sysfs_partitions *partitions,
						   const char *label);
/* -1 when two partitions have the label, as after a disk was moved from another node: which
   of the two is meant nobody can tell. */
int sysfs_partition_check(const struct sysfs_partitions *partitions, const char *label,
			  struct err *err);

/* Load kernel modules that are not there yet. */
int sysfs_modules(const char *const *names, struct err *err);

/* Who has the device open: a device above it, a mount, a process; NULL: nobody. */
char *sysfs_block_user(const char *name);

/* Wait for udev to have made its links. */
int sysfs_settle(struct err *err);

/* Let udev look at a device again, and wait for it. udev does not watch a device for writes while
   it still handles an event of it (inotify; systemd-udevd(8), OPTIONS="watch"), so that what was
   written just then it might never see. */
int sysfs_look_again(const char *device, struct err *err);
#endif
