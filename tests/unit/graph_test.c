/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The graph of steps across hosts: order, failure, removal, limits, circles. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/graph.h"

/* "kind/id" or "node kind/id", "!node kind/id" for what must be gone, as many as there are before
   NULL. */
static struct refs needs(const char *first, ...)
{
	struct refs refs = { 0 };
	va_list args;
	va_start(args, first);
	for (const char *text = first; text; text = va_arg(args, const char *)) {
		bool gone = *text == '!';
		text += gone;
		const char *space = strchr(text, ' ');
		const char *rest = space ? space + 1 : text;
		const char *slash = strchr(rest, '/');
		AUTO_FREE char *node = space ? xstrndup(text, (size_t)(space - text)) : NULL;
		AUTO_FREE char *kind = xstrndup(rest, (size_t)(slash - rest));
		/* The graph borrows the names of kinds, which are static elsewhere. */
		static const char *const KINDS[] = { "pool", "volume", "target", "session",
						     "vlan", "bridge", "guest" };
		for (size_t i = 0; i < COUNT_OF(KINDS); i++)
			if (strcmp(kind, KINDS[i]) == 0)
				(gone ? refs_add_gone : refs_add)(&refs, node, KINDS[i], slash + 1);
	}
	va_end(args);
	return refs;
}

static void step(struct graph *graph, enum step_action action, const char *kind, const char *id,
		 const char *refused, struct refs refs)
{
	graph_add_step(graph, action, kind, id, "d", refused, &refs);
	refs_free(&refs);
}

/* The name of the next step on the node, started; "" when there is none. */
static const char *next(struct graph *graph, size_t node, size_t *index)
{
	static char text[128];
	if (!graph_next(graph, node, index))
		return "";
	graph_start(graph, *index);
	snprintf(text, sizeof(text), "%s/%s", graph->steps[*index].kind, graph->steps[*index].id);
	return text;
}

static void link_ok(struct graph *graph)
{
	struct err err = ERR_INIT;
	if (graph_link(graph, &err) != 0)
		fail_msg("%s", err.text);
}

/* store1: pool → volume → target; vm1: session that needs the target. */
static void make_storage(struct graph *graph)
{
	graph_add_node(graph, "store1", false, NULL);
	step(graph, STEP_CREATE, "pool", "main", NULL, needs(NULL));
	step(graph, STEP_CREATE, "volume", "data", NULL, needs("pool/main", NULL));
	step(graph, STEP_CREATE, "target", "data", NULL, needs("volume/data", NULL));
	graph_add_node(graph, "vm1", false, NULL);
	step(graph, STEP_CREATE, "session", "data", NULL, needs("store1 target/data", NULL));
}

static void test_order(void **state)
{
	(void)state;
	struct graph graph = { 0 };
	size_t index;
	make_storage(&graph);
	link_ok(&graph);
	assert_string_equal(next(&graph, 1, &index), "");
	assert_string_equal(next(&graph, 0, &index), "pool/main");
	assert_string_equal(next(&graph, 0, &index), ""); /* the volume waits for it */
	graph_finish(&graph, 0, NULL);
	assert_string_equal(next(&graph, 0, &index), "volume/data");
	graph_finish(&graph, index, NULL);
	assert_string_equal(next(&graph, 0, &index), "target/data");
	assert_string_equal(next(&graph, 1, &index), "");
	graph_finish(&graph, index, NULL);
	assert_false(graph_pending(&graph, 0));
	assert_true(graph_pending(&graph, 1));
	assert_string_equal(next(&graph, 1, &index), "session/data");
	graph_finish(&graph, index, NULL);
	assert_false(graph_pending(&graph, 1));
	assert_int_equal(graph_count(&graph, GRAPH_OK), 4);
	graph_free(&graph);
}

static void test_failure_takes_dependents_not_siblings(void **state)
{
	(void)state;
	struct graph graph = { 0 };
	size_t index;
	graph_add_node(&graph, "store1", false, NULL);
	step(&graph, STEP_CREATE, "volume", "a", NULL, needs(NULL));
	step(&graph, STEP_CREATE, "volume", "b", NULL, needs(NULL));
	step(&graph, STEP_CREATE, "target", "a", NULL, needs("volume/a", NULL));
	step(&graph, STEP_CREATE, "target", "b", NULL, needs("volume/b", NULL));
	graph_add_node(&graph, "vm1", false, NULL);
	step(&graph, STEP_CREATE, "session", "a", NULL, needs("store1 target/a", NULL));
	link_ok(&graph);
	assert_string_equal(next(&graph, 0, &index), "volume/a");
	graph_finish(&graph, index, "no space");
	assert_int_equal(graph.steps[0].state, GRAPH_FAILED);
	assert_string_equal(graph.steps[0].reason, "no space");
	assert_int_equal(graph.steps[2].state, GRAPH_NOT_STARTED);
	assert_string_equal(graph.steps[2].reason, "store1 volume/a failed");
	assert_int_equal(graph.steps[4].state, GRAPH_NOT_STARTED);
	assert_string_equal(graph.steps[4].reason, "store1 volume/a failed");
	assert_false(graph_pending(&graph, 1));
	assert_string_equal(next(&graph, 0, &index), "volume/b");
	graph_finish(&graph, index, NULL);
	assert_string_equal(next(&graph, 0, &index), "target/b");
	graph_free(&graph);
}

static void test_refused(void **state)
{
	(void)state;
	struct graph graph = { 0 };
	size_t index;
	graph_add_node(&graph, "store1", false, NULL);
	step(&graph, STEP_CREATE, "target", "a", NULL, needs("volume/a", NULL));
	step(&graph, STEP_REPLACE, "volume", "a", "holds data", needs(NULL));
	link_ok(&graph);
	assert_string_equal(next(&graph, 0, &index), "");
	assert_string_equal(graph.steps[0].reason, "store1 volume/a is refused");
	assert_string_equal(graph.steps[1].reason, "holds data");
	assert_int_equal(graph_count(&graph, GRAPH_REFUSED), 1);
	assert_int_equal(graph_count(&graph, GRAPH_NOT_STARTED), 1);
	graph_free(&graph);
}

static void test_removals_run_backwards(void **state)
{
	(void)state;
	struct graph graph = { 0 };
	size_t index;
	graph_add_node(&graph, "store1", false, NULL);
	step(&graph, STEP_REMOVE, "volume", "data", NULL, needs("pool/main", NULL));
	step(&graph, STEP_REMOVE, "target", "data", NULL, needs("volume/data", NULL));
	graph_add_node(&graph, "vm1", false, NULL);
	step(&graph, STEP_REMOVE, "session", "data", NULL, needs("store1 target/data", NULL));
	link_ok(&graph);
	assert_string_equal(next(&graph, 0, &index), "");
	assert_string_equal(next(&graph, 1, &index), "session/data");
	graph_finish(&graph, index, NULL);
	assert_string_equal(next(&graph, 0, &index), "target/data");
	graph_finish(&graph, index, NULL);
	assert_string_equal(next(&graph, 0, &index), "volume/data");
	graph_free(&graph);
}

/* A whole storage network goes: first who uses it, then what they stand on, on every host. */
/* A clone is set back to golden while its target and session are taken out of the site. */
static void test_replacement_after_removal(void **state)
{
	(void)state;
	struct graph graph = { 0 };
	size_t index;
	graph_add_node(&graph, "store1", false, NULL);
	step(&graph, STEP_REPLACE, "volume", "vm1", NULL, needs("pool/main", NULL));
	step(&graph, STEP_CREATE, "target", "new", NULL, needs("volume/vm1", NULL));
	step(&graph, STEP_REMOVE, "target", "vm1", NULL, needs("volume/vm1", NULL));
	graph_add_node(&graph, "vm1", false, NULL);
	step(&graph, STEP_REMOVE, "session", "vm1", NULL, needs("store1 target/vm1", NULL));
	link_ok(&graph);
	assert_string_equal(next(&graph, 0, &index), "");
	assert_string_equal(next(&graph, 1, &index), "session/vm1");
	graph_finish(&graph, index, NULL);
	assert_string_equal(next(&graph, 0, &index), "target/vm1");
	graph_finish(&graph, index, NULL);
	assert_string_equal(next(&graph, 0, &index), "volume/vm1");
	/* What is about to be lost is still what was shown. */
	assert_string_equal(graph.steps[index].digest, "d");
	graph_finish(&graph, index, NULL);
	assert_string_equal(next(&graph, 0, &index), "target/new");
	graph_free(&graph);
}

static void test_removal_of_a_network(void **state)
{
	(void)state;
	struct graph graph = { 0 };
	size_t index;
	graph_add_node(&graph, "store1", false, NULL);
	step(&graph, STEP_REMOVE, "vlan", "storage", NULL, needs(NULL));
	step(&graph, STEP_REMOVE, "target", "data", NULL,
	     needs("volume/data", "vlan/storage", "bridge/storage", NULL));
	graph_add_node(&graph, "vm1", false, NULL);
	step(&graph, STEP_REMOVE, "vlan", "storage", NULL, needs(NULL));
	step(&graph, STEP_REMOVE, "bridge", "br0", NULL, needs("vlan/storage", NULL));
	step(&graph, STEP_REMOVE, "session", "data", NULL,
	     needs("store1 target/data", "vlan/br0", "bridge/br0", NULL));
	link_ok(&graph);
	assert_string_equal(next(&graph, 0, &index), "");
	assert_string_equal(next(&graph, 1, &index), "session/data");
	assert_string_equal(next(&graph, 1, &index), "");
	graph_finish(&graph, 4, NULL);
	assert_string_equal(next(&graph, 1, &index), "bridge/br0");
	assert_string_equal(next(&graph, 1, &index), "");
	graph_finish(&graph, index, NULL);
	assert_string_equal(next(&graph, 1, &index), "vlan/storage");
	assert_string_equal(next(&graph, 0, &index), "target/data");
	assert_string_equal(next(&graph, 0, &index), "");
	graph_finish(&graph, 1, NULL);
	assert_string_equal(next(&graph, 0, &index), "vlan/storage");
	graph_free(&graph);
}

/* What is in use is not logged out, and keeps the interface below it. */
static void test_removal_that_is_refused(void **state)
{
	(void)state;
	struct graph graph = { 0 };
	size_t index;
	graph_add_node(&graph, "vm1", false, NULL);
	step(&graph, STEP_REMOVE, "vlan", "storage", NULL, needs(NULL));
	step(&graph, STEP_REMOVE, "session", "data", "in use", needs("vlan/storage", NULL));
	link_ok(&graph);
	assert_false(graph_next(&graph, 0, &index));
	assert_int_equal(graph.steps[0].state, GRAPH_NOT_STARTED);
	assert_string_equal(graph.steps[0].reason, "vm1 session/data is refused");
	graph_free(&graph);
}

/* A bridge moves from one vlan to another: the new one, the bridge, and then the old one goes. */
static void test_bridge_moves(void **state)
{
	(void)state;
	struct graph graph = { 0 };
	size_t index;
	graph_add_node(&graph, "vm1", false, NULL);
	step(&graph, STEP_REMOVE, "vlan", "old", NULL, needs(NULL));
	step(&graph, STEP_CHANGE, "bridge", "br0", NULL, needs("vlan/new", "vlan/old", NULL));
	step(&graph, STEP_CREATE, "vlan", "new", NULL, needs(NULL));
	link_ok(&graph);
	assert_string_equal(next(&graph, 0, &index), "vlan/new");
	graph_finish(&graph, index, NULL);
	assert_string_equal(next(&graph, 0, &index), "bridge/br0");
	assert_null(graph.steps[index].digest);
	graph_finish(&graph, index, NULL);
	assert_string_equal(next(&graph, 0, &index), "vlan/old");
	graph_free(&graph);
}

/* A session moves from one target to another: new target, session, old target. */
static void test_change_before_removal(void **state)
{
	(void)state;
	struct graph graph = { 0 };
	size_t index;
	graph_add_node(&graph, "store1", false, NULL);
	step(&graph, STEP_REMOVE, "target", "old", NULL, needs(NULL));
	step(&graph, STEP_CREATE, "target", "new", NULL, needs(NULL));
	graph_add_node(&graph, "vm1", false, NULL);
	step(&graph, STEP_CHANGE, "session", "data", NULL,
	     needs("store1 target/old", "store1 target/new", NULL));
	link_ok(&graph);
	assert_string_equal(next(&graph, 1, &index), "");
	assert_string_equal(next(&graph, 0, &index), "target/new");
	graph_finish(&graph, index, NULL);
	assert_string_equal(next(&graph, 0, &index), "");
	assert_string_equal(next(&graph, 1, &index), "session/data");
	graph_finish(&graph, index, NULL);
	assert_string_equal(next(&graph, 0, &index), "target/old");
	graph_free(&graph);
}

static void test_outside_limit(void **state)
{
	(void)state;
	struct graph graph = { 0 };
	AUTO_LIST struct text_list missing = TEXT_LIST_INIT;
	size_t index;
	graph_add_node(&graph, "vm1", false, NULL);
	step(&graph, STEP_CREATE, "session", "there", NULL, needs("store1 target/there", NULL));
	step(&graph, STEP_CREATE, "session", "absent", NULL, needs("store1 target/absent", NULL));
	graph_missing_nodes(&graph, &missing);
	assert_int_equal(missing.count, 1);
	assert_string_equal(missing.items[0], "store1");
	graph_add_node(&graph, "store1", true, NULL);
	step(&graph, STEP_CREATE, "target", "absent", NULL, needs(NULL));
	link_ok(&graph);
	assert_string_equal(next(&graph, 0, &index), "session/there");
	assert_int_equal(graph.steps[1].state, GRAPH_NOT_STARTED);
	assert_string_equal(
		graph.steps[1].reason,
		"needs store1 target/absent, which is not there, and store1 is outside --limit");
	assert_false(graph_next(&graph, 1, &index)); /* store1 is not to be changed */
	assert_false(graph_pending(&graph, 1));
	graph_free(&graph);
}

/* A step of a node that was looked at alone: nobody carries it out, and nobody waits for it. */
static void outside_has(enum step_action action, enum step_action target, bool maintained,
			const char *reason)
{
	struct graph graph = { 0 };
	size_t index;
	graph_add_node(&graph, "store1", false, NULL);
	step(&graph, target, "target", "a", NULL, needs("volume/a", NULL));
	step(&graph, STEP_REMOVE, "volume", "a", NULL, needs(NULL));
	index = graph_add_node(&graph, "vm1", true, NULL);
	graph.nodes[index].maintained = maintained;
	step(&graph, action, "session", "a", NULL, needs("store1 target/a", "vlan/a", NULL));
	step(&graph, STEP_REMOVE, "vlan", "a", NULL, needs(NULL));
	link_ok(&graph);
	assert_false(graph_pending(&graph, 1));
	if (reason == NULL) {
		assert_string_equal(next(&graph, 0, &index), "target/a");
		graph_finish(&graph, index, NULL);
		assert_string_equal(next(&graph, 0, &index), "volume/a");
	} else {
		assert_false(graph_pending(&graph, 0));
		assert_int_equal(graph.steps[0].state, GRAPH_NOT_STARTED);
		assert_string_equal(graph.steps[0].reason, reason);
		assert_string_equal(graph.steps[1].reason, reason);
	}
	graph_free(&graph);
}

static void test_outside_limit_waits_for_nothing(void **state)
{
	(void)state;
	outside_has(STEP_REMOVE, STEP_REMOVE, false, "vm1 has session/a, and is outside --limit");
	outside_has(STEP_CHANGE, STEP_REMOVE, true, "vm1 has session/a, and is in maintenance");
	outside_has(STEP_REMOVE, STEP_REPLACE, false, "vm1 has session/a, and is outside --limit");
	/* What is not there yet, and is not to be now, has nothing to let go of. */
	outside_has(STEP_CREATE, STEP_REMOVE, false, NULL);
}

static void test_other_host_failed(void **state)
{
	(void)state;
	struct graph graph = { 0 };
	graph_add_node(&graph, "store1", false, "Connection refused");
	graph_add_node(&graph, "vm1", false, NULL);
	step(&graph, STEP_CREATE, "session", "a", NULL, needs("store1 target/a", NULL));
	step(&graph, STEP_REMOVE, "session", "b", NULL, needs("store1 target/b", NULL));
	link_ok(&graph);
	assert_string_equal(graph.steps[0].reason, "needs store1 target/a, and store1 failed");
	assert_int_equal(graph.steps[1].state, GRAPH_WAITING); /* going away needs nobody */
	graph_free(&graph);
}

static void test_node_lost(void **state)
{
	(void)state;
	struct graph graph = { 0 };
	size_t index;
	make_storage(&graph);
	link_ok(&graph);
	next(&graph, 0, &index);
	graph_node_failed(&graph, 0, "the stream ended early");
	assert_int_equal(graph.steps[0].state, GRAPH_FAILED);
	assert_string_equal(graph.steps[0].reason, "the stream ended early");
	assert_string_equal(graph.steps[1].reason, "store1 pool/main failed");
	assert_string_equal(graph.steps[3].reason, "store1 pool/main failed");
	assert_false(graph_pending(&graph, 0));
	assert_false(graph_pending(&graph, 1));
	graph_free(&graph);
}

static void test_stop(void **state)
{
	(void)state;
	struct graph graph = { 0 };
	size_t index;
	make_storage(&graph);
	link_ok(&graph);
	next(&graph, 0, &index);
	graph_stop(&graph, "interrupted");
	assert_int_equal(graph.steps[0].state, GRAPH_RUNNING);
	assert_string_equal(graph.steps[1].reason, "interrupted");
	graph_finish(&graph, 0, NULL);
	assert_false(graph_pending(&graph, 0));
	assert_int_equal(graph_count(&graph, GRAPH_OK), 1);
	assert_int_equal(graph_count(&graph, GRAPH_NOT_STARTED), 3);
	graph_free(&graph);
}

static void test_cycle(void **state)
{
	(void)state;
	struct graph graph = { 0 };
	struct err err = ERR_INIT;
	graph_add_node(&graph, "a", false, NULL);
	step(&graph, STEP_CREATE, "pool", "before", NULL, needs(NULL));
	step(&graph, STEP_CREATE, "volume", "x", NULL, needs("b target/y", "pool/before", NULL));
	graph_add_node(&graph, "b", false, NULL);
	step(&graph, STEP_CREATE, "target", "y", NULL, needs("session/z", NULL));
	step(&graph, STEP_CREATE, "session", "z", NULL, needs("a volume/x", NULL));
	assert_int_equal(graph_link(&graph, &err), -1);
	assert_string_equal(err.text, "these steps wait for each other: a volume/x → b session/z "
				      "→ b target/y → a volume/x");
	graph_free(&graph);
}

/* What an earlier step on the same host touches is known after it. */
static void test_digests(void **state)
{
	(void)state;
	struct graph graph = { 0 };
	graph_add_node(&graph, "store1", false, NULL);
	step(&graph, STEP_CHANGE, "pool", "main", NULL, needs(NULL));
	step(&graph, STEP_CREATE, "volume", "new", NULL, needs("pool/main", NULL));
	step(&graph, STEP_CHANGE, "volume", "old", NULL, needs("pool/main", NULL));
	graph_add_node(&graph, "vm1", false, NULL);
	step(&graph, STEP_CHANGE, "session", "s", NULL, needs("store1 volume/old", NULL));
	graph_add_node(&graph, "store2", false, NULL);
	step(&graph, STEP_REMOVE, "volume", "v", NULL, needs("pool/p", NULL));
	step(&graph, STEP_REMOVE, "pool", "p", NULL, needs(NULL));
	link_ok(&graph);
	assert_int_equal(graph.steps[5].waits_for, 1);
	assert_string_equal(graph.steps[5].digest, "d");
	assert_string_equal(graph.steps[0].digest, "d");
	assert_string_equal(graph.steps[1].digest, "d");
	assert_null(graph.steps[2].digest);
	assert_string_equal(graph.steps[3].digest, "d");
	graph_free(&graph);
}

/* A long chain, and many hosts: no recursion that a fleet could exhaust. */
static void test_large(void **state)
{
	(void)state;
	enum { HOSTS = 1000, STEPS = 20 };
	struct graph graph = { 0 };
	for (int h = 0; h < HOSTS; h++) {
		AUTO_FREE char *name = xasprintf("n%d", h);
		graph_add_node(&graph, name, false, NULL);
		for (int s = 0; s < STEPS; s++) {
			struct refs refs = { 0 };
			AUTO_FREE char *id = xasprintf("v%d", s);
			AUTO_FREE char *before = xasprintf("v%d", s ? s - 1 : STEPS - 1);
			AUTO_FREE char *host = xasprintf("n%d", s ? h : h - 1);
			if (s > 0 || h > 0)
				refs_add(&refs, host, "volume", before);
			graph_add_step(&graph, STEP_CREATE, "volume", id, "absent", NULL, &refs);
			refs_free(&refs);
		}
	}
	link_ok(&graph);
	for (size_t i = 0; i < (size_t)HOSTS * STEPS / 2; i++) {
		size_t index = 0;
		assert_true(graph_next(&graph, i / STEPS, &index));
		assert_int_equal(index, i);
		graph_start(&graph, index);
		graph_finish(&graph, index, NULL);
	}
	graph_start(&graph, (size_t)HOSTS * STEPS / 2);
	graph_finish(&graph, (size_t)HOSTS * STEPS / 2, "broken");
	assert_int_equal(graph_count(&graph, GRAPH_NOT_STARTED), HOSTS * STEPS / 2 - 1);
	assert_string_equal(graph.steps[HOSTS * STEPS - 1].reason, "n500 volume/v0 failed");
	graph_free(&graph);
}

static void *fail_first(void *graph)
{
	graph_start(graph, 0);
	graph_finish(graph, 0, "broken");
	return NULL;
}

/* Hosts are worked on in threads, whose stacks are small. */
static void test_long_chain_on_a_small_stack(void **state)
{
	(void)state;
	enum { STEPS = 20000 };
	struct graph graph = { 0 };
	pthread_t thread;
	pthread_attr_t small;
	graph_add_node(&graph, "n", false, NULL);
	for (int s = 0; s < STEPS; s++) {
		struct refs refs = { 0 };
		AUTO_FREE char *id = xasprintf("v%d", s);
		AUTO_FREE char *before = xasprintf("v%d", s - 1);
		if (s > 0)
			refs_add(&refs, NULL, "volume", before);
		graph_add_step(&graph, STEP_CREATE, "volume", id, "absent", NULL, &refs);
		refs_free(&refs);
	}
	link_ok(&graph);
	assert_int_equal(pthread_attr_init(&small), 0);
	assert_int_equal(pthread_attr_setstacksize(&small, 512 * 1024), 0);
	assert_int_equal(pthread_create(&thread, &small, fail_first, &graph), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	pthread_attr_destroy(&small);
	assert_int_equal(graph_count(&graph, GRAPH_NOT_STARTED), STEPS - 1);
	assert_string_equal(graph.steps[STEPS - 1].reason, "n volume/v0 failed");
	graph_free(&graph);
}

/* Its QEMU logs in by itself from now on, on the same host: the target first, which stays with that host, then the
   guest, and then nobody needs the session. */
static void test_attach_changes(void **state)
{
	static const char *const ORDER[] = { "target/a", "guest/a", "session/a" };
	static const size_t NODES[] = { 1, 0, 0 };
	(void)state;
	struct graph graph = { 0 };
	size_t index;
	graph_add_node(&graph, "vm1", false, NULL);
	step(&graph, STEP_REPLACE, "guest", "a", NULL, needs("store1 target/a", "session/a", NULL));
	step(&graph, STEP_REMOVE, "session", "a", NULL, needs("store1 target/a", NULL));
	graph_add_node(&graph, "store1", false, NULL);
	step(&graph, STEP_CHANGE, "target", "a", NULL, needs(NULL));
	link_ok(&graph);
	for (size_t i = 0; i < COUNT_OF(ORDER); i++) {
		assert_string_equal(next(&graph, 1 - NODES[i], &index), "");
		assert_string_equal(next(&graph, NODES[i], &index), ORDER[i]);
		graph_finish(&graph, index, NULL);
	}
	graph_free(&graph);
}

/* A guest that moves: it is gone from vm1, the target is passed on, and only then it starts. */
static void test_never_twice(void **state)
{
	(void)state;
	struct graph graph = { 0 };
	size_t index;
	graph_add_node(&graph, "vm2", false, NULL);
	step(&graph, STEP_CREATE, "session", "a", NULL, needs("store1 target/a", NULL));
	step(&graph, STEP_CREATE, "guest", "a", NULL,
	     needs("session/a", "!vm1 guest/a", "!vm3 guest/a", NULL));
	graph_add_node(&graph, "store1", false, NULL);
	step(&graph, STEP_CHANGE, "target", "a", NULL, needs("!vm1 session/a", NULL));
	graph_add_node(&graph, "vm1", false, NULL);
	step(&graph, STEP_REMOVE, "guest", "a", NULL, needs("session/a", NULL));
	step(&graph, STEP_REMOVE, "session", "a", NULL, needs("store1 target/a", NULL));
	graph_add_node(&graph, "vm3", true, NULL);
	link_ok(&graph);
	assert_string_equal(next(&graph, 0, &index), "");
	assert_string_equal(next(&graph, 1, &index), "");
	assert_string_equal(next(&graph, 2, &index), "guest/a");
	graph_finish(&graph, index, NULL);
	assert_string_equal(next(&graph, 1, &index), "");
	assert_string_equal(next(&graph, 2, &index), "session/a");
	graph_finish(&graph, index, NULL);
	assert_string_equal(next(&graph, 0, &index), "");
	assert_string_equal(next(&graph, 1, &index), "target/a");
	graph_finish(&graph, index, NULL);
	assert_string_equal(next(&graph, 0, &index), "session/a");
	graph_finish(&graph, index, NULL);
	assert_string_equal(next(&graph, 0, &index), "guest/a");
	graph_free(&graph);
}

/* What is known of the guest on vm1. failed: vm1 is lost; NULL: it has a step about the guest. */
static void refuses_twice(const char *failed, enum step_action action, bool outside, bool asked,
			  const char *reason)
{
	struct graph graph = { 0 };
	size_t index;
	graph_add_node(&graph, "vm2", false, NULL);
	step(&graph, STEP_CREATE, "guest", "a", NULL, needs("!vm1 guest/a", NULL));
	if (asked)
		graph_add_node(&graph, "vm1", outside, failed);
	if (asked && failed == NULL)
		step(&graph, action, "guest", "a", NULL, needs(NULL));
	link_ok(&graph);
	if (graph.steps[0].state == GRAPH_WAITING) {
		assert_string_equal(next(&graph, 0, &index), "");
		assert_string_equal(next(&graph, 1, &index), "guest/a");
		graph_finish(&graph, index, "it does not end");
	}
	assert_int_equal(graph.steps[0].state, GRAPH_NOT_STARTED);
	assert_string_equal(graph.steps[0].reason, reason);
	graph_free(&graph);
}

static void test_never_twice_refused(void **state)
{
	(void)state;
	refuses_twice(NULL, STEP_REMOVE, false, true, "vm1 guest/a failed");
	refuses_twice(NULL, STEP_REMOVE, true, true, "vm1 has guest/a, and is outside --limit");
	refuses_twice(NULL, STEP_CHANGE, false, true, "vm1 is to have guest/a, too");
	refuses_twice("no route to host", STEP_REMOVE, false, true,
		      "vm1 might have guest/a, and failed");
	refuses_twice(NULL, STEP_REMOVE, false, false, "vm1 might have guest/a, and was not asked");
	/* Nothing runs where the power is off. */
	struct graph graph = { 0 };
	size_t index;
	graph_add_node(&graph, "vm2", false, NULL);
	step(&graph, STEP_CREATE, "guest", "a", NULL, needs("!vm1 guest/a", NULL));
	index = graph_add_node(&graph, "vm1", false, "no route to host");
	graph.nodes[index].off = true;
	link_ok(&graph);
	assert_string_equal(next(&graph, 0, &index), "guest/a");
	graph_free(&graph);
	/* A node that nobody thought of has it. */
	graph_add_node(&graph, "vm2", false, NULL);
	step(&graph, STEP_CREATE, "guest", "a", NULL, needs("!vm1 guest/a", NULL));
	graph_add_node(&graph, "vm1", false, NULL);
	graph_add_node(&graph, "was-vm3", false, NULL);
	step(&graph, STEP_REMOVE, "guest", "a", NULL, needs(NULL));
	link_ok(&graph);
	assert_string_equal(next(&graph, 0, &index), "");
	assert_string_equal(next(&graph, 2, &index), "guest/a");
	graph_finish(&graph, index, NULL);
	assert_string_equal(next(&graph, 0, &index), "guest/a");
	graph_free(&graph);
	/* Where it is to be made, and is not to be made now, it is not. */
	graph_add_node(&graph, "vm2", false, NULL);
	step(&graph, STEP_CREATE, "guest", "a", NULL, needs("!vm1 guest/a", NULL));
	graph_add_node(&graph, "vm1", true, NULL);
	step(&graph, STEP_CREATE, "guest", "a", NULL, needs(NULL));
	link_ok(&graph);
	assert_string_equal(next(&graph, 0, &index), "guest/a");
	graph_free(&graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attach_changes),
		cmocka_unit_test(test_never_twice),
		cmocka_unit_test(test_never_twice_refused),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_failure_takes_dependents_not_siblings),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_removals_run_backwards),
		cmocka_unit_test(test_replacement_after_removal),
		cmocka_unit_test(test_removal_of_a_network),
		cmocka_unit_test(test_removal_that_is_refused),
		cmocka_unit_test(test_bridge_moves),
		cmocka_unit_test(test_change_before_removal),
		cmocka_unit_test(test_outside_limit),
		cmocka_unit_test(test_outside_limit_waits_for_nothing),
		cmocka_unit_test(test_other_host_failed),
		cmocka_unit_test(test_node_lost),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_cycle),
		cmocka_unit_test(test_digests),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_long_chain_on_a_small_stack),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("graph", tests, NULL, NULL);
}
