/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/plan.h"

#include <stdlib.h>
#include <string.h>

#include "engine/judge.h"

static void plan_add(struct plan *plan, const struct step *step)
{
	plan->items = xrealloc(plan->items, plan->count + 1, sizeof(*plan->items));
	plan->items[plan->count++] = *step;
}

/* Owns the text from now on. */
static void warning_add(struct plan *plan, const struct kind_spec *kind, const char *id, char *text)
{
	plan->warnings = xrealloc(plan->warnings, plan->warning_count + 1, sizeof(*plan->warnings));
	plan->warnings[plan->warning_count++] = (struct plan_warning){ kind, xstrdup(id), text };
}

/* Step or keep: one resource, wanted or owned or both. */
static int plan_resource(struct node *node, const struct slice *slice, const struct kind_spec *kind,
			 const char *id, struct spec *want, bool owned, struct plan *plan,
			 struct err *err)
{
	struct judged judged;
	if (judge_resource(node, slice, kind, id, want, owned, &judged, err) != 0)
		return err_context(err, "%s %s", kind->name, id);
	if (judged.warning != NULL)
		warning_add(plan, kind, id, judged.warning);
	if (judged.differs)
		plan_add(plan, &judged.step);
	else if (want != NULL)
		plan->kept++;
	return 0;
}

static int list_owned(struct node *node, const struct kind_spec *kind, struct text_list *owned,
		      struct err *err)
{
	const struct kind_node *machine = judge_kind_node(kind->name, err);
	if (machine == NULL)
		return -1;
	if (machine->list(node, owned, err) != 0)
		return err_context(err, "%s", kind->name);
	return 0;
}

static int plan_wanted(struct node *node, const struct slice *slice, const struct kind_spec *kind,
		       const struct text_list *owned, struct plan *plan, struct err *err)
{
	for (size_t i = 0; i < slice->wants.count; i++) {
		struct spec *want = &slice->wants.items[i];
		if (want->kind != kind)
			continue;
		if (plan_resource(node, slice, kind, want->id, want, text_list_has(owned, want->id),
				  plan, err) != 0)
			return -1;
	}
	return 0;
}

/* What carries our mark and is wanted no more, the last one first. */
static int plan_removals(struct node *node, const struct slice *slice, const struct kind_spec *kind,
			 const struct text_list *owned, struct plan *plan, struct err *err)
{
	for (size_t i = owned->count; i-- > 0;) {
		const char *id = owned->items[i];
		if (spec_list_find(&slice->wants, kind->name, id) == NULL &&
		    plan_resource(node, slice, kind, id, NULL, true, plan, err) != 0)
			return -1;
	}
	return 0;
}

/* Consent that nothing is left for, or that has a name misspelt: it would hold for what gets this
   name one day. */
static void warn_of_consents(const struct slice *slice, const struct text_list *owned,
			     struct plan *plan)
{
	for (size_t i = 0; i < slice->may_lose.count; i++) {
		const char *scope = slice->may_lose.items[i];
		for (size_t j = 0; KIND_SPECS[j]; j++) {
			const struct kind_spec *kind = KIND_SPECS[j];
			size_t length = strlen(kind->name);
			const char *id = scope + length + 1;
			if (!text_starts(scope, kind->name) || scope[length] != '/' ||
			    spec_list_find(&slice->wants, kind->name, id) != NULL ||
			    text_list_has(&owned[j], id))
				continue;
			warning_add(plan, kind, id,
				    xasprintf("may_lose of %s names it, and there is none, neither "
					      "in the configuration nor on the node; take it out",
					      slice->node));
		}
	}
}

int plan_make(struct node *node, const struct slice *slice, struct plan *plan, struct err *err)
{
	struct plan made = { 0 };
	size_t kinds = 0;
	while (KIND_SPECS[kinds])
		kinds++;
	struct text_list *owned = xcalloc(kinds + 1, sizeof(*owned));
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < kinds; i++) {
		rc = list_owned(node, KIND_SPECS[i], &owned[i], err);
		if (rc == 0)
			rc = plan_wanted(node, slice, KIND_SPECS[i], &owned[i], &made, err);
	}
	for (size_t i = kinds; rc == 0 && i-- > 0;)
		rc = plan_removals(node, slice, KIND_SPECS[i], &owned[i], &made, err);
	if (rc == 0)
		warn_of_consents(slice, owned, &made);
	for (size_t i = 0; i < kinds; i++)
		text_list_free(&owned[i]);
	free(owned);
	if (rc == 0)
		*plan = made;
	else
		plan_free(&made);
	return rc;
}

void plan_free(struct plan *plan)
{
	if (plan == NULL)
		return;
	for (size_t i = 0; i < plan->count; i++)
		step_free(&plan->items[i]);
	free(plan->items);
	for (size_t i = 0; i < plan->warning_count; i++) {
		free(plan->warnings[i].id);
		free(plan->warnings[i].text);
	}
	free(plan->warnings);
	*plan = (struct plan){ 0 };
}
