/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "programs/cluster.h"
#include "programs/cluster_hosts.h"
#include "programs/cluster_progress.h"
#include "programs/show.h"

static void add_names(const struct text_list *names, struct str *out)
{
	for (size_t i = 0; i < names->count; i++)
		str_addf(out, "%s%s", i ? "," : "", names->items[i]);
}

static void add_guest(const struct cluster *cluster, const struct cluster_guest *guest,
		      const struct cluster_seen *seen, const char *stage, bool json,
		      struct show_table *table, struct str *out)
{
	const struct allocated_guest *recorded = allocation_find(&cluster->recorded, guest->name);
	const char *address = recorded ? recorded->address : NULL;
	if (json) {
		json_t *hosts = json_array();
		for (size_t i = 0; i < seen->hosts.count; i++)
			json_array_append_new(hosts, json_string(seen->hosts.items[i]));
		show_json_line(out,
			       json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:s?}", "event",
					 "guest", "cluster", cluster->name, "name", guest->name,
					 "id", guest->id, "state", cluster_seen_state(seen),
					 "stage", stage, "hosts", hosts, "address", address));
		return;
	}
	AUTO_STR struct str hosts = STR_INIT;
	add_names(&seen->hosts, &hosts);
	show_cell(table, guest->id);
	show_cell(table, cluster_seen_state(seen));
	show_cell(table, stage);
	show_cell(table, hosts.length ? str_text(&hosts) : "-");
	show_cell(table, address ? address : "-");
}

/* False: it was not asked, or it could not be; err says why then. */
static bool ask_frontend(struct reach *reach, const struct cluster *cluster,
			 struct cluster_progress *progress, struct err *err)
{
	bool asked = false;
	struct cluster_seen seen = cluster_hosts_look(reach, progress->items[0].guest);
	struct host *host =
		seen.hosts.count == 1 ? cluster_hosts_host(reach, seen.hosts.items[0]) : NULL;
	if (host != NULL && cluster_progress_told(cluster) && !reach_stopped(reach) &&
	    text_equal(cluster_seen_state(&seen), "running"))
		asked = cluster_progress_ask(reach, host, progress, err) == 0;
	cluster_seen_free(&seen);
	return asked;
}

static void add_cluster(struct reach *reach, const struct cluster *cluster, bool json,
			struct show_table *table, struct str *out, struct str *failed)
{
	struct cluster_progress progress;
	struct err err = ERR_INIT;
	cluster_progress_init(&progress, cluster);
	bool asked = ask_frontend(reach, cluster, &progress, &err);
	if (err.text[0] != '\0') {
		str_addf(failed, "%s: ", cluster->guests[0].id);
		show_safe(failed, err.text);
		str_add(failed, "\n");
	}
	for (size_t i = 0; i < cluster->guest_count; i++) {
		struct cluster_seen seen = cluster_hosts_look(reach, &cluster->guests[i]);
		bool runs = text_equal(cluster_seen_state(&seen), "running");
		add_guest(cluster, &cluster->guests[i], &seen,
			  asked && runs ? progress.items[i].text : "-", json, table, out);
		cluster_seen_free(&seen);
	}
	cluster_progress_free(&progress);
}

/* Whether all was said that can be. */
static bool print(const struct options *options, struct reach *reach, const size_t *chosen,
		  size_t count)
{
	static const char *const HEAD[] = { "GUEST", "STATE", "STAGE", "HOST", "ADDRESS" };
	AUTO_STR struct str out = STR_INIT;
	AUTO_STR struct str failed = STR_INIT;
	struct show_table table = { .columns = COUNT_OF(HEAD) };
	for (size_t i = 0; i < COUNT_OF(HEAD); i++)
		show_cell(&table, HEAD[i]);
	for (size_t i = 0; i < count; i++)
		add_cluster(reach, &reach->site.clusters[chosen[i]], options->json, &table, &out,
			    &failed);
	if (!options->json)
		show_table_print(&table, &out);
	show_table_free(&table);
	for (size_t i = 0; i < reach->fleet.chosen; i++)
		if (reach->fleet.hosts[i].failed)
			str_addf(&failed, "%s: %s\n", reach->fleet.hosts[i].name,
				 reach->fleet.hosts[i].failed);
	fputs(str_text(&out), stdout);
	fflush(stdout);
	fputs(str_text(&failed), stderr);
	if (reach_stopped(reach))
		fputs("moyai: interrupted\n", stderr);
	return failed.length == 0 && !reach_stopped(reach);
}

static int ask(const struct options *options, struct reach *reach, int argc, char **argv)
{
	struct err err = ERR_INIT;
	size_t count;
	size_t *chosen = cluster_command_choose(&reach->site, argc, argv, &count, &err);
	if (chosen == NULL)
		return command_fail(&err);
	int result = EXIT_ERROR;
	if (cluster_hosts_ask(options, reach) == 0) {
		if (print(options, reach, chosen, count))
			result = EXIT_OK;
	}
	free(chosen);
	return result;
}

static int run(const struct options *options, int argc, char **argv)
{
	struct reach reach;
	int result = EXIT_ERROR;
	if (reach_site(options, NULL, NULL, &reach) == 0)
		result = ask(options, &reach, argc, argv);
	reach_close(&reach);
	return result;
}

const struct command command_cluster_status = {
	.name = "cluster status",
	.usage = "[CLUSTER…]",
	.summary = "where the guests of virtual clusters run, as the nodes tell it",
	.doc = "All gateways and VM servers are asked. A guest is running, paused, … on a host, "
	       "or\n"
	       "not there; unknown when nobody has it and a node that may have it did not answer,\n"
	       "or was not asked (--limit). STAGE is how far it is, as its frontend tells: moyai\n"
	       "cluster wait.\n"
	       "Exits with 1 when one did not.",
	.run = run,
	.options = OPTIONS_REACH | OPTION_REVISION,
};
