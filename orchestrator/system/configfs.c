/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/configfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/point.h"

char *configfs_read(const char *folder, const char *attribute)
{
	AUTO_FREE char *path = xasprintf("%s/%s", folder, attribute);
	AUTO_STR struct str text = STR_INIT;
	if (file_read(path, 65536, &text, NULL) != 0)
		return NULL;
	while (text.length > 0 && (unsigned char)text.data[text.length - 1] <= ' ')
		text.data[--text.length] = '\0';
	if (strcmp(str_text(&text), "NULL") == 0)
		str_clear(&text);
	return str_take(&text);
}

bool configfs_is(const char *folder, const char *attribute, const char *value)
{
	AUTO_FREE char *text = configfs_read(folder, attribute);
	return text_equal(text, value);
}

int configfs_make(const char *folder, struct err *err)
{
	if (file_exists(folder))
		return 0;
	point_pass("configfs mkdir");
	if (mkdir(folder, 0755) != 0 && errno != EEXIST)
		return err_set_errno(err, errno, "mkdir %s", folder);
	point_pass("configfs mkdir");
	return 0;
}

int configfs_remove(const char *folder, struct err *err)
{
	if (!file_exists(folder))
		return 0;
	point_pass("configfs rmdir");
	if (rmdir(folder) != 0 && errno != ENOENT)
		return err_set_errno(err, errno, "rmdir %s", folder);
	point_pass("configfs rmdir");
	return 0;
}

int configfs_link(const char *target, const char *link, struct err *err)
{
	struct stat st;
	if (lstat(link, &st) == 0)
		return 0;
	point_pass("configfs link");
	if (symlink(target, link) != 0)
		return err_set_errno(err, errno, "link %s", link);
	point_pass("configfs link");
	return 0;
}

int configfs_unlink(const char *link, struct err *err)
{
	point_pass("configfs unlink");
	if (unlink(link) != 0 && errno != ENOENT)
		return err_set_errno(err, errno, "unlink %s", link);
	point_pass("configfs unlink");
	return 0;
}

int configfs_write(const char *folder, const char *attribute, const char *value, struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s", folder, attribute);
	point_pass("configfs write");
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set_errno(err, errno, "%s", path);
	/* One write is one store to the kernel. */
	if (write(fd, value, strlen(value)) < 0)
		return err_set_errno(err, errno, "write to %s", path);
	point_pass("configfs write");
	return 0;
}

int configfs_set(const char *folder, const char *attribute, const char *value, struct err *err)
{
	return configfs_is(folder, attribute, value)
		       ? 0
		       : configfs_write(folder, attribute, value, err);
}

static int entries(const char *folder, mode_t type, struct text_list *names, struct err *err)
{
	AUTO_LIST struct text_list all = TEXT_LIST_INIT;
	if (file_list_dir(folder, &all, err) != 0)
		return -1;
	for (size_t i = 0; i < all.count; i++) {
		struct stat st;
		AUTO_FREE char *path = xasprintf("%s/%s", folder, all.items[i]);
		if (lstat(path, &st) == 0 && (st.st_mode & S_IFMT) == type)
			text_list_add(names, all.items[i]);
	}
	return 0;
}

int configfs_folders(const char *folder, struct text_list *names, struct err *err)
{
	return entries(folder, S_IFDIR, names, err);
}

int configfs_links(const char *folder, struct text_list *names, struct err *err)
{
	return entries(folder, S_IFLNK, names, err);
}
