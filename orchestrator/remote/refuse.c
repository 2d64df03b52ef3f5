/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "remote/refuse.h"

#include <stdlib.h>

#include "engine/expand.h"

/* With nobody there to consent, consent in the configuration is none either. */
static void refuse_loss(struct remote_step *step)
{
	if (!step->loses_data)
		return;
	free(step->refused);
	step->refused = xasprintf("would lose the data of %s/%s, and nobody attends; apply it "
				  "yourself",
				  step->kind, step->id);
}

/*
 * A volume is removed as its own mark says, which is what was last applied. A cluster that is absent
 * wants no volumes any more, and so nothing tells them that it declares another way by now.
 */
static void refuse_other_scrub(const char *node, const struct remote_options *options,
			       struct remote_step *step)
{
	if (step->action != STEP_REMOVE || !text_equal(step->kind, "volume"))
		return;
	const char *declared = expand_scrub(options->site, node, step->id);
	for (size_t i = 0; declared != NULL && i < step->change_count; i++) {
		const struct remote_change *change = &step->changes[i];
		if (!text_equal(change->field, "scrub") || text_equal(change->have, declared))
			continue;
		free(step->refused);
		step->refused = xasprintf("scrub = \"%s\" is declared of its cluster, and it would "
					  "be removed with \"%s\", as was last applied; stop the "
					  "cluster first (state = \"stopped\", apply), and then "
					  "remove it",
					  declared, change->have ? change->have : "none");
	}
}

static const struct allocated_guest *recorded_guest(const struct site *site, const char *id,
						    const char **cluster)
{
	for (size_t i = 0; i < site->cluster_count; i++)
		for (size_t j = 0; j < site->clusters[i].recorded.guest_count; j++) {
			const struct allocated_guest *guest = &site->clusters[i].recorded.guests[j];
			AUTO_FREE char *own =
				xasprintf("%s-%s", site->clusters[i].name, guest->name);
			*cluster = site->clusters[i].name;
			if (text_equal(own, id))
				return guest;
		}
	return NULL;
}

/* A guest that has moved here is not taken away by somebody who does not know of that. */
static void refuse_moved(const char *node, const struct remote_options *options,
			 struct remote_step *step)
{
	const char *cluster = NULL;
	if (step->action != STEP_REMOVE || !text_equal(step->kind, "guest"))
		return;
	const struct allocated_guest *guest = recorded_guest(options->site, step->id, &cluster);
	unsigned long long known = guest && guest->epoch != FIELD_UNSET ? guest->epoch : 0;
	for (size_t i = 0; guest != NULL && i < step->change_count; i++) {
		const struct remote_change *change = &step->changes[i];
		if (!text_equal(change->field, "epoch") || change->have == NULL ||
		    strtoull(change->have, NULL, 10) <= known)
			continue;
		free(step->refused);
		step->refused =
			guest->to ? xasprintf("it has moved to %s, and allocations/%s.cfg does "
					      "not say so yet; moyai cluster migrate %s %s "
					      "finishes that",
					      node, cluster, step->id, guest->to)
				  : xasprintf("it has moved to %s since allocations/%s.cfg was "
					      "written (its epoch is %s, and %llu there); take "
					      "the newest revision of the site (git pull)",
					      node, cluster, change->have, known);
	}
}

/* What images there are, and which one the manager starts, follows from what was built, not only
   from the revision: an older revision would take away what nodes are about to boot. */
static bool left_to_person(const struct remote_step *step)
{
	const struct kind_spec *kind = kind_find(step->kind);
	return kind != NULL && kind->attended;
}

bool refuse_step(const char *node, const struct remote_options *options, struct remote_step *step)
{
	if (options->unattended && left_to_person(step))
		return false;
	if (options->unattended)
		refuse_loss(step);
	refuse_other_scrub(node, options, step);
	refuse_moved(node, options, step);
	return true;
}
