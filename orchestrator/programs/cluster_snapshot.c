/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "model/text_check.h"
#include "programs/ask.h"
#include "programs/cluster.h"
#include "programs/site_edit.h"
/* cluster snapshot, reset and forget: the record of a cluster is changed and committed, and then applied
   like everything else. */

/* What one of the commands does to the record. */
typedef int change_fn(const struct cluster *cluster, struct allocation *record,
		      const char *snapshot, struct err *err);

static int missing(const struct cluster *cluster, const char *snapshot, struct err *err)
{
	const struct text_list *known = &cluster->recorded.snapshots;
	AUTO_STR struct str hint = STR_INIT;
	for (size_t i = 0; i < known->count; i++)
		str_addf(&hint, "%s %.*s", i ? "," : "; it has", (int)strcspn(known->items[i], "@"),
			 known->items[i]);
	return err_set(err, "cluster \"%s\" has no snapshot \"%s\"%s", cluster->name, snapshot,
		       known->count ? str_text(&hint) : "; it has none");
}

/* All disks as they are at one moment: nobody may write to them. */
static int check_stopped(const struct cluster *cluster, struct err *err)
{
	if (text_equal(cluster->state, "stopped"))
		return 0;
	if (!cluster_is_wanted(cluster))
		return err_set(err, "cluster \"%s\" is absent, and has no disks", cluster->name);
	return err_set(
		err,
		"cluster \"%s\" is %s, and its disks have to be still; moyai cluster stop %s "
		"comes first",
		cluster->name, cluster->state, cluster->name);
}

/* The time makes it another one each time, whatever became of the record meanwhile. */
static char *stamped(const char *snapshot)
{
	return xasprintf("%s@%llu", snapshot, (unsigned long long)time(NULL));
}

static int take(const struct cluster *cluster, struct allocation *record, const char *snapshot,
		struct err *err)
{
	if (check_stopped(cluster, err) != 0)
		return -1;
	if (!text_is_name(snapshot))
		return err_set(err,
			       "\"%s\" is no name for a snapshot; write a-z, 0-9 and \"-\", like "
			       "\"clean\"",
			       snapshot);
	if (allocation_has_snapshot(record, snapshot))
		return err_set(
			err,
			"cluster \"%s\" has a snapshot \"%s\"; choose another name (moyai apply "
			"makes what of it is not there yet)",
			cluster->name, snapshot);
	/* It may still be there. */
	if (text_list_has(&record->forgotten, snapshot))
		return err_set(err, "cluster \"%s\" had a snapshot \"%s\"; choose another name",
			       cluster->name, snapshot);
	if (record->snapshots.count == ALLOCATION_SNAPSHOTS_MAX)
		return err_set(err, "cluster \"%s\" has %d snapshots; moyai cluster forget one",
			       cluster->name, ALLOCATION_SNAPSHOTS_MAX);
	text_list_take(&record->snapshots, stamped(snapshot));
	return 0;
}

static void set_reset(char **reset, const char *snapshot)
{
	free(*reset);
	*reset = stamped(snapshot);
}

static int set_back(const struct cluster *cluster, struct allocation *record, const char *snapshot,
		    struct err *err)
{
	if (check_stopped(cluster, err) != 0)
		return -1;
	if (!allocation_has_snapshot(record, snapshot))
		return missing(cluster, snapshot, err);
	for (size_t i = 0; i < record->guest_count; i++) {
		struct allocated_guest *guest = &record->guests[i];
		if (guest->disk != NULL)
			set_reset(&guest->disk_reset, snapshot);
		if (guest->scratch != NULL)
			set_reset(&guest->scratch_reset, snapshot);
	}
	return 0;
}

static int forget(const struct cluster *cluster, struct allocation *record, const char *snapshot,
		  struct err *err)
{
	if (!allocation_has_snapshot(record, snapshot))
		return missing(cluster, snapshot, err);
	for (size_t i = 0; i < record->guest_count; i++)
		if (allocated_is_set_back(&record->guests[i], snapshot))
			return err_set(err,
				       "the disks of cluster \"%s\" are what was set back to "
				       "\"%s\"; it stays until they are set back to another one",
				       cluster->name, snapshot);
	for (size_t i = record->snapshots.count; i-- > 0;) {
		AUTO_FREE char *prefix = xasprintf("%s@", snapshot);
		if (text_starts(record->snapshots.items[i], prefix))
			text_list_remove(&record->snapshots, record->snapshots.items[i]);
	}
	text_list_add(&record->forgotten, snapshot);
	return 0;
}

static int write_text(const struct options *options, const char *file, const char *text,
		      struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s", options->site_dir, file);
	return file_write(path, text, strlen(text), 0644, err);
}

/* The site has to be right with the record; else that is what it was. */
static int check_recorded(const struct options *options, const char *file, const char *before,
			  struct err *err)
{
	struct site site;
	struct allocations allocations;
	if (cluster_command_read(options, &site, &allocations) != 0)
		return write_text(options, file, before, err) == 0
			       ? err_set(err, "nothing was changed")
			       : -1;
	allocations_free(&allocations);
	site_free(&site);
	return 0;
}

static int record(const struct options *options, const char *name, const char *snapshot,
		  change_fn *change, struct err *err)
{
	struct site site;
	struct allocations allocations;
	AUTO_FREE char *file = xasprintf(ALLOCATION_FOLDER "/%s.cfg", name);
	AUTO_STR struct str before = STR_INIT;
	AUTO_STR struct str after = STR_INIT;
	if (cluster_command_read(options, &site, &allocations) != 0)
		return err_set(err, "nothing was changed");
	const struct cluster *cluster = cluster_named(&site, name, err);
	int rc = cluster ? 0 : -1;
	if (rc == 0 && cluster->open)
		rc = err_set(err, "moyai cluster allocate %s comes first", name);
	if (rc == 0) {
		struct allocation *made = &allocations.items[cluster - site.clusters];
		cluster_command_records(cluster, made, &before, &after);
		rc = change(cluster, made, snapshot, err);
		if (rc == 0)
			rc = cluster_command_record(options, cluster, made, stderr, err);
	}
	allocations_free(&allocations);
	site_free(&site);
	return rc < 0 ? -1 : check_recorded(options, file, str_text(&before), err);
}

static int run(const struct options *options, int argc, char **argv, const char *verb,
	       change_fn *change, const char *message, const char *loses)
{
	struct err err = ERR_INIT;
	AUTO_LIST struct text_list files = TEXT_LIST_INIT;
	if (argc != 2) {
		err_set(&err, "cluster %s takes a cluster and a snapshot, like genome clean", verb);
		return command_fail(&err);
	}
	/* Asked for before it is recorded: the next apply would carry it out. */
	AUTO_FREE char *consent = xasprintf("cluster/%s", argv[0]);
	if (loses != NULL && !text_list_has(&options->allow_data_loss, consent)) {
		err_set(&err, "cluster %s loses %s; write --allow-data-loss=%s to allow it", verb,
			loses, consent);
		return command_fail(&err);
	}
	AUTO_FREE char *what = xasprintf(message, argv[0], argv[1]);
	AUTO_FREE char *command = xasprintf("cluster %s", verb);
	if (ask_possible(options, command) != 0)
		return EXIT_ERROR;
	int turn = site_edit_begin(options, &err);
	if (turn < 0)
		return command_fail(&err);
	text_list_take(&files, xasprintf(ALLOCATION_FOLDER "/%s.cfg", argv[0]));
	int rc = record(options, argv[0], argv[1], change, &err);
	if (rc == 0)
		rc = site_edit_commit(options, &files, what, &err);
	close(turn); /* an apply may take long */
	if (rc != 0)
		return command_fail(&err);
	int result = command_apply.run(options, 0, NULL);
	if (result != EXIT_OK)
		fprintf(stderr,
			"%s says so, and the next apply carries it out; git revert takes it back\n",
			files.items[0]);
	return result;
}

static int run_snapshot(const struct options *options, int argc, char **argv)
{
	return run(options, argc, argv, "snapshot", take, "Snapshot of cluster %s: %s", NULL);
}

static int run_reset(const struct options *options, int argc, char **argv)
{
	return run(options, argc, argv, "reset", set_back, "Cluster %s is set back to %s",
		   "what was written since");
}

static int run_forget(const struct options *options, int argc, char **argv)
{
	return run(options, argc, argv, "forget", forget, "Cluster %s forgets snapshot %s",
		   "what only the snapshot holds");
}

#define APPLIES                                                                                    \
	"\n"                                                                                       \
	"It is recorded in allocations/NAME.cfg, shown and, in a git repository, committed.\n"     \
	"Then the whole site is applied, as moyai apply does: with its plan, and its question."

const struct command command_cluster_snapshot = {
	.name = "cluster snapshot",
	.usage = "CLUSTER SNAPSHOT",
	.summary = "keep what all disks of a stopped cluster hold",
	.doc = "Every disk of the cluster, scratch disks too, gets a copy in its thin pool, which\n"
	       "takes no room but for what changes afterwards. moyai cluster reset returns to "
	       "it.\n" APPLIES,
	.run = run_snapshot,
	.options = OPTIONS_REACH | OPTION_YES | OPTION_LOSS | OPTION_NO_WAIT,
};
const struct command command_cluster_reset = {
	.name = "cluster reset",
	.usage = "CLUSTER SNAPSHOT",
	.summary = "set all disks of a stopped cluster back to a snapshot",
	.doc = "What was written since is lost: that needs --allow-data-loss=cluster/NAME. Nodes\n"
	       "that came after the snapshot are set back to what they first were. The snapshot\n"
	       "stays, for the next time.\n" APPLIES,
	.run = run_reset,
	.options = OPTIONS_REACH | OPTION_YES | OPTION_LOSS | OPTION_NO_WAIT,
};
const struct command command_cluster_forget = {
	.name = "cluster forget",
	.usage = "CLUSTER SNAPSHOT",
	.summary = "give a snapshot of a cluster up",
	.doc = "What only the snapshot holds is lost: that needs --allow-data-loss=cluster/NAME.\n"
	       "The last one that the disks were set back to stays.\n" APPLIES,
	.run = run_forget,
	.options = OPTIONS_REACH | OPTION_YES | OPTION_LOSS | OPTION_NO_WAIT,
};
