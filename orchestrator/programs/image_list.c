/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/size.h"
#include "programs/image.h"

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

static void row_fill(const struct image_plan *plan, const struct image_role *image,
		     json_t *manifest, struct row *row)
{
	AUTO_FREE char *path =
		xasprintf("%s/%s/manifest.json", plan->dirs.images, image->role->name);
	struct stat st;
	struct tm tm;
	row->role = image->role->name;
	row->kernel = json_string_value(json_object_get(manifest, "kernel"));
	row->version = json_string_value(json_object_get(manifest, "version"));
	row->size_bytes = total_bytes(manifest);
	if (manifest && stat(path, &st) == 0 && gmtime_r(&st.st_mtime, &tm))
		strftime(row->built, sizeof(row->built), "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (image->missing)
		row->state = xstrdup("missing");
	else if (image->stale)
		row->state = xasprintf("stale: %s", str_text(&image->why));
	else
		row->state = xstrdup("up to date");
}

static void print_json(const struct row *row)
{
	json_t *line = json_pack("{s:s, s:s*, s:s*, s:I, s:s*, s:s}", "role", row->role, "version",
				 row->version, "kernel", row->kernel, "size", row->size_bytes,
				 "built", row->built[0] ? row->built : NULL, "state", row->state);
	json_dumpf(line, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(line);
}

static void print_text(const struct row *row)
{
	AUTO_STR struct str size = STR_INIT;
	if (row->size_bytes > 0)
		size_print_short((uint64_t)row->size_bytes, &size);
	printf("%-16s  %-12s  %-24s  %6s  %-20s  %s\n", row->role,
	       row->version ? row->version : "-", row->kernel ? row->kernel : "-",
	       size.length ? str_text(&size) : "-", row->built[0] ? row->built : "-", row->state);
}

static int run(const struct options *options, int argc, char **argv)
{
	struct site site;
	struct image_plan plan;
	if (image_command_plan(options, argc, argv, &site, &plan) != 0)
		return EXIT_ERROR;
	if (!options->json)
		printf("%-16s  %-12s  %-24s  %6s  %-20s  %s\n", "ROLE", "VERSION", "KERNEL", "SIZE",
		       "BUILT", "STATE");
	for (size_t i = 0; i < plan.role_count; i++) {
		struct row row = { 0 };
		json_t *manifest = image_manifest_load(&plan, &plan.roles[i]);
		row_fill(&plan, &plan.roles[i], manifest, &row);
		if (options->json)
			print_json(&row);
		else
			print_text(&row);
		free(row.state);
		json_decref(manifest);
	}
	image_plan_free(&plan);
	site_free(&site);
	return EXIT_OK;
}

const struct command command_image_list = {
	.name = "image list",
	.usage = "[ROLE…]",
	.summary = "images: version, size, and whether they are up to date",
	.doc = "A line per image: version, kernel, size, when it was built, and whether it is\n"
	       "up to date or why not.",
	.run = run,
};
