/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "engine/allocate_move.h"
#include "model/nodeset.h"
#include "programs/ask.h"
#include "programs/cluster.h"
#include "programs/cluster_hosts.h"
#include "programs/maintenance.h"
#include "programs/moves.h"

/* What is to be done: all of it is thought through before anything is changed. */
struct drain {
	struct site site;
	struct allocations allocations;
	struct text_list nodes;
	struct moves moves;
	size_t stuck; /* guests that cannot move; each was told */
};

static void choose(struct drain *drain, const struct cluster *cluster,
		   const struct cluster_guest *guest)
{
	struct err err = ERR_INIT;
	struct allocated_guest *made = &drain->allocations.items[cluster - drain->site.clusters]
						.guests[guest - cluster->guests];
	/* One that is under way is to go on where it was going to, if that stays. */
	const char *to = made->to;
	if (to == NULL || text_list_has(&drain->nodes, to))
		to = cluster_is_frontend(guest)
			     ? NULL
			     : allocate_move_choose(&drain->site, &drain->allocations, cluster,
						    guest, &drain->nodes, &err);
	if (cluster_is_frontend(guest))
		err_set(&err,
			"%s is on %s, and a frontend stays on its gateway; moyai cluster stop %s "
			"comes first",
			guest->id, made->host, cluster->name);
	if (to == NULL) {
		drain->stuck++;
		command_fail(&err);
		return;
	}
	moves_add(&drain->moves, guest->id, to);
	/* The next one finds that room taken. */
	if (made->to == NULL || !text_equal(made->to, to)) {
		free(made->to);
		made->to = xstrdup(to);
	}
}

/* One that is on its way to a node that is to be empty. */
static void refuse_coming(struct drain *drain, const struct cluster_guest *guest,
			  const struct allocated_guest *made)
{
	struct err err = ERR_INIT;
	if (made->to == NULL || !text_list_has(&drain->nodes, made->to) ||
	    text_list_has(&drain->nodes, made->host))
		return;
	err_set(&err, "%s is moving to %s; moyai cluster migrate %s %s takes that back", guest->id,
		made->to, guest->id, made->host);
	command_fail(&err);
	drain->stuck++;
}

static void choose_all(struct drain *drain)
{
	for (size_t i = 0; i < drain->site.cluster_count; i++) {
		const struct cluster *cluster = &drain->site.clusters[i];
		const struct allocation *made = &drain->allocations.items[i];
		for (size_t j = 0; cluster_is_running(cluster) && j < cluster->guest_count; j++) {
			refuse_coming(drain, &cluster->guests[j], &made->guests[j]);
			if (made->guests[j].host &&
			    text_list_has(&drain->nodes, made->guests[j].host))
				choose(drain, cluster, &cluster->guests[j]);
		}
	}
}

/* Whatever the records say: what the nodes have. */
static int check_left(const struct drain *drain, const struct reach *reach, struct err *err)
{
	AUTO_LIST struct text_list left = TEXT_LIST_INIT;
	AUTO_STR struct str names = STR_INIT;
	for (size_t i = 0; i < reach->fleet.chosen; i++)
		if (reach->fleet.hosts[i].failed != NULL && !reach->fleet.hosts[i].off &&
		    text_list_has(&drain->nodes, reach->fleet.hosts[i].name))
			return err_set(err, "%s did not say what it has: %s",
				       reach->fleet.hosts[i].name, reach->fleet.hosts[i].failed);
	for (size_t i = 0; i < reach->site.cluster_count; i++)
		for (size_t j = 0; j < reach->site.clusters[i].guest_count; j++) {
			const struct cluster_guest *guest = &reach->site.clusters[i].guests[j];
			struct cluster_seen seen = cluster_hosts_look(reach, guest);
			for (size_t k = 0; k < seen.hosts.count; k++)
				if (text_list_has(&drain->nodes, seen.hosts.items[k]))
					text_list_add(&left, guest->id);
			cluster_seen_free(&seen);
		}
	if (left.count == 0)
		return 0;
	nodeset_fold(&left, &names);
	return err_set(err, "still there are %s; moyai cluster status", str_text(&names));
}

static int look_after(const struct options *options, const struct drain *drain)
{
	struct err err = ERR_INIT;
	struct reach reach = { 0 };
	int rc = reach_site(options, NULL, NULL, &reach);
	if (rc == 0)
		rc = cluster_hosts_ask(options, &reach);
	if (rc == 0 && (rc = check_left(drain, &reach, &err)) != 0)
		command_fail(&err);
	reach_close(&reach);
	return rc;
}

static int close_after(const struct options *options, const struct drain *drain)
{
	struct err err = ERR_INIT;
	AUTO_FREE char *state_dir = command_state_dir(options, &drain->site);
	if (state_dir == NULL || look_after(options, drain) != 0)
		return EXIT_ERROR;
	if (maintenance_set(options, state_dir, &drain->site, true, &drain->nodes,
			    options->reason ? options->reason : "drained", &err) != 0)
		return command_fail(&err);
	AUTO_STR struct str folded = STR_INIT;
	nodeset_fold(&drain->nodes, &folded);
	fprintf(stderr,
		"%s: %zu guest%s moved off, and in maintenance until moyai maintenance off %s\n",
		str_text(&folded), drain->moves.count, drain->moves.count == 1 ? "" : "s",
		str_text(&folded));
	return EXIT_OK;
}

static int carry_out(const struct options *options, struct drain *drain)
{
	struct err err = ERR_INIT;
	choose_all(drain);
	if (drain->stuck > 0) {
		err_set(&err, "%zu guest%s cannot move; nothing was changed", drain->stuck,
			drain->stuck == 1 ? "" : "s");
		return command_fail(&err);
	}
	int result = drain->moves.count > 0 ? moves_run(options, &drain->moves) : EXIT_OK;
	return result == EXIT_OK ? close_after(options, drain) : result;
}

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct drain drain = { .stuck = 0 };
	if (argc != 1) {
		err_set(&err, "drain takes one node set, like vm[1-2]");
		return command_fail(&err);
	}
	if (ask_possible(options, "drain") != 0 ||
	    cluster_command_read(options, &drain.site, &drain.allocations) != 0)
		return EXIT_ERROR;
	int result = nodeset_parse(argv[0], &drain.site, &drain.nodes, &err) == 0
			     ? carry_out(options, &drain)
			     : command_fail(&err);
	moves_free(&drain.moves);
	text_list_free(&drain.nodes);
	allocations_free(&drain.allocations);
	site_free(&drain.site);
	return result;
}

const struct command command_drain = {
	.name = "drain",
	.usage = "NODES",
	.summary = "move all guests off nodes, and put them in maintenance",
	.doc = "Each guest moves, while it runs, to another VM server that has room for it, as "
	       "moyai\n"
	       "cluster migrate does; when one of them cannot, nothing is changed. Then the nodes "
	       "are\n"
	       "in maintenance: apply leaves them alone, and no guests are placed there, until "
	       "moyai\n"
	       "maintenance off. --reason says why to whoever meets them.",
	.run = run,
	.options = (OPTIONS_REACH & ~OPTION_LIMIT) | OPTION_YES | OPTION_NO_WAIT | OPTION_REASON,
};
