/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/graph.h"

#include <stdlib.h>
#include <string.h>

enum { NONE = -1 };

size_t graph_add_node(struct graph *graph, const char *name, bool outside_limit, const char *failed)
{
	graph->nodes = xrealloc(graph->nodes, graph->node_count + 1, sizeof(*graph->nodes));
	graph->nodes[graph->node_count] = (struct graph_node){
		.name = xstrdup(name),
		.failed = xstrdup(failed),
		.outside_limit = outside_limit,
		.first = graph->count,
		.end = graph->count,
	};
	return graph->node_count++;
}

void graph_add_step(struct graph *graph, enum step_action action, const char *kind, const char *id,
		    const char *digest, const char *refused, const struct refs *needs)
{
	if ((graph->count & (graph->count + 1)) == 0) /* 0, 1, 3, 7 …: room for twice as many */
		graph->steps = xrealloc(graph->steps, 2 * graph->count + 1, sizeof(*graph->steps));
	struct graph_step *step = &graph->steps[graph->count++];
	*step = (struct graph_step){
		.node = graph->node_count - 1,
		.action = action,
		.kind = xstrdup(kind),
		.id = xstrdup(id),
		.digest = xstrdup(digest),
		.state = refused ? GRAPH_REFUSED : GRAPH_WAITING,
		.reason = xstrdup(refused),
	};
	for (size_t i = 0; needs && i < needs->count; i++)
		refs_copy(&step->needs, &needs->items[i]);
	graph->nodes[graph->node_count - 1].end = graph->count;
}

/* ---- finding steps and nodes ---- */

static int compare_name(const struct graph_step *step, size_t node, const char *kind,
			const char *id)
{
	if (step->node != node)
		return step->node < node ? -1 : 1;
	int order = strcmp(step->kind, kind);
	return order ? order : strcmp(step->id, id);
}

static int compare_steps(const void *a, const void *b, void *context)
{
	const struct graph *graph = context;
	const struct graph_step *right = &graph->steps[*(const size_t *)b];
	return compare_name(&graph->steps[*(const size_t *)a], right->node, right->kind, right->id);
}

static long find_step(const struct graph *graph, size_t node, const char *kind, const char *id)
{
	size_t low = 0;
	size_t high = graph->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_name(&graph->steps[graph->by_name[middle]], node, kind, id);
		if (order == 0)
			return (long)graph->by_name[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NONE;
}

static long find_node(const struct graph *graph, const char *name)
{
	for (size_t i = 0; i < graph->node_count; i++)
		if (strcmp(graph->nodes[i].name, name) == 0)
			return (long)i;
	return NONE;
}

static const char *node_name(const struct graph *graph, const struct graph_step *step)
{
	return graph->nodes[step->node].name;
}

/* ---- what did not come true ---- */

static void settle(struct graph_step *step, enum graph_state state, const char *reason)
{
	if (reason != step->reason) {
		free(step->reason);
		step->reason = xstrdup(reason);
	}
	step->state = state;
}

/*
 * Take the step out, and all that wait for it, however far away. With a list of
 * our own: a chain may be as long as the fleet, and a thread's stack is small.
 */
static void give_up(struct graph *graph, size_t index, enum graph_state state, const char *reason)
{
	struct graph_step *first = &graph->steps[index];
	settle(first, state, reason);
	/* All that follow name the first cause. */
	AUTO_FREE char *why =
		state == GRAPH_NOT_STARTED
			? xstrdup(first->reason)
			: xasprintf("%s %s/%s %s", node_name(graph, first), first->kind, first->id,
				    state == GRAPH_FAILED ? "failed" : "is refused");
	size_t *open = xcalloc(graph->count + 1, sizeof(*open)); /* each step comes once */
	size_t count = 0;
	open[count++] = index;
	for (size_t at = 0; at < count; at++) {
		const struct graph_step *step = &graph->steps[open[at]];
		for (size_t i = 0; i < step->dependent_count; i++) {
			if (graph->steps[step->dependents[i]].state != GRAPH_WAITING)
				continue;
			settle(&graph->steps[step->dependents[i]], GRAPH_NOT_STARTED, why);
			open[count++] = step->dependents[i];
		}
	}
	free(open);
}

/* ---- edges ---- */

static void add_edge(struct graph *graph, size_t from, size_t to)
{
	struct graph_step *step = &graph->steps[from];
	if (from == to)
		return;
	/* The same thing is often needed twice, by what is wanted and by what is there. */
	for (size_t i = 0; i < step->dependent_count; i++)
		if (step->dependents[i] == to)
			return;
	step->dependents =
		xrealloc(step->dependents, step->dependent_count + 1, sizeof(*step->dependents));
	step->dependents[step->dependent_count++] = to;
	graph->steps[to].waits_for++;
}

/* Why a node that is looked at is not changed. */
static const char *why_outside(const struct graph *graph, size_t node)
{
	return graph->nodes[node].maintained ? "in maintenance" : "outside --limit";
}

/* A need on another host, when there is no step to wait for. NULL: it is there. */
static char *why_missing(const struct graph *graph, const struct graph_step *step,
			 const struct ref *need)
{
	if (need->node == NULL || strcmp(need->node, node_name(graph, step)) == 0)
		return NULL;
	long node = find_node(graph, need->node);
	if (node == NONE)
		return xasprintf("needs %s %s/%s, and %s was not asked", need->node, need->kind,
				 need->id, need->node);
	if (graph->nodes[node].failed)
		return xasprintf("needs %s %s/%s, and %s failed", need->node, need->kind, need->id,
				 need->node);
	return NULL;
}

/* Why it is not known to be gone from there; NULL: it is, or *removal takes it away. */
static char *why_not_gone(const struct graph *graph, const struct ref *need, long *removal)
{
	long node = find_node(graph, need->node);
	*removal = NONE;
	if (node == NONE)
		return xasprintf("%s might have %s/%s, and was not asked", need->node, need->kind,
				 need->id);
	if (graph->nodes[node].off)
		return NULL;
	if (graph->nodes[node].failed)
		return xasprintf("%s might have %s/%s, and failed", need->node, need->kind,
				 need->id);
	long found = find_step(graph, (size_t)node, need->kind, need->id);
	if (found == NONE)
		return NULL;
	if (graph->nodes[node].outside_limit)
		return graph->steps[found].action == STEP_CREATE
			       ? NULL
			       : xasprintf("%s has %s/%s, and is %s", need->node, need->kind,
					   need->id, why_outside(graph, (size_t)node));
	if (graph->steps[found].action != STEP_REMOVE)
		return xasprintf("%s is to have %s/%s, too", need->node, need->kind, need->id);
	*removal = found;
	return NULL;
}

static void link_gone(struct graph *graph, size_t index, const struct ref *need)
{
	long removal;
	AUTO_FREE char *why = why_not_gone(graph, need, &removal);
	if (removal != NONE)
		add_edge(graph, (size_t)removal, index);
	else if (why != NULL && graph->steps[index].state == GRAPH_WAITING)
		give_up(graph, index, GRAPH_NOT_STARTED, why);
}

/* Whether a change waits for this to be gone: it passes on what the other had. */
static bool is_passed_on(const struct graph *graph, const struct graph_step *step,
			 const struct graph_step *needed)
{
	for (size_t i = 0; i < needed->needs.count; i++) {
		const struct ref *need = &needed->needs.items[i];
		if (need->gone && need->kind == kind_find(step->kind)->name &&
		    strcmp(need->id, step->id) == 0 &&
		    text_equal(need->node, node_name(graph, step)))
			return true;
	}
	return false;
}

/* Who goes away lets go of a thing before it is taken away, be it for good or not. */
static bool lets_go_first(const struct graph *graph, const struct graph_step *step,
			  const struct graph_step *needed)
{
	bool passed_on = needed->action == STEP_CHANGE && is_passed_on(graph, step, needed);
	return needed->action == STEP_REMOVE ||
	       (step->action == STEP_REMOVE && (needed->action == STEP_REPLACE || passed_on));
}

static void link_need(struct graph *graph, size_t index, const struct ref *need)
{
	struct graph_step *step = &graph->steps[index];
	long node = need->node ? find_node(graph, need->node) : (long)step->node;
	long found = node == NONE ? NONE : find_step(graph, (size_t)node, need->kind, need->id);
	bool removes = step->action == STEP_REMOVE;
	if (found == NONE) {
		/* What goes away needs nothing of another host to be there. */
		AUTO_FREE char *why = removes ? NULL : why_missing(graph, step, need);
		if (why && step->state == GRAPH_WAITING)
			give_up(graph, index, GRAPH_NOT_STARTED, why);
		return;
	}
	const struct graph_step *other = &graph->steps[found];
	if (graph->nodes[node].outside_limit) {
		bool absent = other->action == STEP_CREATE || other->action == STEP_REPLACE;
		if (removes || !absent || step->state != GRAPH_WAITING)
			return;
		AUTO_FREE char *why = xasprintf("needs %s %s/%s, which is not there, and %s is %s",
						need->node, need->kind, need->id, need->node,
						why_outside(graph, (size_t)node));
		give_up(graph, index, GRAPH_NOT_STARTED, why);
		return;
	}
	if (lets_go_first(graph, step, other))
		add_edge(graph, index, (size_t)found);
	else if (!removes)
		add_edge(graph, (size_t)found, index);
}

/* A step outside is not carried out, so nobody waits for it: what it would let go of stays. */
static void link_outside(struct graph *graph, size_t index, const struct ref *need)
{
	const struct graph_step *step = &graph->steps[index];
	long node = need->node ? find_node(graph, need->node) : NONE;
	long found = node == NONE ? NONE : find_step(graph, (size_t)node, need->kind, need->id);
	if (found == NONE || need->gone || graph->nodes[node].outside_limit ||
	    step->action == STEP_CREATE || !lets_go_first(graph, step, &graph->steps[found]) ||
	    graph->steps[found].state != GRAPH_WAITING)
		return;
	AUTO_FREE char *why = xasprintf("%s has %s/%s, and is %s", node_name(graph, step),
					step->kind, step->id, why_outside(graph, step->node));
	give_up(graph, (size_t)found, GRAPH_NOT_STARTED, why);
}

/* Whether it is one that must not be twice. */
static bool is_single(const struct graph_step *step)
{
	for (size_t i = 0; i < step->needs.count; i++) {
		const struct ref *need = &step->needs.items[i];
		if (need->gone && text_equal(need->kind, step->kind) &&
		    text_equal(need->id, step->id))
			return true;
	}
	return false;
}

/* Also a node that nobody thought of may say that it has it: one whose role was changed while it runs. */
static void link_twins(struct graph *graph, size_t index)
{
	const struct graph_step *step = &graph->steps[index];
	for (size_t i = 0; i < graph->node_count; i++) {
		const struct ref there = { graph->nodes[i].name, step->kind, step->id, true };
		if (i != step->node && find_step(graph, i, step->kind, step->id) != NONE)
			link_gone(graph, index, &there);
	}
}

static void link_step(struct graph *graph, size_t index)
{
	const struct graph_step *step = &graph->steps[index];
	bool outside = graph->nodes[step->node].outside_limit;
	if (!outside && is_single(step))
		link_twins(graph, index);
	for (size_t i = 0; i < step->needs.count; i++) {
		const struct ref *need = &step->needs.items[i];
		if (outside)
			link_outside(graph, index, need);
		else if (need->gone)
			link_gone(graph, index, need);
		else
			link_need(graph, index, need);
	}
}

/* ---- cycles ---- */

/* Depth first, with a stack of our own: a chain may be as long as the fleet. */
struct walk {
	unsigned char *seen; /* 0 new, 1 on the path, 2 done */
	size_t *path;
	size_t *next; /* dependents already looked at, per place of the path */
	size_t depth;
};

static int name_cycle(const struct graph *graph, const struct walk *walk, size_t again,
		      struct err *err)
{
	AUTO_STR struct str text = STR_INIT;
	size_t from = 0;
	while (walk->path[from] != again)
		from++;
	for (size_t i = from; i <= walk->depth; i++) {
		const struct graph_step *step =
			&graph->steps[i < walk->depth ? walk->path[i] : again];
		str_addf(&text, "%s%s %s/%s", i > from ? " → " : "", node_name(graph, step),
			 step->kind, step->id);
	}
	return err_set(err, "these steps wait for each other: %s", str_text(&text));
}

static int walk_from(const struct graph *graph, struct walk *walk, size_t start, struct err *err)
{
	walk->path[0] = start;
	walk->next[0] = 0;
	walk->depth = 1;
	walk->seen[start] = 1;
	while (walk->depth > 0) {
		size_t top = walk->depth - 1;
		const struct graph_step *step = &graph->steps[walk->path[top]];
		if (walk->next[top] == step->dependent_count) {
			walk->seen[walk->path[top]] = 2;
			walk->depth--;
			continue;
		}
		size_t to = step->dependents[walk->next[top]++];
		if (walk->seen[to] == 1)
			return name_cycle(graph, walk, to, err);
		if (walk->seen[to] == 2)
			continue;
		walk->seen[to] = 1;
		walk->path[walk->depth] = to;
		walk->next[walk->depth++] = 0;
	}
	return 0;
}

static int check_cycles(const struct graph *graph, struct err *err)
{
	struct walk walk = {
		.seen = xcalloc(graph->count + 1, 1),
		.path = xcalloc(graph->count + 1, sizeof(size_t)),
		.next = xcalloc(graph->count + 1, sizeof(size_t)),
	};
	int rc = 0;
	for (size_t i = 0; i < graph->count && rc == 0; i++)
		if (walk.seen[i] == 0)
			rc = walk_from(graph, &walk, i, err);
	free(walk.seen);
	free(walk.path);
	free(walk.next);
	return rc;
}

/* ---- digests ---- */

/*
 * What an earlier step on the same host touches is known only after it. But
 * "absent" keeps its meaning, since creating one thing never creates another;
 * and what is removed, or replaced, is not changed by what was built upon it
 * and goes.
 */
static void forget_digests(struct graph *graph)
{
	for (size_t i = 0; i < graph->count; i++) {
		const struct graph_step *step = &graph->steps[i];
		for (size_t d = 0; d < step->dependent_count; d++) {
			struct graph_step *after = &graph->steps[step->dependents[d]];
			bool lets_go = step->action == STEP_REMOVE && after->action == STEP_REPLACE;
			if (after->action == STEP_CREATE || after->action == STEP_REMOVE ||
			    lets_go || after->node != step->node)
				continue;
			free(after->digest);
			after->digest = NULL;
		}
	}
}

int graph_link(struct graph *graph, struct err *err)
{
	graph->by_name = xcalloc(graph->count + 1, sizeof(*graph->by_name));
	for (size_t i = 0; i < graph->count; i++)
		graph->by_name[i] = i;
	qsort_r(graph->by_name, graph->count, sizeof(*graph->by_name), compare_steps, graph);
	for (size_t i = 0; i < graph->count; i++)
		link_step(graph, i);
	if (check_cycles(graph, err) != 0)
		return -1;
	forget_digests(graph);
	for (size_t i = 0; i < graph->count; i++) {
		struct graph_step *step = &graph->steps[i];
		if (graph->nodes[step->node].outside_limit)
			continue;
		if (step->state == GRAPH_REFUSED || step->state == GRAPH_NOT_STARTED)
			give_up(graph, i, step->state, step->reason);
	}
	return 0;
}

/* ---- carrying out ---- */

bool graph_next(const struct graph *graph, size_t node, size_t *step)
{
	const struct graph_node *at = &graph->nodes[node];
	if (at->outside_limit || at->failed)
		return false;
	for (size_t i = at->first; i < at->end; i++) {
		if (graph->steps[i].state == GRAPH_WAITING && graph->steps[i].waits_for == 0) {
			*step = i;
			return true;
		}
	}
	return false;
}

bool graph_pending(const struct graph *graph, size_t node)
{
	const struct graph_node *at = &graph->nodes[node];
	for (size_t i = at->first; i < at->end && !at->outside_limit; i++)
		if (graph->steps[i].state == GRAPH_WAITING ||
		    graph->steps[i].state == GRAPH_RUNNING)
			return true;
	return false;
}

void graph_start(struct graph *graph, size_t step)
{
	graph->steps[step].state = GRAPH_RUNNING;
}

void graph_finish(struct graph *graph, size_t index, const char *error)
{
	struct graph_step *step = &graph->steps[index];
	if (error) {
		give_up(graph, index, GRAPH_FAILED, error);
		return;
	}
	step->state = GRAPH_OK;
	for (size_t i = 0; i < step->dependent_count; i++)
		graph->steps[step->dependents[i]].waits_for--;
}

void graph_node_failed(struct graph *graph, size_t node, const char *why)
{
	struct graph_node *at = &graph->nodes[node];
	if (at->failed == NULL)
		at->failed = xstrdup(why);
	for (size_t i = at->first; i < at->end; i++) {
		if (graph->steps[i].state == GRAPH_RUNNING)
			give_up(graph, i, GRAPH_FAILED, why);
		else if (graph->steps[i].state == GRAPH_WAITING)
			give_up(graph, i, GRAPH_NOT_STARTED, why);
	}
}

void graph_stop(struct graph *graph, const char *why)
{
	for (size_t i = 0; i < graph->count; i++) {
		struct graph_step *step = &graph->steps[i];
		if (step->state != GRAPH_WAITING)
			continue;
		free(step->reason);
		step->reason = xstrdup(why);
		step->state = GRAPH_NOT_STARTED;
	}
}

void graph_missing_nodes(const struct graph *graph, struct text_list *names)
{
	for (size_t i = 0; i < graph->count; i++) {
		const struct refs *needs = &graph->steps[i].needs;
		for (size_t n = 0; n < needs->count; n++) {
			const char *name = needs->items[n].node;
			if (name && find_node(graph, name) == NONE && !text_list_has(names, name))
				text_list_add(names, name);
		}
	}
	text_list_sort(names);
}

bool graph_waits_to_be_gone(const struct graph *graph, const char *node)
{
	for (size_t i = 0; i < graph->count; i++) {
		const struct refs *needs = &graph->steps[i].needs;
		for (size_t n = 0; n < needs->count; n++)
			if (needs->items[n].gone && text_equal(needs->items[n].node, node))
				return true;
	}
	return false;
}

size_t graph_count(const struct graph *graph, enum graph_state state)
{
	size_t count = 0;
	for (size_t i = 0; i < graph->count; i++)
		if (graph->steps[i].state == state &&
		    !graph->nodes[graph->steps[i].node].outside_limit)
			count++;
	return count;
}

void graph_free(struct graph *graph)
{
	if (graph == NULL)
		return;
	for (size_t i = 0; i < graph->count; i++) {
		struct graph_step *step = &graph->steps[i];
		free(step->kind);
		free(step->id);
		free(step->digest);
		free(step->reason);
		free(step->dependents);
		refs_free(&step->needs);
	}
	for (size_t i = 0; i < graph->node_count; i++) {
		free(graph->nodes[i].name);
		free(graph->nodes[i].failed);
	}
	free(graph->steps);
	free(graph->nodes);
	free(graph->by_name);
	*graph = (struct graph){ 0 };
}
