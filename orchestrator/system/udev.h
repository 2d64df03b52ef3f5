/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_UDEV_H
#define SYSTEM_UDEV_H
/* What udev found out about a block device, from its database: no process, no read of the device. */

/* Of a device node, links followed: udev_property("/dev/vdb1", "ID_FS_UUID"); a copy, NULL: not known. */
char *udev_property(const char *device, const char *name);
#endif
