/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_MAP_H
#define BASE_MAP_H
#include <stddef.h>
/*
 * A hash table from text to pointer. Keys and values are borrowed: they have
 * to live as long as the map. There is no removal.
 */
struct map {
	struct map_slot {
		const char *key; /* NULL: free */
		void *value;
	} * slots;
	size_t count;
	size_t capacity; /* 0 or a power of two */
};
#define MAP_INIT                                                                                   \
	{                                                                                          \
		NULL, 0, 0                                                                         \
	}

/* NULL when there is none. */
void *map_get(const struct map *map, const char *key);

/* Returns NULL when the key is new, else the value that is there and stays. */
void *map_put(struct map *map, const char *key, void *value);

void map_free(struct map *map);
#endif
