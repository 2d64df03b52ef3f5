/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "programs/command.h"
#include "programs/reach.h"
#include "programs/revision.h"
#include "programs/show.h"
#include "programs/stale.h"

/* What the nodes are compared with. */
struct against {
	const char *name; /* a revision; NULL: the site as it is */
	struct revision revision;
};

static int choose(const struct options *options, struct against *against, struct err *err)
{
	against->name = options->revision;
	if (against->name == NULL && revision_exists(options->site_dir, REVISION_APPLIED))
		against->name = REVISION_APPLIED;
	return revision_find(options->site_dir, against->name, &against->revision, err);
}

static void print_against(const struct against *against, bool json)
{
	AUTO_STR struct str out = STR_INIT;
	AUTO_STR struct str revision = STR_INIT;
	revision_text(&against->revision, &revision);
	if (json)
		show_json_line(&out, json_pack("{s:s, s:s?, s:s?, s:b}", "event", "against", "name",
					       against->name, "revision", against->revision.commit,
					       "modified", (int)against->revision.modified));
	else if (against->name)
		str_addf(&out, "compared with %s, revision %s\n", against->name,
			 str_text(&revision));
	else
		str_addf(&out, "compared with the site as it is, revision %s: there is no %s yet\n",
			 str_text(&revision), REVISION_APPLIED);
	fputs(str_text(&out), stdout);
}

/* "drift: 3 differences on 2 of 5 nodes", and nothing of what will be done: nothing will. */
static void add_summary(const struct fleet *fleet, struct str *out)
{
	size_t differences = show_steps_to_do(fleet) + show_steps_refused(fleet);
	size_t nodes = 0;
	for (size_t i = 0; i < fleet->chosen; i++)
		nodes += fleet->hosts[i].step_count > 0;
	if (differences == 0)
		str_add(out, "drift: none");
	else
		str_addf(out, "drift: %zu difference%s on %zu", differences,
			 differences == 1 ? "" : "s", nodes);
	size_t failed = fleet_failed(fleet);
	size_t well = fleet->chosen - failed;
	str_addf(out, "%s %zu node%s", differences == 0 ? " on" : " of", well,
		 well == 1 ? "" : "s");
	if (failed > 0)
		str_addf(out, "; %zu node%s failed", failed, failed == 1 ? "" : "s");
	str_add(out, "\n");
}

static int print(const struct options *options, const struct fleet *fleet)
{
	AUTO_STR struct str out = STR_INIT;
	AUTO_STR struct str failed = STR_INIT;
	if (options->json) {
		show_plan(fleet, true, &out, &failed);
	} else {
		show_steps(fleet, &out);
		show_warnings(fleet, &out);
		add_summary(fleet, &out);
		show_failed(fleet, &failed);
	}
	fputs(str_text(&failed), stderr);
	fputs(str_text(&out), stdout);
	if (fleet_failed(fleet) > 0)
		return EXIT_ERROR;
	return show_steps_to_do(fleet) + show_steps_refused(fleet) > 0 ? EXIT_CHANGES : EXIT_OK;
}

static int compare(const struct options *options, const struct against *against)
{
	struct err err = ERR_INIT;
	struct reach reach = { 0 };
	/* What was applied last may well be older than what the manager has; the clone must not. */
	struct options clone = *options;
	clone.revision = NULL;
	int result = EXIT_ERROR;
	if (reach_site(options, NULL, NULL, &reach) == 0) {
		print_against(against, options->json);
		stale_warn(&clone, &reach);
		reach_leave_alone(options, &reach);
		if (reach_nodes(options, &reach) == 0) {
			int rc = fleet_plan(&reach.fleet, false, &err);
			progress_close(&reach.progress);
			result = print(options, &reach.fleet);
			if (rc != 0)
				result = command_fail(&err);
		}
	}
	reach_close(&reach);
	return result;
}

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct against against = { 0 };
	struct options at = *options;
	if (argc > 0) {
		err_set(&err, "drift takes no \"%s\"; choose nodes with --limit NODES", argv[0]);
		return command_fail(&err);
	}
	if (choose(options, &against, &err) != 0)
		return command_fail(&err);
	/* The commit: the name may come to mean another one meanwhile. */
	at.revision = against.name ? against.revision.commit : NULL;
	int result = compare(&at, &against);
	revision_free(&against.revision);
	return result;
}

const struct command command_drift = {
	.name = "drift",
	.usage = "",
	.summary = "what differs from what was last applied; exit 0: nothing, 2: something",
	.doc = "Asks each node what it has and compares it with the revision that was last\n"
	       "applied successfully (refs/moyai/applied), or with --rev, or with the site as it\n"
	       "is where nothing was applied yet. Changes nothing.\n"
	       "\n"
	       "Exits with 0 when nothing differs, 2 when something does, 1 on an error.",
	.run = run,
	.options = OPTIONS_REACH | OPTION_LOSS | OPTION_REVISION,
};
