/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "engine/plan.h"
#include "kinds/filesystem/spec.h"
#include "system/filesystem.h"
#include "system/mark.h"
#include "system/sysfs.h"

/* What a session leads to may be full of things before it comes here. */
static int read_there(const char *on, const char *device, struct filesystem *there, struct err *err)
{
	return filesystem_read(device, strcmp(on, "session") == 0, there, err);
}

static int list(struct node *node, struct text_list *owned, struct err *err)
{
	return mark_list(node, false, owned, err);
}

static int take_as_wanted(const struct filesystem_spec *want, struct filesystem_spec *have,
			  bool *found, struct err *err)
{
	if (want == NULL)
		return err_set(err, "filesystem %s: its disk does not answer", have->name);
	fields_free(filesystem_spec.fields, have);
	fields_copy(filesystem_spec.fields, have, want);
	have->mounted = filesystem_mounted(want->device);
	have->silent = 1;
	*found = true;
	return 0;
}

static int fill(const struct filesystem_spec *want, const struct mark_place *at,
		struct filesystem_spec *have, bool *found, struct err *err)
{
	struct filesystem there = { 0 };
	/* The device is made first; then there is nothing on it. */
	if (!file_exists(at->device))
		return 0;
	if (!sysfs_block_answers(at->device))
		return take_as_wanted(want, have, found, err);
	if (read_there(at->on, at->device, &there, err) != 0)
		return -1;
	if (there.type != NULL && want != NULL && strcmp(there.type, want->type) != 0) {
		have->content = there.content;
		there.content = NULL;
		have->wipe = xstrdup(there.wipe);
	} else if (there.type != NULL) {
		have->on = xstrdup(at->on);
		have->below = xstrdup(at->below);
		have->device = xstrdup(at->device);
		have->type = xstrdup(there.type);
		have->label = xstrdup(there.label);
		have->size = there.size ? there.size : FIELD_UNSET;
		have->fills = there.fills;
		have->mounted = filesystem_mounted(at->device);
		/* FROM/NAME of a session. */
		if (strcmp(at->on, "session") == 0)
			have->from = xstrndup(at->below, strcspn(at->below, "/"));
		*found = true;
	}
	filesystem_free(&there);
	return 0;
}

static int observe(struct node *node, const char *id, const struct spec *wanted, struct spec *seen,
		   bool *found, struct err *err)
{
	const struct filesystem_spec *want = wanted ? wanted->body : NULL;
	struct filesystem_spec *have = seen->body;
	struct mark_place marked = { 0 };
	*found = false;
	have->name = xstrdup(id);
	if (want != NULL) {
		const struct mark_place there = { want->on, want->below, want->device };
		return fill(want, &there, have, found, err);
	}
	if (mark_find(node, false, id, &marked, err) != 0)
		return -1;
	int rc = marked.on ? fill(NULL, &marked, have, found, err) : 0;
	mark_place_free(&marked);
	return rc;
}

static int apply(struct node *node, const struct step *step, struct err *err)
{
	const struct filesystem_spec *want = step->want->body;
	struct filesystem there = { 0 };
	char uuid[MARK_SIZE];
	if (mark_uuid(node, want->on, want->below, uuid, err) != 0 ||
	    read_there(want->on, want->device, &there, err) != 0)
		return -1;
	int rc = 0;
	if (there.type == NULL) {
		rc = filesystem_make(want->device, want->type, want->label, uuid, err);
	} else {
		if (want->label != NULL && there.label == NULL)
			rc = filesystem_set_label(want->device, want->type, want->label, err);
		if (rc == 0 && !there.fills)
			rc = filesystem_grow(want->device, want->type, err);
	}
	filesystem_free(&there);
	return rc;
}

static int take_away(struct node *node, const char *id, struct err *err)
{
	struct mark_place marked;
	if (mark_find(node, false, id, &marked, err) != 0)
		return -1;
	int rc = marked.on ? filesystem_wipe(marked.device, err) : 0;
	mark_place_free(&marked);
	return rc;
}

const struct kind_node filesystem_node = {
	.name = "filesystem",
	.list = list,
	.observe = observe,
	.apply = apply,
	.remove = take_away,
	/* udev learns of what was written to a device a moment after it is closed. */
	.settle_ms = 10000,
};
