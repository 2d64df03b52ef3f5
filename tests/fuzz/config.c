/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/slice.h"
#include "model/site.h"

/* libFuzzer: any bytes as site.cfg. What has no mistakes has to print to text
   that has none either, and to give slices that read back. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_site(const char *text, size_t length, struct site *site)
{
	struct mistakes mistakes = MISTAKES_INIT;
	struct err err = ERR_INIT;
	AUTO_STR struct str printed = STR_INIT;
	int failed = site_read_text(text, length, "/nonexistent", "tests/golden/share", site,
				    &mistakes, &err);
	mistakes_print(&mistakes, &printed);
	if (mistakes.count > 0)
		failed = -1;
	mistakes_free(&mistakes);
	return failed;
}

static void check_slices(const struct site *site)
{
	static const struct site_key KEY = { { 1 } };
	for (size_t i = 0; i < site->node_count; i++) {
		const struct derive from = { .site = site, .node = &site->nodes[i], .key = &KEY };
		struct slice slice;
		struct slice again;
		struct err err = ERR_INIT;
		if (slice_make(&from, &slice, &err) != 0)
			abort();
		json_t *json = slice_to_json(&slice);
		if (json == NULL || slice_from_json(json, &again, &err) != 0)
			abort();
		slice_free(&slice);
		slice_free(&again);
		json_decref(json);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct site site;
	struct site same;
	AUTO_STR struct str text = STR_INIT;
	if (read_site((const char *)data, size, &site) == 0) {
		site_print(&site, &text);
		if (read_site(str_text(&text), text.length, &same) != 0)
			abort();
		site_free(&same);
		check_slices(&site);
	}
	site_free(&site);
	return 0;
}
