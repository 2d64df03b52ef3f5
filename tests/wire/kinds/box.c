/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A kind that holds data and needs a file. */
#include <stddef.h>

#include "base/file.h"
#include "system/node.h"
#include "tests/wire/kinds/store.h"

struct box {
	char *name;
	char *file;
	uint64_t size_bytes;
	char *shape;
};

static const struct field FIELDS[] = {
	{ .name = "name",
	  .type = FIELD_TEXT,
	  .offset = offsetof(struct box, name),
	  .flags = FIELD_REQUIRED,
	  .doc = "id" },
	{ .name = "file",
	  .type = FIELD_TEXT,
	  .offset = offsetof(struct box, file),
	  .flags = FIELD_FIXED,
	  .doc = "the file it stands on" },
	{ .name = "size",
	  .type = FIELD_BYTES,
	  .offset = offsetof(struct box, size_bytes),
	  .flags = FIELD_GROW_ONLY,
	  .doc = "grows" },
	{ .name = "shape",
	  .type = FIELD_TEXT,
	  .offset = offsetof(struct box, shape),
	  .flags = FIELD_REPLACEABLE,
	  .doc = "a change makes it anew" },
	FIELD_END,
};

static int needs(const struct spec *spec, struct refs *out, struct err *err)
{
	const struct box *box = spec->body;
	(void)err;
	if (box->file)
		refs_add(out, NULL, "file", box->file);
	return 0;
}

static int judge(struct step *step, struct err *err)
{
	const struct box *want = step->want ? step->want->body : NULL;
	if (want && want->size_bytes != FIELD_UNSET && want->size_bytes > 1ULL << 40)
		return err_set(err, "size is more than there is room for");
	return 0;
}

const struct kind_spec box_spec = {
	.name = "box",
	.section = "boxes",
	.doc = "a box",
	.size = sizeof(struct box),
	.fields = FIELDS,
	.holds_data = true,
	.needs = needs,
	.judge = judge,
};

static int list(struct node *node, struct text_list *owned, struct err *err)
{
	return store_list("box", node->site, owned, err);
}

static int observe(struct node *node, const char *id, const struct spec *want, struct spec *have,
		   bool *found, struct err *err)
{
	(void)node;
	(void)want;
	return store_observe(&box_spec, id, have, found, err);
}

static int apply(struct node *node, const struct step *step, struct err *err)
{
	AUTO_FREE char *data = store_path("box", step->id, "data");
	const struct box *want = step->want->body;
	AUTO_FREE char *mark = want->file ? store_path("file", want->file, "mark") : NULL;
	if (mark && !file_exists(mark))
		return err_set(err, "file %s is not there", want->file);
	if (store_begin(node->site, step, err) != 0)
		return -1;
	if (!file_exists(data) &&
	    store_put("box", step->id, "data", &(struct str)STR_INIT, err) != 0)
		return -1;
	return store_fields(step, err);
}

static int remove_box(struct node *node, const char *id, struct err *err)
{
	(void)node;
	return store_remove("box", id, err);
}

const struct kind_node box_node = {
	.name = "box",
	.list = list,
	.observe = observe,
	.apply = apply,
	.remove = remove_box,
};
