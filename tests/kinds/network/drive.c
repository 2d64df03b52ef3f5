/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Plan and apply by the engine, on this machine, without ssh and protocol:
 *   drive SLICE.json plan|apply|warnings|facts
 * SLICE.json: { "site": S, "node": N, "wants": [ { "kind": K, "fields": {…} } ] }.
 * One line per step. Exit code as of `moyai plan`: 0, 2 with changes, 1 on an error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/apply.h"
#include "engine/graph.h"
#include "engine/plan.h"
#include "node/facts.h"
#include "system/node.h"

static int read_slice(const char *path, struct slice *slice, struct err *err)
{
	json_error_t why;
	json_t *json = json_load_file(path, 0, &why);
	size_t i;
	const json_t *item;
	if (json == NULL)
		return err_set(err, "%s: %s", path, why.text);
	slice->site = xstrdup(json_string_value(json_object_get(json, "site")));
	slice->node = xstrdup(json_string_value(json_object_get(json, "node")));
	json_array_foreach(json_object_get(json, "wants"), i, item)
	{
		const char *name = json_string_value(json_object_get(item, "kind"));
		const json_t *fields = json_object_get(item, "fields");
		const struct kind_spec *kind = name ? kind_find(name) : NULL;
		const char *id = json_string_value(json_object_get(fields, "name"));
		if (kind == NULL || id == NULL)
			return err_set(err, "%s: a want without kind or name", path);
		struct spec *spec = spec_list_add(&slice->wants, kind, id);
		if (fields_from_json(kind->fields, spec->body, fields, err) != 0)
			return err_context(err, "%s %s", name, id);
		fields_fallback(kind->fields, spec->body);
	}
	json_decref(json);
	return 0;
}

static void print_step(const struct step *step)
{
	printf("%s %s/%s:", step_action_text(step->action), step->kind->name, step->id);
	for (const struct field *field = step->kind->fields; field->name; field++) {
		AUTO_STR struct str have = STR_INIT;
		AUTO_STR struct str want = STR_INIT;
		if (!step_field_changes(step, field))
			continue;
		if (step->have)
			field_print(field, step->have->body, &have);
		if (step->want)
			field_print(field, step->want->body, &want);
		printf(" %s[%s>%s]", field->name, str_text(&have), str_text(&want));
	}
	printf("%s%s\n", step->refused ? " refused: " : "", step->refused ? step->refused : "");
	fflush(stdout);
}

static int print_facts(struct node *node, struct err *err)
{
	json_t *facts = facts_collect(node, err);
	if (facts == NULL)
		return -1;
	json_dumpf(facts, stdout, JSON_COMPACT);
	puts("");
	json_decref(facts);
	return 0;
}

static int print_warnings(struct node *node, const struct slice *slice, struct err *err)
{
	struct plan plan = { 0 };
	if (plan_make(node, slice, &plan, err) != 0)
		return -1;
	for (size_t i = 0; i < plan.warning_count; i++)
		printf("%s/%s: %s\n", plan.warnings[i].kind->name, plan.warnings[i].id,
		       plan.warnings[i].text);
	plan_free(&plan);
	return 0;
}

/* In the order and with the digests that moyai would give. */
static int make_graph(const struct plan *plan, const char *node, struct graph *graph,
		      struct err *err)
{
	graph_add_node(graph, node, false, NULL);
	for (size_t i = 0; i < plan->count; i++) {
		const struct step *step = &plan->items[i];
		graph_add_step(graph, step->action, step->kind->name, step->id, step->digest,
			       step->refused, &step->needs);
	}
	return graph_link(graph, err);
}

static void apply_graph(struct node *node, const struct slice *slice, const struct plan *plan,
			struct graph *graph)
{
	size_t i;
	while (graph_next(graph, 0, &i)) {
		const struct graph_step *step = &graph->steps[i];
		struct err why = ERR_INIT;
		graph_start(graph, i);
		print_step(&plan->items[i]);
		int rc = apply_step(node, slice, step->kind, step->id, step->digest, &why);
		if (rc != 0)
			printf("failed %s/%s: %s\n", step->kind, step->id, why.text);
		graph_finish(graph, i, rc != 0 ? why.text : NULL);
	}
	for (i = 0; i < graph->count; i++) {
		const struct graph_step *step = &graph->steps[i];
		if (step->state != GRAPH_REFUSED && step->state != GRAPH_NOT_STARTED)
			continue;
		print_step(&plan->items[i]);
		printf("failed %s/%s: %s\n", step->kind, step->id, step->reason);
	}
}

/* Exit code as said above. */
static int carry_out(struct node *node, const struct slice *slice, bool apply, struct err *err)
{
	struct plan plan = { 0 };
	struct graph graph = { 0 };
	int code = 1;
	if (plan_make(node, slice, &plan, err) != 0)
		return 1;
	if (make_graph(&plan, slice->node, &graph, err) != 0)
		goto out;
	if (apply)
		apply_graph(node, slice, &plan, &graph);
	for (size_t i = 0; i < plan.count && !apply; i++)
		print_step(&plan.items[i]);
	printf("%zu steps, %zu kept\n", plan.count, plan.kept);
	if (apply)
		code = graph_count(&graph, GRAPH_OK) == plan.count ? 0 : 1;
	else
		code = plan.count ? 2 : 0;
out:
	graph_free(&graph);
	plan_free(&plan);
	return code;
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct slice slice = { 0 };
	struct node node;
	int code = 1;
	if (argc != 3) {
		fprintf(stderr, "drive: SLICE.json plan|apply|warnings|facts\n");
		return 1;
	}
	if (read_slice(argv[1], &slice, &err) == 0) {
		node_init(&node, slice.site, slice.node);
		if (strcmp(argv[2], "facts") == 0)
			code = print_facts(&node, &err) == 0 ? 0 : 1;
		else if (strcmp(argv[2], "warnings") == 0)
			code = print_warnings(&node, &slice, &err) == 0 ? 0 : 1;
		else
			code = carry_out(&node, &slice, strcmp(argv[2], "apply") == 0, &err);
		node_free(&node);
	}
	if (err.text[0] != '\0')
		fprintf(stderr, "drive: %s\n", err.text);
	slice_free(&slice);
	return code;
}
