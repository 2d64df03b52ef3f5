/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/size.h"
#include "image/generation.h"
#include "model/manifest.h"
#include "model/nodeset.h"
#include "programs/image.h"
#include "programs/show.h"

struct row {
	const char *role, *kernel, *version;
	json_int_t size_bytes;
	char built[32];
	char *state;
};

static json_int_t total_bytes(json_t *manifest)
{
	json_int_t total = 0;
	size_t i;
	json_t *layer;
	json_array_foreach(json_object_get(json_object_get(manifest, "files"), "layers"), i, layer)
		total += json_integer_value(json_object_get(layer, "size"));
	return total;
}

/* What the manifest says, and when it was made; NULL: there is none. */
static void fill_from(json_t *manifest, const char *path, struct row *row)
{
	struct stat st;
	struct tm tm;
	row->kernel = json_string_value(json_object_get(manifest, "kernel"));
	row->size_bytes = total_bytes(manifest);
	if (manifest && stat(path, &st) == 0 && gmtime_r(&st.st_mtime, &tm))
		strftime(row->built, sizeof(row->built), "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static void row_fill(const struct image_plan *plan, const struct image_role *image,
		     json_t *manifest, struct row *row)
{
	AUTO_FREE char *path =
		xasprintf("%s/%s/manifest.json", plan->dirs.images, image->role->name);
	row->role = image->role->name;
	row->version = json_string_value(json_object_get(manifest, "version"));
	fill_from(manifest, path, row);
	if (image->missing)
		row->state = xstrdup("missing");
	else if (image->stale)
		row->state = xasprintf("stale: %s", str_text(&image->why));
	else
		row->state = xstrdup("up to date");
}

static void row_print(const struct row *row)
{
	AUTO_STR struct str size = STR_INIT;
	if (row->size_bytes > 0)
		size_print_short((uint64_t)row->size_bytes, &size);
	printf("%-16s  %-12s  %-24s  %6s  %-20s  %s\n", row->role,
	       row->version ? row->version : "-", row->kernel ? row->kernel : "-",
	       size.length ? str_text(&size) : "-", row->built[0] ? row->built : "-", row->state);
}

/* ---- generations ---- */

struct generation {
	char *version;
	struct text_list nodes; /* that images.cfg has on it */
};

static void nodes_of(const struct site *site, const char *role, const char *version,
		     struct text_list *nodes)
{
	for (size_t i = 0; i < site->node_count; i++)
		if (text_equal(site->nodes[i].role_name, role) &&
		    text_equal(site->nodes[i].image, version))
			text_list_add(nodes, site->nodes[i].name);
}

static void add_json(const struct row *row, const struct text_list *nodes, json_t *to)
{
	json_t *names = json_array();
	for (size_t i = 0; i < nodes->count; i++)
		json_array_append_new(names, json_string(nodes->items[i]));
	json_array_append_new(to, json_pack("{s:s, s:s*, s:I, s:s*, s:o}", "version", row->version,
					    "kernel", row->kernel, "size", row->size_bytes, "built",
					    row->built[0] ? row->built : NULL, "nodes", names));
}

/* One that is kept, under the row of its role. The newest is that row; here, too, when nodes are held on
   it. */
static void show_generation(const struct image_plan *plan, const struct site *site,
			    const struct row *newest, const char *version, json_t *json)
{
	AUTO_FREE char *folder = image_folder(newest->role, version);
	AUTO_FREE char *path = xasprintf("%s/%s/manifest.json", plan->dirs.images, folder);
	AUTO_LIST struct text_list nodes = TEXT_LIST_INIT;
	AUTO_STR struct str names = STR_INIT;
	json_t *manifest = json_load_file(path, 0, NULL);
	struct row row = { .role = "", .version = version };
	fill_from(manifest, path, &row);
	nodes_of(site, newest->role, version, &nodes);
	nodeset_fold(&nodes, &names);
	row.state = nodes.count ? xasprintf("kept, for %s", str_text(&names)) : xstrdup("kept");
	if (json)
		add_json(&row, &nodes, json);
	else if (nodes.count > 0 || !text_equal(version, newest->version))
		row_print(&row);
	free(row.state);
	json_decref(manifest);
}

static int show_generations(const struct image_plan *plan, const struct site *site,
			    const struct row *newest, json_t *json, struct err *err)
{
	AUTO_LIST struct text_list versions = TEXT_LIST_INIT;
	if (generation_list(plan->dirs.images, newest->role, &versions, err) != 0)
		return -1;
	for (size_t i = 0; i < versions.count; i++)
		show_generation(plan, site, newest, versions.items[i], json);
	return 0;
}

static void print_json(const struct row *row, json_t *generations)
{
	json_t *line = json_pack("{s:s, s:s?, s:s?, s:I, s:s?, s:s, s:o}", "role", row->role,
				 "version", row->version, "kernel", row->kernel, "size",
				 row->size_bytes, "built", row->built[0] ? row->built : NULL,
				 "state", row->state, "generations", generations);
	show_json(line);
}

static int show_role(const struct options *options, const struct image_plan *plan,
		     const struct image_role *image, const struct site *site, struct err *err)
{
	struct row row = { 0 };
	json_t *manifest = image_manifest_load(plan, image);
	json_t *generations = options->json ? json_array() : NULL;
	row_fill(plan, image, manifest, &row);
	if (!options->json)
		row_print(&row);
	int rc = show_generations(plan, site, &row, generations, err);
	if (options->json)
		print_json(&row, generations);
	free(row.state);
	json_decref(manifest);
	return rc;
}

static int run(const struct options *options, int argc, char **argv)
{
	struct site site;
	struct image_plan plan;
	struct err err = ERR_INIT;
	int code = EXIT_OK;
	if (image_command_plan(options, argc, argv, &site, &plan) != 0)
		return EXIT_ERROR;
	if (!options->json)
		printf("%-16s  %-12s  %-24s  %6s  %-20s  %s\n", "ROLE", "VERSION", "KERNEL", "SIZE",
		       "BUILT", "STATE");
	for (size_t i = 0; i < plan.role_count; i++) {
		if (show_role(options, &plan, &plan.roles[i], &site, &err) != 0) {
			code = command_fail(&err);
			break;
		}
	}
	image_plan_free(&plan);
	site_free(&site);
	return code;
}

const struct command command_image_list = {
	.name = "image list",
	.usage = "[ROLE…]",
	.summary = "images: version, size, and whether they are up to date",
	.doc = "A line per image: version, kernel, size, when it was built, and whether it is\n"
	       "up to date or why not. Under it the older ones that are kept, and which nodes "
	       "boot\n"
	       "them (moyai image use).",
	.run = run,
};
