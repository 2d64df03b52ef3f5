/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "programs/command.h"
#include "programs/reach.h"
#include "programs/show.h"

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

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct reach reach;
	int result = EXIT_ERROR;
	if (argc > 0) {
		err_set(&err, "plan takes no \"%s\"; choose nodes with --limit NODES", argv[0]);
		return command_fail(&err);
	}
	if (reach_open(options, NULL, NULL, &reach) == 0) {
		int rc = fleet_plan(&reach.fleet, false, &err);
		progress_close(&reach.progress);
		result = print(options, &reach.fleet);
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
	.run = run,
};
