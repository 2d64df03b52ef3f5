/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "power/power.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/boot.h"
#include "model/nodeset.h"
#include "power/password.h"
#include "programs/ask.h"
#include "programs/interrupt.h"
#include "programs/reach.h"
#include "programs/show.h"
#include "remote/pool.h"

static const char *const STATES[] = { [POWER_OFF] = "off", [POWER_ON] = "on" };

/* One node's part. */
struct job {
	const struct site_node *node;
	bool failed;
	const char *result; /* what it is now, or what was done */
	char *error;
};

struct work {
	const char *state_dir;
	unsigned timeout_ms;
	bool status;	 /* only look */
	bool taken_over; /* the boot service is the cluster manager's */
	struct power_order order;
	struct job *jobs;
	size_t count;
};

/* An order saves the boot service that it sees for itself that the node's key does not answer any more. It
   would have to be where that is; the cluster manager does without. */
static int order_boot(void *context, const struct site_node *node, struct err *err)
{
	const struct work *work = context;
	return node->bmc.network_boot && !work->taken_over
		       ? boot_order(work->state_dir, node->name, err)
		       : 0;
}

static int look(const struct bmc *bmc, struct job *job, struct err *err)
{
	enum power_state state;
	if (power_driver(bmc->node)->state(bmc, &state, err) != 0)
		return -1;
	job->result = STATES[state];
	return 0;
}

static int carry_out(const struct bmc *bmc, const struct power_order *order, struct job *job,
		     struct err *err)
{
	static const char *const DONE[][2] = {
		[POWER_SWITCH_ON] = { "is on already", "switched on" },
		[POWER_SWITCH_OFF] = { "is off already", "switched off" },
		[POWER_CYCLE] = { "", "cycled" },
	};
	bool changed;
	if (power_carry_out(bmc, order, &changed, err) != 0)
		return -1;
	job->result = DONE[order->action][changed];
	return 0;
}

static void run_job(void *context, size_t index)
{
	struct work *work = context;
	struct job *job = &work->jobs[index];
	struct err err = ERR_INIT;
	AUTO_STR struct str password = STR_INIT;
	AUTO_FREE char *path = password_file(work->state_dir, job->node->name);
	int rc = password_read(work->state_dir, job->node->name, &password, &err);
	const struct bmc bmc = { job->node, path, str_text(&password), work->timeout_ms };
	if (rc == 0)
		rc = work->status ? look(&bmc, job, &err)
				  : carry_out(&bmc, &work->order, job, &err);
	if (password.data)
		explicit_bzero(password.data, password.length);
	if (rc != 0) {
		job->failed = true;
		job->error = xstrdup(err.text);
	}
}

static void print_json(const struct work *work)
{
	for (size_t i = 0; i < work->count; i++) {
		const struct job *job = &work->jobs[i];
		json_t *object = json_pack("{s:s, s:s}", "event", "power", "node", job->node->name);
		json_object_set_new(object, job->failed ? "error" : "result",
				    json_string(job->failed ? job->error : job->result));
		show_json(object);
	}
}

/* Equal answers under one node set; failures after them, on stderr. */
static void print_folded(const struct work *work, bool failed, FILE *to)
{
	struct show_groups groups = { 0 };
	for (size_t i = 0; i < work->count; i++) {
		const struct job *job = &work->jobs[i];
		if (job->failed != failed)
			continue;
		AUTO_STR struct str text = STR_INIT;
		show_safe(&text, failed ? job->error : job->result);
		show_group_add(&groups, str_text(&text), job->node->name);
	}
	for (size_t i = 0; i < groups.count; i++) {
		AUTO_STR struct str names = STR_INIT;
		nodeset_fold(&groups.items[i].names, &names);
		fprintf(to, "%s: %s\n", str_text(&names), groups.items[i].text);
	}
	show_groups_free(&groups);
}

static int finish(const struct options *options, const struct work *work)
{
	int result = EXIT_OK;
	if (options->json) {
		print_json(work);
	} else {
		print_folded(work, false, stdout);
		fflush(stdout);
		print_folded(work, true, stderr);
	}
	for (size_t i = 0; i < work->count; i++)
		if (work->jobs[i].failed)
			result = EXIT_ERROR;
	return result;
}

/* Nodes without a BMC are told of at once: half of what was asked for is a surprise. */
static int make_jobs(const struct site *site, const struct text_list *names, struct work *work,
		     struct err *err)
{
	struct text_list without = TEXT_LIST_INIT;
	work->jobs = xcalloc(names->count, sizeof(*work->jobs));
	for (size_t i = 0; i < names->count; i++) {
		struct job *job = &work->jobs[work->count++];
		job->node = site_find_node(site, names->items[i]);
		if (job->node->bmc.type == NULL)
			text_list_add(&without, names->items[i]);
	}
	if (without.count == 0)
		return 0;
	AUTO_STR struct str folded = STR_INIT;
	nodeset_fold(&without, &folded);
	text_list_free(&without);
	return err_set(err, "no bmc is in the site for %s; moyai explain bmc says how to write it",
		       str_text(&folded));
}

static bool cuts(const struct work *work)
{
	return !work->status && work->order.action != POWER_SWITCH_ON;
}

static int power(const struct options *options, const char *nodes, struct work *work)
{
	struct err err = ERR_INIT;
	struct site site;
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	struct takeover takeover = { 0 };
	int result = EXIT_ERROR;
	if (command_site(options, &site) != 0)
		return EXIT_ERROR;
	AUTO_FREE char *state = command_state_dir(options, &site);
	work->state_dir = state;
	/* base/run.h does so for each child, which is not enough with children in threads. */
	signal(SIGPIPE, SIG_IGN);
	if (state == NULL) {
		site_free(&site);
		return EXIT_ERROR;
	}
	AUTO_STR struct str folded = STR_INIT;
	int rc = reach_choose(options, nodes, &site, &names, &err);
	if (rc == 0)
		rc = takeover_read(state, &takeover, &err);
	work->taken_over = takeover.node != NULL;
	takeover_free(&takeover);
	nodeset_fold(&names, &folded);
	if (rc != 0 || make_jobs(&site, &names, work, &err) != 0)
		result = command_fail(&err);
	else if (cuts(work) && !options->yes &&
		 !ask_yes(interrupt_watch(NULL), "Cut the power of %s?", str_text(&folded)))
		fputs("nothing was switched\n", stderr);
	else if (pool_run(work->count, options->parallel, run_job, work, &err) != 0)
		result = command_fail(&err);
	else
		result = finish(options, work);
	for (size_t i = 0; i < work->count; i++)
		free(work->jobs[i].error);
	free(work->jobs);
	site_free(&site);
	return result;
}

static int run(const struct options *options, int argc, char **argv)
{
	static const struct {
		const char *word;
		bool status;
		enum power_action action;
	} WORDS[] = {
		{ "on", false, POWER_SWITCH_ON },
		{ "off", false, POWER_SWITCH_OFF },
		{ "cycle", false, POWER_CYCLE },
		{ "status", true, POWER_SWITCH_ON },
	};
	struct err err = ERR_INIT;
	for (size_t i = 0; argc == 2 && i < COUNT_OF(WORDS); i++) {
		if (strcmp(argv[0], WORDS[i].word) != 0)
			continue;
		struct work work = {
			.timeout_ms = options->timeout_s * 1000,
			.status = WORDS[i].status,
			.order = { .action = WORDS[i].action,
				   .wait_ms = options->timeout_s ? options->timeout_s * 1000
								 : POWER_WAIT_MS,
				   .before_boot = order_boot },
		};
		work.order.context = &work;
		AUTO_FREE char *name = xasprintf("power %s", argv[0]);
		if (cuts(&work) && ask_possible(options, name) != 0)
			return EXIT_ERROR;
		return power(options, argv[1], &work);
	}
	err_set(&err, "write: power on|off|cycle|status NODES");
	return command_fail(&err);
}

const struct command command_power = {
	.name = "power",
	.usage = "on|off|cycle|status NODES",
	.summary = "switch machines by their BMCs; off is at once, without asking their system",
	.doc = "Speaks to the board (BMC) that a node's group bmc names: IPMI by ipmitool, Redfish "
	       "by\n"
	       "curl. Before a node that boots from the network is switched on, its boot is "
	       "ordered,\n"
	       "so that it gets a token at once; after a take-over the manager sees within seconds "
	       "that\n"
	       "the old system is gone, and no order is given. off and cycle ask first; --yes "
	       "answers.",
	.run = run,
	.options = OPTIONS_REACH | OPTION_YES,
};
