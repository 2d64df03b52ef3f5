/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/allocate_place.h"

#include <stdlib.h>

#include "base/size.h"

static void givers_add(struct givers *givers, const struct site_node *node, uint64_t cpus,
		       uint64_t bytes)
{
	struct place_host *host = &givers->hosts[givers->count];
	givers->nodes[givers->count++] = node;
	*host = (struct place_host){ .room = { cpus, bytes } };
	map_put(&givers->by_name, node->name, host);
}

void places_begin(struct places *places)
{
	const struct site *site = places->site;
	struct givers *all[] = { &places->runners, &places->keepers };
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		all[i]->nodes = xcalloc(site->node_count, sizeof(*all[i]->nodes));
		all[i]->hosts = xcalloc(site->node_count, sizeof(*all[i]->hosts));
	}
	for (size_t i = 0; i < site->node_count; i++) {
		const struct site_guests *guests = &site->nodes[i].guests;
		if (guests->vcpus != FIELD_UNSET)
			givers_add(&places->runners, &site->nodes[i], guests->vcpus,
				   guests->memory);
		if (guests->storage != FIELD_UNSET)
			givers_add(&places->keepers, &site->nodes[i], 0, guests->storage);
	}
}

static void givers_free(struct givers *givers)
{
	free(givers->nodes);
	free(givers->hosts);
	map_free(&givers->by_name);
}

void places_end(struct places *places)
{
	givers_free(&places->runners);
	givers_free(&places->keepers);
}

size_t givers_find(const struct givers *givers, const char *name)
{
	const struct place_host *host = name ? map_get(&givers->by_name, name) : NULL;
	return host ? (size_t)(host - givers->hosts) : PLACE_NONE;
}

void places_add_bytes(struct str *out, uint64_t bytes)
{
	AUTO_STR struct str size = STR_INIT;
	size_print(bytes, &size);
	str_add(out, str_text(&size));
}

void places_add_need(struct str *out, const uint64_t need[PLACE_DIMENSIONS])
{
	str_addf(out, "%llu vCPU%s and ", (unsigned long long)need[PLACE_CPUS],
		 need[PLACE_CPUS] == 1 ? "" : "s");
	places_add_bytes(out, need[PLACE_BYTES]);
}

struct left {
	size_t giver;
	uint64_t bytes;
};

static int compare_left(const void *one, const void *other)
{
	const struct left *a = one;
	const struct left *b = other;
	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? -1 : 1;
	return a->giver < b->giver ? -1 : 1;
}

size_t places_add_left(struct str *out, const struct givers *givers, const bool *may)
{
	enum { SAID = 8 };
	struct left *left = xcalloc(givers->count, sizeof(*left));
	size_t count = 0;
	for (size_t i = 0; i < givers->count; i++)
		if (may == NULL || may[i])
			left[count++] =
				(struct left){ i, place_left(&givers->hosts[i], PLACE_BYTES) };
	qsort(left, count, sizeof(*left), compare_left);
	for (size_t i = 0; i < count && i < SAID; i++) {
		const struct place_host *host = &givers->hosts[left[i].giver];
		const uint64_t need[] = { place_left(host, PLACE_CPUS), left[i].bytes };
		str_add(out, i ? ", " : "");
		if (host->room[PLACE_CPUS] > 0)
			places_add_need(out, need);
		else
			places_add_bytes(out, left[i].bytes);
		str_addf(out, " on %s", givers->nodes[left[i].giver]->name);
	}
	if (count > SAID)
		str_addf(out, ", … (%zu in all)", count);
	free(left);
	return count;
}

void allocate_places(const struct site *site, struct allocations *allocations,
		     struct mistakes *mistakes)
{
	struct places places = { .site = site, .allocations = allocations, .mistakes = mistakes };
	places_begin(&places);
	places_count_hosts(&places);
	places_count_disks(&places);
	places_check_hosts(&places);
	places_check_keepers(&places);
	for (size_t i = 0; i < site->cluster_count; i++) {
		const struct cluster *cluster = &site->clusters[i];
		struct allocation *made = &allocations->items[i];
		if (cluster_is_running(cluster))
			places_choose_hosts(&places, cluster, made);
		if (!cluster_is_wanted(cluster))
			continue;
		places_choose_disks(&places, cluster, made);
		places_check_volumes(&places, cluster, made);
	}
	places_end(&places);
}
