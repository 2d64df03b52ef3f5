/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "engine/plan.h"
#include "kinds/partition/spec.h"
#include "system/disk.h"
#include "system/disk_name.h"
#include "system/sysfs.h"

static int list(struct node *node, struct text_list *owned, struct err *err)
{
	struct sysfs_partitions all;
	(void)node;
	(void)err;
	sysfs_partitions(PARTITION_LABEL, &all);
	for (size_t i = 0; i < all.count; i++)
		text_list_add(owned, all.items[i].label + strlen(PARTITION_LABEL));
	sysfs_partitions_free(&all);
	return 0;
}

/* The disk that has the label, wherever that is: "/dev/vdb", or NULL. */
static int disk_with(const char *label, char **disk, char **device, struct err *err)
{
	struct sysfs_partitions all;
	sysfs_partitions(PARTITION_LABEL, &all);
	const struct sysfs_partition *found = sysfs_partition_find(&all, label);
	int rc = sysfs_partition_check(&all, label, err);
	if (rc == 0 && found != NULL) {
		*disk = xasprintf("/dev/%s", found->disk);
		if (device != NULL)
			*device = xasprintf("/dev/%s", found->name);
	}
	sysfs_partitions_free(&all);
	return rc;
}

static void fill(struct partition *have, const struct disk *disk, const char *label)
{
	const struct disk_partition *part = disk_find(disk, label);
	have->disk_holds = xstrdup(disk->refusal);
	if (disk->name == NULL)
		return;
	have->disk_size = disk->size;
	have->room = part ? part->room : disk->gap;
	if (part == NULL)
		return;
	have->size = part->size;
	have->table = xstrdup(disk->torn ? "torn" : "whole");
}

static int observe(struct node *node, const char *id, const struct spec *wanted, struct spec *seen,
		   bool *found, struct err *err)
{
	const struct partition *want = wanted ? wanted->body : NULL;
	struct partition *have = seen->body;
	struct disk disk = { 0 };
	AUTO_FREE char *label = xasprintf(PARTITION_LABEL "%s", id);
	AUTO_FREE char *elsewhere = NULL;
	AUTO_FREE char *missing = NULL;
	AUTO_FREE char *path = want ? disk_name_path(want->disk, &missing) : NULL;
	AUTO_FREE char *twin = path ? disk_name_twin(want->disk, &want->other_disks) : NULL;
	(void)node;
	*found = false;
	if (disk_with(label, &elsewhere, &have->device, err) != 0)
		return -1;
	if (path == NULL && elsewhere == NULL) {
		have->disk_holds = xstrdup(missing);
		return 0;
	}
	/* First where it should be; a label on another disk shows as a change of
	   the disk, which is refused. */
	if (disk_read(path ? path : elsewhere, PARTITION_LABEL, &disk, err) != 0)
		return -1;
	bool here = disk_find(&disk, label) != NULL;
	if (want != NULL && (path == NULL || !here) && elsewhere != NULL) {
		disk_free(&disk);
		if (disk_read(elsewhere, PARTITION_LABEL, &disk, err) != 0)
			return -1;
		here = disk_find(&disk, label) != NULL;
		have->disk = xstrdup(elsewhere);
	} else {
		have->disk = xstrdup(want ? want->disk : elsewhere);
	}
	have->name = xstrdup(id);
	fill(have, &disk, label);
	if (twin != NULL) {
		free(have->disk_holds);
		have->disk_holds = xstrdup(twin);
	}
	*found = here;
	disk_free(&disk);
	return 0;
}

static int apply(struct node *node, const struct step *step, struct err *err)
{
	const struct partition *want = step->want->body;
	AUTO_FREE char *label = xasprintf(PARTITION_LABEL "%s", want->name);
	AUTO_FREE char *link = xasprintf("/dev/disk/by-partlabel/%s", label);
	AUTO_FREE char *missing = NULL;
	AUTO_FREE char *path = disk_name_path(want->disk, &missing);
	(void)node;
	if (path == NULL)
		return err_set(err, "%s", missing);
	if (disk_partition_make(path, PARTITION_LABEL, label,
				want->size == FIELD_UNSET ? 0 : want->size, err) != 0)
		return -1;
	if (!file_exists(link))
		return err_set(err, "udev made no %s", link);
	return 0;
}

static int take_away(struct node *node, const char *id, struct err *err)
{
	AUTO_FREE char *label = xasprintf(PARTITION_LABEL "%s", id);
	AUTO_FREE char *disk = NULL;
	(void)node;
	if (disk_with(label, &disk, NULL, err) != 0)
		return -1;
	return disk ? disk_partition_remove(disk, PARTITION_LABEL, label, err) : 0;
}

const struct kind_node partition_node = {
	.name = "partition",
	.list = list,
	.observe = observe,
	.apply = apply,
	.remove = take_away,
};
