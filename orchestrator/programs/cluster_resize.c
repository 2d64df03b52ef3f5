/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "programs/cluster_edit.h"
/* cluster resize: how many nodes a group has. */

static char *back(const struct cluster_edit *edit, const char *was)
{
	return xasprintf("resize %s %s %s", edit->cluster, edit->group, was);
}

/* As of everything that loses data: asked for before it is recorded, for the next apply would carry it out. */
static int check_loss(const struct options *options, const struct cluster *cluster,
		      const struct cluster_edit *edit, struct err *err)
{
	const struct cluster_group *group = NULL;
	AUTO_FREE char *consent = xasprintf("cluster/%s", cluster->name);
	for (size_t i = 0; i < cluster->group_count; i++)
		if (text_equal(cluster->groups[i].name, edit->group))
			group = &cluster->groups[i];
	if (group == NULL || strtoull(edit->value, NULL, 10) >= group->count ||
	    (group->disk == FIELD_UNSET && group->scratch == FIELD_UNSET) ||
	    text_list_has(&options->allow_data_loss, consent))
		return 0;
	return err_set(err,
		       "cluster resize: the disks of the last nodes of \"%s\" would be lost; write "
		       "--allow-data-loss=%s to allow it",
		       edit->group, consent);
}

static int resize(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	char *end = NULL;
	if (argc != 3) {
		err_set(&err,
			"cluster resize: write a cluster, a group of its nodes and how many they "
			"are to be, like genome compute 8");
		return command_fail(&err);
	}
	unsigned long count = strtoul(argv[2], &end, 10);
	if (argv[2][0] < '1' || argv[2][0] > '9' || *end || count > CLUSTER_GUESTS_MAX) {
		err_set(&err, "cluster resize: \"%s\" is no number of nodes; write 1 to %d",
			argv[2], CLUSTER_GUESTS_MAX);
		return command_fail(&err);
	}
	AUTO_FREE char *message =
		xasprintf("Cluster %s: %s is to have %lu", argv[0], argv[1], count);
	const struct cluster_edit edit = { .verb = "resize",
					   .cluster = argv[0],
					   .group = argv[1],
					   .field = "count",
					   .value = argv[2],
					   .message = message,
					   .check = check_loss,
					   .back = back };
	return cluster_edit_run(options, &edit);
}

const struct command command_cluster_resize = {
	.name = "cluster resize",
	.usage = "CLUSTER GROUP COUNT",
	.summary = "let a group of a virtual cluster have more nodes, or fewer",
	.doc = "Also while it runs: the frontend goes on, and is told of its nodes. New ones get "
	       "what\n"
	       "the others of the group have; of fewer, the last ones go, and with them their "
	       "disks,\n"
	       "which needs --allow-data-loss=cluster/NAME.\n" CLUSTER_EDIT_DOC(
		       "count of the group"),
	.run = resize,
	.options = OPTIONS_REACH | OPTION_YES | OPTION_LOSS | OPTION_NO_WAIT,
};
