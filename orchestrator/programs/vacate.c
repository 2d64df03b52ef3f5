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

/* What others have recorded meanwhile. */
static int check_records(const struct options *options, const struct text_list *nodes,
			 struct err *err)
{
	struct site site;
	int rc = 0;
	if (command_site(options, &site) != 0)
		return err_set(err, "the site cannot be read any more");
	for (size_t i = 0; i < site.cluster_count; i++) {
		const struct cluster *cluster = &site.clusters[i];
		for (size_t j = 0; cluster_is_running(cluster) && j < cluster->guest_count; j++) {
			const struct allocated_guest *made =
				allocation_find(&cluster->recorded, cluster->guests[j].name);
			const char *host = made ? made->host : NULL;
			const char *to = made ? made->to : NULL;
			if (rc == 0 && ((host && text_list_has(nodes, host)) ||
					(to && text_list_has(nodes, to))))
				rc = err_set(err, "%s is to be there by its record",
					     cluster->guests[j].id);
		}
	}
	site_free(&site);
	return rc;
}

int vacate(const struct options *options, const struct site *site, const struct text_list *nodes,
	   const struct moves *moves, const char *reason, const char *ends)
{
	struct err err = ERR_INIT;
	struct err other = ERR_INIT;
	AUTO_STR struct str folded = STR_INIT;
	int result = moves->count > 0 ? moves_run(options, moves) : EXIT_OK;
	if (result != EXIT_OK)
		return result;
	AUTO_FREE char *state_dir = command_state_dir(options, site);
	if (state_dir == NULL)
		return EXIT_ERROR;
	/* From here on nothing is placed there; what was placed before is seen. */
	if (maintenance_set(options, state_dir, site, true, nodes, reason, &err) != 0)
		return command_fail(&err);
	nodeset_fold(nodes, &folded);
	bool came = check_records(options, nodes, &err) != 0;
	if (came)
		command_fail(&err);
	if (came || look_after(options, nodes) != 0) {
		if (maintenance_set(options, state_dir, site, false, nodes, NULL, &other) != 0)
			command_fail(&other);
		return EXIT_ERROR;
	}
	fprintf(stderr, "%s: %zu guest%s moved off, and in maintenance until %s %s\n",
		str_text(&folded), moves->count, moves->count == 1 ? "" : "s", ends,
		str_text(&folded));
	return EXIT_OK;
}
