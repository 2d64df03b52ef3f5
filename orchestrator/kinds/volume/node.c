/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "engine/plan.h"
#include "kinds/volume/spec.h"
#include "system/lvm.h"

static int list(struct node *node, struct text_list *owned, struct err *err)
{
	size_t i;
	json_t *volume;
	if (lvm_read(node, err) != 0)
		return -1;
	json_array_foreach(json_object_get(node->lvm, "lv"), i, volume)
	{
		if (lvm_pool_name(volume) && lvm_tagged(volume, "lv_tags"))
			text_list_add(owned, lvm_text(volume, "lv_name"));
	}
	return 0;
}

/* In the wanted pool, or else wherever one of ours has this name. */
static const json_t *locate(const struct node *node, const char *id, const char *pool)
{
	size_t i;
	const json_t *volume = pool ? lvm_volume(node, id, pool) : NULL;
	if (volume != NULL)
		return volume;
	json_array_foreach(json_object_get(node->lvm, "lv"), i, volume)
	{
		if (strcmp(lvm_text(volume, "lv_name"), id) == 0 && lvm_pool_name(volume) &&
		    lvm_tagged(volume, "lv_tags"))
			return volume;
	}
	return NULL;
}

static char *refusal(const char *group, const char *id)
{
	return xasprintf("the logical volume %s/%s is there without the tag \"%s\", so it is not "
			 "ours",
			 group, id, LVM_TAG);
}

static int observe(struct node *node, const char *id, const struct spec *wanted, struct spec *seen,
		   bool *found, struct err *err)
{
	const struct volume *want = wanted ? wanted->body : NULL;
	struct volume *have = seen->body;
	*found = false;
	if (lvm_read(node, err) != 0)
		return -1;
	const json_t *group = want ? lvm_group(node, want->pool) : NULL;
	if (group != NULL)
		have->pool_free = lvm_number(group, "vg_free");
	const json_t *volume = locate(node, id, want ? want->pool : NULL);
	if (volume == NULL)
		return 0;
	/* Without the mark it is as if nothing was there, but for the name being taken. */
	if (!lvm_tagged(volume, "lv_tags")) {
		have->foreign = refusal(lvm_text(volume, "vg_name"), id);
		return 0;
	}
	have->name = xstrdup(id);
	have->pool = xstrdup(lvm_pool_name(volume));
	have->size = lvm_number(volume, "lv_size");
	have->active = strcmp(lvm_text(volume, "lv_active"), "active") == 0;
	*found = true;
	return 0;
}

static int create(const struct volume *want, struct err *err)
{
	AUTO_FREE char *group = xasprintf(LVM_GROUP "%s", want->pool);
	AUTO_FREE char *size = xasprintf("%llub", (unsigned long long)want->size);
	/* Extents may have held another volume: what it left must not be found. */
	return LVM_CHANGE(err, "lvcreate", "--yes", "--wipesignatures", "y", "--zero", "y",
			  "--addtag", LVM_TAG, "--size", size, "--name", want->name, group);
}

static int apply(struct node *node, const struct step *step, struct err *err)
{
	const struct volume *want = step->want->body;
	if (lvm_read(node, err) != 0)
		return -1;
	const json_t *there = lvm_volume(node, want->name, want->pool);
	if (there == NULL)
		return create(want, err);
	AUTO_FREE char *path = xasprintf(LVM_GROUP "%s/%s", want->pool, want->name);
	AUTO_FREE char *size = xasprintf("%llub", (unsigned long long)want->size);
	if (strcmp(lvm_text(there, "lv_active"), "active") != 0 &&
	    LVM_CHANGE(err, "lvchange", "--activate", "y", path) != 0)
		return -1;
	if (lvm_number(there, "lv_size") < want->size &&
	    LVM_CHANGE(err, "lvextend", "--size", size, path) != 0)
		return -1;
	return 0;
}

static int take_away(struct node *node, const char *id, struct err *err)
{
	if (lvm_read(node, err) != 0)
		return -1;
	const json_t *volume = locate(node, id, NULL);
	if (volume == NULL)
		return 0;
	AUTO_FREE char *path = xasprintf("%s/%s", lvm_text(volume, "vg_name"), id);
	return LVM_CHANGE(err, "lvremove", "--yes", path);
}

const struct kind_node volume_node = {
	.name = "volume",
	.list = list,
	.observe = observe,
	.apply = apply,
	.remove = take_away,
};
