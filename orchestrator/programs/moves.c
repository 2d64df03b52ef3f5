/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/moves.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "daemon/pins.h"
#include "engine/allocate_move.h"
#include "programs/cluster.h"
#include "programs/cluster_hosts.h"
#include "programs/site_edit.h"
#include "remote/migrate.h"

void moves_add(struct moves *moves, const char *guest, const char *to)
{
	moves->items = xrealloc(moves->items, moves->count + 1, sizeof(*moves->items));
	moves->items[moves->count++] = (struct move){ .guest = xstrdup(guest), .to = xstrdup(to) };
}

void moves_free(struct moves *moves)
{
	for (size_t i = 0; i < moves->count; i++) {
		free(moves->items[i].guest);
		free(moves->items[i].to);
	}
	free(moves->items);
	*moves = (struct moves){ 0 };
}

/* What becomes of each. */
enum stage {
	STAYS,	/* its record says where it is */
	LEAVES, /* it is to move */
	MOVED,	/* it has, and the record is to say so */
};
struct task {
	enum stage stage;
	char *from;	/* where it is, or was */
	uint64_t epoch; /* MOVED: that it has there */
};
struct work {
	const struct options *options;
	const struct moves *moves;
	struct task *tasks; /* by move */
	bool recorded;	    /* that some leave */
};

/* ---- the record ---- */

/* What the records are to say, and the commit. */
struct notes {
	struct site site;
	struct allocations allocations;
	struct text_list clusters;
	struct str message; /* "lab-node1 moves to vm2, lab-node2 moves to vm3" */
};

static void set_to(struct allocated_guest *made, const char *to)
{
	free(made->to);
	made->to = xstrdup(to);
}

/* It leaves, or, to where it is by now, stays after all. */
static int note_leaving(struct notes *notes, const struct cluster_guest *guest,
			struct allocated_guest *made, const struct move *move, struct task *task,
			struct err *err)
{
	const struct site_node *from = site_find_node(&notes->site, made->host);
	if (!text_equal(made->host, task->from))
		return err_set(err, "%s is on %s, and on %s by its record; look again", move->guest,
			       task->from, made->host ? made->host : "no host");
	if (text_equal(move->to, made->host)) {
		task->stage = STAYS;
		set_to(made, NULL);
		str_addf(&notes->message, "%s stays on %s", move->guest, move->to);
		return 0;
	}
	/* It would keep what is to be taken away from it. */
	if (from != NULL && from->guests.closed)
		return err_set(
			err,
			"%s is in maintenance, and would be left as it is; moyai maintenance "
			"off %s comes first",
			made->host, made->host);
	/* Its own room there is taken already when that is recorded. */
	set_to(made, NULL);
	if (allocate_move_check(&notes->site, &notes->allocations, guest, move->to, err) != 0)
		return -1;
	set_to(made, move->to);
	str_addf(&notes->message, "%s moves to %s", move->guest, move->to);
	return 0;
}

static void note_moved(struct notes *notes, struct allocated_guest *made, const struct move *move,
		       const struct task *task)
{
	set_to(made, NULL);
	free(made->host);
	made->host = xstrdup(move->to);
	made->epoch = task->epoch ? task->epoch : FIELD_UNSET;
	str_addf(&notes->message, "%s is on %s", move->guest, move->to);
}

static int note(struct notes *notes, const struct move *move, struct task *task, struct err *err)
{
	const struct cluster_guest *guest;
	const struct cluster *cluster = allocate_move_find(&notes->site, move->guest, &guest, err);
	if (cluster == NULL)
		return -1;
	if (cluster->open)
		return err_set(err, "moyai cluster allocate %s comes first", cluster->name);
	struct allocated_guest *made = &notes->allocations.items[cluster - notes->site.clusters]
						.guests[guest - cluster->guests];
	if (!text_list_has(&notes->clusters, cluster->name))
		text_list_add(&notes->clusters, cluster->name);
	str_add(&notes->message, notes->message.length ? ", " : "");
	if (task->stage == LEAVES)
		return note_leaving(notes, guest, made, move, task, err);
	note_moved(notes, made, move, task);
	return 0;
}

static int put_back(const struct options *options, const struct text_list *files,
		    const struct text_list *before, struct err *err)
{
	for (size_t i = 0; i < files->count; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", options->site_dir, files->items[i]);
		if (file_write(path, before->items[i], strlen(before->items[i]), 0644, err) != 0)
			return -1;
	}
	return err_set(err, "nothing was changed");
}

/* The site has to be right with them; else they are what they were. */
static int write_notes(const struct options *options, struct notes *notes, struct err *err)
{
	AUTO_LIST struct text_list files = TEXT_LIST_INIT;
	AUTO_LIST struct text_list before = TEXT_LIST_INIT;
	struct site site;
	for (size_t i = 0; i < notes->clusters.count; i++) {
		const char *name = notes->clusters.items[i];
		const struct cluster *cluster = site_find_cluster(&notes->site, name);
		size_t index = (size_t)(cluster - notes->site.clusters);
		AUTO_STR struct str was = STR_INIT;
		AUTO_STR struct str is = STR_INIT;
		cluster_command_records(cluster, &notes->allocations.items[index], &was, &is);
		text_list_add(&before, str_text(&was));
		text_list_take(&files, xasprintf(ALLOCATION_FOLDER "/%s.cfg", name));
		if (cluster_command_record(options, cluster, &notes->allocations.items[index],
					   stderr, err) < 0)
			return -1;
	}
	if (command_site(options, &site) != 0)
		return put_back(options, &files, &before, err);
	site_free(&site);
	return site_edit_commit(options, &files, str_text(&notes->message), err);
}

/* Those at this stage: all of them, or none. */
static int record(struct work *work, enum stage stage, struct err *err)
{
	struct notes notes = { .message = STR_INIT };
	int turn = site_edit_begin(work->options, err);
	if (turn < 0)
		return -1;
	if (cluster_command_read(work->options, &notes.site, &notes.allocations) != 0) {
		close(turn);
		return err_set(err, "nothing was recorded");
	}
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < work->moves->count; i++)
		if (work->tasks[i].stage == stage)
			rc = note(&notes, &work->moves->items[i], &work->tasks[i], err);
	if (rc == 0)
		rc = write_notes(work->options, &notes, err);
	close(turn); /* an apply may take long */
	for (size_t i = 0; rc == 0 && stage == MOVED && i < work->moves->count; i++)
		if (work->tasks[i].stage == MOVED)
			work->tasks[i].stage = STAYS;
	allocations_free(&notes.allocations);
	site_free(&notes.site);
	text_list_free(&notes.clusters);
	str_free(&notes.message);
	return rc;
}

static size_t count_of(const struct work *work, enum stage stage)
{
	size_t count = 0;
	for (size_t i = 0; i < work->moves->count; i++)
		count += work->tasks[i].stage == stage;
	return count;
}

/* ---- where they are ---- */

/* By the one host that has it, when all of them have said. */
static int judge(const struct move *move, const struct cluster_seen *seen,
		 const struct allocated_guest *recorded, struct task *task, struct err *err)
{
	const char *on = seen->hosts.items[0];
	uint64_t known = recorded->epoch == FIELD_UNSET ? 0 : recorded->epoch;
	bool newer = seen->epoch != FIELD_UNSET && seen->epoch > known;
	task->from = xstrdup(on);
	task->epoch = seen->epoch == FIELD_UNSET ? known : seen->epoch;
	task->stage = LEAVES;
	/* An earlier move may have come so far, and no further. */
	if (text_equal(on, move->to) && (newer || !text_equal(on, recorded->host)))
		task->stage = MOVED;
	else if (text_equal(on, move->to) && recorded->to == NULL)
		task->stage = STAYS;
	else if (newer || !text_equal(on, recorded->host))
		return err_set(err,
			       "%s is on %s, and its record does not say so; moyai cluster migrate "
			       "%s %s comes first",
			       move->guest, on, move->guest, on);
	return 0;
}

static int see(struct work *work, size_t index, const struct reach *reach, struct err *err)
{
	const struct move *move = &work->moves->items[index];
	const struct cluster_guest *guest;
	const struct cluster *cluster = allocate_move_find(&reach->site, move->guest, &guest, err);
	if (cluster == NULL)
		return -1;
	const struct allocated_guest *recorded = allocation_find(&cluster->recorded, guest->name);
	struct cluster_seen seen = cluster_hosts_look(reach, guest);
	int rc;
	if (recorded == NULL)
		rc = err_set(err, "moyai cluster allocate %s comes first", cluster->name);
	else if (seen.silent > 0)
		rc = err_set(
			err,
			"%s moves when all hosts that may have it have answered; moyai cluster "
			"status %s",
			move->guest, cluster->name);
	else if (seen.hosts.count != 1)
		rc = err_set(err, "%s is %s; moyai cluster status %s", move->guest,
			     cluster_seen_state(&seen), cluster->name);
	else
		rc = judge(move, &seen, recorded, &work->tasks[index], err);
	cluster_seen_free(&seen);
	return rc;
}

static int see_all(struct work *work, struct err *err)
{
	struct reach reach = { 0 };
	int rc = reach_site(work->options, NULL, NULL, &reach);
	if (rc == 0)
		rc = cluster_hosts_ask(work->options, &reach);
	if (rc != 0)
		err_set(err, "nothing was changed");
	else if (reach_stopped(&reach))
		rc = err_set(err, "interrupted");
	for (size_t i = 0; rc == 0 && i < work->moves->count; i++)
		rc = see(work, i, &reach, err);
	reach_close(&reach);
	return rc;
}

/* ---- the move itself ---- */

struct shown {
	const struct move *move;
	const char *from;
	bool terminal;
	unsigned tenth; /* told last, when it is no terminal */
};

static void show_percent(void *context, unsigned percent)
{
	struct shown *shown = context;
	if (shown->terminal)
		fprintf(stderr, "\r%s: %s → %s  %u%%\033[K", shown->move->guest, shown->from,
			shown->move->to, percent);
	else if (percent / 10 > shown->tenth)
		fprintf(stderr, "%s: %s → %s  %u%%\n", shown->move->guest, shown->from,
			shown->move->to, percent);
	shown->tenth = percent / 10 > shown->tenth ? percent / 10 : shown->tenth;
	fflush(stderr);
}

static struct host *host_named(struct reach *reach, const char *name)
{
	for (size_t i = 0; i < reach->fleet.count; i++)
		if (strcmp(reach->fleet.hosts[i].name, name) == 0)
			return &reach->fleet.hosts[i];
	return NULL;
}

/* Whether the site that was just applied still says so. */
static bool is_meant(const struct reach *reach, const struct move *move, const struct task *task)
{
	const struct cluster_guest *guest;
	const struct cluster *cluster = allocate_move_find(&reach->site, move->guest, &guest, NULL);
	const struct allocated_guest *recorded =
		cluster ? allocation_find(&cluster->recorded, guest->name) : NULL;
	return recorded != NULL && text_equal(recorded->host, task->from) &&
	       text_equal(recorded->to, move->to) && cluster_is_running(cluster);
}

static int talk(struct reach *reach, const struct move *move, struct task *task,
		struct shown *shown, struct err *err)
{
	AUTO_STR struct str key = STR_INIT;
	AUTO_STR struct str where = STR_INIT;
	struct migration migration = { .guest = move->guest,
				       .from = host_named(reach, task->from),
				       .to = host_named(reach, move->to),
				       .progress = show_percent,
				       .context = shown };
	if (migration.from == NULL || migration.to == NULL || !is_meant(reach, move, task))
		return err_set(err, "its record has changed meanwhile");
	migration.from_address = site_node_boot_address(&reach->site, migration.from->node);
	migration.to_address = site_node_boot_address(&reach->site, migration.to->node);
	if (pins_find(reach->state_dir, move->to, migration.to_address, &key, &where, err) != 0)
		return -1;
	migration.host_key = str_text(&key);
	return migrate(&migration, &reach->remote, err);
}

static int move_one(struct work *work, size_t index, struct reach *reach)
{
	struct err err = ERR_INIT;
	const struct move *move = &work->moves->items[index];
	struct task *task = &work->tasks[index];
	struct shown shown = { .move = move,
			       .from = task->from,
			       .terminal = isatty(STDERR_FILENO) };
	int rc = talk(reach, move, task, &shown, &err);
	fprintf(stderr, "%s%s: %s → %s  %s%s\n", shown.terminal ? "\r" : "", move->guest,
		task->from, move->to, rc == 0 ? "moved" : "not moved: ", rc == 0 ? "" : err.text);
	const struct host *to = host_named(reach, move->to);
	if (rc == 0 && to->failed != NULL)
		fprintf(stderr, "%s: %s\n", move->to, to->failed);
	return rc;
}

static void add_name(struct text_list *names, const char *name)
{
	if (!text_list_has(names, name))
		text_list_add(names, name);
}

/* Those that leave, one after the other: each has the wire to itself, and comes to its end the sooner. */
static int move_all(struct work *work)
{
	struct reach reach = { 0 };
	int rc = reach_site(work->options, NULL, NULL, &reach);
	text_list_free(&reach.names);
	for (size_t i = 0; rc == 0 && i < work->moves->count; i++) {
		if (work->tasks[i].stage != LEAVES)
			continue;
		add_name(&reach.names, work->tasks[i].from);
		add_name(&reach.names, work->moves->items[i].to);
	}
	if (rc == 0)
		rc = reach_nodes(work->options, &reach);
	progress_close(&reach.progress);
	for (size_t i = 0; rc == 0 && i < work->moves->count && !reach_stopped(&reach); i++) {
		if (work->tasks[i].stage != LEAVES || move_one(work, i, &reach) != 0)
			continue;
		work->tasks[i].stage = MOVED;
		work->tasks[i].epoch++;
	}
	reach_close(&reach);
	return rc;
}

/* ---- all of it ---- */

static void tell_left(const struct work *work)
{
	for (size_t i = 0; i < work->moves->count; i++)
		if (work->tasks[i].stage == LEAVES)
			fprintf(stderr,
				"%s is still to move to %s; moyai cluster migrate %s %s tries it "
				"again, and the same with %s takes it back\n",
				work->moves->items[i].guest, work->moves->items[i].to,
				work->moves->items[i].guest, work->moves->items[i].to,
				work->tasks[i].from);
}

/* What has moved is recorded, whatever else is. */
static int arrive(struct work *work)
{
	struct err err = ERR_INIT;
	if (count_of(work, MOVED) == 0 || record(work, MOVED, &err) == 0)
		return EXIT_OK;
	command_fail(&err);
	fputs("what has moved is not recorded; the same command does that\n", stderr);
	return EXIT_ERROR;
}

/* Whoever said yes to the first half did to the second. */
static int apply_rest(const struct work *work)
{
	struct options options = *work->options;
	options.yes = true;
	return command_apply.run(&options, 0, NULL);
}

static int carry_out(struct work *work)
{
	struct err err = ERR_INIT;
	if (arrive(work) != EXIT_OK)
		return EXIT_ERROR;
	if (count_of(work, LEAVES) > 0) {
		if (record(work, LEAVES, &err) != 0)
			return command_fail(&err);
		work->recorded = true;
	}
	int result = command_apply.run(work->options, 0, NULL);
	if (result != EXIT_OK || count_of(work, LEAVES) == 0)
		return result;
	if (move_all(work) != 0 || count_of(work, MOVED) == 0 || arrive(work) != EXIT_OK)
		return EXIT_ERROR;
	return apply_rest(work);
}

int moves_run(const struct options *options, const struct moves *moves)
{
	struct err err = ERR_INIT;
	struct work work = { .options = options, .moves = moves };
	work.tasks = xcalloc(moves->count + 1, sizeof(*work.tasks));
	int result = see_all(&work, &err) == 0 ? carry_out(&work) : command_fail(&err);
	if (work.recorded && count_of(&work, LEAVES) > 0) {
		tell_left(&work);
		result = EXIT_ERROR;
	}
	for (size_t i = 0; i < moves->count; i++)
		free(work.tasks[i].from);
	free(work.tasks);
	return result;
}
