/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/sysfs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/file.h"
#include "base/run.h"
#include "base/size.h"

char *sysfs_read(const char *fmt, ...)
{
	AUTO_STR struct str path = STR_INIT;
	AUTO_STR struct str text = STR_INIT;
	va_list args;
	va_start(args, fmt);
	str_addv(&path, fmt, args);
	va_end(args);
	if (file_read(str_text(&path), 65536, &text, NULL) != 0)
		return NULL;
	while (text.length > 0 && isspace((unsigned char)text.data[text.length - 1]))
		text.data[--text.length] = '\0';
	return str_take(&text);
}

char *sysfs_block_name(const char *path)
{
	struct stat st;
	if (stat(path, &st) != 0 || !S_ISBLK(st.st_mode))
		return NULL;
	AUTO_FREE char *link =
		xasprintf("/sys/dev/block/%u:%u", major(st.st_rdev), minor(st.st_rdev));
	AUTO_FREE char *real = realpath(link, NULL);
	return real ? xstrdup(strrchr(real, '/') + 1) : NULL;
}

uint64_t sysfs_block_size(const char *name)
{
	AUTO_FREE char *sectors = sysfs_read("/sys/class/block/%s/size", name);
	return sectors ? strtoull(sectors, NULL, 10) * 512 : 0;
}

/* SCSI alone has a state (drivers/scsi/scsi_sysfs.c): "blocked" while an iSCSI session is being
   restored, "transport-offline" when that took too long. */
static bool answers(const char *name)
{
	AUTO_FREE char *folder = xasprintf("/sys/class/block/%s/slaves", name);
	AUTO_FREE char *state = sysfs_read("/sys/class/block/%s/device/state", name);
	AUTO_LIST struct text_list below = TEXT_LIST_INIT;
	bool some = false;
	if (state != NULL)
		return strcmp(state, "running") == 0;
	if (file_list_dir(folder, &below, NULL) != 0 || below.count == 0)
		return true;
	for (size_t i = 0; i < below.count; i++)
		some = some || answers(below.items[i]);
	return some;
}

bool sysfs_block_answers(const char *path)
{
	AUTO_FREE char *name = sysfs_block_name(path);
	return name == NULL || answers(name);
}

const char *sysfs_not_disk(const char *name)
{
	static const struct {
		const char *prefix;
		const char *what;
	} OTHERS[] = {
		{ "loop", "a loop device" },
		{ "ram", "a RAM disk" },
		{ "zram", "a RAM disk" },
		{ "sr", "a CD drive" },
		{ "fd", "a floppy drive" },
		{ "nbd", "a network block device" },
		{ "dm-", "a device-mapper device" },
		{ "md", "a RAID array" },
		{ "drbd", "a DRBD device" },
	};
	AUTO_FREE char *link = xasprintf("/sys/class/block/%s", name);
	AUTO_FREE char *real = realpath(link, NULL);
	AUTO_FREE char *partition = sysfs_read("/sys/class/block/%s/partition", name);
	AUTO_FREE char *read_only = sysfs_read("/sys/class/block/%s/ro", name);
	if (real == NULL)
		return "no block device";
	if (partition != NULL)
		return "a partition";
	for (size_t i = 0; i < COUNT_OF(OTHERS); i++)
		if (text_starts(name, OTHERS[i].prefix))
			return OTHERS[i].what;
	if (strstr(real, "/session") != NULL)
		return "the disk of an iSCSI session";
	if (read_only != NULL && strcmp(read_only, "0") != 0)
		return "read-only";
	return NULL;
}

bool sysfs_is_disk(const char *name)
{
	return sysfs_not_disk(name) == NULL && sysfs_block_size(name) > 0;
}

void sysfs_disks(struct text_list *names)
{
	AUTO_LIST struct text_list all = TEXT_LIST_INIT;
	if (file_list_dir("/sys/block", &all, NULL) != 0)
		return;
	for (size_t i = 0; i < all.count; i++)
		if (sysfs_is_disk(all.items[i]))
			text_list_add(names, all.items[i]);
}

void sysfs_disk_describe(const char *name, struct str *out)
{
	AUTO_LIST struct text_list ids = TEXT_LIST_INIT;
	str_addf(out, "/dev/%s (", name);
	size_print_short(sysfs_block_size(name), out);
	if (file_list_dir("/dev/disk/by-id", &ids, NULL) == 0) {
		for (size_t i = 0; i < ids.count; i++) {
			AUTO_FREE char *path = xasprintf("/dev/disk/by-id/%s", ids.items[i]);
			AUTO_FREE char *real = sysfs_block_name(path);
			if (!text_equal(real, name))
				continue;
			str_addf(out, ", %s", path);
			break;
		}
	}
	str_add(out, ")");
}

/*
 * The kernel reads names only where it reads a whole table. A partition that was added to a
 * disk in use it was told of without: udev has read its name from the disk.
 */
static char *label_by_udev(const char *name)
{
	static const char FOLDER[] = "/dev/disk/by-partlabel";
	AUTO_LIST struct text_list links = TEXT_LIST_INIT;
	if (file_list_dir(FOLDER, &links, NULL) != 0)
		return NULL;
	for (size_t i = 0; i < links.count; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", FOLDER, links.items[i]);
		AUTO_FREE char *real = sysfs_block_name(path);
		if (text_equal(real, name))
			return xstrdup(links.items[i]);
	}
	return NULL;
}

static char *partition_label(const char *name)
{
	AUTO_FREE char *event = sysfs_read("/sys/class/block/%s/uevent", name);
	char *at = event ? strstr(event, "\nPARTNAME=") : NULL;
	if (at == NULL)
		return event && strstr(event, "\nPARTN=") ? label_by_udev(name) : NULL;
	at += strlen("\nPARTNAME=");
	return xstrndup(at, strcspn(at, "\n"));
}

void sysfs_partitions(const char *label_prefix, struct sysfs_partitions *out)
{
	AUTO_LIST struct text_list disks = TEXT_LIST_INIT;
	*out = (struct sysfs_partitions){ 0 };
	sysfs_disks(&disks);
	for (size_t i = 0; i < disks.count; i++) {
		AUTO_LIST struct text_list names = TEXT_LIST_INIT;
		AUTO_FREE char *folder = xasprintf("/sys/block/%s", disks.items[i]);
		if (file_list_dir(folder, &names, NULL) != 0)
			continue;
		for (size_t j = 0; j < names.count; j++) {
			if (!text_starts(names.items[j], disks.items[i]))
				continue;
			char *label = partition_label(names.items[j]);
			if (label == NULL || !text_starts(label, label_prefix)) {
				free(label);
				continue;
			}
			out->items = xrealloc(out->items, out->count + 1, sizeof(*out->items));
			out->items[out->count++] = (struct sysfs_partition){
				.name = xstrdup(names.items[j]),
				.disk = xstrdup(disks.items[i]),
				.label = label,
			};
		}
	}
}

void sysfs_partitions_free(struct sysfs_partitions *partitions)
{
	if (partitions == NULL)
		return;
	for (size_t i = 0; i < partitions->count; i++) {
		free(partitions->items[i].name);
		free(partitions->items[i].disk);
		free(partitions->items[i].label);
	}
	free(partitions->items);
	*partitions = (struct sysfs_partitions){ 0 };
}

const struct sysfs_partition *sysfs_partition_find(const struct sysfs_partitions *partitions,
						   const char *label)
{
	for (size_t i = 0; i < partitions->count; i++)
		if (strcmp(partitions->items[i].label, label) == 0)
			return &partitions->items[i];
	return NULL;
}

int sysfs_partition_check(const struct sysfs_partitions *partitions, const char *label,
			  struct err *err)
{
	const struct sysfs_partition *first = sysfs_partition_find(partitions, label);
	for (size_t i = 0; i < partitions->count; i++)
		if (&partitions->items[i] != first &&
		    strcmp(partitions->items[i].label, label) == 0)
			return err_set(err,
				       "/dev/%s and /dev/%s both have the label %s; take the disk "
				       "that does not belong here out",
				       first->name, partitions->items[i].name, label);
	return 0;
}

int sysfs_modules(const char *const *names, struct err *err)
{
	for (; *names; names++) {
		AUTO_FREE char *loaded = xasprintf("/sys/module/%s", *names);
		if (!file_exists(loaded) && run_args(err, "modprobe", *names, NULL) != 0)
			return -1;
	}
	return 0;
}

/* It looks at every disk that changes, and itself at whether one has other partitions when a writer has closed it, for a
   moment each. */
static bool is_udev(const char *name)
{
	return text_equal(name, "(udev-worker)") || text_equal(name, "systemd-udevd");
}

/* A process that has the device open, "qemu-system-x86 (pid 123)". */
static char *opener(dev_t device)
{
	AUTO_LIST struct text_list pids = TEXT_LIST_INIT;
	file_list_dir("/proc", &pids, NULL);
	for (size_t i = 0; i < pids.count; i++) {
		AUTO_LIST struct text_list fds = TEXT_LIST_INIT;
		AUTO_FREE char *folder = xasprintf("/proc/%s/fd", pids.items[i]);
		/* A process that ended meanwhile has nothing open. */
		if (!isdigit((unsigned char)pids.items[i][0]) ||
		    file_list_dir(folder, &fds, NULL) != 0)
			continue;
		for (size_t j = 0; j < fds.count; j++) {
			struct stat st;
			AUTO_FREE char *path = xasprintf("%s/%s", folder, fds.items[j]);
			if (stat(path, &st) != 0 || !S_ISBLK(st.st_mode) || st.st_rdev != device)
				continue;
			AUTO_FREE char *name = sysfs_read("/proc/%s/comm", pids.items[i]);
			if (is_udev(name))
				continue;
			return xasprintf("%s (pid %s)", name ? name : "a process", pids.items[i]);
		}
	}
	return NULL;
}

char *sysfs_block_user(const char *name)
{
	AUTO_LIST struct text_list holders = TEXT_LIST_INIT;
	AUTO_FREE char *folder = xasprintf("/sys/class/block/%s/holders", name);
	AUTO_FREE char *path = xasprintf("/dev/%s", name);
	struct stat st;
	if (file_list_dir(folder, &holders, NULL) == 0 && holders.count > 0)
		return xstrdup(holders.items[0]);
	if (stat(path, &st) != 0)
		return NULL;
	char *process = opener(st.st_rdev);
	if (process != NULL)
		return process;
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC);
	if (fd < 0 && errno == EBUSY)
		return xstrdup("a mount");
	return NULL;
}

int sysfs_settle(struct err *err)
{
	return run_ok(&(struct run){ .argv = RUN_ARGV("udevadm", "settle", "--timeout=30"),
				     .reads_only = 1,
				     .timeout_ms = 35000 },
		      NULL, err);
}

int sysfs_look_again(const char *device, struct err *err)
{
	return run_ok(&(struct run){ .argv = RUN_ARGV("udevadm", "trigger", "--action=change",
						      "--settle", device),
				     .timeout_ms = 35000 },
		      NULL, err);
}
