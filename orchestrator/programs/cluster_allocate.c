/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "programs/cluster.h"
#include "programs/site_edit.h"

/* One cluster's record, when it is not what it should be. */
static int record(const struct options *options, const struct cluster *cluster,
		  const struct allocation *made, struct text_list *files, struct text_list *names,
		  struct err *err)
{
	int changed = cluster_command_record(options, cluster, made, stdout, files, err);
	if (changed <= 0)
		return changed;
	/* Neither is whole without the other. */
	text_list_take(files, xasprintf(CLUSTER_FOLDER "/%s.cfg", cluster->name));
	text_list_add(names, cluster->name);
	return 0;
}

static int record_all(const struct options *options, const struct site *site,
		      const struct allocations *allocations, int argc, char **argv, struct err *err)
{
	AUTO_LIST struct text_list files = TEXT_LIST_INIT;
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	AUTO_STR struct str message = STR_INIT;
	size_t count;
	size_t *chosen = cluster_command_choose(site, argc, argv, &count, err);
	int rc = chosen ? 0 : -1;
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = record(options, &site->clusters[chosen[i]], &allocations->items[chosen[i]],
			    &files, &names, err);
	free(chosen);
	fflush(stdout);
	if (rc != 0 || names.count == 0) {
		if (rc == 0 && !options->json)
			fputs("nothing changes\n", stderr);
		return rc;
	}
	str_add(&message, "Allocation of");
	for (size_t i = 0; i < names.count; i++)
		str_addf(&message, "%s %s", i ? "," : "", names.items[i]);
	return site_edit_commit(options, &files, str_text(&message), err);
}

static int run(const struct options *options, int argc, char **argv)
{
	struct site site;
	struct allocations allocations;
	struct err err = ERR_INIT;
	if (cluster_command_read(options, &site, &allocations) != 0)
		return EXIT_ERROR;
	int rc = record_all(options, &site, &allocations, argc, argv, &err);
	if (rc != 0)
		command_fail(&err);
	allocations_free(&allocations);
	site_free(&site);
	return rc == 0 ? EXIT_OK : EXIT_ERROR;
}

const struct command command_cluster_allocate = {
	.name = "cluster allocate",
	.usage = "[CLUSTER…]",
	.summary = "decide and record what the clusters' files leave open",
	.doc = "VLAN, addresses, MAC addresses, where each disk is cut from and the host that "
	       "each\n"
	       "guest is placed on first are decided once, and recorded in allocations/NAME.cfg.\n"
	       "What is recorded stays; what is missing, or was taken out, is decided anew. The\n"
	       "difference is shown, and in a git repository the record is committed together\n"
	       "with clusters/NAME.cfg.",
	.run = run,
};
