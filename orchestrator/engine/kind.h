/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ENGINE_KIND_H
#define ENGINE_KIND_H
#include "model/kind.h"
/*
 * The node's side of a kind. Its pure side, struct kind_spec, is in model/kind.h,
 * because the model parses resources by its table.
 */

/* Machine-side context: snapshots of one phase. Defined in system/node.h. */
struct node;

struct kind_node {
	const char *name; /* joins it to its spec */
	/* Ids of the resources of this kind that carry our mark. */
	int (*list)(struct node *, struct text_list *owned, struct err *);
	/* Fill `have` (init'ed by the engine) from the real source. `found` false is
	   not an error. `want` is NULL when nothing is wanted under this id. */
	int (*observe)(struct node *, const char *id, const struct spec *want, struct spec *have,
		       bool *found, struct err *);
	/* Create or change; repeatable after a crash anywhere inside. */
	int (*apply)(struct node *, const struct step *, struct err *);
	int (*remove)(struct node *, const char *id, struct err *);
	unsigned settle_ms; /* how long a step may take to come true; 0: at once */
};

/* The tables, made from kinds/list.h: a new kind is one folder and one line there. */
extern const struct kind_node *const KIND_NODES[]; /* ends with NULL; moyai-node only */
const struct kind_node *kind_node_find(const char *name);
#endif
