/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "daemon/pins.h"
#include "model/nodeset.h"
#include "programs/apply_log.h"
#include "programs/ask.h"
#include "programs/plan_file.h"
#include "programs/show.h"
#include "programs/site_lock.h"
#include "programs/stale.h"
#include "programs/who.h"

/* What one apply is about, besides its fleet. */
struct attempt {
	const struct options *options;
	struct options at; /* the same, and the revision as a commit */
	const struct reach *reach;
	const char *plan_path;
	json_t *plan;		  /* of plan_path; NULL: whatever the plan is now */
	struct revision revision; /* of the site */
	struct site_lock lock;
	struct apply_log log;
};

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

static struct outcome outcome_of(const struct fleet *fleet, long started_ms, bool interrupted)
{
	return (struct outcome){
		.ok = graph_count(&fleet->graph, GRAPH_OK),
		.failed = graph_count(&fleet->graph, GRAPH_FAILED),
		.refused = graph_count(&fleet->graph, GRAPH_REFUSED),
		.not_started = graph_count(&fleet->graph, GRAPH_NOT_STARTED),
		.failed_nodes = fleet_failed(fleet),
		.nodes = fleet->chosen - fleet_failed(fleet),
		.seconds = (uint64_t)(stream_now_ms() - started_ms + 500) / 1000,
		.interrupted = interrupted,
	};
}

static bool is_well(const struct outcome *outcome)
{
	return outcome->failed + outcome->refused + outcome->not_started + outcome->failed_nodes ==
		       0 &&
	       !outcome->interrupted;
}

static void report(const struct options *options, const struct fleet *fleet,
		   const struct outcome *outcome)
{
	AUTO_STR struct str text = STR_INIT;
	AUTO_STR struct str last = STR_INIT;
	if (options->json) {
		summary_json(fleet, outcome, &last);
	} else {
		add_unfinished(fleet, &text);
		summary(fleet, outcome, &last);
	}
	fputs(str_text(&text), stderr);
	fputs(str_text(&last), stdout);
	fflush(stdout);
}

/* ---- what is kept of an apply ---- */

static int log_begin(struct attempt *attempt, const struct fleet *fleet, struct err *err)
{
	AUTO_STR struct str nodes = STR_INIT;
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	AUTO_FREE char *who = who_am_i();
	for (size_t i = 0; i < fleet->chosen; i++)
		text_list_add(&names, fleet->hosts[i].name);
	nodeset_fold(&names, &nodes);
	return apply_log_begin(attempt->reach->state_dir,
			       json_pack("{s:s, s:I, s:s?, s:b, s:s, s:b}", "who", who, "pid",
					 (json_int_t)getpid(), "revision", attempt->revision.commit,
					 "modified", (int)attempt->revision.modified, "nodes",
					 str_text(&nodes), "unattended",
					 (int)attempt->options->unattended),
			       &attempt->log, err);
}

/* why: of an apply that could not even begin with its steps, or whose end the manager was not told;
   else NULL. */
static void log_end(struct attempt *attempt, const struct fleet *fleet,
		    const struct outcome *outcome, bool told, const char *why)
{
	struct err err = ERR_INIT;
	AUTO_STR struct str failed = STR_INIT;
	const char *result = outcome->interrupted	? "interrupted"
			     : !told			? "not told"
			     : why || !is_well(outcome) ? "failed"
							: "applied";
	add_failed_nodes(fleet, &failed);
	json_t *line = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:s}", "result", result, "steps",
				 (json_int_t)outcome->ok, "failed", (json_int_t)outcome->failed,
				 "refused", (json_int_t)outcome->refused, "not_started",
				 (json_int_t)outcome->not_started, "seconds",
				 (json_int_t)outcome->seconds, "failed_nodes", str_text(&failed));
	if (why)
		json_object_set_new(line, "error", json_string(why));
	if (apply_log_end(&attempt->log, line, &err) != 0)
		command_fail(&err);
}

/* To the cluster manager. */
static int send_site(const struct attempt *attempt, bool applied, struct err *err)
{
	const struct reach *reach = attempt->reach;
	const struct takeover *to = &reach->takeover;
	const struct takeover_site site = { attempt->options->site_dir, attempt->revision.commit,
					    applied };
	return takeover_send(&reach->remote.ssh, to->node, to->address, &site, reach->state_dir,
			     reach->stop, err);
}

/*
 * The cluster manager boots nodes by the last revision of the site, so it has it before anything is
 * changed: a new node cannot be applied before it has booted. One that does not answer is no reason to
 * apply nothing; that was said, and it is told at the end.
 */
static int bring(const struct attempt *attempt, struct err *err)
{
	const struct reach *reach = attempt->reach;
	struct takeover_main main = { 0 };
	if (attempt->options->unattended || !reach->heard || attempt->revision.commit == NULL ||
	    reach_stopped(reach))
		return 0;
	if (takeover_main_read(reach->state_dir, &main, err) != 0)
		return -1;
	int rc = text_equal(main.commit, attempt->revision.commit) ? 0
								   : send_site(attempt, false, err);
	takeover_main_free(&main);
	return rc == 0 ? 0
		       : err_context(err, "nothing was changed: %s did not take the revision",
				     reach->takeover.node);
}

/* What fails because it is new, and how it comes in. */
static void tell_new(const struct attempt *attempt, const struct fleet *fleet)
{
	const struct reach *reach = attempt->reach;
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	AUTO_STR struct str folded = STR_INIT;
	if (reach->takeover.node == NULL || attempt->options->unattended || attempt->options->json)
		return;
	for (size_t i = 0; i < fleet->chosen; i++) {
		const char *name = fleet->hosts[i].name;
		AUTO_STR struct str key = STR_INIT;
		AUTO_STR struct str where = STR_INIT;
		const char *address =
			site_node_boot_address(&reach->site, site_find_node(&reach->site, name));
		if (fleet->hosts[i].failed &&
		    pins_find(reach->state_dir, name, address, &key, &where, NULL) == 0 &&
		    key.length == 0)
			text_list_add(&names, name);
	}
	if (names.count == 0)
		return;
	nodeset_fold(&names, &folded);
	bool known = reach->heard && !attempt->revision.modified;
	fprintf(stderr,
		known ? "%s: not booted yet; %s knows of it now: switch it on, and run moyai apply "
			"again when it is up\n"
		      : "%s: not booted yet; %s boots what is in the last commit that an apply "
			"brought it: commit the site, and run moyai apply again\n",
		str_text(&folded), reach->takeover.node);
}

/* Where a cluster manager has taken over, it is the one that comes back to it. */
static int tell_manager(const struct attempt *attempt, struct err *err)
{
	const char *node = attempt->reach->takeover.node;
	if (node == NULL || send_site(attempt, true, err) == 0)
		return 0;
	return err_context(err,
			   "all was applied, but %s does not know the revision; run moyai apply "
			   "again, or nodes that come back get the one before",
			   node);
}

/* What a person applied to the whole site is what an unattended apply may use. */
static int set_applied(const struct attempt *attempt, const struct fleet *fleet, struct err *err)
{
	const struct options *options = attempt->options;
	const struct reach *reach = attempt->reach;
	if (options->unattended || options->limit || attempt->revision.commit == NULL ||
	    attempt->revision.modified ||
	    fleet->chosen + reach->left_alone.count + reach->unchanged < reach->site.node_count)
		return 0;
	if (revision_set_applied(options->site_dir, attempt->revision.commit, err) != 0)
		return err_context(err, "all was applied, but %s could not be set",
				   REVISION_APPLIED);
	return tell_manager(attempt, err);
}

/* One log of what anybody applied: what is not told now comes with the next one. */
static void tell_log(const struct attempt *attempt)
{
	struct err err = ERR_INIT;
	const struct reach *reach = attempt->reach;
	if (!reach->heard || reach_stopped(reach) ||
	    takeover_applies(&reach->takeover, &reach->remote.ssh, reach->state_dir, reach->stop,
			     NULL, &err) == 0)
		return;
	err_context(&err, "%s gets this line of moyai log with the next apply",
		    reach->takeover.node);
	command_fail(&err);
}

/* Exactly the plan in the file, or nothing. */
static int check_plan_file(const struct attempt *attempt, const struct fleet *fleet,
			   struct err *err)
{
	AUTO_STR struct str changes = STR_INIT;
	if (attempt->plan == NULL)
		return 0;
	if (plan_file_compare(attempt->plan, attempt->reach, fleet, &changes, err) != 0)
		return -1;
	fputs(str_text(&changes), stderr);
	return changes.length == 0
		       ? 0
		       : err_set(err, "%s is stale, and nothing was changed; plan again",
				 attempt->plan_path);
}

/* Whether the steps may be done. The time at the question is not the apply's. */
static bool agreed(const struct options *options, const struct reach *reach, size_t steps,
		   long *started_ms)
{
	long asked_ms = stream_now_ms();
	if (steps == 0 || options->yes || options->unattended || reach_stopped(reach))
		return true;
	bool yes = ask_yes(reach->remote.stop, "Apply %zu step%s?", steps, steps == 1 ? "" : "s");
	*started_ms += stream_now_ms() - asked_ms;
	if (!yes)
		fputs("nothing was changed\n", stderr);
	return yes;
}

/* From the plan to the summary. */
static int conduct(struct attempt *attempt, struct reach *reach)
{
	struct fleet *fleet = &reach->fleet;
	struct err err = ERR_INIT;
	const struct options *options = attempt->options;
	long started_ms = stream_now_ms();
	int rc = fleet_plan(fleet, true, &err);
	progress_close(&reach->progress);
	show(options, fleet);
	struct err stale = ERR_INIT;
	if (rc == 0 && check_plan_file(attempt, fleet, &stale) != 0)
		return command_fail(&stale);
	if (!agreed(options, reach, rc == 0 ? show_steps_to_do(fleet) : 0, &started_ms))
		return EXIT_ERROR;
	struct err log_err = ERR_INIT;
	if (bring(attempt, &log_err) != 0 || log_begin(attempt, fleet, &log_err) != 0)
		return command_fail(&log_err); /* nothing is changed that is not on record */
	reach->progress.applying = true;
	if (rc != 0 || reach_stopped(reach))
		graph_stop(&fleet->graph, rc != 0 ? err.text : "interrupted");
	else
		fleet_apply(fleet);
	progress_close(&reach->progress);
	struct outcome outcome = outcome_of(fleet, started_ms, reach_stopped(reach));
	bool well = rc == 0 && is_well(&outcome);
	if (rc == 0) {
		report(options, fleet, &outcome);
		tell_new(attempt, fleet);
	}
	if (well)
		rc = set_applied(attempt, fleet, &err);
	log_end(attempt, fleet, &outcome, !well || rc == 0, rc != 0 ? err.text : NULL);
	tell_log(attempt);
	if (rc != 0)
		return command_fail(&err);
	return well ? EXIT_OK : EXIT_ERROR;
}

/* The command, for whoever waits for it. */
static void describe(const struct options *options, struct str *out)
{
	str_add(out, "apply");
	if (options->limit)
		str_addf(out, " --limit %s", options->limit);
	if (options->changed)
		str_add(out, " --changed");
	if (options->revision)
		str_addf(out, " --rev %s", options->revision);
	if (options->unattended)
		str_add(out, " --unattended");
}

/* The nodes of the plan, and no others. */
static int open_plan_file(struct attempt *attempt, struct reach *reach)
{
	struct err err = ERR_INIT;
	AUTO_STR struct str nodes = STR_INIT;
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	if (attempt->plan_path == NULL)
		return 0;
	if (plan_file_read(attempt->plan_path, reach->site.name, &attempt->plan, &nodes, &err) != 0)
		return command_fail(&err);
	if (nodeset_parse(str_text(&nodes), &reach->site, &names, &err) != 0) {
		err_context(&err, "%s", attempt->plan_path);
		return command_fail(&err);
	}
	text_list_free(&reach->names);
	text_list_copy(&reach->names, &names);
	return 0;
}

static int check_recorded(const struct site *site)
{
	struct err err = ERR_INIT;
	AUTO_FREE char *why = reach_unrecorded(site);
	if (why == NULL)
		return 0;
	err_set(&err, "%s", why);
	return command_fail(&err);
}

/* What an unattended one applies was chosen by a person, and is meant to be older. */
static int check_stale(const struct attempt *attempt)
{
	struct err err = ERR_INIT;
	if (attempt->options->unattended)
		return 0;
	AUTO_FREE char *why = stale_why(attempt->options, &attempt->reach->takeover,
					attempt->reach->state_dir, &attempt->revision);
	if (why == NULL)
		return 0;
	err_set(&err, "nothing was changed: %s", why);
	return command_fail(&err);
}

static const char NOTE[] = "\ninterrupted: what runs is finished, nothing more is started; once "
			   "more to stop at once\n";

/* The site and the lock on it; the site is read after whoever had the lock is done. */
static int begin(struct attempt *attempt, struct reach *reach)
{
	struct err err = ERR_INIT;
	const struct options *options = attempt->options;
	AUTO_STR struct str what = STR_INIT;
	describe(options, &what);
	do {
		attempt->at = *options;
		reach_close(reach);
		revision_free(&attempt->revision);
		attempt->lock.waited = false;
		if (revision_find(options->site_dir, options->revision, &attempt->revision, &err) !=
		    0) {
			if (options->revision)
				return command_fail(&err);
			err_context(&err, "the revision of the site is not known");
			command_fail(&err);
		}
		if (options->revision) /* a name may come to mean something else meanwhile */
			attempt->at.revision = attempt->revision.commit;
		if (reach_site(&attempt->at, NULL, NOTE, reach) != 0)
			return -1;
		if (attempt->lock.fd < 0 &&
		    site_lock_take(reach->state_dir, str_text(&what), !options->no_wait,
				   reach->stop, &attempt->lock, &err) != 0)
			return command_fail(&err);
	} while (attempt->lock.waited);
	if (check_stale(attempt) != 0 || open_plan_file(attempt, reach) != 0 ||
	    check_recorded(&reach->site) != 0)
		return -1;
	reach_leave_alone(options, reach);
	return 0;
}

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct reach reach = { 0 };
	struct attempt attempt = { .options = options,
				   .reach = &reach,
				   .plan_path = argc == 1 ? argv[0] : NULL,
				   .lock = { .fd = -1 } };
	int result = EXIT_ERROR;
	if (argc > 1) {
		err_set(&err, "apply takes one file, \"%s\" is a second one", argv[1]);
		return command_fail(&err);
	}
	if (argc == 1 && (options->limit || options->changed)) {
		err_set(&err, "apply FILE carries out the whole plan; leave --%s out",
			options->limit ? "limit" : "changed");
		return command_fail(&err);
	}
	if (argc == 1 && !file_exists(argv[0])) {
		err_set(&err, "there is no file \"%s\"; choose nodes with --limit NODES", argv[0]);
		return command_fail(&err);
	}
	if (options->unattended && options->allow_data_loss.count > 0) {
		err_set(&err, "--unattended loses no data; leave --allow-data-loss out");
		return command_fail(&err);
	}
	if (!options->unattended && ask_possible(options, "apply") != 0)
		return EXIT_ERROR;
	if (begin(&attempt, &reach) == 0 && reach_nodes(options, &reach) == 0)
		result = conduct(&attempt, &reach);
	reach_close(&reach);
	revision_free(&attempt.revision);
	json_decref(attempt.plan);
	site_lock_release(&attempt.lock);
	return result;
}

const struct command command_apply = {
	.name = "apply",
	.usage = "[FILE]",
	.summary = "show the plan, ask, and carry it out; FILE: exactly that plan",
	.doc = "Plans, asks, and carries the steps out: across nodes in the order in which they\n"
	       "need each other, otherwise side by side. A failure stops what depends on it and\n"
	       "nothing else. What is interrupted is finished by the next apply.\n"
	       "\n"
	       "A step that loses data needs consent twice: may_lose in the site, and\n"
	       "--allow-data-loss for the same thing.\n"
	       "\n"
	       "The first Ctrl-C starts nothing more and waits for what runs, the second ends\n"
	       "moyai at once.\n"
	       "\n"
	       "With --changed only the nodes are asked for which the site says something else\n"
	       "than the revision that was last applied (refs/moyai/applied). What was changed on\n"
	       "a node by hand, an image that was built anew and what a node missed in\n"
	       "maintenance are seen without it.\n"
	       "\n"
	       "Where a cluster manager has taken over it gets the revision first: it boots new "
	       "nodes\n"
	       "by it. They fail in this apply, and are applied by the next one.\n"
	       "\n"
	       "FILE is what plan --out wrote: exactly these steps are carried out, and a plan\n"
	       "that has become stale is refused.",
	.run = run,
	.options = OPTIONS_REACH | OPTION_CHANGED | OPTION_YES | OPTION_LOSS | OPTION_REVISION |
		   OPTION_NO_WAIT | OPTION_UNATTENDED,
};
