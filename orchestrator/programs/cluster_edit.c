/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/cluster_edit.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "programs/ask.h"
#include "programs/site_edit.h"

enum { CLUSTER_FILE_MAX = 1024 * 1024 };

/* The file of the cluster, as it was and as it is to be. */
struct text_edit {
	const struct cluster_edit *of;
	char *file;  /* below the site */
	char *where; /* the file that has the value: it may be another one, by @include */
	char *path;
	struct str before, after;
	char *was;     /* the value that was declared; NULL: there is none */
	unsigned line; /* where it is written, or would be */
};

static void edit_free(struct text_edit *edit)
{
	free(edit->file);
	free(edit->where);
	free(edit->path);
	free(edit->was);
	str_free(&edit->before);
	str_free(&edit->after);
}

/* ---- the value ---- */

/* Whose value it is, and its fields; NULL (with err): the cluster has no such group. */
static const void *owner_of(const struct cluster *cluster, const struct cluster_edit *edit,
			    const struct field **fields, struct place *place, struct err *err)
{
	AUTO_STR struct str known = STR_INIT;
	*fields = CLUSTER_FIELDS;
	*place = cluster->place;
	if (edit->group == NULL)
		return cluster;
	*fields = CLUSTER_GROUP_FIELDS;
	for (size_t i = 0; i < cluster->group_count; i++) {
		*place = cluster->groups[i].place;
		if (text_equal(cluster->groups[i].name, edit->group))
			return &cluster->groups[i];
		str_addf(&known, "%s %s", i ? "," : "", cluster->groups[i].name);
	}
	err_set(err, "cluster \"%s\" has no group \"%s\"; it has%s", cluster->name, edit->group,
		str_text(&known));
	return NULL;
}

/* As the site says it; NULL: it says nothing. */
static char *declared(const struct field *field, const void *owner)
{
	struct str text = STR_INIT;
	if (!field_given(field, owner))
		return NULL;
	field_print(field, owner, &text);
	return str_take(&text);
}

/* As it is written in a file. */
static char *written(const char *value)
{
	return xasprintf(isdigit((unsigned char)value[0]) ? "%s" : "\"%s\"", value);
}

/* ---- the text ---- */

/* Where the line begins, counted from 1; the end when there are fewer. */
static const char *line_at(const char *text, unsigned line)
{
	for (; line > 1 && *text; line--) {
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return text;
}

/* The value of `field = …` in this line; NULL: it is not written so. */
static const char *value_in(const char *line, const char *field)
{
	const char *end = line + strcspn(line, "\n");
	for (const char *at = strstr(line, field); at && at < end; at = strstr(at, field)) {
		bool word = at == line || strchr(" \t;,{", at[-1]) != NULL;
		at += strlen(field);
		const char *value = at + strspn(at, " \t");
		if (!word || (*value != '=' && *value != ':'))
			continue;
		value++;
		return value + strspn(value, " \t");
	}
	return NULL;
}

static int by_hand(const struct text_edit *edit, struct err *err)
{
	AUTO_FREE char *value = written(edit->of->value);
	return err_set(err, "%s:%u: cannot be edited as it stands; write %s = %s; by hand",
		       edit->where, edit->line, edit->of->field, value);
}

/* In place of the value that is written there. */
static int replace_value(struct text_edit *edit, struct err *err)
{
	AUTO_FREE char *was = written(edit->was);
	AUTO_FREE char *value = written(edit->of->value);
	const char *text = str_text(&edit->before);
	const char *at = value_in(line_at(text, edit->line), edit->of->field);
	if (at == NULL || strncmp(at, was, strlen(was)) != 0 ||
	    isalnum((unsigned char)at[strlen(was)]))
		return by_hand(edit, err);
	str_add_bytes(&edit->after, text, (size_t)(at - text));
	str_addf(&edit->after, "%s%s", value, at + strlen(was));
	return 0;
}

/* In a line of its own below the name. */
static void add_value(struct text_edit *edit)
{
	AUTO_FREE char *value = written(edit->of->value);
	const char *text = str_text(&edit->before);
	const char *line = line_at(text, edit->line);
	size_t above = (size_t)(line - text) + strcspn(line, "\n");
	str_add_bytes(&edit->after, text, above);
	str_addf(&edit->after, "\n%s = %s;%s", edit->of->field, value, text + above);
}

static int edit_text(const struct cluster *cluster, struct text_edit *edit, struct err *err)
{
	const struct field *fields;
	struct place place;
	const struct cluster_edit *of = edit->of;
	const void *owner = owner_of(cluster, of, &fields, &place, err);
	if (owner == NULL)
		return -1;
	/* On the line of its group it has no place of its own. */
	bool stands = of->group != NULL || place_written(place, of->field);
	struct place at = place_of(place, stands ? of->field : "name");
	edit->was = declared(field_find(fields, of->field), owner);
	edit->line = at.line;
	free(edit->where);
	edit->where = xstrdup(at.file);
	if (edit->was == NULL)
		return err_set(err, "%s:%u: cluster \"%s\": group \"%s\" has no %s; edit the file",
			       edit->where, edit->line, cluster->name, of->group, of->field);
	if (text_equal(edit->was, of->value)) {
		str_add(&edit->after, str_text(&edit->before));
		return 0;
	}
	if (!text_equal(at.file, edit->file))
		return by_hand(edit, err);
	if (stands)
		return replace_value(edit, err);
	add_value(edit);
	return 0;
}

static int open_edit(const struct options *options, struct text_edit *edit, struct err *err)
{
	struct site site;
	struct allocations allocations;
	const char *name = edit->of->cluster;
	edit->file = xasprintf(CLUSTER_FOLDER "/%s.cfg", name);
	edit->path = xasprintf("%s/" CLUSTER_FOLDER "/%s.cfg", options->site_dir, name);
	if (cluster_command_read(options, &site, &allocations) != 0)
		return err_set(err, "nothing was changed");
	const struct cluster *cluster = cluster_named(&site, name, err);
	int rc = cluster ? file_read(edit->path, CLUSTER_FILE_MAX, &edit->before, err) : -1;
	if (rc == 0)
		rc = edit_text(cluster, edit, err);
	if (rc == 0 && edit->of->check != NULL)
		rc = edit->of->check(options, cluster, edit->of, err);
	allocations_free(&allocations);
	site_free(&site);
	return rc;
}

static int put_back(const struct text_edit *edit, struct err *err)
{
	if (text_equal(str_text(&edit->before), str_text(&edit->after)))
		return 0;
	return file_write(edit->path, edit->before.data, edit->before.length, 0644, err);
}

/* What is shown is what was done: whatever the text looked like, the site says it now. */
static int check_edited(const struct cluster *cluster, const struct text_edit *edit,
			struct err *err)
{
	const struct field *fields;
	struct place place;
	const void *owner = cluster ? owner_of(cluster, edit->of, &fields, &place, NULL) : NULL;
	AUTO_FREE char *is = owner ? declared(field_find(fields, edit->of->field), owner) : NULL;
	if (text_equal(is, edit->of->value))
		return 0;
	return put_back(edit, err) == 0 ? by_hand(edit, err) : -1;
}

/* What the edited site says; the file goes back to what it was when that cannot be. */
static int record(const struct options *options, struct text_edit *edit, struct text_list *files,
		  struct err *err)
{
	struct site site;
	struct allocations allocations;
	AUTO_STR struct str shown = STR_INIT;
	const char *name = edit->of->cluster;
	bool edited = !text_equal(str_text(&edit->before), str_text(&edit->after));
	if (edited && file_write(edit->path, edit->after.data, edit->after.length, 0644, err) != 0)
		return -1;
	if (cluster_command_read(options, &site, &allocations) != 0)
		return put_back(edit, err) == 0 ? err_set(err, "nothing was changed") : -1;
	const struct cluster *cluster = site_find_cluster(&site, name);
	int rc = check_edited(cluster, edit, err);
	if (rc == 0) {
		site_edit_diff(edit->file, str_text(&edit->before), str_text(&edit->after), &shown);
		fputs(str_text(&shown), stderr);
		size_t index = (size_t)(cluster - site.clusters);
		rc = cluster_command_record(options, cluster, &allocations.items[index], stderr,
					    err);
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
static void tell_declared(const struct text_edit *edit)
{
	AUTO_FREE char *value = written(edit->of->value);
	fprintf(stderr, "%s still says %s = %s, which the next apply carries out", edit->file,
		edit->of->field, value);
	if (!text_equal(edit->was, edit->of->value)) {
		AUTO_FREE char *back = edit->of->back(edit->of, edit->was);
		fprintf(stderr, "; moyai cluster %s takes it back", back);
	}
	fputs("\n", stderr);
}

int cluster_edit_run(const struct options *options, const struct cluster_edit *of)
{
	struct err err = ERR_INIT;
	struct text_edit edit = { .of = of };
	AUTO_LIST struct text_list files = TEXT_LIST_INIT;
	AUTO_FREE char *command = xasprintf("cluster %s", of->verb);
	if (ask_possible(options, command) != 0)
		return EXIT_ERROR;
	int turn = site_edit_begin(options, &err);
	if (turn < 0)
		return command_fail(&err);
	int rc = open_edit(options, &edit, &err);
	if (rc == 0)
		rc = record(options, &edit, &files, &err);
	if (rc == 0)
		rc = site_edit_commit(options, &files, of->message, &err);
	close(turn); /* an apply may take long */
	int result = rc == 0 ? command_apply.run(options, 0, NULL) : command_fail(&err);
	if (rc == 0 && result != EXIT_OK)
		tell_declared(&edit);
	edit_free(&edit);
	return result;
}
