/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "model/guard.h"
#include "model/near.h"
#include "model/read.h"
#include "model/text_check.h"

#define ROLLS "roles/rolls"

static bool may_be_service(const char *unit)
{
	return text_is_unit(unit) && !text_is_needed_unit(unit);
}

static void read_part(struct reader *reader, const config_setting_t *group, const char *roll,
		      struct roll_part *part)
{
	static const struct read_rule RULES[] = {
		{ "packages", text_is_package, "the name of a Debian package, like \"munge\"" },
		{ "services", may_be_service,
		  "a unit in full, like \"munge.service\", and none that Moyai needs itself" },
	};
	AUTO_FREE char *what = xasprintf("%s: %s", roll, config_setting_name(group));
	if (!read_is_group(reader, group, what))
		return;
	part->place = read_places(reader, group, ROLL_PART_FIELDS);
	read_group(reader, group, ROLL_PART_FIELDS, part, what, NULL);
	for (size_t i = 0; i < COUNT_OF(RULES); i++)
		read_check(reader, group, &RULES[i], what);
}

static const struct read_rule ONE_WORD = { "default", text_is_parameter,
					   "letters, digits and any of " TEXT_PARAMETER_SIGNS };

static void read_parameter(struct reader *reader, const config_setting_t *group, unsigned index,
			   const char *what, struct roll *roll)
{
	struct roll_parameter *parameter = &roll->parameters[roll->parameter_count];
	AUTO_FREE char *own = read_what(group, "parameter", index);
	AUTO_FREE char *full = xasprintf("%s: %s", what, own);
	fields_init(ROLL_PARAMETER_FIELDS, parameter);
	if (!read_is_group(reader, group, full))
		return;
	parameter->place = read_places(reader, group, ROLL_PARAMETER_FIELDS);
	read_group(reader, group, ROLL_PARAMETER_FIELDS, parameter, full, NULL);
	read_check(reader, group, &ONE_WORD, full);
	const struct roll_parameter *twin =
		parameter->name ? roll_find_parameter(roll, parameter->name) : NULL;
	if (twin != NULL)
		mistake_add(reader->mistakes, place_of(parameter->place, "name"),
			    "%s is there already (line %u); rename one", full,
			    place_of(twin->place, "name").line);
	roll->parameter_count++;
}

struct roll_context {
	struct roll *roll;
	const char *what;
};

static bool roll_key(struct reader *reader, const config_setting_t *member, void *context)
{
	const struct roll_context *of = context;
	const char *name = config_setting_name(member);
	if (strcmp(name, "frontend") == 0) {
		read_part(reader, member, of->what, &of->roll->frontend);
	} else if (strcmp(name, "compute") == 0) {
		read_part(reader, member, of->what, &of->roll->compute);
	} else if (strcmp(name, "parameters") == 0) {
		AUTO_FREE char *what = xasprintf("%s: parameters", of->what);
		if (!read_is_list(reader, member, what))
			return true;
		unsigned count = (unsigned)config_setting_length(member);
		of->roll->parameters = xcalloc(count, sizeof(struct roll_parameter));
		for (unsigned i = 0; i < count; i++)
			read_parameter(reader, config_setting_get_elem(member, i), i, of->what,
				       of->roll);
	} else {
		return false;
	}
	return true;
}

/* What nobody reads was meant for something. */
static void check_folder(struct reader *reader, const struct roll *roll, const char *below,
			 const char *known)
{
	AUTO_FREE char *folder = xasprintf("%s%s", roll->folder, below);
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	if (file_is_dir(folder))
		file_list_dir(folder, &names, NULL);
	for (size_t i = 0; i < names.count; i++) {
		AUTO_FREE char *word = xasprintf(" %s ", names.items[i]);
		if (names.items[i][0] != '.' && strstr(known, word) == NULL)
			mistake_add(reader->mistakes, roll->place,
				    "roll \"%s\": nobody reads \"%.80s\" in its folder; files for "
				    "the guests are in frontend/files and compute/files",
				    roll->name, names.items[i]);
	}
}

/* `file` as the reader names it: relative to the site, or absolute. */
static void read_roll_file(struct reader *reader, const char *file, struct roll *roll)
{
	static const struct read_more NO_CONTEXT = { roll_key, "frontend compute parameters", false,
						     NULL };
	AUTO_FREE char *what = xasprintf("roll \"%s\"", roll->name);
	struct roll_context context = { roll, what };
	struct read_more more = NO_CONTEXT;
	config_t config;
	size_t before = reader->mistakes->count;
	more.context = &context;
	if (read_config(reader, file, NULL, 0, &config)) {
		const config_setting_t *root = config_root_setting(&config);
		read_group(reader, root, ROLL_FIELDS, roll, what, &more);
		roll->place = read_places(reader, root, ROLL_FIELDS);
	}
	roll->place.file = reader->file;
	roll->place.line = 1;
	config_destroy(&config);
	check_folder(reader, roll, "", " roll.cfg README.md frontend compute ");
	check_folder(reader, roll, "/frontend", " files ");
	check_folder(reader, roll, "/compute", " files ");
	roll->broken = reader->mistakes->count > before;
}

/* The site's own stands in place of a shipped one. False: there is none of this name. */
static bool read_roll(struct reader *reader, const char *name)
{
	struct roll_list *list = &reader->site->rolls;
	AUTO_FREE char *own = xasprintf("%s/" ROLLS "/%s", reader->dir, name);
	AUTO_FREE char *shipped = xasprintf("%s/" ROLLS "/%s", reader->share_dir, name);
	if (roll_list_find(list, name) != NULL)
		return true;
	bool is_own = file_is_dir(own);
	if (!is_own && !file_is_dir(shipped))
		return false;
	AUTO_FREE char *file =
		is_own ? xasprintf(ROLLS "/%s/roll.cfg", name) : xasprintf("%s/roll.cfg", shipped);
	AUTO_FREE char *path = xasprintf("%s/roll.cfg", is_own ? own : shipped);
	struct roll roll = { .name = xstrdup(name), .folder = xstrdup(is_own ? own : shipped) };
	fields_init(ROLL_FIELDS, &roll);
	fields_init(ROLL_PART_FIELDS, &roll.frontend);
	fields_init(ROLL_PART_FIELDS, &roll.compute);
	if (file_exists(path)) {
		read_roll_file(reader, file, &roll);
	} else {
		roll.place = (struct place){ .file = guard_file(reader->site, file) };
		roll.broken = true;
		mistake_add(reader->mistakes, roll.place,
			    "is missing; write doc, and frontend and compute with packages and "
			    "services");
	}
	list->items = xrealloc(list->items, list->count + 1, sizeof(*list->items));
	list->items[list->count++] = roll;
	return true;
}

static void list_rolls(const struct reader *reader, struct text_list *names)
{
	const char *dirs[] = { reader->share_dir, reader->dir };
	for (size_t i = 0; i < COUNT_OF(dirs); i++) {
		AUTO_FREE char *folder = xasprintf("%s/" ROLLS, dirs[i]);
		AUTO_LIST struct text_list found = TEXT_LIST_INIT;
		file_list_dir(folder, &found, NULL);
		for (size_t j = 0; j < found.count; j++)
			if (found.items[j][0] != '.' && !text_list_has(names, found.items[j]))
				text_list_add(names, found.items[j]);
	}
	text_list_sort(names);
}

static void add_no_roll(struct reader *reader, const struct cluster *cluster, size_t item)
{
	const char *name = cluster->rolls.items[item];
	AUTO_LIST struct text_list known = TEXT_LIST_INIT;
	AUTO_STR struct str hint = STR_INIT;
	list_rolls(reader, &known);
	near_add(name, &known, &hint);
	if (hint.length == 0)
		str_add(&hint, known.count ? "; rolls:" : "; there are none");
	for (size_t i = 0; text_starts(str_text(&hint), "; rolls:") && i < known.count; i++)
		str_addf(&hint, "%s %s", i ? "," : "", known.items[i]);
	mistake_add(reader->mistakes, place_of_item(cluster->place, "rolls", item),
		    "cluster \"%s\": rolls: there is no roll \"%.80s\"%s", cluster->name, name,
		    str_text(&hint));
}

void read_rolls(struct reader *reader)
{
	struct site *site = reader->site;
	AUTO_FREE char *folder = xasprintf("%s/" ROLLS, reader->dir);
	AUTO_LIST struct text_list own = TEXT_LIST_INIT;
	for (size_t i = 0; i < site->cluster_count; i++) {
		const struct cluster *cluster = &site->clusters[i];
		for (size_t j = 0; j < cluster->rolls.count; j++)
			if (!text_is_name(cluster->rolls.items[j]) ||
			    !read_roll(reader, cluster->rolls.items[j]))
				add_no_roll(reader, cluster, j);
	}
	file_list_dir(folder, &own, NULL);
	for (size_t i = 0; i < own.count; i++)
		if (text_is_name(own.items[i]))
			read_roll(reader, own.items[i]);
}
