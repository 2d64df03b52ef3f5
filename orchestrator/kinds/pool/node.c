/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "engine/plan.h"
#include "kinds/pool/spec.h"
#include "system/lvm.h"
#include "system/signature.h"
#include "system/sysfs.h"

static int list(struct node *node, struct text_list *owned, struct err *err)
{
	size_t i;
	json_t *group;
	if (lvm_read(node, err) != 0)
		return -1;
	json_array_foreach(json_object_get(node->lvm, "vg"), i, group)
	{
		if (lvm_pool_name(group) && lvm_tagged(group, "vg_tags"))
			text_list_add(owned, lvm_pool_name(group));
	}
	return 0;
}

/* "/dev/vdb1" of a partition of ours, or NULL. */
static char *device_of(const struct sysfs_partitions *parts, const char *name)
{
	AUTO_FREE char *label = xasprintf(LVM_LABEL "%s", name);
	const struct sysfs_partition *found = sysfs_partition_find(parts, label);
	return found ? xasprintf("/dev/%s", found->name) : NULL;
}

/* Why a wanted partition cannot be used: it belongs to something else. */
static int refusal(const struct node *node, const char *id, const char *name, const char *device,
		   char **why, struct err *err)
{
	const json_t *physical = lvm_physical(node, device);
	const char *group = physical ? lvm_text(physical, "vg_name") : "";
	AUTO_FREE char *wanted = xasprintf(LVM_GROUP "%s", id);
	if (*group != '\0' && strcmp(group, wanted) != 0)
		*why = xasprintf("partition %s belongs to the volume group \"%s\"; Moyai does not "
				 "take it from there",
				 name, group);
	if (physical != NULL)
		return 0;
	struct signatures found = { 0 };
	if (signatures_read(device, &found, err) != 0)
		return -1;
	if (found.count > 0) {
		AUTO_STR struct str what = STR_INIT;
		signature_describe(&found.items[0], &what);
		*why = xasprintf("partition %s holds %s; Moyai does not touch it; wipe it by hand "
				 "(wipefs --all %s) or name another partition",
				 name, str_text(&what), device);
	}
	signatures_free(&found);
	return 0;
}

static int observe_wanted(const struct node *node, const char *id, const struct pool *want,
			  const struct sysfs_partitions *parts, struct pool *have, struct err *err)
{
	AUTO_FREE char *group = xasprintf(LVM_GROUP "%s", id);
	const json_t *there = lvm_group(node, id);
	if (there != NULL && !lvm_tagged(there, "vg_tags"))
		have->partitions_hold = xasprintf("the volume group %s is there without the tag "
						  "\"%s\", so it is not ours",
						  group, LVM_TAG);
	for (size_t i = 0; i < want->partitions.count; i++) {
		const char *name = want->partitions.items[i];
		AUTO_FREE char *device = device_of(parts, name);
		const json_t *physical = device ? lvm_physical(node, device) : NULL;
		if (physical && strcmp(lvm_text(physical, "vg_name"), group) == 0)
			text_list_add(&have->partitions, name);
		else if (device != NULL && have->partitions_hold == NULL &&
			 refusal(node, id, name, device, &have->partitions_hold, err) != 0)
			return -1;
	}
	return 0;
}

/* Partitions of the group besides the wanted ones, and whether all are full and have their tag. */
static void observe_all(const struct node *node, const char *id,
			const struct sysfs_partitions *parts, struct pool *have)
{
	AUTO_FREE char *group = xasprintf(LVM_GROUP "%s", id);
	uint64_t extent = lvm_number(lvm_group(node, id), "vg_extent_size");
	have->filled = 1;
	for (size_t i = 0; i < parts->count; i++) {
		AUTO_FREE char *device = xasprintf("/dev/%s", parts->items[i].name);
		const char *name = parts->items[i].label + strlen(LVM_LABEL);
		const json_t *physical = lvm_physical(node, device);
		if (physical == NULL || strcmp(lvm_text(physical, "vg_name"), group) != 0)
			continue;
		uint64_t start = lvm_number(physical, "pe_start");
		uint64_t room = lvm_number(physical, "dev_size");
		if (room > start &&
		    (room - start) / extent > lvm_number(physical, "pv_size") / extent)
			have->filled = 0;
		AUTO_FREE char *tag = xasprintf(LVM_PLACE "%s", name);
		if (!lvm_has_tag(physical, "pv_tags", tag))
			have->filled = 0;
		if (!text_list_has(&have->partitions, name))
			text_list_add(&have->partitions, name);
	}
}

static int observe(struct node *node, const char *id, const struct spec *wanted, struct spec *seen,
		   bool *found, struct err *err)
{
	struct pool *have = seen->body;
	struct sysfs_partitions parts;
	int rc = 0;
	*found = false;
	if (lvm_read(node, err) != 0)
		return -1;
	const json_t *group = lvm_group(node, id);
	sysfs_partitions(LVM_LABEL, &parts);
	if (wanted != NULL)
		rc = observe_wanted(node, id, wanted->body, &parts, have, err);
	/* Without the mark it is refused, and not ours even if it is as wanted. */
	if (rc == 0 && group != NULL && lvm_tagged(group, "vg_tags")) {
		observe_all(node, id, &parts, have);
		have->name = xstrdup(id);
		have->free = lvm_number(group, "vg_free");
		*found = true;
	}
	sysfs_partitions_free(&parts);
	return rc;
}

/* Each wanted partition joins the group; the first one makes it. */
static int join(struct node *node, const struct pool *want, const struct sysfs_partitions *parts,
		struct err *err)
{
	AUTO_FREE char *group = xasprintf(LVM_GROUP "%s", want->name);
	bool there = lvm_group(node, want->name) != NULL;
	for (size_t i = 0; i < want->partitions.count; i++) {
		const char *name = want->partitions.items[i];
		AUTO_FREE char *device = device_of(parts, name);
		if (device == NULL)
			return err_set(err, "there is no partition %s", name);
		const json_t *physical = lvm_physical(node, device);
		const char *owner = physical ? lvm_text(physical, "vg_name") : "";
		AUTO_FREE char *tag = xasprintf(LVM_PLACE "%s", name);
		bool member = strcmp(owner, group) == 0;
		int rc;
		if (member)
			rc = LVM_CHANGE(err, "pvresize", device);
		/* lvm refuses a device of another group or with a signature. */
		else if (there)
			rc = LVM_CHANGE(err, "vgextend", group, device);
		else
			rc = LVM_CHANGE(err, "vgcreate", "--addtag", LVM_TAG,
					"--physicalextentsize", "4m", group, device);
		if (rc != 0)
			return -1;
		there = true;
		/* Volumes are put on partitions by it. */
		if ((!member || !lvm_has_tag(physical, "pv_tags", tag)) &&
		    LVM_CHANGE(err, "pvchange", "--addtag", tag, device) != 0)
			return -1;
	}
	return 0;
}

static int apply(struct node *node, const struct step *step, struct err *err)
{
	struct sysfs_partitions parts;
	if (lvm_read(node, err) != 0)
		return -1;
	sysfs_partitions(LVM_LABEL, &parts);
	int rc = join(node, step->want->body, &parts, err);
	sysfs_partitions_free(&parts);
	return rc;
}

static int take_away(struct node *node, const char *id, struct err *err)
{
	AUTO_FREE char *group = xasprintf(LVM_GROUP "%s", id);
	AUTO_LIST struct text_list devices = TEXT_LIST_INIT;
	size_t i;
	json_t *physical;
	if (lvm_read(node, err) != 0)
		return -1;
	if (lvm_group(node, id) == NULL)
		return 0;
	json_array_foreach(json_object_get(node->lvm, "pv"), i, physical)
	{
		if (strcmp(lvm_text(physical, "vg_name"), group) == 0)
			text_list_add(&devices, lvm_text(physical, "pv_name"));
	}
	/* Without --force: a group that still has volumes stays. */
	if (LVM_CHANGE(err, "vgremove", group) != 0)
		return -1;
	for (i = 0; i < devices.count; i++)
		if (LVM_CHANGE(err, "pvremove", devices.items[i]) != 0)
			return -1;
	return 0;
}

const struct kind_node pool_node = {
	.name = "pool",
	.list = list,
	.observe = observe,
	.apply = apply,
	.remove = take_away,
};
