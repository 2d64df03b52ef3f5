/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/ask.h"
#include "programs/moves.h"

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct moves moves = { 0 };
	if (argc != 2) {
		err_set(&err, "cluster migrate takes a guest and a host, like genome-compute1 vm2");
		return command_fail(&err);
	}
	if (ask_possible(options, "cluster migrate") != 0)
		return EXIT_ERROR;
	moves_add(&moves, argv[0], argv[1]);
	int result = moves_run(options, &moves);
	moves_free(&moves);
	return result;
}

const struct command command_cluster_migrate = {
	.name = "cluster migrate",
	.usage = "GUEST HOST",
	.summary = "move a guest to another VM server while it runs",
	.doc = "GUEST is its name in the site, CLUSTER-NODE. That it moves is recorded in\n"
	       "allocations/CLUSTER.cfg, shown, committed and applied, with the plan and its "
	       "question:\n"
	       "the host then has its disks, its network and its appliance. Then libvirt moves "
	       "it,\n"
	       "and that is recorded and applied as well. What was interrupted the same command\n"
	       "finishes; with the guest's own host it takes back what has not moved yet.",
	.run = run,
	.options = (OPTIONS_REACH & ~OPTION_LIMIT) | OPTION_YES | OPTION_NO_WAIT,
};
