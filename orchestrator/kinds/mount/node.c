/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/run.h"
#include "engine/plan.h"
#include "kinds/mount/spec.h"
#include "system/unit_file.h"
#include "system/units.h"

/* In the unit; systemd passes over what begins with X-. */
#define FILESYSTEM "X-Moyai-Filesystem"

static int list(struct node *node, struct text_list *owned, struct err *err)
{
	(void)node;
	return unit_file_list("mount", owned, err);
}

static void join(const struct text_list *options, struct str *out)
{
	for (size_t i = 0; i < options->count; i++)
		str_addf(out, "%s%s", i ? "," : "", options->items[i]);
}

static void split(const char *text, struct text_list *options)
{
	while (text != NULL && *text) {
		size_t length = strcspn(text, ",");
		text_list_take(options, xstrndup(text, length));
		text += length + (text[length] == ',');
	}
}

static int observe(struct node *node, const char *id, const struct spec *want, struct spec *seen,
		   bool *found, struct err *err)
{
	struct mount *have = seen->body;
	AUTO_FREE char *unit = NULL;
	AUTO_FREE char *text = NULL;
	struct unit state;
	(void)want;
	*found = false;
	if (unit_file_find("mount", id, &unit, &text, err) != 0)
		return -1;
	if (unit == NULL)
		return 0;
	if (unit_get(node, unit, &state, err) != 0)
		return -1;
	AUTO_FREE char *options = unit_file_value(text, "Options");
	have->name = xstrdup(id);
	have->filesystem = unit_file_value(text, FILESYSTEM);
	have->where = unit_file_value(text, "Where");
	have->what = unit_file_value(text, "What");
	have->type = unit_file_value(text, "Type");
	have->active = text_equal(state.active, "active");
	split(options, &have->options);
	*found = true;
	return 0;
}

static int apply(struct node *node, const struct step *step, struct err *err)
{
	const struct mount *want = step->want->body;
	const struct mount *have = step->have ? step->have->body : NULL;
	AUTO_FREE char *unit = unit_file_name(want->where, ".mount");
	AUTO_STR struct str options = STR_INIT;
	AUTO_STR struct str body = STR_INIT;
	(void)node;
	join(&want->options, &options);
	str_addf(&body, "[Unit]\n" FILESYSTEM "=%s\n[Mount]\n", want->filesystem);
	str_addf(&body, "What=%s\nWhere=%s\nType=%s\nOptions=%s\n", want->what, want->where,
		 want->type, str_text(&options));
	/* The unit is written last: while it says otherwise, this is done again. */
	if (have != NULL && have->active) {
		AUTO_FREE char *again = xasprintf("remount,%s", str_text(&options));
		if (run_args(err, "mount", "-o", again, want->where, NULL) != 0)
			return -1;
	}
	if (unit_file_write(unit, "mount", want->name, str_text(&body), err) != 0)
		return -1;
	return unit_start(unit, err);
}

static int take_away(struct node *node, const char *id, struct err *err)
{
	AUTO_FREE char *unit = NULL;
	AUTO_FREE char *text = NULL;
	(void)node;
	if (unit_file_find("mount", id, &unit, &text, err) != 0)
		return -1;
	if (unit == NULL)
		return 0;
	AUTO_FREE char *where = unit_file_value(text, "Where");
	if (unit_stop(unit, err) != 0 || unit_file_remove(unit, err) != 0)
		return -1;
	/* Only when nothing is in it, and then nobody misses it. */
	if (where != NULL)
		(void)!rmdir(where);
	return 0;
}

const struct kind_node mount_node = {
	.name = "mount",
	.list = list,
	.observe = observe,
	.apply = apply,
	.remove = take_away,
};
