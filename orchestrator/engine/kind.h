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

/* How a resource in use goes to another node: over ssh, as root. */
struct transfer {
	const char *address;	 /* of that node */
	const char *key;	 /* file with the private key that is let in there */
	const char *known_hosts; /* file with its host key */
	/* Asked about once a second, with how far it is. false: it is to stay. */
	bool (*go_on)(void *context, unsigned percent);
	void *context;
};

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
	/* What a resource says from inside, of itself and what it serves; NULL: nothing. Not to be trusted.
	   An empty answer: it does not answer yet. */
	int (*ask)(struct node *, const char *id, struct str *answer, struct err *);
	/*
	 * Of a kind whose resources move from node to node while they are in use; NULL: they do not. `as` is what
	 * it is to be on the other one. That one is ready for it between expect() and expect_end(), and
	 * lets who comes with the key run `accepts`, and nothing else. After a failure of move() it is here as
	 * before.
	 */
	const char *accepts;
	int (*expect)(struct node *, const struct spec *as, struct err *);
	void (*expect_end)(struct node *, const struct spec *as);
	/* It is gone from the other one: it may be used here. */
	int (*arrive)(struct node *, const struct spec *as, struct err *);
	int (*move)(struct node *, const struct spec *as, const struct transfer *, struct err *);
};

/* The tables, made from kinds/list.h: a new kind is one folder and one line there. */
extern const struct kind_node *const KIND_NODES[]; /* ends with NULL; moyai-node only */
const struct kind_node *kind_node_find(const char *name);
#endif
