/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A kind that holds data and needs a file. */
#include <stddef.h>
#include <string.h>

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

/* A file beside the machine's resources: wire/a/expected. */
static int say(const char *id, const char *file, const struct str *text, struct err *err)
{
	AUTO_FREE char *path = store_path("wire", id, file);
	AUTO_FREE char *folder = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	if (file_make_dirs(folder, 0755, err) != 0)
		return -1;
	return file_write(path, text->data, text->length, 0644, err);
}

/* What another node's box is made of comes and goes by itself: here it is said that it has. */
static int expect(struct node *node, const struct spec *as, struct err *err)
{
	AUTO_STR struct str text = STR_INIT;
	(void)node;
	str_add(&text, "expected");
	return say(as->id, "expected", &text, err);
}

static void expect_end(struct node *node, const struct spec *as)
{
	AUTO_FREE char *path = store_path("wire", as->id, "expected");
	(void)node;
	file_remove(path, NULL);
}

static int arrive(struct node *node, const struct spec *as, struct err *err)
{
	AUTO_STR struct str text = STR_INIT;
	(void)node;
	str_add(&text, "arrived");
	return say(as->id, "arrived", &text, err);
}

/* With the files that it is given; a box called "heavy" does not go. */
static int move(struct node *node, const struct spec *as, const struct transfer *how,
		struct err *err)
{
	AUTO_STR struct str text = STR_INIT;
	AUTO_STR struct str key = STR_INIT;
	if (file_read(how->key, 4096, &key, err) != 0)
		return -1;
	str_addf(&text, "%s %d ", how->address, strstr(str_text(&key), "PRIVATE KEY") != NULL);
	if (file_read(how->known_hosts, 4096, &text, err) != 0 ||
	    say(as->id, "went", &text, err) != 0)
		return -1;
	for (unsigned percent = 0; percent <= 100; percent += 50)
		if (!how->go_on(how->context, percent))
			return err_set(err, "nobody waits for it");
	if (strcmp(as->id, "heavy") == 0)
		return err_set(err, "it is too heavy");
	(void)node;
	return store_remove("box", as->id, err);
}

const struct kind_node box_node = {
	.name = "box",
	.list = list,
	.observe = observe,
	.apply = apply,
	.remove = remove_box,
	.accepts = "/usr/bin/take-boxes in",
	.expect = expect,
	.expect_end = expect_end,
	.arrive = arrive,
	.move = move,
};
