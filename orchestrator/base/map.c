/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum { FIRST_CAPACITY = 16 };

/* FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint64_t hash(const char *key)
{
	uint64_t value = 0xcbf29ce484222325ULL;
	for (; *key; key++) {
		value ^= (unsigned char)*key;
		value *= 0x100000001b3ULL;
	}
	return value ^ (value >> 32);
}

/* The slot of the key, or the free one where it belongs. */
static struct map_slot *find(const struct map *map, const char *key)
{
	size_t mask = map->capacity - 1;
	size_t at = (size_t)hash(key) & mask;
	while (map->slots[at].key != NULL && strcmp(map->slots[at].key, key) != 0)
		at = (at + 1) & mask;
	return &map->slots[at];
}

static void grow(struct map *map)
{
	struct map bigger = { NULL, map->count,
			      map->capacity ? map->capacity * 2 : FIRST_CAPACITY };
	bigger.slots = xcalloc(bigger.capacity, sizeof(*bigger.slots));
	for (size_t i = 0; i < map->capacity; i++)
		if (map->slots[i].key != NULL)
			*find(&bigger, map->slots[i].key) = map->slots[i];
	free(map->slots);
	*map = bigger;
}

void *map_get(const struct map *map, const char *key)
{
	return map->capacity ? find(map, key)->value : NULL;
}

void *map_put(struct map *map, const char *key, void *value)
{
	if ((map->count + 1) * 4 > map->capacity * 3)
		grow(map);
	struct map_slot *slot = find(map, key);
	if (slot->key != NULL)
		return slot->value;
	slot->key = key;
	slot->value = value;
	map->count++;
	return NULL;
}

void map_free(struct map *map)
{
	if (map == NULL)
		return;
	free(map->slots);
	*map = (struct map)MAP_INIT;
}
