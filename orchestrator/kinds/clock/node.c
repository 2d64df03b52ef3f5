/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/node.h"
#include "engine/plan.h"
#include "kinds/clock/spec.h"
#include "system/config_unit.h"

enum { SETTLE_MS = 10000 };

static int clock_list(struct node *node, struct text_list *owned, struct err *err)
{
	(void)node;
	return config_units_list("clock", owned, err);
}

static int clock_observe(struct node *node, const char *id, const struct spec *want,
			 struct spec *have, bool *found, struct err *err)
{
	struct clock_want *body = have->body;
	(void)want;
	if (config_unit_get(node, "clock", id, NULL, &body->lines, &body->state, found, err) != 0)
		return -1;
	if (*found)
		body->name = xstrdup(id);
	return 0;
}

static int clock_apply(struct node *node, const struct step *step, struct err *err)
{
	static const char *const COMMAND[] = { "/usr/sbin/chronyd", "-d", "-f", "", NULL };
	static const char *const CHECK[] = { "/usr/sbin/chronyd", "-p", "-f", "", NULL };
	const struct clock_want *want = step->want->body;
	const struct config_unit unit = {
		.kind = "clock", .name = want->name, .command = COMMAND, .check = CHECK
	};
	return config_unit_apply(node, &unit, &want->lines, err);
}

static int clock_remove(struct node *node, const char *id, struct err *err)
{
	return config_unit_remove(node, "clock", id, err);
}

const struct kind_node clock_node = {
	.name = "clock",
	.list = clock_list,
	.observe = clock_observe,
	.apply = clock_apply,
	.remove = clock_remove,
	.settle_ms = SETTLE_MS,
};
