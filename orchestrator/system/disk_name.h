/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_DISK_NAME_H
#define SYSTEM_DISK_NAME_H
/*
 * What disks are called in the configuration: a path under /dev, or
 * "serial:XYZ", which is the serial number that `moyai facts` shows.
 */

/* The path of the disk, a copy; NULL when no disk or more than one has the serial number, and then
   *why says so, ready to be shown. A path is not looked at. */
char *disk_name_path(const char *name, char **why);
#endif
