/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/moves.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
	STAYS,	/* it did not move, and the record says so */
	LEAVES, /* it is to move */
	MOVED,	/* it has, and the record is to say so */
};
struct work {
	const struct options *options;
	const struct moves *moves;
	enum stage *stages; /* by move */
	bool recorded;	    /* that they leave */
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
			struct allocated_guest *made, const struct move *move, enum stage *stage,
			struct err *err)
{
	if (text_equal(move->to, made->host)) {
		*stage = STAYS;
		set_to(made, NULL);
		str_addf(&notes->message, "%s stays on %s", move->guest, move->to);
		return 0;
	}
	if (!text_equal(move->to, made->to) &&
	    allocate_move_check(&notes->site, &notes->allocations, guest, move->to, err) != 0)
		return -1;
	set_to(made, move->to);
	str_addf(&notes->message, "%s moves to %s", move->guest, move->to);
	return 0;
}

static void note_moved(struct notes *notes, struct allocated_guest *made, const struct move *move)
{
	set_to(made, NULL);
	free(made->host);
	made->host = xstrdup(move->to);
	made->epoch = made->epoch == FIELD_UNSET ? 1 : made->epoch + 1;
	str_addf(&notes->message, "%s is on %s", move->guest, move->to);
}

static int note(struct notes *notes, const struct move *move, enum stage *stage, struct err *err)
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
	if (*stage == LEAVES)
		return note_leaving(notes, guest, made, move, stage, err);
	note_moved(notes, made, move);
	return 0;
}

static int write_notes(const struct options *options, struct notes *notes, struct err *err)
{
	AUTO_LIST struct text_list files = TEXT_LIST_INIT;
	for (size_t i = 0; i < notes->clusters.count; i++) {
		const char *name = notes->clusters.items[i];
		const struct cluster *cluster = site_find_cluster(&notes->site, name);
		size_t index = (size_t)(cluster - notes->site.clusters);
		if (cluster_command_record(options, cluster, &notes->allocations.items[index],
					   stderr, err) < 0)
			return -1;
		text_list_take(&files, xasprintf(ALLOCATION_FOLDER "/%s.cfg", name));
	}
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
		return err_set(err, "nothing was changed");
	}
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < work->moves->count; i++)
		if (work->stages[i] == stage)
			rc = note(&notes, &work->moves->items[i], &work->stages[i], err);
	if (rc == 0)
		rc = write_notes(work->options, &notes, err);
	close(turn); /* an apply may take long */
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
		count += work->stages[i] == stage;
	return count;
}

/* ---- where they are ---- */

/* An earlier move may have come so far, and no further. */
static int see(struct work *work, size_t index, const struct reach *reach, struct err *err)
{
	const struct move *move = &work->moves->items[index];
	const struct cluster_guest *guest;
	const struct cluster *cluster = allocate_move_find(&reach->site, move->guest, &guest, err);
	if (cluster == NULL)
		return -1;
	const struct allocated_guest *recorded = allocation_find(&cluster->recorded, guest->name);
	struct cluster_seen seen = cluster_hosts_look(reach, guest);
	const char *on = seen.hosts.count == 1 ? seen.hosts.items[0] : NULL;
	int rc = 0;
	work->stages[index] = LEAVES;
	if (on == NULL)
		rc = err_set(err, "%s is %s; moyai cluster status %s", move->guest,
			     cluster_seen_state(&seen), cluster->name);
	else if (recorded == NULL)
		rc = err_set(err, "moyai cluster allocate %s comes first", cluster->name);
	else if (text_equal(on, move->to) && !text_equal(recorded->host, on))
		work->stages[index] = MOVED;
	else if (text_equal(on, move->to) && recorded->to == NULL)
		rc = err_set(err, "%s is on %s", move->guest, on);
	else if (!text_equal(on, recorded->host))
		rc = err_set(err, "%s is on %s, and on %s by its record; moyai apply comes first",
			     move->guest, on, recorded->host ? recorded->host : "no host");
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

static int move_one(struct work *work, size_t index, struct reach *reach, const char *from,
		    struct err *err)
{
	const struct move *move = &work->moves->items[index];
	AUTO_STR struct str key = STR_INIT;
	AUTO_STR struct str where = STR_INIT;
	struct shown shown = { .move = move, .from = from, .terminal = isatty(STDERR_FILENO) };
	struct migration migration = { .guest = move->guest,
				       .from = host_named(reach, from),
				       .to = host_named(reach, move->to),
				       .progress = show_percent,
				       .context = &shown };
	migration.from_address = site_node_boot_address(&reach->site, migration.from->node);
	migration.to_address = site_node_boot_address(&reach->site, migration.to->node);
	if (pins_find(reach->state_dir, move->to, migration.to_address, &key, &where, err) != 0)
		return -1;
	migration.host_key = str_text(&key);
	int rc = migrate(&migration, &reach->remote, err);
	fprintf(stderr, "%s%s: %s → %s  %s%s\n", shown.terminal ? "\r" : "", move->guest, from,
		move->to, rc == 0 ? "moved" : "not moved: ", rc == 0 ? "" : err->text);
	return rc;
}

/* The record's, of the revision that was just applied. */
static const char *from_of(const struct reach *reach, const struct move *move)
{
	const struct cluster_guest *guest;
	const struct cluster *cluster = allocate_move_find(&reach->site, move->guest, &guest, NULL);
	return cluster ? allocation_find(&cluster->recorded, guest->name)->host : NULL;
}

static void add_name(struct text_list *names, const char *name)
{
	if (!text_list_has(names, name))
		text_list_add(names, name);
}

/* Those that leave, one after the other: each has the wire to itself, and comes to its end the sooner. */
static int move_all(struct work *work)
{
	struct err err = ERR_INIT;
	struct reach reach = { 0 };
	int rc = reach_site(work->options, NULL, NULL, &reach);
	text_list_free(&reach.names);
	for (size_t i = 0; rc == 0 && i < work->moves->count; i++) {
		if (work->stages[i] != LEAVES)
			continue;
		add_name(&reach.names, from_of(&reach, &work->moves->items[i]));
		add_name(&reach.names, work->moves->items[i].to);
	}
	if (rc == 0)
		rc = reach_nodes(work->options, &reach);
	progress_close(&reach.progress);
	for (size_t i = 0; rc == 0 && i < work->moves->count && !reach_stopped(&reach); i++) {
		const char *from = from_of(&reach, &work->moves->items[i]);
		if (work->stages[i] == LEAVES && move_one(work, i, &reach, from, &err) == 0)
			work->stages[i] = MOVED;
	}
	reach_close(&reach);
	return rc;
}

/* ---- all of it ---- */

static void tell_left(const struct work *work)
{
	for (size_t i = 0; i < work->moves->count; i++)
		if (work->stages[i] == LEAVES)
			fprintf(stderr,
				"%s is still to move to %s; moyai cluster migrate %s %s tries it "
				"again, and the same with its host takes it back\n",
				work->moves->items[i].guest, work->moves->items[i].to,
				work->moves->items[i].guest, work->moves->items[i].to);
}

/* Whoever said yes to the first half did to the second. */
static int apply_rest(const struct work *work)
{
	struct options options = *work->options;
	options.yes = true;
	return command_apply.run(&options, 0, NULL);
}

static int leave(struct work *work)
{
	struct err err = ERR_INIT;
	if (record(work, LEAVES, &err) != 0)
		return command_fail(&err);
	work->recorded = true;
	int result = command_apply.run(work->options, 0, NULL);
	if (result == EXIT_OK && count_of(work, LEAVES) > 0 && move_all(work) != 0)
		result = EXIT_ERROR;
	return result;
}

static int arrive(struct work *work)
{
	struct err err = ERR_INIT;
	if (record(work, MOVED, &err) != 0)
		return command_fail(&err);
	return apply_rest(work);
}

int moves_run(const struct options *options, const struct moves *moves)
{
	struct err err = ERR_INIT;
	struct work work = { .options = options, .moves = moves };
	work.stages = xcalloc(moves->count + 1, sizeof(*work.stages));
	int result = see_all(&work, &err) == 0 ? EXIT_OK : command_fail(&err);
	if (result == EXIT_OK && count_of(&work, MOVED) < moves->count)
		result = leave(&work);
	if (count_of(&work, MOVED) > 0) {
		int end = arrive(&work);
		result = result == EXIT_OK ? end : result;
	}
	if (work.recorded && count_of(&work, LEAVES) > 0) {
		tell_left(&work);
		result = EXIT_ERROR;
	}
	free(work.stages);
	return result;
}
