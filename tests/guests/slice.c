/* SPDX-License-Identifier: GPL-3.0-or-later */
/* slice SITE IMAGES NODE: the node's slice as moyai would send it, on stdout. The guests in it are what
   tests/guests/test starts machines of. */
#include <jansson.h>
#include <stdio.h>

#include "engine/expand.h"
#include "engine/slice.h"
#include "model/manifest.h"

static int fail(const char *text)
{
	fprintf(stderr, "slice: %s\n", text);
	return 1;
}

int main(int argc, char **argv)
{
	static struct site_key key; /* nobody logs in to these disks */
	struct site site;
	struct mistakes mistakes = MISTAKES_INIT;
	struct allocations allocations;
	struct image_set images;
	struct slice slice;
	struct err err = ERR_INIT;
	if (argc != 4)
		return fail("slice SITE IMAGES NODE");
	if (site_read(argv[1], ".", &site, &mistakes, &err) != 0 ||
	    (mistakes.count == 0 && allocate(&site, &allocations, &mistakes, &err) != 0))
		return fail(err.text);
	if (mistakes.count == 0)
		expand(&site, &allocations, &mistakes);
	if (mistakes.count > 0) {
		AUTO_STR struct str text = STR_INIT;
		mistakes_print(&mistakes, &text);
		return fail(str_text(&text));
	}
	image_set_read(argv[2], &site, &images);
	const struct derive from = { .site = &site,
				     .node = site_find_node(&site, argv[3]),
				     .key = &key,
				     .images = &images };
	if (from.node == NULL)
		return fail("there is no such node");
	if (slice_make(&from, &slice, &err) != 0)
		return fail(err.text);
	json_t *json = slice_to_json(&slice);
	json_dumpf(json, stdout, JSON_COMPACT);
	json_decref(json);
	slice_free(&slice);
	image_set_free(&images);
	allocations_free(&allocations);
	site_free(&site);
	return 0;
}
