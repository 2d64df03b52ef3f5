/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "engine/allocate_move.h"
#include "model/nodeset.h"
#include "programs/ask.h"
#include "programs/cluster.h"
#include "programs/vacate.h"

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

static int carry_out(const struct options *options, struct drain *drain)
{
	struct err err = ERR_INIT;
	choose_all(drain);
	if (drain->stuck > 0) {
		err_set(&err, "%zu guest%s cannot move; nothing was changed", drain->stuck,
			drain->stuck == 1 ? "" : "s");
		return command_fail(&err);
	}
	return vacate(options, &drain->site, &drain->nodes, &drain->moves,
		      options->reason ? options->reason : "drained", "moyai maintenance off");
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
