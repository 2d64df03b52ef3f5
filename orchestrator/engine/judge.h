/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ENGINE_JUDGE_H
#define ENGINE_JUDGE_H
#include "engine/plan.h"
/*
 * What plan and apply share: one resource observed, compared and judged.
 */
struct judged {
	bool differs;	  /* step is filled only when true */
	struct step step; /* freed by step_free() */
	char *warning; /* of what is there, whether or not it differs; NULL: none; the caller frees */
};

/*
 * Observe the resource and compare it with what is wanted under its id (want
 * NULL: nothing). `owned`: list() has it, so it carries our mark. This is
 * where the rules stand that no kind can soften: see judge.c.
 */
int judge_resource(struct node *node, const struct slice *slice, const struct kind_spec *kind,
		   const char *id, struct spec *want, bool owned, struct judged *out,
		   struct err *err);
void step_free(struct step *step);

/* kind_node_find(), with an error when it is NULL. */
const struct kind_node *judge_kind_node(const char *kind, struct err *err);
#endif
