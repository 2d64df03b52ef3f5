/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_DISK_NAME_H
#define SYSTEM_DISK_NAME_H
#include "base/str.h"
/*
 * What disks are called in the configuration: a path under /dev, or
 * "serial:XYZ", which is the serial number that `moyai facts` shows.
 */

/* The path of the disk, a copy; NULL when no disk or more than one has the serial number, and then
   *why says so, ready to be shown. A path is not looked at. */
char *disk_name_path(const char *name, char **why);
/* What to say when one of the other names is the same disk, a copy: its partitions would not know of
   each other. NULL: none is, or the disk is not there. */
char *disk_name_twin(const char *name, const struct text_list *others);
#endif
