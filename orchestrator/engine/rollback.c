/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/rollback.h"

#include <stdlib.h>

#include "engine/apply.h"
#include "engine/judge.h"

static int observe(struct node *node, const struct kind_node *machine, const char *id,
		   const struct spec *want, struct spec *have, bool *found, struct err *err)
{
	have->id = xstrdup(id);
	have->body = xcalloc(1, have->kind->size);
	fields_init(have->kind->fields, have->body);
	*found = false;
	return machine->observe(node, id, want, have, found, err);
}

/* Twice: what a kind tells of things that were not declared is relative to what is
   wanted, and here that is what is there. */
static int take_one(struct node *node, const struct kind_spec *kind,
		    const struct kind_node *machine, const char *id, struct slice *before,
		    struct err *err)
{
	struct spec seen = { .kind = kind };
	struct spec have = { .kind = kind };
	bool found;
	int rc = observe(node, machine, id, NULL, &seen, &found, err);
	if (rc == 0 && found)
		rc = observe(node, machine, id, &seen, &have, &found, err);
	if (rc == 0 && found)
		spec_list_copy(&before->wants, &have);
	spec_free(&seen);
	spec_free(&have);
	return rc == 0 ? 0 : err_context(err, "%s %s", kind->name, id);
}

static int take_kind(struct node *node, const struct kind_spec *kind, struct slice *before,
		     struct err *err)
{
	const struct kind_node *machine = judge_kind_node(kind->name, err);
	AUTO_LIST struct text_list owned = TEXT_LIST_INIT;
	if (machine == NULL || machine->list(node, &owned, err) != 0)
		return err_context(err, "%s", kind->name);
	for (size_t i = 0; i < owned.count; i++)
		if (take_one(node, kind, machine, owned.items[i], before, err) != 0)
			return -1;
	return 0;
}

int rollback_take(struct node *node, const struct slice *slice, struct slice *before,
		  struct err *err)
{
	struct slice taken = { .site = xstrdup(slice->site), .node = xstrdup(slice->node) };
	int rc = 0;
	for (size_t i = 0; rc == 0 && KIND_SPECS[i]; i++)
		if (KIND_SPECS[i]->risks_connection)
			rc = take_kind(node, KIND_SPECS[i], &taken, err);
	if (rc == 0)
		*before = taken;
	else
		slice_free(&taken);
	return rc;
}

/* What came since goes; the last one made first. */
static int remove_new(struct node *node, const struct slice *before, const struct kind_spec *kind,
		      struct err *err)
{
	const struct kind_node *machine = judge_kind_node(kind->name, err);
	AUTO_LIST struct text_list owned = TEXT_LIST_INIT;
	int rc = 0;
	if (machine == NULL || machine->list(node, &owned, err) != 0)
		return err_context(err, "%s", kind->name);
	for (size_t i = owned.count; i-- > 0;) {
		const char *id = owned.items[i];
		if (spec_list_find(&before->wants, kind->name, id) == NULL &&
		    apply_step(node, before, kind->name, id, NULL, err) != 0)
			rc = err_context(err, "%s %s", kind->name, id);
	}
	return rc;
}

int rollback_apply(struct node *node, const struct slice *before, struct err *err)
{
	size_t kinds = 0;
	int rc = 0;
	while (KIND_SPECS[kinds])
		kinds++;
	for (size_t i = kinds; i-- > 0;)
		if (KIND_SPECS[i]->risks_connection &&
		    remove_new(node, before, KIND_SPECS[i], err) != 0)
			rc = -1;
	/* In the order of the kinds, as they were taken. */
	for (size_t i = 0; i < before->wants.count; i++) {
		const struct spec *want = &before->wants.items[i];
		if (apply_step(node, before, want->kind->name, want->id, NULL, err) != 0)
			rc = err_context(err, "%s %s", want->kind->name, want->id);
	}
	return rc;
}
