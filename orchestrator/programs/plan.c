/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "programs/command.h"
#include "programs/plan_file.h"
#include "programs/show.h"
#include "programs/stale.h"

static int print(const struct options *options, const struct fleet *fleet)
{
	AUTO_STR struct str out = STR_INIT;
	AUTO_STR struct str failed = STR_INIT;
	show_plan(fleet, options->json, &out, &failed);
	fputs(str_text(&failed), stderr);
	fputs(str_text(&out), stdout);
	if (fleet_failed(fleet) > 0)
		return EXIT_ERROR;
	/* What is refused differs from what is wanted, too. */
	return show_steps_to_do(fleet) + show_steps_refused(fleet) > 0 ? EXIT_CHANGES : EXIT_OK;
}

/* A plan may be looked at before that is done. */
static void tell_unrecorded(const struct site *site)
{
	AUTO_FREE char *why = reach_unrecorded(site);
	if (why != NULL)
		fprintf(stderr, "apply refuses this as it is: %s\n", why);
}

/* The site was read just before: its revision is what it was read from. */
static int write_out(const struct options *options, const struct reach *reach,
		     const struct fleet *fleet, struct err *err)
{
	struct revision revision;
	if (fleet_failed(fleet) > 0)
		return err_set(err, "%s is not written: a part of a plan is no plan", options->out);
	if (revision_find(options->site_dir, options->revision, &revision, err) != 0)
		return -1;
	int rc = plan_file_write(options->out, reach, fleet, &revision, err);
	revision_free(&revision);
	return rc;
}

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct reach reach;
	int result = EXIT_ERROR;
	if (argc > 0) {
		err_set(&err, "plan takes no \"%s\"; choose nodes with --limit NODES", argv[0]);
		return command_fail(&err);
	}
	int opened = reach_site(options, NULL, NULL, &reach);
	if (opened == 0) {
		stale_warn(options, &reach);
		reach_leave_alone(options, &reach);
	}
	if (opened == 0 && reach_nodes(options, &reach) == 0) {
		int rc = fleet_plan(&reach.fleet, false, &err);
		progress_close(&reach.progress);
		result = print(options, &reach.fleet);
		tell_unrecorded(&reach.site);
		if (rc == 0 && options->out)
			rc = write_out(options, &reach, &reach.fleet, &err);
		if (rc != 0)
			result = command_fail(&err);
	}
	reach_close(&reach);
	return result;
}

const struct command command_plan = {
	.name = "plan",
	.usage = "",
	.summary = "what apply would do; exit 0: nothing, 2: something, 1: error",
	.doc = "Asks each node what it has, compares it with the site, and shows the steps\n"
	       "that apply would take. Nothing is changed, here or there. A step that loses\n"
	       "data is shown as such, and one that is refused with the reason.\n"
	       "\n"
	       "With --changed only the nodes are asked for which the site says something else\n"
	       "than the revision that was last applied (refs/moyai/applied): a change to one\n"
	       "node of a thousand is planned by asking one.\n"
	       "\n"
	       "Exits with 0 when there is nothing to do, 2 when there is something, 1 on an\n"
	       "error.",
	.run = run,
	.options = OPTIONS_REACH | OPTION_CHANGED | OPTION_LOSS | OPTION_REVISION | OPTION_OUT,
};
