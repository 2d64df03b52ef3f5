/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/point.h"

enum { MOUNTS_LIMIT_BYTES = 4 << 20 };

/* Names have no character that mountinfo would escape. Calls back for each of
   our mounts: name and type of the file system. */
static int each_mount(void (*call)(const char *name, const char *type, void *context),
		      void *context, struct err *err)
{
	AUTO_STR struct str text = STR_INIT;
	if (file_read("/proc/self/mountinfo", MOUNTS_LIMIT_BYTES, &text, err) != 0)
		return -1;
	char *next;
	for (char *line = strtok_r(text.data, "\n", &next); line;
	     line = strtok_r(NULL, "\n", &next)) {
		char path[512];
		char type[64];
		const char *behind = strstr(line, " - ");
		if (sscanf(line, "%*s %*s %*s %*s %511s", path) != 1 || behind == NULL ||
		    sscanf(behind, " - %63s", type) != 1)
			continue;
		if (text_starts(path, MEMORY_FOLDER "/"))
			call(path + strlen(MEMORY_FOLDER "/"), type, context);
	}
	return 0;
}

static void add_name(const char *name, const char *type, void *context)
{
	struct text_list *names = context;
	(void)type;
	if (!text_list_has(names, name))
		text_list_add(names, name);
}

void memory_list(struct text_list *names)
{
	/* Without /proc nothing of moyai-node works, so this has told already. */
	each_mount(add_name, names, NULL);
	text_list_sort(names);
}

struct search {
	const char *name;
	char *type;
};

static void match(const char *name, const char *type, void *context)
{
	struct search *search = context;
	if (strcmp(name, search->name) != 0)
		return;
	free(search->type);
	search->type = xstrdup(type); /* the last one is on top */
}

int memory_read(const char *name, bool *found, char **backing, uint64_t *size, struct err *err)
{
	struct search search = { .name = name };
	struct stat st;
	if (each_mount(match, &search, err) != 0)
		return -1;
	*found = search.type != NULL;
	if (search.type == NULL)
		return 0;
	AUTO_FREE char *image = xasprintf(MEMORY_FOLDER "/%s/image", name);
	*backing = search.type;
	*size = stat(image, &st) == 0 ? (uint64_t)st.st_size : 0;
	return 0;
}

/* tmpfs is limited to the image; ramfs knows no limit. */
static int mount_memory(const char *folder, const char *backing, uint64_t size, bool again,
			struct err *err)
{
	AUTO_FREE char *options =
		strcmp(backing, "tmpfs") == 0
			? xasprintf("mode=0700,size=%llu", (unsigned long long)size)
			: xstrdup("mode=0700");
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | (again ? MS_REMOUNT : 0);
	point_pass("memory mount");
	if (mount("moyai", folder, backing, flags, options) != 0)
		return err_set_errno(err, errno, "mount of %s on %s", backing, folder);
	point_pass("memory mount");
	return 0;
}

int memory_make(const char *name, const char *backing, uint64_t size, struct err *err)
{
	AUTO_FREE char *folder = xasprintf(MEMORY_FOLDER "/%s", name);
	AUTO_FREE char *image = xasprintf("%s/image", folder);
	AUTO_FREE char *type = NULL;
	uint64_t have = 0;
	bool found;
	if (file_make_dirs(folder, 0700, err) != 0 ||
	    memory_read(name, &found, &type, &have, err) != 0)
		return -1;
	if (!found || (size > have && strcmp(type, "tmpfs") == 0)) {
		if (mount_memory(folder, backing, size, found, err) != 0)
			return -1;
	}
	point_pass("memory image");
	AUTO_CLOSE int fd = open(image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set_errno(err, errno, "%s", image);
	/* Never smaller: something may be in it. */
	if (size > have && ftruncate(fd, (off_t)size) != 0)
		return err_set_errno(err, errno, "%s", image);
	point_pass("memory image");
	return 0;
}

int memory_remove(const char *name, struct err *err)
{
	AUTO_FREE char *folder = xasprintf(MEMORY_FOLDER "/%s", name);
	point_pass("memory unmount");
	/* A crash may have left more than one mount. */
	while (umount2(folder, UMOUNT_NOFOLLOW) == 0)
		point_pass("memory unmount");
	if (errno != EINVAL && errno != ENOENT)
		return err_set_errno(err, errno, "unmounting %s", folder);
	if (rmdir(folder) != 0 && errno != ENOENT)
		return err_set_errno(err, errno, "%s", folder);
	return 0;
}

int memory_available(uint64_t *bytes, struct err *err)
{
	AUTO_STR struct str text = STR_INIT;
	if (file_read("/proc/meminfo", 65536, &text, err) != 0)
		return -1;
	const char *at = strstr(str_text(&text), "MemAvailable:");
	if (at == NULL)
		return err_set(err, "/proc/meminfo has no MemAvailable");
	*bytes = strtoull(at + strlen("MemAvailable:"), NULL, 10) * 1024;
	return 0;
}
