/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "model/nodeset.h"
#include "model/runtime.h"
#include "programs/ask.h"
#include "programs/cluster.h"
#include "programs/interrupt.h"
#include "programs/maintenance.h"
#include "programs/site_edit.h"
/*
 * Hosts that are dead, or that nobody can tell to be: first they are off for certain, by their boards, and only
 * then their guests are somebody else's. So a guest runs on one host at most, whatever the dead one still does.
 */
struct fence {
	struct site site;
	struct allocations allocations;
	struct text_list nodes;
	struct text_list moved; /* "lab-node2: vm1 → vm2" */
	bool *changed;		/* by cluster */
};

static void drop(char **text)
{
	free(*text);
	*text = NULL;
}

/* What a record says of these hosts. One that was on its way to another host is that one's: there it may be. */
static bool release(const struct text_list *nodes, struct allocated_guest *recorded)
{
	bool from = recorded->host != NULL && text_list_has(nodes, recorded->host);
	bool to = recorded->to != NULL && text_list_has(nodes, recorded->to);
	if (to)
		drop(&recorded->to);
	if (!from)
		return to;
	free(recorded->host);
	recorded->host = recorded->to;
	recorded->to = NULL;
	/* An older clone of the site would have it where it was. */
	recorded->epoch = recorded->epoch == FIELD_UNSET ? 1 : recorded->epoch + 1;
	return true;
}

static void note_moved(struct fence *fence, const struct cluster *cluster, size_t guest,
		       const char *was)
{
	const struct allocated_guest *made =
		&fence->allocations.items[cluster - fence->site.clusters].guests[guest];
	if (was != NULL && !text_equal(was, made->host))
		text_list_take(&fence->moved, xasprintf("%s: %s → %s", cluster->guests[guest].id,
							was, made->host));
}

/* Records as they are, while others stand in their place. */
static struct allocation *release_all(struct fence *fence)
{
	struct allocation *kept = xcalloc(fence->site.cluster_count + 1, sizeof(*kept));
	for (size_t i = 0; i < fence->site.cluster_count; i++) {
		struct cluster *cluster = &fence->site.clusters[i];
		kept[i] = cluster->recorded;
		allocation_copy(&cluster->recorded, &kept[i]);
		for (size_t j = 0; j < cluster->recorded.guest_count; j++)
			if (cluster_is_running(cluster) &&
			    release(&fence->nodes, &cluster->recorded.guests[j]))
				fence->changed[i] = true;
	}
	return kept;
}

static void put_back(struct fence *fence, struct allocation *kept)
{
	for (size_t i = 0; i < fence->site.cluster_count; i++) {
		allocation_free(&fence->site.clusters[i].recorded);
		fence->site.clusters[i].recorded = kept[i];
	}
	free(kept);
}

/* Where each guest of these hosts would go. What finds no place is a mistake, and told. */
static int place(const struct options *options, struct fence *fence)
{
	struct mistakes mistakes = MISTAKES_INIT;
	struct err err = ERR_INIT;
	struct allocations before = fence->allocations;
	fence->allocations = (struct allocations){ 0 };
	fence->changed = xcalloc(fence->site.cluster_count + 1, sizeof(*fence->changed));
	for (size_t i = 0; i < fence->nodes.count; i++)
		site_find_node(&fence->site, fence->nodes.items[i])->guests.closed = true;
	struct allocation *kept = release_all(fence);
	int rc = allocate(&fence->site, &fence->allocations, &mistakes, &err);
	put_back(fence, kept);
	if (rc != 0)
		command_fail(&err);
	else if (mistakes.count > 0) {
		command_print_mistakes(&mistakes, options->json);
		err_set(&err, "nothing was changed; moyai cluster stop makes room");
		command_fail(&err);
		rc = -1;
	}
	for (size_t i = 0; rc == 0 && i < fence->site.cluster_count; i++)
		for (size_t j = 0; j < fence->site.clusters[i].guest_count; j++)
			note_moved(fence, &fence->site.clusters[i], j,
				   before.items[i].guests[j].host);
	mistakes_free(&mistakes);
	allocations_free(&before);
	return rc;
}

static int check_boards(const struct fence *fence, struct err *err)
{
	for (size_t i = 0; i < fence->nodes.count; i++)
		if (site_find_node(&fence->site, fence->nodes.items[i])->bmc.type == NULL)
			return err_set(err,
				       "%s has no bmc, so that nobody can be certain that it is "
				       "off; switch it off by hand, and take it out of the site",
				       fence->nodes.items[i]);
	return 0;
}

/* Read, and thought through. */
static int look(const struct options *options, const char *nodes, struct fence *fence)
{
	struct err err = ERR_INIT;
	*fence = (struct fence){ .changed = NULL };
	if (cluster_command_read(options, &fence->site, &fence->allocations) != 0)
		return -1;
	if (nodeset_parse(nodes, &fence->site, &fence->nodes, &err) != 0 ||
	    check_boards(fence, &err) != 0) {
		command_fail(&err);
		return -1;
	}
	return place(options, fence);
}

static void finish(struct fence *fence)
{
	free(fence->changed);
	text_list_free(&fence->moved);
	text_list_free(&fence->nodes);
	allocations_free(&fence->allocations);
	site_free(&fence->site);
}

static int record(const struct options *options, const struct fence *fence, const char *folded,
		  struct err *err)
{
	AUTO_LIST struct text_list files = TEXT_LIST_INIT;
	AUTO_STR struct str message = STR_INIT;
	str_addf(&message, "%s: off, by moyai fence", folded);
	for (size_t i = 0; i < fence->site.cluster_count; i++) {
		const struct cluster *cluster = &fence->site.clusters[i];
		if (!fence->changed[i])
			continue;
		if (cluster_command_record(options, cluster, &fence->allocations.items[i], stderr,
					   err) < 0)
			return -1;
		text_list_take(&files, xasprintf(ALLOCATION_FOLDER "/%s.cfg", cluster->name));
	}
	for (size_t i = 0; i < fence->moved.count; i++)
		str_addf(&message, "%s%s", i ? "\n" : "\n\n", fence->moved.items[i]);
	return files.count > 0 ? site_edit_commit(options, &files, str_text(&message), err) : 0;
}

/* In its turn, for others may have recorded something since it was looked at. */
static int record_in_turn(const struct options *options, const char *nodes)
{
	struct err err = ERR_INIT;
	struct fence fence;
	AUTO_STR struct str folded = STR_INIT;
	int turn = site_edit_begin(options, &err);
	if (turn < 0)
		return command_fail(&err);
	int result = EXIT_ERROR;
	if (look(options, nodes, &fence) == 0) {
		nodeset_fold(&fence.nodes, &folded);
		result = record(options, &fence, str_text(&folded), &err) == 0 ? EXIT_OK
									       : command_fail(&err);
	}
	finish(&fence);
	close(turn); /* an apply may take long */
	return result;
}

static int carry_out(const struct options *options, const struct fence *fence, const char *nodes,
		     char *folded)
{
	struct err err = ERR_INIT;
	struct options agreed = *options;
	char word[] = "off";
	char *words[] = { word, folded };
	agreed.yes = true;
	AUTO_FREE char *state_dir = command_state_dir(options, &fence->site);
	if (state_dir == NULL || command_power.run(&agreed, COUNT_OF(words), words) != EXIT_OK)
		return EXIT_ERROR;
	if (maintenance_set(options, state_dir, &fence->site, true, &fence->nodes,
			    options->reason ? options->reason : "fenced", &err) != 0)
		return command_fail(&err);
	int result = record_in_turn(&agreed, nodes);
	if (result == EXIT_OK)
		result = command_apply.run(&agreed, 0, NULL);
	fprintf(stderr,
		"%s: off, and in maintenance; when it is well again: moyai power on %s, and moyai "
		"maintenance off %s once it has booted\n",
		folded, folded, folded);
	return result;
}

static int fence_nodes(const struct options *options, const char *nodes, struct fence *fence)
{
	AUTO_STR struct str folded = STR_INIT;
	nodeset_fold(&fence->nodes, &folded);
	for (size_t i = 0; i < fence->moved.count; i++)
		fprintf(stderr, "%s\n", fence->moved.items[i]);
	if (fence->moved.count == 0)
		fputs("no guest is there by the record\n", stderr);
	if (!options->yes &&
	    !ask_yes(interrupt_watch(NULL), "Cut the power of %s, and start %zu guest%s elsewhere?",
		     str_text(&folded), fence->moved.count, fence->moved.count == 1 ? "" : "s")) {
		fputs("nothing was changed\n", stderr);
		return EXIT_ERROR;
	}
	return carry_out(options, fence, nodes, folded.data);
}

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct fence fence;
	if (argc != 1) {
		err_set(&err, "fence takes one node set, like vm[1-2]");
		return command_fail(&err);
	}
	if (ask_possible(options, "fence") != 0)
		return EXIT_ERROR;
	if (site_edit_allowed(options, &err) != 0)
		return command_fail(&err);
	int result = look(options, argv[0], &fence) == 0 ? fence_nodes(options, argv[0], &fence)
							 : EXIT_ERROR;
	finish(&fence);
	return result;
}

const struct command command_fence = {
	.name = "fence",
	.usage = "NODES",
	.summary = "cut the power of hosts that are dead, and start their guests elsewhere",
	.doc = "For hosts that do not answer: their guests may still run there. Their power is "
	       "cut\n"
	       "through their boards, and when these say that it is off, the nodes are in "
	       "maintenance,\n"
	       "each guest gets another host in its record, a frontend another gateway, and the "
	       "site\n"
	       "is applied. When one of them has no place, nothing is done. What was interrupted "
	       "the\n"
	       "same command finishes. A host that is well is emptied by moyai drain.",
	.run = run,
	.options = (OPTIONS_REACH & ~OPTION_LIMIT) | OPTION_YES | OPTION_NO_WAIT | OPTION_REASON,
};
