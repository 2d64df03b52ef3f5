/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/vacate.h"

#include <stdio.h>

#include "model/nodeset.h"
#include "programs/cluster_hosts.h"
#include "programs/maintenance.h"

/* Whatever the records say: what the nodes have. */
static int check_left(const struct text_list *nodes, const struct reach *reach, struct err *err)
{
	AUTO_LIST struct text_list left = TEXT_LIST_INIT;
	AUTO_STR struct str names = STR_INIT;
	for (size_t i = 0; i < reach->fleet.chosen; i++)
		if (reach->fleet.hosts[i].failed != NULL && !reach->fleet.hosts[i].off &&
		    text_list_has(nodes, reach->fleet.hosts[i].name))
			return err_set(err, "%s did not say what it has: %s",
				       reach->fleet.hosts[i].name, reach->fleet.hosts[i].failed);
	for (size_t i = 0; i < reach->site.cluster_count; i++)
		for (size_t j = 0; j < reach->site.clusters[i].guest_count; j++) {
			const struct cluster_guest *guest = &reach->site.clusters[i].guests[j];
			struct cluster_seen seen = cluster_hosts_look(reach, guest);
			for (size_t k = 0; k < seen.hosts.count; k++)
				if (text_list_has(nodes, seen.hosts.items[k]))
					text_list_add(&left, guest->id);
			cluster_seen_free(&seen);
		}
	if (left.count == 0)
		return 0;
	nodeset_fold(&left, &names);
	return err_set(err, "still there are %s; moyai cluster status", str_text(&names));
}

static int look_after(const struct options *options, const struct text_list *nodes)
{
	struct err err = ERR_INIT;
	struct reach reach = { 0 };
	int rc = reach_site(options, NULL, NULL, &reach);
	if (rc == 0)
		rc = cluster_hosts_ask(options, &reach);
	if (rc == 0 && (rc = check_left(nodes, &reach, &err)) != 0)
		command_fail(&err);
	reach_close(&reach);
	return rc;
}

int vacate(const struct options *options, const struct site *site, const struct text_list *nodes,
	   const struct moves *moves, const char *reason, const char *ends)
{
	struct err err = ERR_INIT;
	int result = moves->count > 0 ? moves_run(options, moves) : EXIT_OK;
	if (result != EXIT_OK)
		return result;
	AUTO_FREE char *state_dir = command_state_dir(options, site);
	if (state_dir == NULL || look_after(options, nodes) != 0)
		return EXIT_ERROR;
	if (maintenance_set(options, state_dir, site, true, nodes, reason, &err) != 0)
		return command_fail(&err);
	AUTO_STR struct str folded = STR_INIT;
	nodeset_fold(nodes, &folded);
	fprintf(stderr, "%s: %zu guest%s moved off, and in maintenance until %s %s\n",
		str_text(&folded), moves->count, moves->count == 1 ? "" : "s", ends,
		str_text(&folded));
	return EXIT_OK;
}
