/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/cluster_hosts.h"

#include <stdlib.h>
#include <string.h>

void cluster_seen_free(struct cluster_seen *seen)
{
	text_list_free(&seen->hosts);
	free(seen->state);
	*seen = (struct cluster_seen){ .silent = 0 };
}

static const struct remote_step *find_step(const struct host *host, const char *id)
{
	for (size_t i = 0; i < host->step_count; i++)
		if (strcmp(host->steps[i].kind, "guest") == 0 && strcmp(host->steps[i].id, id) == 0)
			return &host->steps[i];
	return NULL;
}

/* What is as wanted has no step, and what differs says what it is. NULL: it does not. */
static const char *had_by(const struct remote_step *step, const char *field)
{
	for (size_t i = 0; step && i < step->change_count; i++)
		if (strcmp(step->changes[i].field, field) == 0 && step->changes[i].have)
			return step->changes[i].have;
	return NULL;
}

static size_t hosts_of(const struct site *site)
{
	size_t count = 0;
	for (size_t i = 0; i < site->node_count; i++)
		count += site_node_runs_guests(site, &site->nodes[i]);
	return count;
}

static void look(const struct host *host, const struct cluster_guest *guest,
		 struct cluster_seen *seen)
{
	const struct remote_step *step = find_step(host, guest->id);
	bool wanted = spec_list_find(&host->node->wants, "guest", guest->id) != NULL;
	if (step ? step->action == STEP_CREATE : !wanted)
		return;
	text_list_add(&seen->hosts, host->name);
	free(seen->state);
	const char *state = had_by(step, "state");
	const char *epoch = had_by(step, "epoch");
	seen->state = xstrdup(state ? state : "running");
	if (epoch != NULL)
		seen->epoch = strtoull(epoch, NULL, 10);
}

struct cluster_seen cluster_hosts_look(const struct reach *reach, const struct cluster_guest *guest)
{
	struct cluster_seen seen = { .silent = hosts_of(&reach->site), .epoch = FIELD_UNSET };
	for (size_t i = 0; i < reach->fleet.chosen; i++) {
		const struct host *host = &reach->fleet.hosts[i];
		if (host->failed != NULL && !host->off)
			continue;
		seen.silent--;
		if (!host->off)
			look(host, guest, &seen);
	}
	return seen;
}

const char *cluster_seen_state(const struct cluster_seen *seen)
{
	if (seen->hosts.count > 1)
		return "twice";
	if (seen->state != NULL)
		return seen->state;
	return seen->silent > 0 ? "unknown" : "not there";
}

struct host *cluster_hosts_host(struct reach *reach, const char *name)
{
	for (size_t i = 0; i < reach->fleet.chosen; i++)
		if (text_equal(reach->fleet.hosts[i].name, name))
			return &reach->fleet.hosts[i];
	return NULL;
}

static void failed_hosts(const struct reach *reach, struct str *out)
{
	for (size_t i = 0; i < reach->fleet.chosen; i++)
		if (reach->fleet.hosts[i].failed && !reach->fleet.hosts[i].off)
			str_addf(out, "; %s: %s", reach->fleet.hosts[i].name,
				 reach->fleet.hosts[i].failed);
}

static char *find_host(const struct reach *reach, const struct cluster_guest *guest,
		       struct err *err)
{
	struct cluster_seen seen = cluster_hosts_look(reach, guest);
	AUTO_STR struct str failed = STR_INIT;
	char *host = seen.hosts.count == 1 ? xstrdup(seen.hosts.items[0]) : NULL;
	failed_hosts(reach, &failed);
	if (seen.hosts.count > 1)
		err_set(err, "%s runs on %s and on %s; moyai cluster status", guest->id,
			seen.hosts.items[0], seen.hosts.items[1]);
	else if (host == NULL && seen.silent > 0)
		err_set(err, "no host that answered has %s%s", guest->id, str_text(&failed));
	else if (host == NULL)
		err_set(err, "%s runs nowhere; moyai cluster status", guest->id);
	cluster_seen_free(&seen);
	return host;
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

int cluster_hosts_ask(const struct options *options, struct reach *reach)
{
	struct err err = ERR_INIT;
	keep_hosts(reach);
	fleet_close(&reach->fleet); /* when it is not the first time */
	if (reach_nodes(options, reach) != 0)
		return -1;
	int rc = fleet_each(&reach->fleet, ask_host, &err);
	progress_close(&reach->progress);
	if (rc != 0)
		command_fail(&err);
	return rc;
}

char *cluster_hosts_find(const struct options *options, struct reach *reach,
			 const struct cluster_guest *guest)
{
	struct err err = ERR_INIT;
	char *host = NULL;
	if (cluster_hosts_ask(options, reach) != 0)
		return NULL;
	if (reach_stopped(reach))
		err_set(&err, "interrupted");
	else
		host = find_host(reach, guest, &err);
	if (host == NULL)
		command_fail(&err);
	return host;
}
