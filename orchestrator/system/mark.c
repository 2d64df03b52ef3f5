/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/mark.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "system/lvm.h"
#include "system/node.h"
#include "system/sysfs.h"
#include "system/udev.h"

#define SESSIONS "/dev/moyai"

int mark_uuid(const struct node *node, const char *on, const char *below, char uuid[MARK_SIZE],
	      struct err *err)
{
	char hex[HASH_HEX_SIZE];
	AUTO_FREE char *text = xasprintf("%s:%s:%s/%s", node->site, node->name, on, below);
	if (hash_bytes_hex(text, strlen(text), hex, err) != 0)
		return -1;
	/* "moyai", then version 8 of RFC 9562: made as we like. */
	snprintf(uuid, MARK_SIZE, "6d6f7961-69%.2s-8%.3s-8%.3s-%.12s", hex, hex + 2, hex + 5,
		 hex + 8);
	return 0;
}

static bool is_marked(const struct node *node, const char *on, const char *below,
		      const char *device, bool swap)
{
	char mark[MARK_SIZE];
	AUTO_FREE char *uuid = udev_property(device, "ID_FS_UUID");
	AUTO_FREE char *type = udev_property(device, "ID_FS_TYPE");
	return uuid && type && text_equal(type, "swap") == swap &&
	       mark_uuid(node, on, below, mark, NULL) == 0 && strcmp(uuid, mark) == 0;
}

/* One device of ours, as it may be found. */
typedef void found(void *context, const char *on, const char *below, const char *device);

static int each_volume(struct node *node, found *call, void *context, struct err *err)
{
	size_t i;
	const json_t *volume;
	if (lvm_read(node, err) != 0)
		return -1;
	json_array_foreach(json_object_get(node->lvm, "lv"), i, volume)
	{
		const char *name = lvm_text(volume, "lv_name");
		if (!lvm_pool_name(volume) || !lvm_tagged(volume, "lv_tags"))
			continue;
		AUTO_FREE char *device = xasprintf("/dev/%s/%s", lvm_text(volume, "vg_name"), name);
		call(context, "volume", name, device);
	}
	return 0;
}

static void each_partition(found *call, void *context)
{
	struct sysfs_partitions parts;
	sysfs_partitions(LVM_LABEL, &parts);
	for (size_t i = 0; i < parts.count; i++) {
		AUTO_FREE char *device = xasprintf("/dev/%s", parts.items[i].name);
		call(context, "partition", parts.items[i].label + strlen(LVM_LABEL), device);
	}
	sysfs_partitions_free(&parts);
}

static void each_session(found *call, void *context)
{
	AUTO_LIST struct text_list nodes = TEXT_LIST_INIT;
	file_list_dir(SESSIONS, &nodes, NULL);
	for (size_t i = 0; i < nodes.count; i++) {
		AUTO_LIST struct text_list names = TEXT_LIST_INIT;
		AUTO_FREE char *folder = xasprintf(SESSIONS "/%s", nodes.items[i]);
		file_list_dir(folder, &names, NULL);
		for (size_t j = 0; j < names.count; j++) {
			AUTO_FREE char *below = xasprintf("%s/%s", nodes.items[i], names.items[j]);
			AUTO_FREE char *device = xasprintf(SESSIONS "/%s", below);
			call(context, "session", below, device);
		}
	}
}

struct search {
	const struct node *node;
	bool swap;
	struct text_list *names; /* all of them, or … */
	const char *name;	 /* … the one that is looked for */
	struct mark_place place;
};

static void look_at(void *context, const char *on, const char *below, const char *device)
{
	struct search *search = context;
	const char *slash = strrchr(below, '/');
	const char *name = slash ? slash + 1 : below;
	if (search->place.on != NULL || (search->name && strcmp(search->name, name) != 0) ||
	    !is_marked(search->node, on, below, device, search->swap))
		return;
	if (search->names == NULL)
		search->place = (struct mark_place){ on, xstrdup(below), xstrdup(device) };
	else if (!text_list_has(search->names, name))
		text_list_add(search->names, name);
}

static int search_all(struct node *node, struct search *search, struct err *err)
{
	if (each_volume(node, look_at, search, err) != 0)
		return -1;
	each_partition(look_at, search);
	each_session(look_at, search);
	return 0;
}

int mark_list(struct node *node, bool swap, struct text_list *names, struct err *err)
{
	struct search search = { .node = node, .swap = swap, .names = names };
	return search_all(node, &search, err);
}

int mark_find(struct node *node, bool swap, const char *name, struct mark_place *out,
	      struct err *err)
{
	struct search search = { .node = node, .swap = swap, .name = name };
	if (search_all(node, &search, err) != 0)
		return -1;
	*out = search.place;
	return 0;
}

void mark_place_free(struct mark_place *place)
{
	free(place->below);
	free(place->device);
	*place = (struct mark_place){ 0 };
}
