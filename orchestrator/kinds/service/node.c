/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/node.h"
#include "engine/plan.h"
#include "kinds/service/spec.h"
#include "system/units.h"

enum { SETTLE_MS = 20000 };

static int service_list(struct node *node, struct text_list *owned, struct err *err)
{
	AUTO_LIST struct text_list marked = TEXT_LIST_INIT;
	(void)node;
	if (units_list_marked(&marked, err) != 0)
		return -1;
	for (size_t i = 0; i < marked.count; i++) /* not the rest of a broken write */
		if (service_name_valid(marked.items[i]))
			text_list_add(owned, marked.items[i]);
	return 0;
}

/* "running" and "stopped" for the two states that last, else systemd's word. */
static const char *state_of(const struct unit *unit)
{
	if (text_equal(unit->active, "active") || text_equal(unit->active, "reloading"))
		return "running";
	if (text_equal(unit->active, "inactive") || text_equal(unit->active, "failed"))
		return "stopped";
	return unit->active;
}

static int service_observe(struct node *node, const char *id, const struct spec *want,
			   struct spec *have, bool *found, struct err *err)
{
	struct service *body = have->body;
	const struct service *wanted = want ? want->body : NULL;
	AUTO_LIST struct text_list marked = TEXT_LIST_INIT;
	struct unit unit;
	if (!service_name_valid(id))
		return err_set(err, "\"%s\" is not a name of a unit", id);
	if (unit_get(node, id, &unit, err) != 0 || units_list_marked(&marked, err) != 0)
		return -1;
	body->name = xstrdup(id);
	body->state = xstrdup(state_of(&unit));
	body->sub_state = xstrdup(unit.sub);
	/* One that is as wanted needs no mark of ours: the image may have started it. */
	*found = text_list_has(&marked, id) ||
		 (wanted != NULL && text_equal(wanted->state, body->state));
	return 0;
}

static int service_apply(struct node *node, const struct step *step, struct err *err)
{
	const struct service *want = step->want->body;
	(void)node;
	if (!service_name_valid(want->name))
		return err_set(err, "\"%s\" is not a name of a unit", want->name);
	if (unit_mark(want->name, err) != 0)
		return -1;
	return text_equal(want->state, "stopped") ? unit_stop(want->name, err)
						  : unit_start(want->name, err);
}

static int service_remove(struct node *node, const char *id, struct err *err)
{
	(void)node;
	return unit_unmark(id, err);
}

const struct kind_node service_node = {
	.name = "service",
	.list = service_list,
	.observe = service_observe,
	.apply = service_apply,
	.remove = service_remove,
	.settle_ms = SETTLE_MS,
};
