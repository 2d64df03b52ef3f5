/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ENGINE_GRAPH_H
#define ENGINE_GRAPH_H
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "engine/plan.h"
/*
 * The steps of all hosts and what they wait for. Pure: no time, no threads.
 *
 * - A step waits for the steps of what it needs, on whichever host.
 * - The removal of X waits for every step that still needs X (its observed
 *   needs): removals run backwards. The replacement of X waits for removals
 *   alone of what needs it, and so does a change of X where its kind has one user at a time.
 * - What is needed and has no step is there already, if its host was planned;
 *   what a host says that was looked at but not chosen (--limit) must not be
 *   about to be created.
 * - A step of a host that was not chosen is not carried out, and nobody waits for it: what it has
 *   and would let go of is not taken away from below it.
 * - What must be gone from another host first is waited for until it is removed there. A host that
 *   was not asked, or failed, might have it: the step is not started. One that is switched off has
 *   nothing that runs.
 *   It is so of whoever says that it has what a step makes and wants gone elsewhere, asked for that or
 *   not.
 * - A failure takes its dependents with it, not its siblings.
 */
enum graph_state {
	GRAPH_WAITING,
	GRAPH_RUNNING,
	GRAPH_OK,
	GRAPH_FAILED,	   /* was tried */
	GRAPH_REFUSED,	   /* by its plan: not tried */
	GRAPH_NOT_STARTED, /* what it needs did not come true, or there was an interrupt */
};

struct graph_step {
	size_t node; /* index into graph.nodes */
	enum step_action action;
	char *kind;
	char *id;
	char *digest; /* for `go`: NULL when known only after an earlier step */
	enum graph_state state;
	char *reason;	    /* for FAILED, REFUSED, NOT_STARTED */
	size_t *dependents; /* indexes of steps that wait for this one */
	size_t dependent_count;
	size_t waits_for; /* steps that have not come true yet */
	struct refs needs;
};

struct graph_node {
	char *name;
	char *failed;	    /* why it could not be planned or was lost; NULL: is well */
	bool off;	    /* it failed, and is switched off: nothing runs there */
	bool outside_limit; /* looked at, not changed: its steps are what is not there */
	bool maintained;    /* … because it is in maintenance */
	size_t first, end;  /* its steps */
};

struct graph {
	struct graph_node *nodes;
	size_t node_count;
	struct graph_step *steps;
	size_t count;
	size_t *by_name; /* indexes of steps, sorted by node, kind, id */
};

/* Nodes first, each followed by its steps. `failed` NULL: it was planned. */
size_t graph_add_node(struct graph *graph, const char *name, bool outside_limit,
		      const char *failed);
/* A step of the node added last; copies all it is given. refused NULL: may be done. */
void graph_add_step(struct graph *graph, enum step_action action, const char *kind, const char *id,
		    const char *digest, const char *refused, const struct refs *needs);

/*
 * Once, after everything was added. -1 when steps wait for each other in a
 * circle: the error names it, "store1 volume/a → store1 pool/b → store1 volume/a".
 */
int graph_link(struct graph *graph, struct err *err);

/* The next step that may start on this node. */
bool graph_next(const struct graph *graph, size_t node, size_t *step);
/* Whether the node has a step that runs or may still be started. */
bool graph_pending(const struct graph *graph, size_t node);

void graph_start(struct graph *graph, size_t step);
/* error NULL: it came true. */
void graph_finish(struct graph *graph, size_t step, const char *error);
/* The node was lost: what runs has failed, what waits is not started. */
void graph_node_failed(struct graph *graph, size_t node, const char *why);
/* Start nothing more, on any node. */
void graph_stop(struct graph *graph, const char *why);

/* Refs to nodes that were not added: they have to be planned too. Sorted. */
void graph_missing_nodes(const struct graph *graph, struct text_list *names);
/* Whether a step needs something to be gone from this node. */
bool graph_waits_to_be_gone(const struct graph *graph, const char *node);

size_t graph_count(const struct graph *graph, enum graph_state state); /* outside_limit apart */
void graph_free(struct graph *graph);
#endif
