/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ENGINE_PLAN_H
#define ENGINE_PLAN_H
#include <jansson.h>

#include "base/hash.h"
#include "engine/kind.h"
#include "engine/slice.h"
/*
 * Wanted against observed, on the node. plan never writes.
 */
enum step_action { STEP_CREATE, STEP_CHANGE, STEP_REPLACE, STEP_REMOVE };

struct step {
	enum step_action action;
	const struct kind_spec *kind;
	char *id;
	struct spec *want; /* NULL for REMOVE; borrowed from the slice */
	struct spec *have; /* NULL for CREATE; owned */
	/* What observe() filled in, also when it found nothing (VOLATILE fields tell
	   judge() of the surroundings: what a disk holds, what is free). Borrowed
	   from `have`, or for CREATE owned. */
	struct spec *seen;
	bool loses_data;	    /* needs both consents */
	char *refused;		    /* why it will not be done; NULL: may be done */
	struct refs needs;	    /* of want, and of have for changes and removals */
	char digest[HASH_HEX_SIZE]; /* of the stable fields of `have` ("absent" for none) */
};
struct plan {
	struct step *items; /* in the order of the kind table; removals last, reversed */
	size_t count;
	size_t kept; /* resources that are as wanted */
	struct plan_warning {
		const struct kind_spec *kind;
		char *id;
		char *text;
	} * warnings;
	size_t warning_count;
};
/* Whether a field differs, as shown in a plan: have → want. */
bool step_field_changes(const struct step *step, const struct field *field);

int plan_make(struct node *node, const struct slice *slice, struct plan *plan, struct err *err);
void plan_free(struct plan *plan);
const char *step_action_text(enum step_action action); /* "create" … */
/* For the wire: {"event":"step","do":…,"kind":…,"id":…,"changes":[…],…}; no secrets. */
json_t *step_to_json(const struct step *step);
#endif
