/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/place.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

uint64_t place_left(const struct place_host *host, enum place_dimension dimension)
{
	return host->room[dimension] > host->used[dimension]
		       ? host->room[dimension] - host->used[dimension]
		       : 0;
}

bool place_is_overfull(const struct place_host *host)
{
	for (int i = 0; i < PLACE_DIMENSIONS; i++)
		if (host->used[i] > host->room[i])
			return true;
	return false;
}

bool place_fits(const struct place_host *host, const struct place_item *item)
{
	for (int i = 0; i < PLACE_DIMENSIONS; i++)
		if (item->need[i] > place_left(host, (enum place_dimension)i))
			return false;
	return true;
}

bool place_could_fit(const struct place_host *host, const struct place_item *item)
{
	for (int i = 0; i < PLACE_DIMENSIONS; i++)
		if (item->need[i] > host->room[i])
			return false;
	return true;
}

static void put(struct place_host *host, const struct place_item *item)
{
	for (int i = 0; i < PLACE_DIMENSIONS; i++)
		if (__builtin_add_overflow(host->used[i], item->need[i], &host->used[i]))
			host->used[i] = UINT64_MAX;
}

void place_count(struct place_host *hosts, const struct place_item *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (items[i].host != PLACE_NONE)
			put(&hosts[items[i].host], &items[i]);
}

/* How full the fullest dimension is, 0 to 1, with the item on it. */
static double fullness(const struct place_host *host, const struct place_item *item)
{
	double most = 0;
	for (int i = 0; i < PLACE_DIMENSIONS; i++) {
		if (host->room[i] == 0)
			continue;
		double part = (double)(host->used[i] + item->need[i]) / (double)host->room[i];
		most = part > most ? part : most;
	}
	return most;
}

static size_t choose(const struct place_host *hosts, size_t host_count,
		     const struct place_item *item, const unsigned *of_group, bool pack)
{
	size_t best = PLACE_NONE;
	double best_fullness = 0;
	for (size_t i = 0; i < host_count; i++) {
		if ((item->may && !item->may[i]) || !place_fits(&hosts[i], item))
			continue;
		double full = fullness(&hosts[i], item);
		bool better = pack ? full > best_fullness
				   : best != PLACE_NONE && (of_group[i] != of_group[best]
								    ? of_group[i] < of_group[best]
								    : full < best_fullness);
		if (best != PLACE_NONE && !better)
			continue;
		best = i;
		best_fullness = full;
	}
	return best;
}

struct ordered {
	size_t item;
	size_t hosts; /* that may take it */
	double size;  /* 0 to 1: of all there is of what it takes most of */
};

static int compare(const void *left, const void *right)
{
	const struct ordered *a = left;
	const struct ordered *b = right;
	if (a->hosts != b->hosts)
		return a->hosts < b->hosts ? -1 : 1;
	if (a->size < b->size || a->size > b->size)
		return a->size > b->size ? -1 : 1;
	return a->item < b->item ? -1 : 1;
}

/* Those without a place, in the order they get one. Returns how many. */
static size_t make_order(const struct place_host *hosts, size_t host_count,
			 const struct place_item *items, size_t count, struct ordered *order)
{
	double all[PLACE_DIMENSIONS] = { 0 };
	size_t length = 0;
	for (size_t i = 0; i < host_count; i++)
		for (int j = 0; j < PLACE_DIMENSIONS; j++)
			all[j] += (double)hosts[i].room[j];
	for (size_t i = 0; i < count; i++) {
		struct ordered *next = &order[length];
		if (items[i].host != PLACE_NONE)
			continue;
		*next = (struct ordered){ .item = i, .hosts = items[i].may ? 0 : host_count };
		for (size_t j = 0; items[i].may && j < host_count; j++)
			next->hosts += items[i].may[j];
		for (int j = 0; j < PLACE_DIMENSIONS; j++) {
			double size = all[j] > 0 ? (double)items[i].need[j] / all[j] : 0;
			next->size = size > next->size ? size : next->size;
		}
		length++;
	}
	qsort(order, length, sizeof(*order), compare);
	return length;
}

static void count_group(const struct place_item *items, size_t count, const void *group,
			unsigned *of_group, size_t host_count)
{
	memset(of_group, 0, host_count * sizeof(*of_group));
	for (size_t i = 0; group && i < count; i++)
		if (items[i].group == group && items[i].host != PLACE_NONE)
			of_group[items[i].host]++;
}

static size_t place_in_order(struct place_host *hosts, size_t host_count, struct place_item *items,
			     size_t count, const struct ordered *order, size_t length, bool pack)
{
	unsigned *of_group = xcalloc(host_count, sizeof(*of_group));
	const void *group = NULL;
	size_t left = 0;
	for (size_t i = 0; i < length; i++) {
		struct place_item *item = &items[order[i].item];
		/* Of one group they mostly follow each other. */
		if (i == 0 || item->group != group || group == NULL)
			count_group(items, count, item->group, of_group, host_count);
		group = item->group;
		item->host = choose(hosts, host_count, item, of_group, pack || item->pack);
		if (item->host == PLACE_NONE) {
			left++;
			continue;
		}
		put(&hosts[item->host], item);
		of_group[item->host]++;
	}
	free(of_group);
	return left;
}

size_t place_items(struct place_host *hosts, size_t host_count, struct place_item *items,
		   size_t count)
{
	struct ordered *order = xcalloc(count, sizeof(*order));
	struct place_host *before = xcalloc(host_count, sizeof(*before));
	size_t length = make_order(hosts, host_count, items, count, order);
	memcpy(before, hosts, host_count * sizeof(*before));
	size_t left = place_in_order(hosts, host_count, items, count, order, length, false);
	if (left > 0) {
		for (size_t i = 0; i < length; i++)
			items[order[i].item].host = PLACE_NONE;
		memcpy(hosts, before, host_count * sizeof(*before));
		left = place_in_order(hosts, host_count, items, count, order, length, true);
	}
	free(order);
	free(before);
	return left;
}
