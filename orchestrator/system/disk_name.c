/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/disk_name.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "system/sysfs.h"
#include "system/udev.h"

#define SERIAL "serial:"

/* The short one without vendor and model, where a bus has both. */
static char *serial_of(const char *device)
{
	char *serial = udev_property(device, "ID_SERIAL_SHORT");
	return serial ? serial : udev_property(device, "ID_SERIAL");
}

static void add_disks(const struct text_list *disks, struct str *out)
{
	str_add(out, disks->count ? "; disks: " : "; this node has no disks");
	for (size_t i = 0; i < disks->count; i++) {
		AUTO_FREE char *device = xasprintf("/dev/%s", disks->items[i]);
		AUTO_FREE char *serial = serial_of(device);
		str_addf(out, "%s%s (%s%s)", i ? ", " : "", device, serial ? SERIAL : "no serial",
			 serial ? serial : "");
	}
}

char *disk_name_path(const char *name, char **why)
{
	AUTO_LIST struct text_list disks = TEXT_LIST_INIT;
	AUTO_STR struct str text = STR_INIT;
	char *path = NULL;
	if (!text_starts(name, SERIAL))
		return xstrdup(name);
	sysfs_disks(&disks);
	for (size_t i = 0; i < disks.count; i++) {
		AUTO_FREE char *device = xasprintf("/dev/%s", disks.items[i]);
		AUTO_FREE char *serial = serial_of(device);
		if (!text_equal(serial, name + strlen(SERIAL)))
			continue;
		if (path != NULL) {
			*why = xasprintf("%s and %s both have the serial number %s; name the disk "
					 "by a path under /dev/disk/by-path",
					 path, device, serial);
			cleanup_free(&path);
			return NULL;
		}
		path = xstrdup(device);
	}
	if (path == NULL) {
		str_addf(&text, "there is no disk with the serial number %s",
			 name + strlen(SERIAL));
		add_disks(&disks, &text);
		*why = str_take(&text);
	}
	return path;
}

/* The device behind a name; NULL: there is none. */
static char *device_of(const char *name)
{
	AUTO_FREE char *why = NULL;
	AUTO_FREE char *path = disk_name_path(name, &why);
	return path ? realpath(path, NULL) : NULL;
}

char *disk_name_twin(const char *name, const struct text_list *others)
{
	AUTO_FREE char *device = device_of(name);
	for (size_t i = 0; device != NULL && i < others->count; i++) {
		AUTO_FREE char *other = device_of(others->items[i]);
		if (text_equal(device, other))
			return xasprintf("%s and %s are one disk, %s; write it the same way in all "
					 "its partitions",
					 name, others->items[i], device);
	}
	return NULL;
}
