/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ENGINE_KIND_H
#define ENGINE_KIND_H
#include "base/err.h"
#include "base/str.h"
#include "model/field.h"
#include "model/secret.h"
#include "model/site.h"
/*
 * A resource kind: what it is (spec, pure, linked everywhere) and how it is
 * seen and changed on a node (node, linked only into moyai-node). Wanted and
 * observed are the same struct. The engine knows kinds only by their table.
 *
 * In the configuration a node's (or role's) resources of a kind stand in a list
 * named by kind->section: `volumes = ( { name = "home"; … } );`
 * The first field of every kind is `name`, and is its id.
 */
struct step;

/* Points at a resource: node NULL means "on the same node". */
struct ref {
	char *node;
	const char *kind; /* static text */
	char *id;
};
struct refs {
	struct ref *items;
	size_t count;
};
void refs_add(struct refs *refs, const char *node, const char *kind, const char *id); /* copies */
void refs_free(struct refs *refs);

/* What derive() may look at. */
struct derive {
	const struct site *site;
	const struct site_node *node;
	const struct site_key *key;
};

struct kind_spec {
	const char *name;    /* "volume" */
	const char *section; /* the list in the configuration: "volumes" */
	const char *doc;     /* one line, for `explain` */
	const char *example; /* a group as it would be written, for `explain` */
	size_t size;
	const struct field *fields;
	bool holds_data; /* removing or replacing one loses data */
	bool role_only;	 /* declared by roles and the engine, not by nodes */

	/* Mistakes beyond the field table (references, ranges between fields).
	   May be NULL. */
	void (*check)(const struct site *, const struct site_node *, const struct spec *want,
		      struct mistakes *);
	/* Fill DERIVED fields. May be NULL. */
	int (*derive)(const struct derive *, struct spec *want, struct err *);
	/* What must be there first. Asked of wanted and of observed resources. May be NULL. */
	int (*needs)(const struct spec *, struct refs *out, struct err *);
	/* Refine a step, or refuse it with the reason. May be NULL. */
	int (*judge)(struct step *, struct err *);
};

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

/* The tables, in kinds/spec_table.c and kinds/node_table.c. A new kind is one
   folder and one line in each. */
extern const struct kind_spec *const KIND_SPECS[]; /* ends with NULL; in order of application */
extern const struct kind_node *const KIND_NODES[]; /* ends with NULL; moyai-node only */
const struct kind_spec *kind_find(const char *name);
const struct kind_node *kind_node_find(const char *name);
#endif
