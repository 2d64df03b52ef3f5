/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MODEL_KIND_H
#define MODEL_KIND_H
#include "base/err.h"
#include "base/str.h"
#include "model/field.h"
#include "model/mistake.h"
#include "model/secret.h"
#include "model/site.h"
/*
 * A resource kind: what it is (spec, pure, linked everywhere) and how it is
 * seen and changed on a node (node, linked only into moyai-node). Wanted and
 * observed are the same struct. The engine knows kinds only by their table.
 *
 * In the configuration a node's (or role's) resources of a kind stand in a list
 * named by kind->section: `volumes = ( { name = "home"; … } );`
 * The first field of every kind is `name`, and is its id, unless another field
 * stands before it: a session's is FROM/NAME.
 */
struct step;
struct image_set; /* model/manifest.h */

/* Points at a resource: node NULL means "on the same node". It has to be there first, or, when it
   is one that must not be twice, to be gone: the node has said that it has it not. */
struct ref {
	char *node;
	const char *kind; /* static text */
	char *id;
	bool gone;
};
struct refs {
	struct ref *items;
	size_t count;
};
void refs_add(struct refs *refs, const char *node, const char *kind, const char *id); /* copies */
void refs_add_gone(struct refs *refs, const char *node, const char *kind, const char *id);
void refs_copy(struct refs *refs, const struct ref *ref);
void refs_drop(struct refs *refs, size_t index); /* the others keep their order */
void refs_free(struct refs *refs);

/* What derive() may look at. */
struct derive {
	const struct site *site;
	const struct site_node *node;
	const struct site_key *key;
	const struct image_set *images; /* what is built; NULL: nobody looked */
	const char *images_url;		/* where they are served, with a slash at the end; NULL:
					   by boot.server */
};

struct kind_spec {
	const char *name;      /* "volume" */
	const char *section;   /* the list in the configuration: "volumes" */
	const char *doc;       /* one line, for `explain` */
	const char *example;   /* a group as it would be written, for `explain` */
	const char *package;   /* that its tools come in, and the base image lacks; NULL: none */
	const char *id_before; /* a FIXED text field that belongs to the id; NULL: the name alone */
	size_t size;
	const struct field *fields;
	uint64_t unit;	       /* bytes that its `size` is rounded up to; 0: it has none */
	bool holds_data;       /* removing or replacing one loses data */
	bool risks_connection; /* a change may cut the node off: it is to be confirmed over a
				  new connection, or is taken back; docs/protocol.md */
	bool attended; /* a person alone changes it: an unattended apply leaves it as it is */
	bool expanded; /* follows from clusters; nobody declares one, and `section` is its plural */
	bool in_status; /* counted in `moyai status` as what a node holds */

	/* Mistakes beyond the field table (references, ranges between fields).
	   May be NULL. */
	void (*check)(const struct site *, const struct site_node *, const struct spec *want,
		      struct mistakes *);
	/* The addresses that a node has by it, each as "WIRE ADDRESS": on one wire nobody else may
	   have the same. In the order of the field `addresses`; "" for what is no address. May be
	   NULL. */
	void (*addresses)(const struct site_node *, const struct spec *want, struct text_list *out);
	/* What the node has of this kind without anybody having declared it is added to its wants,
	   before derive(). May be NULL. */
	void (*imply)(const struct derive *, struct spec_list *wants);
	/* Fill DERIVED fields. May be NULL. */
	int (*derive)(const struct derive *, struct spec *want, struct err *);
	/* What must be there first. Asked of wanted and of observed resources. May be NULL. */
	int (*needs)(const struct spec *, struct refs *out, struct err *);
	/* What is as wanted, or not, and will soon need somebody: a copy, for plan and status; NULL:
	   nothing. May be NULL. */
	char *(*warn)(const struct spec *want, const struct spec *have);
	/* Refine a step, or refuse it with the reason. May be NULL. */
	int (*judge)(struct step *, struct err *);
};

/* The id that the fields make, a copy; NULL while one of them is not given. */
char *spec_make_id(const struct spec *spec);

/* The table, made from kinds/list.h. */
extern const struct kind_spec *const KIND_SPECS[]; /* ends with NULL; in order of application */
const struct kind_spec *kind_find(const char *name);
#endif
