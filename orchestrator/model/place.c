/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "model/field.h"

static struct place look_up(struct place group, const char *key, size_t item, struct place other)
{
	for (const struct value_place *at = group.values; at && at->key; at++)
		if (at->item == item && strcmp(at->key, key) == 0)
			return (struct place){ .file = at->file, .line = at->line };
	return other;
}

struct place place_of(struct place group, const char *key)
{
	struct place itself = { .file = group.file, .line = group.line };
	return look_up(group, key, 0, itself);
}

struct place place_of_item(struct place group, const char *key, size_t item)
{
	return look_up(group, key, item + 1, place_of(group, key));
}

bool place_written(struct place group, const char *key)
{
	const struct place nowhere = { 0 };
	return look_up(group, key, 0, nowhere).line != 0;
}

bool place_same(struct place a, struct place b)
{
	return a.file == b.file && a.line == b.line;
}
