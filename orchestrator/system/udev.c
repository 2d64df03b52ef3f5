/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/udev.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/file.h"

/* Lines like `E:ID_FS_TYPE=ext4`, among others. */
char *udev_property(const char *device, const char *name)
{
	struct stat st;
	AUTO_STR struct str text = STR_INIT;
	if (stat(device, &st) != 0 || !S_ISBLK(st.st_mode))
		return NULL;
	AUTO_FREE char *path =
		xasprintf("/run/udev/data/b%u:%u", major(st.st_rdev), minor(st.st_rdev));
	AUTO_FREE char *start = xasprintf("\nE:%s=", name);
	str_add(&text, "\n");
	if (file_read(path, 1 << 20, &text, NULL) != 0)
		return NULL;
	const char *at = strstr(str_text(&text), start);
	if (at == NULL)
		return NULL;
	at += strlen(start);
	return xstrndup(at, strcspn(at, "\n"));
}
