/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "engine/plan.h"
#include "kinds/filesystem/spec.h"
#include "system/filesystem.h"
#include "system/mark.h"

static int list(struct node *node, struct text_list *owned, struct err *err)
{
	return mark_list(node, false, owned, err);
}

static int fill(const struct filesystem_spec *want, struct filesystem_spec *have, const char *on,
		const char *device, bool *found, struct err *err)
{
	struct filesystem there = { 0 };
	/* The device is made first; then there is nothing on it. */
	if (!file_exists(device))
		return 0;
	if (filesystem_read(device, &there, err) != 0)
		return -1;
	if (there.type != NULL && want != NULL && strcmp(there.type, want->type) != 0) {
		have->content = there.content;
		there.content = NULL;
	} else if (there.type != NULL) {
		have->on = xstrdup(on);
		have->type = xstrdup(there.type);
		have->label = xstrdup(there.label);
		have->device = xstrdup(device);
		have->size = there.size ? there.size : FIELD_UNSET;
		have->fills = there.fills;
		have->mounted = filesystem_mounted(device);
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
	AUTO_FREE char *marked = NULL;
	const char *on = want ? want->on : NULL;
	*found = false;
	if (want == NULL && mark_find(node, false, id, &on, &marked, err) != 0)
		return -1;
	const char *device = want ? want->device : marked;
	if (device == NULL)
		return 0;
	have->name = xstrdup(id);
	return fill(want, have, on, device, found, err);
}

static int apply(struct node *node, const struct step *step, struct err *err)
{
	const struct filesystem_spec *want = step->want->body;
	struct filesystem there = { 0 };
	char uuid[MARK_SIZE];
	if (mark_uuid(node, want->on, want->name, uuid, err) != 0 ||
	    filesystem_read(want->device, &there, err) != 0)
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
	AUTO_FREE char *device = NULL;
	const char *on;
	if (mark_find(node, false, id, &on, &device, err) != 0)
		return -1;
	return device ? filesystem_wipe(device, err) : 0;
}

const struct kind_node filesystem_node = {
	.name = "filesystem",
	.list = list,
	.observe = observe,
	.apply = apply,
	.remove = take_away,
};
