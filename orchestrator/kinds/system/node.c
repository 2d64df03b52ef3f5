/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "engine/plan.h"
#include "kinds/system/spec.h"
#include "system/disk.h"
#include "system/slots.h"

static int list(struct node *node, struct text_list *owned, struct err *err)
{
	AUTO_FREE char *disk = NULL;
	(void)node;
	if (slots_disk(&disk, err) != 0)
		return -1;
	if (disk != NULL)
		text_list_add(owned, SYSTEM_NAME);
	return 0;
}

/* Whether our partitions are on this disk; why it is not touched when there are none. */
static int look_at_disk(const char *path, struct system *have, bool *ours, struct err *err)
{
	struct disk disk;
	if (disk_read(path, SLOTS_PREFIX, &disk, err) != 0)
		return -1;
	*ours = false;
	for (size_t i = 0; i < disk.count; i++)
		*ours = *ours || text_starts(disk.items[i].label, SLOTS_PREFIX);
	have->disk_holds = disk.refusal;
	disk.refusal = NULL;
	disk_free(&disk);
	return 0;
}

static int look_inside(const struct system *want, struct system *have, struct err *err)
{
	AUTO_FREE char *lacks = NULL;
	bool same = false;
	if (slots_lacks(&lacks, err) != 0)
		return -1;
	have->layout = xstrdup(lacks ? lacks : SYSTEM_COMPLETE);
	if (lacks == NULL) {
		if (slots_image(&have->image, err) != 0)
			return -1;
		if (want != NULL && slots_identity(want->network, &same, err) != 0)
			return -1;
	}
	if (have->image == NULL)
		have->image = xstrdup("none");
	have->identity = xstrdup(same ? SYSTEM_IDENTITY : "another");
	return 0;
}

static int observe(struct node *node, const char *id, const struct spec *wanted, struct spec *seen,
		   bool *found, struct err *err)
{
	const struct system *want = wanted ? wanted->body : NULL;
	struct system *have = seen->body;
	AUTO_FREE char *there = NULL;
	bool here = false;
	(void)node;
	*found = false;
	if (slots_disk(&there, err) != 0)
		return -1;
	if (want != NULL && look_at_disk(want->disk, have, &here, err) != 0)
		return -1;
	if (there == NULL)
		return 0;
	/* On another disk than the declared one: a change of the disk, which is refused. */
	have->name = xstrdup(id);
	have->disk = xstrdup(here ? want->disk : there);
	*found = true;
	if (have->disk_holds == NULL && slots_damage(have->disk, &have->disk_holds, err) != 0)
		return -1;
	return look_inside(want, have, err);
}

static int apply(struct node *node, const struct step *step, struct err *err)
{
	const struct system *want = step->want->body;
	const struct slots_image image = { want->image, want->url, &want->files, &want->arguments };
	AUTO_FREE char *version = NULL;
	(void)node;
	if (slots_table_make(want->disk, want->slot_size, err) != 0 ||
	    slots_complete(want->disk, err) != 0 || slots_identity_make(want->network, err) != 0 ||
	    slots_image(&version, err) != 0)
		return -1;
	return text_equal(version, want->image) ? 0 : slots_image_make(&image, err);
}

static int take_away(struct node *node, const char *id, struct err *err)
{
	(void)node;
	(void)id;
	return slots_remove(err);
}

const struct kind_node system_node = {
	.name = "system",
	.list = list,
	.observe = observe,
	.apply = apply,
	.remove = take_away,
};
