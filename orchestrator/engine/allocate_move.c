/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/allocate_move.h"

#include <stdlib.h>

#include "engine/allocate_place.h"

/* All that is placed is counted; mistakes of that were told when the site was read. */
static void count_all(const struct site *site, struct allocations *allocations,
		      struct places *places, struct mistakes *mistakes)
{
	*places = (struct places){ .site = site, .allocations = allocations, .mistakes = mistakes };
	places_begin(places);
	places_count_hosts(places);
}

static int refuse_room(const struct places *places, const struct cluster_guest *guest,
		       const char *to, size_t host, struct err *err)
{
	AUTO_STR struct str need = STR_INIT;
	AUTO_STR struct str left = STR_INIT;
	const struct place_host *full = &places->runners.hosts[host];
	const struct place_item item = places_item(guest, NULL);
	const uint64_t rest[] = { place_left(full, PLACE_CPUS), place_left(full, PLACE_BYTES) };
	places_add_need(&need, item.need);
	places_add_need(&left, rest);
	return err_set(err, "%s has no room for %s: it needs %s, and left are %s", to, guest->id,
		       str_text(&need), str_text(&left));
}

static const struct allocated_guest *made_of(const struct places *places,
					     const struct cluster_guest *guest)
{
	const struct cluster_guest *found;
	const struct cluster *cluster = allocate_move_find(places->site, guest->id, &found, NULL);
	return &places->allocations->items[cluster - places->site->clusters]
			.guests[found - cluster->guests];
}

/* Whether QEMU emulates its processors where it is by now: it would have to be made anew. */
static bool emulated(const struct places *places, const struct cluster_guest *guest)
{
	const struct site_node *host = site_find_node(places->site, made_of(places, guest)->host);
	return host != NULL && host->guests.emulate == 1;
}

static int check(const struct places *places, const struct cluster_guest *guest, const char *to,
		 struct err *err)
{
	const struct site_node *node = site_find_node(places->site, to);
	size_t host = givers_find(&places->runners, to);
	AUTO_FREE bool *may = places_may(places, guest);
	if (node == NULL)
		return err_set(err, "there is no node \"%s\"", to);
	if (!site_node_is(places->site, node, "vm-server"))
		return err_set(err, "%s is no vm-server, on which the nodes of a cluster run", to);
	if (host == PLACE_NONE)
		return err_set(err,
			       "%s gives nothing to guests; write guests = { vcpus = 32; memory = "
			       "\"120G\"; } into it",
			       to);
	if ((node->guests.emulate == 1) != emulated(places, guest))
		return err_set(
			err,
			"%s and the host of %s are not alike: one emulates the processors of "
			"its guests (emulate), and the other does not",
			to, guest->id);
	if (node->guests.closed)
		return err_set(err, "%s is in maintenance; moyai maintenance off %s ends that", to,
			       to);
	if (!may[host])
		return err_set(err, "%s is left out by %s of group \"%s\" (%s:%u)", to,
			       guest->group->pin ? "pin" : "exclude", guest->group->name,
			       guest->group->place.file, guest->group->place.line);
	const struct place_item item = places_item(guest, NULL);
	if (!place_fits(&places->runners.hosts[host], &item))
		return refuse_room(places, guest, to, host, err);
	return 0;
}

int allocate_move_check(const struct site *site, struct allocations *allocations,
			const struct cluster_guest *guest, const char *to, struct err *err)
{
	struct places places;
	struct mistakes mistakes = { 0 };
	if (cluster_is_frontend(guest))
		return err_set(err,
			       "%s is a frontend, which stays on its gateway: its ports and its "
			       "outside are there",
			       guest->id);
	count_all(site, allocations, &places, &mistakes);
	int rc = check(&places, guest, to, err);
	places_end(&places);
	mistakes_free(&mistakes);
	return rc;
}

/* With those that have a place, so that it is spread. */
static const char *choose(struct places *places, const struct cluster *cluster,
			  const struct cluster_guest *guest, const struct text_list *avoid)
{
	struct givers *runners = &places->runners;
	const struct allocation *made =
		&places->allocations->items[cluster - places->site->clusters];
	struct place_item *items = xcalloc(cluster->guest_count, sizeof(*items));
	AUTO_FREE bool *may = places_may(places, guest);
	size_t self = (size_t)(guest - cluster->guests);
	for (size_t i = 0; i < runners->count; i++)
		may[i] = may[i] && !text_list_has(avoid, runners->nodes[i]->name) &&
			 (runners->nodes[i]->guests.emulate == 1) == emulated(places, guest);
	for (size_t i = 0; i < cluster->guest_count; i++) {
		const struct allocated_guest *other = &made->guests[i];
		items[i] = places_item(&cluster->guests[i], i == self ? may : NULL);
		if (i != self)
			items[i].host = givers_find(runners, other->to ? other->to : other->host);
	}
	place_items(runners->hosts, runners->count, items, cluster->guest_count);
	size_t host = items[self].host;
	free(items);
	return host == PLACE_NONE ? NULL : runners->nodes[host]->name;
}

static void no_host(const struct places *places, const struct cluster_guest *guest,
		    const struct text_list *avoid, struct err *err)
{
	AUTO_STR struct str need = STR_INIT;
	AUTO_STR struct str left = STR_INIT;
	AUTO_FREE bool *may = places_may(places, guest);
	for (size_t i = 0; i < places->runners.count; i++)
		may[i] = may[i] && !text_list_has(avoid, places->runners.nodes[i]->name);
	places_add_need(&need, places_item(guest, NULL).need);
	if (places_add_left(&left, &places->runners, may) > 0)
		err_set(err, "no host has room for %s: it needs %s, and left are %s", guest->id,
			str_text(&need), str_text(&left));
	else
		err_set(err, "no other host may have %s", guest->id);
}

const char *allocate_move_choose(const struct site *site, struct allocations *allocations,
				 const struct cluster *cluster, const struct cluster_guest *guest,
				 const struct text_list *avoid, struct err *err)
{
	struct places places;
	struct mistakes mistakes = { 0 };
	AUTO_LIST struct text_list elsewhere = TEXT_LIST_INIT;
	const struct allocation *made = &allocations->items[cluster - site->clusters];
	text_list_copy(&elsewhere, avoid);
	text_list_add(&elsewhere, made->guests[guest - cluster->guests].host);
	count_all(site, allocations, &places, &mistakes);
	const char *host = choose(&places, cluster, guest, &elsewhere);
	if (host == NULL)
		no_host(&places, guest, &elsewhere, err);
	places_end(&places);
	mistakes_free(&mistakes);
	return host;
}

const struct cluster *allocate_move_find(const struct site *site, const char *id,
					 const struct cluster_guest **guest, struct err *err)
{
	for (size_t i = 0; i < site->cluster_count; i++)
		for (size_t j = 0; j < site->clusters[i].guest_count; j++)
			if (text_equal(site->clusters[i].guests[j].id, id)) {
				*guest = &site->clusters[i].guests[j];
				return &site->clusters[i];
			}
	err_set(err, "there is no guest \"%s\"; it is called CLUSTER-NODE, like genome-compute1",
		id);
	return NULL;
}
