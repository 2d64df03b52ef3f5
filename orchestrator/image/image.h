/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H
#include <stdbool.h>

#include "image/apt_index.h"
#include "image/inputs.h"
#include "image/recipe.h"
#include "model/site.h"
/*
 * Appliance images: what they should be made of, what is there, and what has
 * to be made again. An image is three layers: the base of its kernel flavour
 * and firmware (shared), the role's packages and files, and a small one with
 * the package moyai-node and the version, so that a new one costs a second.
 */
struct image_dirs {
	const char *share;	/* where images/ and roles/ are */
	const char *images;	/* where the result goes */
	const char *moyai_node; /* the package to install into every image */
};

struct image_base {
	char *name;			    /* of its folder: "base-cloud" */
	const struct recipe_kernel *kernel; /* borrowed from the plan's recipe */
	struct text_list firmware;
	struct inputs base, initrd;
	char base_digest[HASH_HEX_SIZE];
	bool base_stale, initrd_stale;
	struct str why; /* why something of it is stale */
};

struct image_role {
	const struct role *role; /* borrowed from the site */
	size_t base;		 /* index in the plan */
	const char *console;	 /* borrowed; NULL: none */
	struct text_list kernel_arguments;
	struct inputs layer, image;
	char version[13];	 /* of all inputs */
	bool layer_stale, stale; /* stale: also when only the small layer or the manifest is */
	bool missing;
	struct str why;
};

struct image_plan {
	struct image_dirs dirs;	 /* borrowed */
	const struct site *site; /* borrowed */
	struct recipe recipe;
	struct apt_index index;
	struct image_base *bases;
	size_t base_count;
	struct image_role *roles;
	size_t role_count;
};

/* Look at everything and change nothing. names: roles, empty for all of the site. */
int image_plan_make(const struct image_dirs *dirs, const struct site *site,
		    const struct text_list *names, struct image_plan *plan, struct err *err);
void image_plan_free(struct image_plan *plan);

/* What a build tells while it goes; called from several threads, one at a time. */
enum image_event_type { IMAGE_STARTED, IMAGE_DONE, IMAGE_FAILED };
struct image_event {
	const char *name; /* "base-cloud", "storage" */
	enum image_event_type what;
	double seconds;
	const char *text; /* why it is made; its size; the error */
};
typedef void image_report(const struct image_event *event, void *context);

/* Make what is stale, two roles at a time. Needs root. A failure of one role
   does not stop the others; err then names it. */
int image_build(struct image_plan *plan, image_report *report, void *context, struct err *err);

/* The manifest of a role as it is on disk, or NULL. */
json_t *image_manifest_load(const struct image_plan *plan, const struct image_role *role);
/* Write it from what lies in the folders. */
int image_manifest_write(const struct image_plan *plan, const struct image_role *role,
			 const char *folder, struct err *err);

/* A program of Moyai's, beside moyai-node; the caller frees. And the folders that
   programs on a cluster manager read. */
char *image_program(const struct image_plan *plan, const char *name);
#define IMAGE_SHARED                                                                               \
	{                                                                                          \
		"roles", "pxe"                                                                     \
	}

/* The folder of values that the scripts under images/ read. */
int image_spec_base(const struct image_plan *plan, const struct image_base *base, const char *spec,
		    struct err *err);
int image_spec_role(const struct image_plan *plan, const struct image_role *role, const char *spec,
		    struct err *err);
#endif
