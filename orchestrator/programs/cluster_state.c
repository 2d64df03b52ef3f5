/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "programs/ask.h"
#include "programs/cluster.h"
#include "programs/site_edit.h"
/* cluster start, stop and remove: what is declared is edited, recorded and committed, and then
   applied like everything else. */

enum { CLUSTER_FILE_MAX = 1024 * 1024 };
static const char FIELD[] = "state";

/* The file of a cluster, as it was and as it is to be. */
struct edit {
	char *file; /* below the site */
	char *path;
	struct str before, after;
	char *was;     /* the state that was declared */
	unsigned line; /* where it is written, or would be */
};

static void edit_free(struct edit *edit)
{
	free(edit->file);
	free(edit->path);
	free(edit->was);
	str_free(&edit->before);
	str_free(&edit->after);
}

/* Where the line begins, counted from 1; the end when there are fewer. */
static const char *line_at(const char *text, unsigned line)
{
	for (; line > 1 && *text; line--) {
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return text;
}

/* The value of `state = "…"` in this line, between its quotes; NULL: it is not written so. */
static const char *value_in(const char *line)
{
	const char *end = line + strcspn(line, "\n");
	for (const char *at = strstr(line, FIELD); at && at < end; at = strstr(at, FIELD)) {
		bool word = at == line || strchr(" \t;,", at[-1]) != NULL;
		at += strlen(FIELD);
		const char *value = at + strspn(at, " \t");
		if (!word || (*value != '=' && *value != ':'))
			continue;
		value++;
		value += strspn(value, " \t");
		return *value == '"' ? value + 1 : NULL;
	}
	return NULL;
}

static int by_hand(const struct edit *edit, const char *state, struct err *err)
{
	return err_set(err, "%s:%u: cannot be edited as it stands; write state = \"%s\"; by hand",
		       edit->file, edit->line, state);
}

/* In place of the value that is written, or in a line of its own below the name. */
static int edit_state(const struct cluster *cluster, const char *state, struct edit *edit,
		      struct err *err)
{
	struct place place = place_of(cluster->place, FIELD);
	struct place name = place_of(cluster->place, "name");
	bool written = place_written(cluster->place, FIELD);
	const char *text = str_text(&edit->before);
	edit->was = xstrdup(cluster->state);
	edit->line = written ? place.line : name.line;
	if (text_equal(cluster->state, state)) {
		str_add(&edit->after, text);
		return 0;
	}
	const char *line = line_at(text, edit->line);
	const char *value = written ? value_in(line) : NULL;
	if (!text_equal(written ? place.file : name.file, edit->file) ||
	    (written && (value == NULL || strncmp(value, cluster->state, strlen(cluster->state)))))
		return by_hand(edit, state, err);
	if (written) {
		str_add_bytes(&edit->after, text, (size_t)(value - text));
		str_addf(&edit->after, "%s%s", state, value + strlen(cluster->state));
		return 0;
	}
	size_t above = (size_t)(line - text) + strcspn(line, "\n");
	str_add_bytes(&edit->after, text, above);
	str_addf(&edit->after, "\nstate = \"%s\";%s", state, text + above);
	return 0;
}

static int open_edit(const struct options *options, const char *name, const char *state,
		     struct edit *edit, struct err *err)
{
	struct site site;
	struct allocations allocations;
	*edit = (struct edit){ .file = xasprintf(CLUSTER_FOLDER "/%s.cfg", name),
			       .path = xasprintf("%s/" CLUSTER_FOLDER "/%s.cfg", options->site_dir,
						 name) };
	if (cluster_command_read(options, &site, &allocations) != 0)
		return err_set(err, "nothing was changed");
	size_t count;
	size_t *chosen = cluster_command_choose(&site, 1, (char *[]){ (char *)name }, &count, err);
	int rc = chosen ? file_read(edit->path, CLUSTER_FILE_MAX, &edit->before, err) : -1;
	if (rc == 0)
		rc = edit_state(&site.clusters[chosen[0]], state, edit, err);
	free(chosen);
	allocations_free(&allocations);
	site_free(&site);
	return rc;
}

static int put_back(const struct edit *edit, struct err *err)
{
	if (text_equal(str_text(&edit->before), str_text(&edit->after)))
		return 0;
	return file_write(edit->path, edit->before.data, edit->before.length, 0644, err);
}

/* What is shown is what was done: whatever the text looked like, the site says it now. */
static int check_edited(const struct site *site, const char *name, const char *state,
			const struct edit *edit, struct err *err)
{
	const struct cluster *cluster = site_find_cluster(site, name);
	if (cluster != NULL && text_equal(cluster->state, state))
		return 0;
	return put_back(edit, err) == 0 ? by_hand(edit, state, err) : -1;
}

/* What the edited site says; the file goes back to what it was when that cannot be. */
static int record(const struct options *options, const char *name, const char *state,
		  struct edit *edit, struct text_list *files, struct err *err)
{
	struct site site;
	struct allocations allocations;
	AUTO_STR struct str shown = STR_INIT;
	bool edited = !text_equal(str_text(&edit->before), str_text(&edit->after));
	if (edited && file_write(edit->path, edit->after.data, edit->after.length, 0644, err) != 0)
		return -1;
	if (cluster_command_read(options, &site, &allocations) != 0)
		return put_back(edit, err) == 0 ? err_set(err, "nothing was changed") : -1;
	int rc = check_edited(&site, name, state, edit, err);
	if (rc == 0) {
		site_edit_diff(edit->file, str_text(&edit->before), str_text(&edit->after), &shown);
		fputs(str_text(&shown), stderr);
		size_t index = (size_t)(site_find_cluster(&site, name) - site.clusters);
		rc = cluster_command_record(options, &site.clusters[index],
					    &allocations.items[index], stderr, err);
		text_list_add(files, edit->file);
		if (allocations.items[index].cluster != NULL)
			text_list_take(files, xasprintf(ALLOCATION_FOLDER "/%s.cfg", name));
	}
	allocations_free(&allocations);
	site_free(&site);
	return rc < 0 ? -1 : 0;
}

/* What is declared and committed is not taken back when the apply is declined, refused or fails:
   that may have been after half of the steps. */
static void tell_declared(const struct edit *edit, const char *name, const char *state)
{
	const char *back = text_equal(edit->was, "running")   ? "start"
			   : text_equal(edit->was, "stopped") ? "stop"
							      : "remove";
	fprintf(stderr, "%s still says state = \"%s\", which the next apply carries out",
		edit->file, state);
	if (!text_equal(edit->was, state))
		fprintf(stderr, "; moyai cluster %s %s takes it back", back, name);
	fputs("\n", stderr);
}

static int change(const struct options *options, int argc, char **argv, const char *verb,
		  const char *state)
{
	struct err err = ERR_INIT;
	struct edit edit = { 0 };
	AUTO_LIST struct text_list files = TEXT_LIST_INIT;
	if (argc != 1) {
		err_set(&err,
			argc ? "cluster %s takes one cluster; \"%s\" is a second one"
			     : "cluster %s: write the name of a cluster; moyai cluster list shows "
			       "them",
			verb, argc ? argv[1] : "");
		return command_fail(&err);
	}
	AUTO_FREE char *message = xasprintf("Cluster %s is to be %s", argv[0], state);
	AUTO_FREE char *command = xasprintf("cluster %s", verb);
	if (ask_possible(options, command) != 0)
		return EXIT_ERROR;
	int turn = site_edit_begin(options, &err);
	if (turn < 0)
		return command_fail(&err);
	int rc = open_edit(options, argv[0], state, &edit, &err);
	if (rc == 0)
		rc = record(options, argv[0], state, &edit, &files, &err);
	if (rc == 0)
		rc = site_edit_commit(options, &files, message, &err);
	close(turn); /* an apply may take long */
	int result = rc == 0 ? command_apply.run(options, 0, NULL) : command_fail(&err);
	if (rc == 0 && result != EXIT_OK)
		tell_declared(&edit, argv[0], state);
	edit_free(&edit);
	return result;
}

static int start(const struct options *options, int argc, char **argv)
{
	return change(options, argc, argv, "start", "running");
}

static int stop(const struct options *options, int argc, char **argv)
{
	return change(options, argc, argv, "stop", "stopped");
}

static int take_away(const struct options *options, int argc, char **argv)
{
	return change(options, argc, argv, "remove", "absent");
}

#define APPLIES                                                                                    \
	"\n"                                                                                       \
	"What is declared is edited: state in clusters/NAME.cfg. The difference is shown and,\n"   \
	"in a git repository, committed with what was decided (moyai cluster allocate). Then\n"    \
	"the whole site is applied, as moyai apply does: with its plan, and its question."

const struct command command_cluster_start = {
	.name = "cluster start",
	.usage = "CLUSTER",
	.summary = "let a virtual cluster run",
	.doc = "Its disks are made where they are missing, its network is laid out, and its "
	       "guests\n"
	       "are started: the frontend on a gateway, the nodes on VM servers.\n" APPLIES,
	.run = start,
	.options = OPTIONS_REACH | OPTION_YES | OPTION_LOSS | OPTION_NO_WAIT,
};
const struct command command_cluster_stop = {
	.name = "cluster stop",
	.usage = "CLUSTER",
	.summary = "shut a virtual cluster down and keep its disks",
	.doc = "Its guests are asked to shut down, and switched off when they have not after a\n"
	       "minute. Disks and record stay; processors and memory are free for "
	       "others.\n" APPLIES,
	.run = stop,
	.options = OPTIONS_REACH | OPTION_YES | OPTION_LOSS | OPTION_NO_WAIT,
};
const struct command command_cluster_remove = {
	.name = "cluster remove",
	.usage = "CLUSTER",
	.summary = "take a virtual cluster away, disks and all",
	.doc = "Nothing of it stays on any node. Its disks are lost: that needs\n"
	       "--allow-data-loss=cluster/NAME. Its files stay in the site, state = \"absent\", "
	       "and\n"
	       "keep its tag and addresses; remove both to give them back.\n" APPLIES,
	.run = take_away,
	.options = OPTIONS_REACH | OPTION_YES | OPTION_LOSS | OPTION_NO_WAIT,
};
