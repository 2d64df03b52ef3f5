/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/balance.h"

#include <stdlib.h>
#include <string.h>

#include "engine/allocate_move.h"

void balance_moves_free(struct balance_moves *moves)
{
	free(moves->items);
	*moves = (struct balance_moves){ 0 };
}

/* One host as it will be after the moves so far. */
struct future {
	struct load_host *host; /* borrowed from the load */
	double wants;		/* processors, of all that is on it */
	size_t guests;		/* guests of the site that are on it */
	bool receives;		/* something moves to it */
	bool leaves;		/* it is to be empty */
};

struct work {
	const struct site *site;
	struct allocations *allocations;
	uint64_t stay_s;
	struct balance_moves *moves;
	struct future *hosts; /* as in the load */
	size_t count;
};

/* ---- one guest ---- */

/* A guest of the site that runs where its record says so, and is not on its way. */
struct resident {
	const struct cluster_guest *guest;
	struct allocated_guest *made;
	const struct load_guest *load;
};

/* Called for each on this host; false ends it. */
typedef bool (*visitor)(struct work *work, struct future *at, const struct resident *resident,
			void *context);

static bool each_resident(struct work *work, struct future *at, visitor visit, void *context)
{
	for (size_t i = 0; i < work->site->cluster_count; i++) {
		const struct cluster *cluster = &work->site->clusters[i];
		for (size_t j = 0; cluster_is_running(cluster) && j < cluster->guest_count; j++) {
			struct resident resident = {
				.guest = &cluster->guests[j],
				.made = &work->allocations->items[i].guests[j],
			};
			if (!text_equal(resident.made->host, at->host->node->name))
				continue;
			resident.load = load_find_guest(at->host, resident.guest->id);
			if (!visit(work, at, &resident, context))
				return false;
		}
	}
	return true;
}

static bool may_move(const struct work *work, const struct resident *resident)
{
	return !cluster_is_frontend(resident->guest) && resident->load != NULL &&
	       resident->made->to == NULL && resident->load->here_s >= work->stay_s;
}

/* Alone on a host is as well as it gets, for a guest that wants all of one. */
static bool has_room(const struct future *at, double wants)
{
	return (at->wants + wants) * 100 <= at->host->cpus * BALANCE_FULL_PERCENT ||
	       at->host->guest_count + at->guests == 0;
}

static bool may_go(const struct work *work, const struct resident *resident,
		   const struct future *to)
{
	return has_room(to, load_guest_wants(resident->load)) &&
	       allocate_move_check(work->site, work->allocations, resident->guest,
				   to->host->node->name, NULL) == 0;
}

static double costs_s(const struct cluster_guest *guest, double wants, const struct future *to)
{
	double seconds = BALANCE_FIXED_S + 1.5 * (double)guest->group->memory / BALANCE_BYTES_PER_S;
	double share = to->host->off ? wants * 100 / BALANCE_FULL_PERCENT : 0;
	return 2 * seconds + BALANCE_BOOT_S * share;
}

static void move(struct work *work, struct future *from, struct future *to,
		 const struct resident *resident, double gains_s)
{
	struct balance_moves *moves = work->moves;
	double wants = load_guest_wants(resident->load);
	moves->items = xrealloc(moves->items, moves->count + 1, sizeof(*moves->items));
	moves->items[moves->count++] =
		(struct balance_move){ .guest = resident->guest,
				       .from = from->host->node,
				       .to = to->host->node,
				       .wants = wants,
				       .gains_s = gains_s,
				       .costs_s = costs_s(resident->guest, wants, to) };
	resident->made->to = xstrdup(to->host->node->name);
	from->wants -= wants;
	to->wants += wants;
	from->guests--;
	to->guests++;
	to->receives = true;
}

static bool count_guest(struct work *work, struct future *at, const struct resident *resident,
			void *context)
{
	(void)work;
	(void)resident;
	(void)context;
	at->guests++;
	return true;
}

static void begin(struct work *work, const struct load *load)
{
	work->count = load->count;
	work->hosts = xcalloc(load->count + 1, sizeof(*work->hosts));
	for (size_t i = 0; i < load->count; i++) {
		work->hosts[i] = (struct future){ .host = &load->hosts[i],
						  .wants = load_host_wants(&load->hosts[i]) };
		each_resident(work, &work->hosts[i], count_guest, NULL);
	}
}

/* ---- balance ---- */

static double lacks(double wants, const struct load_host *host)
{
	return wants > host->cpus ? wants - host->cpus : 0;
}

/* The least loaded one that takes it, and one that is off only when no other does. */
static struct future *find_relief(const struct work *work, const struct future *from,
				  const struct resident *resident)
{
	struct future *best = NULL;
	for (size_t i = 0; i < work->count; i++) {
		struct future *to = &work->hosts[i];
		bool off = to->host->off && !to->receives;
		bool best_off = best != NULL && best->host->off && !best->receives;
		bool better = best == NULL || (best_off && !off) ||
			      (best_off == off &&
			       to->wants / to->host->cpus < best->wants / best->host->cpus);
		if (to != from && better && !load_is_short(to->host) && may_go(work, resident, to))
			best = to;
	}
	return best;
}

/* The best so far. */
struct relief {
	struct resident resident;
	struct future *to; /* NULL: there is none */
	double gains_s, costs_s;
};

static bool compare(struct work *work, struct future *at, const struct resident *resident,
		    void *context)
{
	struct relief *best = context;
	if (!may_move(work, resident))
		return true;
	double wants = load_guest_wants(resident->load);
	double gains_s =
		(lacks(at->wants, at->host) - lacks(at->wants - wants, at->host)) * BALANCE_AHEAD_S;
	/* Before a place is looked for: that takes longer. */
	if (gains_s <= 0 || (best->to && gains_s < best->gains_s - best->costs_s))
		return true;
	struct future *to = find_relief(work, at, resident);
	if (to == NULL)
		return true;
	gains_s -=
		(lacks(to->wants + wants, to->host) - lacks(to->wants, to->host)) * BALANCE_AHEAD_S;
	double cost_s = costs_s(resident->guest, wants, to);
	if (gains_s > cost_s &&
	    (best->to == NULL || gains_s - cost_s > best->gains_s - best->costs_s))
		*best = (struct relief){ *resident, to, gains_s, cost_s };
	return true;
}

/* Those that are short, what lacks most first; false: none of them can be helped (any more). */
static bool relieve(struct work *work, bool *hopeless)
{
	size_t worst = work->count;
	double most = 0;
	for (size_t i = 0; i < work->count; i++) {
		double lack = lacks(work->hosts[i].wants, work->hosts[i].host);
		if (hopeless[i] || !load_is_short(work->hosts[i].host) || lack <= most)
			continue;
		most = lack;
		worst = i;
	}
	if (worst == work->count)
		return false;
	struct relief best = { .to = NULL };
	each_resident(work, &work->hosts[worst], compare, &best);
	if (best.to != NULL)
		move(work, &work->hosts[worst], best.to, &best.resident, best.gains_s);
	else
		hopeless[worst] = true;
	return true;
}

void balance_find(const struct site *site, struct allocations *allocations, const struct load *load,
		  uint64_t stay_s, struct balance_moves *moves)
{
	struct work work = { site, allocations, stay_s, moves, NULL, 0 };
	bool *hopeless = xcalloc(load->count + 1, sizeof(*hopeless));
	begin(&work, load);
	while (relieve(&work, hopeless))
		;
	free(hopeless);
	free(work.hosts);
}

/* ---- pack ---- */

/* Bytes of its guests. */
static bool add_memory(struct work *work, struct future *at, const struct resident *resident,
		       void *context)
{
	uint64_t *sum = context;
	(void)work;
	(void)at;
	*sum += resident->guest->group->memory;
	return true;
}

static bool is_movable(struct work *work, struct future *at, const struct resident *resident,
		       void *context)
{
	(void)at;
	(void)context;
	return may_move(work, resident);
}

/* Others need it, whatever guests it has. */
static bool serves(const struct site *site, const struct site_node *node)
{
	static const char *const ROLES[] = { "gateway", "cluster-manager", "storage",
					     "memory-server" };
	bool serves = node->guests.storage != FIELD_UNSET;
	for (size_t i = 0; i < COUNT_OF(ROLES); i++)
		serves = serves || site_node_is(site, node, ROLES[i]);
	for (size_t i = 0; i < node->wants.count; i++)
		serves = serves || text_equal(node->wants.items[i].kind->name, "target");
	return serves;
}

static bool may_be_emptied(struct work *work, struct future *at)
{
	const struct load_host *host = at->host;
	return host->node->bmc.type != NULL && !serves(work->site, host->node) && !host->off &&
	       !at->leaves && !at->receives && host->up_s >= work->stay_s &&
	       host->guest_count == at->guests && each_resident(work, at, is_movable, NULL);
}

/* The fullest of those that take it, and none that has nothing: that can be emptied itself. */
static bool place(struct work *work, struct future *from, const struct resident *resident,
		  void *context)
{
	struct future *best = NULL;
	(void)context;
	for (size_t i = 0; i < work->count; i++) {
		struct future *to = &work->hosts[i];
		if (to == from || to->leaves || to->host->off || to->guests == 0 ||
		    (best != NULL && to->wants / to->host->cpus <= best->wants / best->host->cpus))
			continue;
		if (may_go(work, resident, to))
			best = to;
	}
	if (best != NULL)
		move(work, from, best, resident, 0);
	return best != NULL;
}

static void take_back(struct work *work, size_t count)
{
	while (work->moves->count > count) {
		const struct balance_move *last = &work->moves->items[--work->moves->count];
		const struct cluster_guest *guest;
		const struct cluster *cluster =
			allocate_move_find(work->site, last->guest->id, &guest, NULL);
		struct allocated_guest *made =
			&work->allocations->items[cluster - work->site->clusters]
				 .guests[guest - cluster->guests];
		free(made->to);
		made->to = NULL;
	}
}

/* All of it, or nothing of it. */
static bool empty(struct work *work, struct future *at)
{
	size_t before = work->moves->count;
	struct future *saved = xcalloc(work->count, sizeof(*saved));
	memcpy(saved, work->hosts, work->count * sizeof(*saved));
	bool done = each_resident(work, at, place, NULL);
	if (!done) {
		take_back(work, before);
		memcpy(work->hosts, saved, work->count * sizeof(*saved));
	}
	free(saved);
	at->leaves = done;
	return done;
}

/* Of those not tried yet, the one with least to move; the later one of the site of two that are alike. */
static struct future *least_used(struct work *work, const bool *tried)
{
	struct future *least = NULL;
	uint64_t least_bytes = 0;
	for (size_t i = 0; i < work->count; i++) {
		uint64_t bytes = 0;
		if (tried[i] || !may_be_emptied(work, &work->hosts[i]))
			continue;
		each_resident(work, &work->hosts[i], add_memory, &bytes);
		if (least == NULL || bytes <= least_bytes) {
			least = &work->hosts[i];
			least_bytes = bytes;
		}
	}
	return least;
}

static size_t count_staying(const struct work *work)
{
	size_t staying = 0;
	for (size_t i = 0; i < work->count; i++)
		staying += !work->hosts[i].leaves && !work->hosts[i].host->off;
	return staying;
}

void pack_find(const struct site *site, struct allocations *allocations, const struct load *load,
	       uint64_t stay_s, struct balance_moves *moves, struct text_list *emptied)
{
	struct work work = { site, allocations, stay_s, moves, NULL, 0 };
	bool *tried = xcalloc(load->count + 1, sizeof(*tried));
	struct future *at;
	begin(&work, load);
	while (count_staying(&work) > 1 && (at = least_used(&work, tried)) != NULL) {
		tried[at - work.hosts] = true;
		if (empty(&work, at))
			text_list_add(emptied, at->host->node->name);
	}
	free(tried);
	free(work.hosts);
}
