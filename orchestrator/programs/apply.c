/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "model/nodeset.h"
#include "programs/command.h"
#include "programs/reach.h"
#include "programs/show.h"

/* The plan first; what failed while planning is told before the question. */
static void show(const struct options *options, const struct fleet *fleet)
{
	AUTO_STR struct str out = STR_INIT;
	AUTO_STR struct str failed = STR_INIT;
	show_plan(fleet, options->json, &out, &failed);
	fputs(str_text(&out), stdout);
	fflush(stdout);
	fputs(str_text(&failed), stderr);
}

/* A line from the terminal; Ctrl-C means no. */
static bool ask(size_t steps, const struct reach *reach)
{
	char answer[16] = "";
	fprintf(stderr, "Apply %zu step%s? [y/N] ", steps, steps == 1 ? "" : "s");
	fflush(stderr);
	struct pollfd wait = { .fd = STDIN_FILENO, .events = POLLIN };
	while (!reach_stopped(reach)) {
		if (poll(&wait, 1, 200) <= 0)
			continue;
		ssize_t got = read(STDIN_FILENO, answer, sizeof(answer) - 1);
		return got > 0 && (answer[0] == 'y' || answer[0] == 'Y');
	}
	fputs("\n", stderr);
	return false;
}

/* "store1 volume/a, volume/b" would be long: a line per step and reason. */
static void add_unfinished(const struct fleet *fleet, struct str *out)
{
	struct show_groups groups = { 0 };
	const struct graph *graph = &fleet->graph;
	for (size_t i = 0; i < graph->count; i++) {
		const struct graph_step *step = &graph->steps[i];
		const struct graph_node *node = &graph->nodes[step->node];
		if (step->state == GRAPH_OK || node->outside_limit)
			continue;
		AUTO_STR struct str text = STR_INIT;
		str_add(&text, step->state == GRAPH_FAILED    ? "failed"
			       : step->state == GRAPH_REFUSED ? "refused"
							      : "not started");
		str_addf(&text, ": %%s %s/%s: ", step->kind, step->id);
		show_safe(&text, step->reason ? step->reason : "?");
		show_group_add(&groups, str_text(&text), node->name);
	}
	for (size_t i = 0; i < groups.count; i++) {
		const char *text = groups.items[i].text;
		const char *at = strstr(text, "%s");
		str_add_bytes(out, text, (size_t)(at - text));
		nodeset_fold(&groups.items[i].names, out);
		str_addf(out, "%s\n", at + 2);
	}
	show_groups_free(&groups);
}

struct outcome {
	size_t ok, failed, refused, not_started, failed_nodes, nodes;
	uint64_t seconds;
	bool interrupted;
};

static void add_failed_nodes(const struct fleet *fleet, struct str *out)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	for (size_t i = 0; i < fleet->chosen; i++)
		if (fleet->hosts[i].failed)
			text_list_add(&names, fleet->hosts[i].name);
	nodeset_fold(&names, out);
}

/* "applied: 23 steps on 5 nodes in 41 s, 0 failed" */
static void summary(const struct fleet *fleet, const struct outcome *outcome, struct str *out)
{
	str_addf(out, "applied: %zu step%s on %zu node%s in %llu s, %zu failed", outcome->ok,
		 outcome->ok == 1 ? "" : "s", outcome->nodes, outcome->nodes == 1 ? "" : "s",
		 (unsigned long long)outcome->seconds, outcome->failed);
	if (outcome->refused > 0)
		str_addf(out, ", %zu refused", outcome->refused);
	if (outcome->not_started > 0)
		str_addf(out, ", %zu not started", outcome->not_started);
	if (outcome->failed_nodes > 0) {
		str_addf(out, "; failed node%s: ", outcome->failed_nodes == 1 ? "" : "s");
		add_failed_nodes(fleet, out);
	}
	if (outcome->interrupted)
		str_add(out, "; interrupted");
	str_add(out, "\n");
}

static void summary_json(const struct fleet *fleet, const struct outcome *outcome, struct str *out)
{
	json_t *names = json_array();
	for (size_t i = 0; i < fleet->chosen; i++)
		if (fleet->hosts[i].failed)
			json_array_append_new(names, json_string(fleet->hosts[i].name));
	show_json_line(out,
		       json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:b}", "event",
				 "applied", "steps", (json_int_t)outcome->ok, "nodes",
				 (json_int_t)outcome->nodes, "failed", (json_int_t)outcome->failed,
				 "refused", (json_int_t)outcome->refused, "not_started",
				 (json_int_t)outcome->not_started, "seconds",
				 (json_int_t)outcome->seconds, "failed_nodes", names, "interrupted",
				 (int)outcome->interrupted));
}

static int finish(const struct options *options, const struct fleet *fleet, long started_ms,
		  bool interrupted)
{
	AUTO_STR struct str text = STR_INIT;
	AUTO_STR struct str last = STR_INIT;
	struct outcome outcome = {
		.ok = graph_count(&fleet->graph, GRAPH_OK),
		.failed = graph_count(&fleet->graph, GRAPH_FAILED),
		.refused = graph_count(&fleet->graph, GRAPH_REFUSED),
		.not_started = graph_count(&fleet->graph, GRAPH_NOT_STARTED),
		.failed_nodes = fleet_failed(fleet),
		.nodes = fleet->chosen - fleet_failed(fleet),
		.seconds = (uint64_t)(stream_now_ms() - started_ms + 500) / 1000,
		.interrupted = interrupted,
	};
	if (options->json) {
		summary_json(fleet, &outcome, &last);
	} else {
		add_unfinished(fleet, &text);
		summary(fleet, &outcome, &last);
	}
	fputs(str_text(&text), stderr);
	fputs(str_text(&last), stdout);
	return outcome.failed + outcome.refused + outcome.not_started + outcome.failed_nodes ||
			       interrupted
		       ? EXIT_ERROR
		       : EXIT_OK;
}

/* From the plan to the summary. */
static int conduct(const struct options *options, struct reach *reach)
{
	struct fleet *fleet = &reach->fleet;
	struct err err = ERR_INIT;
	long started_ms = stream_now_ms();
	int rc = fleet_plan(fleet, true, &err);
	progress_close(&reach->progress);
	show(options, fleet);
	if (rc != 0)
		return command_fail(&err);
	size_t steps = show_steps_to_do(fleet);
	if (steps > 0 && !options->yes && !reach_stopped(reach)) {
		long asked_ms = stream_now_ms();
		if (!ask(steps, reach)) {
			fputs("nothing was changed\n", stderr);
			return EXIT_ERROR;
		}
		started_ms += stream_now_ms() - asked_ms;
	}
	reach->progress.applying = true;
	if (reach_stopped(reach))
		graph_stop(&fleet->graph, "interrupted");
	else
		fleet_apply(fleet);
	progress_close(&reach->progress);
	return finish(options, fleet, started_ms, reach_stopped(reach));
}

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct reach reach;
	int result = EXIT_ERROR;
	if (argc > 0) {
		err_set(&err, "apply takes no \"%s\"; choose nodes with --limit NODES", argv[0]);
		return command_fail(&err);
	}
	if (!options->yes && (!isatty(STDIN_FILENO) || options->json)) {
		err_set(&err, "apply asks before it changes anything, and %s; write --yes",
			options->json ? "--json cannot" : "there is no terminal");
		return command_fail(&err);
	}
	if (reach_open(
		    options, NULL,
		    "\ninterrupted: what runs is finished, nothing more is started; once more to "
		    "stop at once\n",
		    &reach) == 0)
		result = conduct(options, &reach);
	reach_close(&reach);
	return result;
}

const struct command command_apply = {
	.name = "apply",
	.usage = "",
	.summary = "show the plan, ask, and carry it out",
	.run = run,
};
