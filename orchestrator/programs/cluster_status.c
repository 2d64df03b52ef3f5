/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "programs/cluster.h"
#include "programs/reach.h"
#include "programs/show.h"

/* One guest as all nodes that may have it tell it. */
struct seen {
	struct text_list hosts; /* that have it */
	char *state;		/* on the last of them; NULL: none has it */
	size_t silent;		/* nodes that may have it, and did not say */
};

static void seen_free(struct seen *seen)
{
	text_list_free(&seen->hosts);
	free(seen->state);
}

static const struct remote_step *find_step(const struct host *host, const char *id)
{
	for (size_t i = 0; i < host->step_count; i++)
		if (strcmp(host->steps[i].kind, "guest") == 0 && strcmp(host->steps[i].id, id) == 0)
			return &host->steps[i];
	return NULL;
}

/* What is as wanted has no step, and what differs says what it is. */
static const char *state_by(const struct remote_step *step)
{
	for (size_t i = 0; step && i < step->change_count; i++)
		if (strcmp(step->changes[i].field, "state") == 0 && step->changes[i].have)
			return step->changes[i].have;
	return "running";
}

static size_t hosts_of(const struct site *site)
{
	size_t count = 0;
	for (size_t i = 0; i < site->node_count; i++)
		count += site_node_runs_guests(site, &site->nodes[i]);
	return count;
}

static void look(const struct host *host, const struct cluster_guest *guest, struct seen *seen)
{
	const struct remote_step *step = find_step(host, guest->id);
	bool wanted = spec_list_find(&host->node->wants, "guest", guest->id) != NULL;
	if (step ? step->action == STEP_CREATE : !wanted)
		return;
	text_list_add(&seen->hosts, host->name);
	free(seen->state);
	seen->state = xstrdup(state_by(step));
}

/* A guest that nobody has, and somebody did not answer, may be there. */
static const char *state_text(const struct seen *seen)
{
	if (seen->hosts.count > 1)
		return "twice";
	if (seen->state != NULL)
		return seen->state;
	return seen->silent > 0 ? "unknown" : "not there";
}

static void add_names(const struct text_list *names, struct str *out)
{
	for (size_t i = 0; i < names->count; i++)
		str_addf(out, "%s%s", i ? "," : "", names->items[i]);
}

static void add_guest(const struct cluster *cluster, const struct cluster_guest *guest,
		      const struct seen *seen, bool json, struct show_table *table, struct str *out)
{
	const struct allocated_guest *recorded = allocation_find(&cluster->recorded, guest->name);
	const char *address = recorded ? recorded->address : NULL;
	if (json) {
		json_t *hosts = json_array();
		for (size_t i = 0; i < seen->hosts.count; i++)
			json_array_append_new(hosts, json_string(seen->hosts.items[i]));
		show_json_line(out,
			       json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:s?}", "event", "guest",
					 "cluster", cluster->name, "name", guest->name, "id",
					 guest->id, "state", state_text(seen), "hosts", hosts,
					 "address", address));
		return;
	}
	AUTO_STR struct str hosts = STR_INIT;
	add_names(&seen->hosts, &hosts);
	show_cell(table, guest->id);
	show_cell(table, state_text(seen));
	show_cell(table, hosts.length ? str_text(&hosts) : "-");
	show_cell(table, address ? address : "-");
}

static void add_cluster(const struct reach *reach, const struct cluster *cluster, bool json,
			struct show_table *table, struct str *out)
{
	for (size_t i = 0; i < cluster->guest_count; i++) {
		struct seen seen = { .silent = hosts_of(&reach->site) };
		for (size_t h = 0; h < reach->fleet.chosen; h++) {
			const struct host *host = &reach->fleet.hosts[h];
			if (host->failed != NULL && !host->off)
				continue;
			seen.silent--;
			if (!host->off)
				look(host, &cluster->guests[i], &seen);
		}
		add_guest(cluster, &cluster->guests[i], &seen, json, table, out);
		seen_free(&seen);
	}
}

static void print(const struct options *options, const struct reach *reach, const size_t *chosen,
		  size_t count)
{
	static const char *const HEAD[] = { "GUEST", "STATE", "HOST", "ADDRESS" };
	AUTO_STR struct str out = STR_INIT;
	AUTO_STR struct str failed = STR_INIT;
	struct show_table table = { .columns = COUNT_OF(HEAD) };
	for (size_t i = 0; i < COUNT_OF(HEAD); i++)
		show_cell(&table, HEAD[i]);
	for (size_t i = 0; i < count; i++)
		add_cluster(reach, &reach->site.clusters[chosen[i]], options->json, &table, &out);
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
}

/* Those that may run guests, of the nodes of --limit. */
static void keep_hosts(struct reach *reach)
{
	AUTO_LIST struct text_list hosts = TEXT_LIST_INIT;
	for (size_t i = 0; i < reach->names.count; i++) {
		const struct site_node *node = site_find_node(&reach->site, reach->names.items[i]);
		if (site_node_runs_guests(&reach->site, node))
			text_list_add(&hosts, node->name);
	}
	text_list_free(&reach->names);
	text_list_copy(&reach->names, &hosts);
}

static void ask_host(struct host *host, const struct remote_options *options)
{
	host_status(host, options);
	host_ask_power(host, options);
}

static int ask(const struct options *options, struct reach *reach, int argc, char **argv)
{
	struct err err = ERR_INIT;
	size_t count;
	size_t *chosen = cluster_command_choose(&reach->site, argc, argv, &count, &err);
	if (chosen == NULL)
		return command_fail(&err);
	keep_hosts(reach);
	int result = EXIT_ERROR;
	if (reach_nodes(options, reach) == 0) {
		int rc = fleet_each(&reach->fleet, ask_host, &err);
		progress_close(&reach->progress);
		if (rc != 0)
			command_fail(&err);
		else
			print(options, reach, chosen, count);
		if (rc == 0 && fleet_failed(&reach->fleet) == 0)
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
	       "or was not asked (--limit).\n"
	       "Exits with 1 when one did not.",
	.run = run,
	.options = OPTIONS_REACH | OPTION_REVISION,
};
