/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "model/nodeset.h"
#include "programs/cluster_edit.h"
#include "programs/cluster_progress.h"
#include "programs/relocation.h"
#include "programs/timeline.h"
/* cluster start, stop and remove: the state of a cluster. */

static char *back(const struct cluster_edit *edit, const char *was)
{
	const char *verb = text_equal(was, "running")	? "start"
			   : text_equal(was, "stopped") ? "stop"
							: "remove";
	return xasprintf("%s %s", verb, edit->cluster);
}

static int change(const struct options *options, int argc, char **argv, const char *verb,
		  const char *state)
{
	struct err err = ERR_INIT;
	if (argc != 1) {
		err_set(&err,
			argc ? "cluster %s takes one cluster; \"%s\" is a second one"
			     : "cluster %s: write the name of a cluster; moyai cluster list shows "
			       "them",
			verb, argc ? argv[1] : "");
		return command_fail(&err);
	}
	AUTO_FREE char *message = xasprintf("Cluster %s is to be %s", argv[0], state);
	const struct cluster_edit edit = { .verb = verb,
					   .cluster = argv[0],
					   .field = "state",
					   .value = state,
					   .message = message,
					   .back = back };
	return cluster_edit_run(options, &edit);
}

/* Once it has been carried out: until it is ready, if its frontend tells, and what took how long is kept. */
static int finish(const struct options *options, const char *name, int result)
{
	struct site site;
	struct err err = ERR_INIT;
	if (command_site(options, &site) != 0)
		return EXIT_ERROR;
	const struct cluster *cluster = site_find_cluster(&site, name);
	bool told = cluster != NULL && cluster_progress_told(cluster);
	bool noted = options->notes->count > 0;
	AUTO_FREE char *state_dir = command_state_dir(options, &site);
	site_free(&site);
	if (result == EXIT_OK && told && options->limit != NULL)
		fprintf(stderr,
			"with --limit it is not waited for; moyai cluster wait %s does it\n", name);
	else if (result == EXIT_OK && told && !options->no_wait)
		result = cluster_wait(options, name);
	if (noted && state_dir && timeline_save(options->notes, state_dir, &err) != 0)
		command_fail(&err);
	return result;
}

/* Its guests would not start there, and nobody would say why. */
static int check_packed(const struct options *options, const char *name)
{
	struct err err = ERR_INIT;
	struct site site = { 0 };
	struct runtime runtime;
	AUTO_LIST struct text_list packed = TEXT_LIST_INIT;
	AUTO_LIST struct text_list needed = TEXT_LIST_INIT;
	struct mistakes mistakes = MISTAKES_INIT;
	/* What is wrong with it the edit tells. */
	if (command_read(options, &site, &mistakes, &err) != 0)
		return 0;
	mistakes_free(&mistakes);
	const struct cluster *cluster = site_find_cluster(&site, name);
	AUTO_FREE char *state_dir = command_state_dir(options, &site);
	int rc = state_dir ? 0 : -1;
	if (rc == 0 && (rc = runtime_read(state_dir, &runtime, &err)) != 0)
		command_fail(&err);
	if (rc == 0) {
		relocation_packed(&site, &runtime, &packed);
		runtime_free(&runtime);
	}
	for (size_t i = 0; cluster && i < cluster->recorded.guest_count; i++) {
		const char *host = cluster->recorded.guests[i].host;
		if (host && text_list_has(&packed, host) && !text_list_has(&needed, host))
			text_list_add(&needed, host);
	}
	if (rc == 0 && needed.count > 0) {
		AUTO_STR struct str folded = STR_INIT;
		nodeset_fold(&needed, &folded);
		err_set(&err,
			"guests of %s are to run on %s by the record, and moyai pack has switched "
			"that off; moyai unpack %s comes first",
			name, str_text(&folded), str_text(&folded));
		command_fail(&err);
		rc = -1;
	}
	site_free(&site);
	return rc;
}

static int start(const struct options *options, int argc, char **argv)
{
	struct timeline timeline;
	struct options noting = *options;
	if (argc == 1 && check_packed(options, argv[0]) != 0)
		return EXIT_ERROR;
	timeline_begin(&timeline, argc ? argv[0] : "");
	noting.notes = &timeline;
	int result = change(&noting, argc, argv, "start", "running");
	if (result == EXIT_OK || timeline.count > 0)
		result = finish(&noting, argv[0], result);
	timeline_free(&timeline);
	return result;
}

static int stop(const struct options *options, int argc, char **argv)
{
	return change(options, argc, argv, "stop", "stopped");
}

static int take_away(const struct options *options, int argc, char **argv)
{
	return change(options, argc, argv, "remove", "absent");
}

const struct command command_cluster_start = {
	.name = "cluster start",
	.usage = "CLUSTER",
	.summary = "let a virtual cluster run",
	.doc = "Its disks are made where they are missing, its network is laid out, and its "
	       "guests\n"
	       "are started: the frontend on a gateway, the nodes on VM servers. Then it is "
	       "waited\n"
	       "until all are ready, as by moyai cluster wait; not with --no-wait or --limit. "
	       "What\n"
	       "took how long is shown by moyai cluster show --timeline.\n" CLUSTER_EDIT_DOC(
		       "state"),
	.run = start,
	.options = OPTIONS_REACH | OPTION_YES | OPTION_LOSS | OPTION_NO_WAIT,
};
const struct command command_cluster_stop = {
	.name = "cluster stop",
	.usage = "CLUSTER",
	.summary = "shut a virtual cluster down and keep its disks",
	.doc = "Its guests are asked to shut down, and switched off when they have not after a\n"
	       "minute. Disks and record stay; processors and memory are free for "
	       "others.\n" CLUSTER_EDIT_DOC("state"),
	.run = stop,
	.options = OPTIONS_REACH | OPTION_YES | OPTION_LOSS | OPTION_NO_WAIT,
};
const struct command command_cluster_remove = {
	.name = "cluster remove",
	.usage = "CLUSTER",
	.summary = "take a virtual cluster away, disks and all",
	.doc = "Nothing of it stays on any node. Its disks are lost: that needs\n"
	       "--allow-data-loss=cluster/NAME. Its files stay in the site, state = \"absent\", "
	       "and\n"
	       "keep its tag and addresses; remove both to give them back.\n" CLUSTER_EDIT_DOC(
		       "state"),
	.run = take_away,
	.options = OPTIONS_REACH | OPTION_YES | OPTION_LOSS | OPTION_NO_WAIT,
};
