/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A kind with a field of every sort of rule. */
#include <stddef.h>

#include "base/run.h"
#include "system/node.h"
#include "tests/wire/kinds/store.h"

struct file {
	char *name;
	char *content;
	uint64_t mode;
	struct text_list tags;
	char *owner;
	char *label;
	char *token;
	uint64_t stamp;
};

static const struct field FIELDS[] = {
	{ .name = "name",
	  .type = FIELD_TEXT,
	  .offset = offsetof(struct file, name),
	  .flags = FIELD_REQUIRED,
	  .doc = "id" },
	{ .name = "content",
	  .type = FIELD_TEXT,
	  .offset = offsetof(struct file, content),
	  .doc = "goes through the arguments of a command" },
	{ .name = "mode",
	  .type = FIELD_NUMBER,
	  .offset = offsetof(struct file, mode),
	  .doc = "a number" },
	{ .name = "tags",
	  .type = FIELD_LIST,
	  .offset = offsetof(struct file, tags),
	  .doc = "a list" },
	{ .name = "owner",
	  .type = FIELD_TEXT,
	  .offset = offsetof(struct file, owner),
	  .flags = FIELD_FIXED,
	  .doc = "never changed" },
	{ .name = "label",
	  .type = FIELD_TEXT,
	  .offset = offsetof(struct file, label),
	  .flags = FIELD_REPLACEABLE,
	  .doc = "a change makes it anew" },
	{ .name = "token",
	  .type = FIELD_TEXT,
	  .offset = offsetof(struct file, token),
	  .flags = FIELD_SECRET,
	  .doc = "a secret" },
	{ .name = "stamp",
	  .type = FIELD_NUMBER,
	  .offset = offsetof(struct file, stamp),
	  .flags = FIELD_VOLATILE,
	  .doc = "never compared" },
	FIELD_END,
};

const struct kind_spec file_spec = {
	.name = "file",
	.section = "files",
	.doc = "a file",
	.size = sizeof(struct file),
	.risks_connection = true,
	.fields = FIELDS,
};

static int list(struct node *node, struct text_list *owned, struct err *err)
{
	return store_list("file", node->site, owned, err);
}

static int observe(struct node *node, const char *id, const struct spec *want, struct spec *have,
		   bool *found, struct err *err)
{
	(void)node;
	(void)want;
	return store_observe(&file_spec, id, have, found, err);
}

/* What a tool got as its argument, to be compared with what was written. */
static int put_argument(const struct step *step, struct err *err)
{
	const struct file *want = step->want->body;
	AUTO_STR struct str argument = STR_INIT;
	if (want->content == NULL)
		return 0;
	const struct run run = { .argv = RUN_ARGV("printf", "%s", want->content) };
	if (run_ok(&run, &argument, err) != 0)
		return -1;
	return store_put("file", step->id, "argument", &argument, err);
}

static int apply(struct node *node, const struct step *step, struct err *err)
{
	/* What cannot be observed comes first: when the fields are as wanted it is done. */
	if (store_begin(node->site, step, err) != 0 || put_argument(step, err) != 0)
		return -1;
	return store_fields(step, err);
}

static int remove_file(struct node *node, const char *id, struct err *err)
{
	(void)node;
	return store_remove("file", id, err);
}

const struct kind_node file_node = {
	.name = "file",
	.list = list,
	.observe = observe,
	.apply = apply,
	.remove = remove_file,
};
