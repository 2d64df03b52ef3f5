/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/node.h"
#include "engine/plan.h"
#include "kinds/resolver/spec.h"
#include "system/config_unit.h"

enum { SETTLE_MS = 10000 };

static int resolver_list(struct node *node, struct text_list *owned, struct err *err)
{
	(void)node;
	return config_units_list("resolver", owned, err);
}

static int resolver_observe(struct node *node, const char *id, const struct spec *want,
			    struct spec *have, bool *found, struct err *err)
{
	struct resolver *body = have->body;
	(void)want;
	if (config_unit_get(node, "resolver", id, NULL, &body->lines, &body->state, found, err) !=
	    0)
		return -1;
	if (*found)
		body->name = xstrdup(id);
	return 0;
}

static int resolver_apply(struct node *node, const struct step *step, struct err *err)
{
	static const char *const COMMAND[] = { "/usr/sbin/dnsmasq", "--keep-in-foreground",
					       "--conf-file=", NULL };
	static const char *const CHECK[] = { "/usr/sbin/dnsmasq", "--test", "--conf-file=", NULL };
	const struct resolver *want = step->want->body;
	const struct config_unit unit = {
		.kind = "resolver", .name = want->name, .command = COMMAND, .check = CHECK
	};
	return config_unit_apply(node, &unit, &want->lines, err);
}

static int resolver_remove(struct node *node, const char *id, struct err *err)
{
	return config_unit_remove(node, "resolver", id, err);
}

const struct kind_node resolver_node = {
	.name = "resolver",
	.list = resolver_list,
	.observe = resolver_observe,
	.apply = resolver_apply,
	.remove = resolver_remove,
	.settle_ms = SETTLE_MS,
};
