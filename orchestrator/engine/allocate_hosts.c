/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "engine/allocate_place.h"
#include "model/nodeset.h"

/* Of a record. */
#define ANEW "take the host out, and moyai cluster allocate chooses another"

/* Of one group: which of the runners its guests may be on. */
struct allowed {
	bool *by_role; /* …of the right role… */
	bool *may;     /* …and neither excluded nor beside the pin */
	size_t by_role_count, may_count;
};

static bool *node_set(const struct places *places, const char *text)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	bool *in = xcalloc(places->runners.count, sizeof(*in));
	/* What it cannot be read as was a mistake before. */
	if (text == NULL || nodeset_parse(text, places->site, &names, NULL) != 0)
		return in;
	for (size_t i = 0; i < names.count; i++) {
		size_t host = givers_find(&places->runners, names.items[i]);
		if (host != PLACE_NONE)
			in[host] = true;
	}
	return in;
}

static void allow(const struct places *places, const struct cluster_group *group, const char *role,
		  struct allowed *allowed)
{
	const struct givers *runners = &places->runners;
	AUTO_FREE bool *pinned = node_set(places, group->pin);
	AUTO_FREE bool *excluded = node_set(places, group->exclude);
	*allowed = (struct allowed){ xcalloc(runners->count, sizeof(bool)),
				     xcalloc(runners->count, sizeof(bool)), 0, 0 };
	for (size_t i = 0; i < runners->count; i++) {
		allowed->by_role[i] = site_node_is(places->site, runners->nodes[i], role);
		allowed->may[i] = allowed->by_role[i] && (!group->pin || pinned[i]) &&
				  !excluded[i] && !runners->nodes[i]->guests.closed;
		allowed->by_role_count += allowed->by_role[i];
		allowed->may_count += allowed->may[i];
	}
}

static void allowed_free(struct allowed *allowed)
{
	free(allowed->by_role);
	free(allowed->may);
}

/* One group's guests that found no host. */
struct unplaced {
	const struct cluster *cluster;
	const struct cluster_group *group;
	const struct allowed *allowed;
	const struct place_item *item; /* one of them: they are alike */
	size_t count, of;
};

/* What may leave a host out; maintenance is only said where it is. */
static const char *leaves_out(const struct places *places)
{
	for (size_t i = 0; i < places->runners.count; i++)
		if (places->runners.nodes[i]->guests.closed)
			return "pin, exclude or maintenance";
	return "pin or exclude";
}

/* "; there is room on vm3, which pin or exclude leaves out" */
static void add_elsewhere(const struct places *places, const struct unplaced *of, struct str *out)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	for (size_t i = 0; i < places->runners.count; i++)
		if (of->allowed->by_role[i] && !of->allowed->may[i] &&
		    place_fits(&places->runners.hosts[i], of->item))
			text_list_add(&names, places->runners.nodes[i]->name);
	if (names.count == 0)
		return;
	str_add(out, "; there is room on ");
	nodeset_fold(&names, out);
	str_addf(out, ", which %s leaves out", leaves_out(places));
}

/* The host that gives most, when none is large enough even when empty; PLACE_NONE when one is. */
static size_t largest_if_too_small(const struct places *places, const struct unplaced *of)
{
	size_t largest = PLACE_NONE;
	for (size_t i = 0; i < places->runners.count; i++) {
		const struct place_host *host = &places->runners.hosts[i];
		if (!of->allowed->may[i])
			continue;
		if (place_could_fit(host, of->item))
			return PLACE_NONE;
		if (largest == PLACE_NONE ||
		    host->room[PLACE_BYTES] > places->runners.hosts[largest].room[PLACE_BYTES])
			largest = i;
	}
	return largest;
}

static void add_unplaced(const struct places *places, const struct unplaced *of)
{
	bool frontend = of->group == &of->cluster->frontend;
	const char *role = frontend ? "gateway" : "vm-server";
	AUTO_FREE char *what = frontend ? xasprintf("cluster \"%s\": frontend", of->cluster->name)
					: xasprintf("cluster \"%s\": group \"%s\"",
						    of->cluster->name, of->group->name);
	AUTO_STR struct str need = STR_INIT;
	AUTO_STR struct str more = STR_INIT;
	struct place place = of->group->place;
	places_add_need(&need, of->item->need);
	if (of->allowed->by_role_count == 0) {
		mistake_add(places->mistakes, place,
			    "%s: no node of the role %s gives anything to guests; write guests = { "
			    "vcpus = 32; memory = \"120G\"; } into one",
			    what, role);
		return;
	}
	add_elsewhere(places, of, &more);
	if (of->allowed->may_count == 0) {
		mistake_add(places->mistakes, place_of(place, of->group->pin ? "pin" : "exclude"),
			    "%s: %s leave no node of the role %s that gives anything to guests%s",
			    what,
			    text_equal(leaves_out(places), "pin or exclude")
				    ? "pin and exclude"
				    : "pin, exclude and maintenance",
			    role, str_text(&more));
		return;
	}
	size_t largest = largest_if_too_small(places, of);
	if (largest != PLACE_NONE) {
		AUTO_STR struct str gives = STR_INIT;
		places_add_need(&gives, places->runners.hosts[largest].room);
		mistake_add(places->mistakes, place,
			    "%s: %s are more than any host that it may be on gives; the "
			    "largest, %s, gives %s%s",
			    what, str_text(&need), places->runners.nodes[largest]->name,
			    str_text(&gives), str_text(&more));
		return;
	}
	AUTO_STR struct str missing = STR_INIT;
	AUTO_STR struct str left = STR_INIT;
	const uint64_t sum[] = { of->item->need[PLACE_CPUS] * of->count,
				 of->item->need[PLACE_BYTES] * of->count };
	places_add_need(&missing, sum);
	places_add_left(&left, &places->runners, of->allowed->may);
	mistake_add(places->mistakes, place,
		    "%s: there is no room for %zu of %zu with %s each: %s are missing, and left "
		    "are %s%s; "
		    "make them fewer or smaller, stop a cluster, or give more to guests",
		    what, of->count, of->of, str_text(&need), str_text(&missing), str_text(&left),
		    str_text(&more));
}

struct place_item places_item(const struct cluster_guest *guest, const bool *may)
{
	const struct cluster_group *group = guest->group;
	return (struct place_item){ .need = { group->vcpus, group->memory },
				    .group = group,
				    .pack = text_equal(group->placement, "pack"),
				    .may = may,
				    .host = PLACE_NONE };
}

bool *places_may(const struct places *places, const struct cluster_guest *guest)
{
	struct allowed allowed;
	allow(places, guest->group, cluster_is_frontend(guest) ? "gateway" : "vm-server", &allowed);
	free(allowed.by_role);
	return allowed.may;
}

void places_choose_hosts(struct places *places, const struct cluster *cluster,
			 struct allocation *made)
{
	struct givers *runners = &places->runners;
	struct place_item *items = xcalloc(cluster->guest_count, sizeof(*items));
	struct allowed *allowed = xcalloc(cluster->group_count + 1, sizeof(*allowed));
	allow(places, &cluster->frontend, "gateway", &allowed[cluster->group_count]);
	for (size_t i = 0; i < cluster->group_count; i++)
		allow(places, &cluster->groups[i], "vm-server", &allowed[i]);
	for (size_t i = 0; i < cluster->guest_count; i++) {
		const struct cluster_guest *guest = &cluster->guests[i];
		size_t group = cluster_is_frontend(guest)
				       ? cluster->group_count
				       : (size_t)(guest->group - cluster->groups);
		items[i] = places_item(guest, allowed[group].may);
		items[i].host = givers_find(runners, made->guests[i].host);
	}
	place_items(runners->hosts, runners->count, items, cluster->guest_count);
	for (size_t i = 0; i < cluster->guest_count; i++)
		if (items[i].host != PLACE_NONE && made->guests[i].host == NULL)
			made->guests[i].host = xstrdup(runners->nodes[items[i].host]->name);
	for (size_t i = 0; i <= cluster->group_count; i++) {
		struct unplaced of = { .cluster = cluster,
				       .group = i < cluster->group_count ? &cluster->groups[i]
									 : &cluster->frontend,
				       .allowed = &allowed[i] };
		for (size_t j = 0; j < cluster->guest_count; j++) {
			if (cluster->guests[j].group != of.group)
				continue;
			of.of++;
			if (items[j].host != PLACE_NONE)
				continue;
			of.item = &items[j];
			of.count++;
		}
		if (of.count > 0)
			add_unplaced(places, &of);
		allowed_free(&allowed[i]);
	}
	free(allowed);
	free(items);
}

/* Where the record says that the guest is: it gives something to guests, and to such ones. */
static void check_host(const struct places *places, const struct cluster *cluster, size_t index,
		       size_t host)
{
	const struct allocated_guest *made =
		&places->allocations->items[cluster - places->site->clusters].guests[index];
	bool frontend = cluster_is_frontend(&cluster->guests[index]);
	const char *role = frontend ? "gateway" : "vm-server";
	struct place place = place_of(made->place, "host");
	if (made->host != NULL && host == PLACE_NONE)
		mistake_add(places->mistakes, place,
			    "allocation of \"%s\": guest \"%s\": host: node \"%s\" gives nothing "
			    "to guests; write guests = { vcpus = 32; memory = \"120G\"; } into it, "
			    "or " ANEW,
			    cluster->name, made->name, made->host);
	else if (host != PLACE_NONE &&
		 !site_node_is(places->site, places->runners.nodes[host], role))
		mistake_add(places->mistakes, place,
			    "allocation of \"%s\": guest \"%s\": host: node \"%s\" is no %s, on "
			    "which %s run; " ANEW,
			    cluster->name, made->name, made->host, role,
			    frontend ? "frontends" : "the nodes of a cluster");
}

/* … and where it is moving to. */
static void check_to(const struct places *places, const struct cluster *cluster, size_t index,
		     size_t host)
{
	const struct allocated_guest *made =
		&places->allocations->items[cluster - places->site->clusters].guests[index];
	bool frontend = cluster_is_frontend(&cluster->guests[index]);
	if (made->to == NULL ||
	    (!frontend && host != PLACE_NONE &&
	     site_node_is(places->site, places->runners.nodes[host], "vm-server")))
		return;
	AUTO_FREE char *why = frontend
				      ? xstrdup("a frontend does not move")
				      : xasprintf("node \"%s\" is no vm-server that gives anything "
						  "to guests",
						  made->to);
	mistake_add(
		places->mistakes, place_of(made->place, "to"),
		"allocation of \"%s\": guest \"%s\": to: %s; take it out: the guest stays where "
		"it is",
		cluster->name, made->name, why);
}

void places_count_hosts(struct places *places)
{
	const struct site *site = places->site;
	for (size_t i = 0; i < site->cluster_count; i++) {
		const struct cluster *cluster = &site->clusters[i];
		const struct allocation *made = &places->allocations->items[i];
		for (size_t j = 0; cluster_is_running(cluster) && j < cluster->guest_count; j++) {
			const struct allocated_guest *guest = &made->guests[j];
			struct place_item item = places_item(&cluster->guests[j], NULL);
			item.host = givers_find(&places->runners, guest->host);
			check_host(places, cluster, j, item.host);
			place_count(places->runners.hosts, &item, 1);
			/* While it moves it takes room on both. */
			item.host = givers_find(&places->runners, guest->to);
			check_to(places, cluster, j, item.host);
			place_count(places->runners.hosts, &item, 1);
		}
	}
}

/* The guests that a host has by the records, and where the last of them would fit. */
static void add_overfull(struct places *places, size_t host)
{
	const struct site *site = places->site;
	const struct place_host *full = &places->runners.hosts[host];
	AUTO_LIST struct text_list ids = TEXT_LIST_INIT;
	AUTO_LIST struct text_list others = TEXT_LIST_INIT;
	AUTO_STR struct str used = STR_INIT;
	AUTO_STR struct str gives = STR_INIT;
	AUTO_STR struct str names = STR_INIT;
	AUTO_STR struct str where = STR_INIT;
	const char *name = places->runners.nodes[host]->name;
	const struct cluster_guest *last = NULL;
	for (size_t i = 0; i < site->cluster_count; i++)
		for (size_t j = 0;
		     j < site->clusters[i].guest_count && cluster_is_running(&site->clusters[i]);
		     j++)
			if (text_equal(places->allocations->items[i].guests[j].host, name)) {
				last = &site->clusters[i].guests[j];
				text_list_add(&ids, last->id);
			}
	if (last == NULL)
		return;
	struct allowed allowed;
	struct place_item item = places_item(last, NULL);
	allow(places, last->group, cluster_is_frontend(last) ? "gateway" : "vm-server", &allowed);
	for (size_t i = 0; i < places->runners.count; i++)
		if (allowed.may[i] && place_fits(&places->runners.hosts[i], &item))
			text_list_add(&others, places->runners.nodes[i]->name);
	allowed_free(&allowed);
	nodeset_fold(&ids, &names);
	nodeset_fold(&others, &where);
	places_add_need(&used, full->used);
	places_add_need(&gives, full->room);
	mistake_add(places->mistakes, places->runners.nodes[host]->guests.place,
		    "node \"%s\": guests: gives %s, and what is placed on it needs %s: %s; give "
		    "more, or take the host of one of them out of its allocation: %s would fit on "
		    "%s",
		    name, str_text(&gives), str_text(&used), str_text(&names), last->id,
		    others.count ? str_text(&where) : "no other");
}

void places_check_hosts(struct places *places)
{
	for (size_t i = 0; i < places->runners.count; i++)
		if (place_is_overfull(&places->runners.hosts[i]))
			add_overfull(places, i);
}
