/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/plan.h"
#include "kinds/memory/spec.h"
#include "system/memory.h"

static int list(struct node *node, struct text_list *owned, struct err *err)
{
	(void)node;
	(void)err;
	memory_list(owned);
	return 0;
}

static int observe(struct node *node, const char *id, const struct spec *want, struct spec *seen,
		   bool *found, struct err *err)
{
	struct memory *have = seen->body;
	(void)node;
	(void)want;
	if (memory_available(&have->available, err) != 0 ||
	    memory_read(id, found, &have->backing, &have->size, err) != 0)
		return -1;
	if (*found)
		have->name = xstrdup(id);
	return 0;
}

static int apply(struct node *node, const struct step *step, struct err *err)
{
	const struct memory *want = step->want->body;
	(void)node;
	return memory_make(want->name, want->backing, want->size, err);
}

static int take_away(struct node *node, const char *id, struct err *err)
{
	(void)node;
	return memory_remove(id, err);
}

const struct kind_node memory_node = {
	.name = "memory",
	.list = list,
	.observe = observe,
	.apply = apply,
	.remove = take_away,
};
