/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "engine/plan.h"
#include "kinds/swap/spec.h"
#include "system/filesystem.h"
#include "system/mark.h"
#include "system/sysfs.h"
#include "system/unit_file.h"
#include "system/units.h"

/* In the unit; systemd passes over what begins with X-. */
#define ON "X-Moyai-On"
#define BELOW "X-Moyai-Below"

/* After a boot there is the area and no unit; after a crash perhaps the other way round. */
static int list(struct node *node, struct text_list *owned, struct err *err)
{
	AUTO_LIST struct text_list units = TEXT_LIST_INIT;
	if (mark_list(node, true, owned, err) != 0 || unit_file_list("swap", &units, err) != 0)
		return -1;
	for (size_t i = 0; i < units.count; i++)
		if (!text_list_has(owned, units.items[i]))
			text_list_add(owned, units.items[i]);
	return 0;
}

static int look_at_unit(struct node *node, const char *id, struct swap *have, struct err *err)
{
	AUTO_FREE char *unit = NULL;
	AUTO_FREE char *text = NULL;
	struct unit state;
	if (unit_file_find("swap", id, &unit, &text, err) != 0)
		return -1;
	if (unit == NULL)
		return 0;
	if (unit_get(node, unit, &state, err) != 0)
		return -1;
	AUTO_FREE char *priority = unit_file_value(text, "Priority");
	have->on = unit_file_value(text, ON);
	have->below = unit_file_value(text, BELOW);
	have->device = unit_file_value(text, "What");
	have->active = text_equal(state.active, "active");
	if (priority != NULL)
		have->priority = strtoull(priority, NULL, 10);
	return 0;
}

/* What is on the device; one of ours has the mark of its place. */
static int look_at_area(struct node *node, const struct mark_place *at, const struct swap *want,
			struct swap *have, bool *found, struct err *err)
{
	struct filesystem there = { 0 };
	char mark[MARK_SIZE];
	if (!file_exists(at->device))
		return 0;
	if (!sysfs_block_answers(at->device)) {
		have->silent = 1;
		if (want != NULL) {
			have->size = want->size;
			have->fills = want->fills;
		}
		*found = true;
		return 0;
	}
	if (mark_uuid(node, at->on, at->below, mark, err) != 0 ||
	    filesystem_read(at->device, strcmp(at->on, "session") == 0, &there, err) != 0)
		return -1;
	if (text_equal(there.type, "swap") && text_equal(there.uuid, mark)) {
		have->size = there.size;
		have->fills = there.fills;
		*found = true;
	} else {
		have->content = there.content;
		there.content = NULL;
		have->wipe = xstrdup(there.wipe);
	}
	filesystem_free(&there);
	return 0;
}

static int observe(struct node *node, const char *id, const struct spec *wanted, struct spec *seen,
		   bool *found, struct err *err)
{
	const struct swap *want = wanted ? wanted->body : NULL;
	struct swap *have = seen->body;
	struct mark_place at = { 0 };
	*found = false;
	if (look_at_unit(node, id, have, err) != 0)
		return -1;
	if (want == NULL && mark_find(node, true, id, &at, err) != 0)
		return -1;
	if (want != NULL)
		at = (struct mark_place){ want->on, xstrdup(want->below), xstrdup(want->device) };
	int rc = at.on ? look_at_area(node, &at, want, have, found, err) : 0;
	have->name = xstrdup(id);
	if (have->on == NULL && *found) {
		have->on = xstrdup(at.on);
		have->below = xstrdup(at.below);
	}
	/* A unit without its area: half of it is there. */
	if (have->device != NULL)
		*found = true;
	if (*found && text_equal(have->on, "session") && have->below != NULL)
		have->from = xstrndup(have->below, strcspn(have->below, "/"));
	mark_place_free(&at);
	return rc;
}

static int stop(const char *id, struct err *err)
{
	AUTO_FREE char *unit = NULL;
	AUTO_FREE char *text = NULL;
	if (unit_file_find("swap", id, &unit, &text, err) != 0)
		return -1;
	if (unit == NULL)
		return 0;
	return unit_stop(unit, err) == 0 ? unit_file_remove(unit, err) : -1;
}

static int make_area(struct node *node, const struct swap *want, struct err *err)
{
	struct swap have = { .size = 0 };
	char uuid[MARK_SIZE];
	bool found = false;
	const struct mark_place at = { want->on, want->below, want->device };
	if (look_at_area(node, &at, want, &have, &found, err) != 0)
		return -1;
	free(have.content);
	free(have.wipe);
	if (found && have.fills)
		return 0;
	/* One that has become too small goes out of use first. */
	if (stop(want->name, err) != 0 || (found && filesystem_wipe(want->device, err) != 0) ||
	    mark_uuid(node, want->on, want->below, uuid, err) != 0)
		return -1;
	return filesystem_make(want->device, "swap", NULL, uuid, err);
}

static int apply(struct node *node, const struct step *step, struct err *err)
{
	const struct swap *want = step->want->body;
	AUTO_FREE char *unit = unit_file_name(want->device, ".swap");
	AUTO_STR struct str body = STR_INIT;
	str_addf(&body, "[Unit]\n" ON "=%s\n" BELOW "=%s\n", want->on, want->below);
	str_addf(&body, "[Swap]\nWhat=%s\nPriority=%llu\n", want->device,
		 (unsigned long long)want->priority);
	if (make_area(node, want, err) != 0 ||
	    unit_file_write(unit, "swap", want->name, str_text(&body), err) != 0)
		return -1;
	return unit_start(unit, err);
}

static int take_away(struct node *node, const char *id, struct err *err)
{
	struct mark_place marked;
	if (stop(id, err) != 0 || mark_find(node, true, id, &marked, err) != 0)
		return -1;
	int rc = marked.on ? filesystem_wipe(marked.device, err) : 0;
	mark_place_free(&marked);
	return rc;
}

const struct kind_node swap_node = {
	.name = "swap",
	.list = list,
	.observe = observe,
	.apply = apply,
	.remove = take_away,
	/* udev learns of what was written to a device a moment after it is closed. */
	.settle_ms = 10000,
};
