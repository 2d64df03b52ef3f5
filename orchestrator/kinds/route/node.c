/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/node.h"
#include <string.h>

#include "engine/plan.h"
#include "kinds/route/spec.h"
#include "system/links.h"
#include "system/routes.h"

static const char *no_router(const char *to)
{
	return strchr(to, ':') ? "::" : "0.0.0.0";
}

static int route_list(struct node *node, struct text_list *owned, struct err *err)
{
	struct routes routes;
	(void)node;
	if (routes_get(&routes, err) != 0)
		return -1;
	for (size_t i = 0; i < routes.count; i++)
		if (!text_list_has(owned, routes.items[i].to))
			text_list_add(owned, routes.items[i].to);
	routes_free(&routes);
	return 0;
}

static int route_observe(struct node *node, const char *id, const struct spec *want,
			 struct spec *have, bool *found, struct err *err)
{
	struct route_want *body = have->body;
	const struct links *links = links_get(node, err);
	struct routes routes;
	size_t seen = 0;
	(void)want;
	if (links == NULL || routes_get(&routes, err) != 0)
		return -1;
	for (size_t i = 0; i < routes.count; i++) {
		const struct route *route = &routes.items[i];
		const struct link *link = links_find_index(links, route->link);
		if (!text_equal(route->to, id) || seen++ > 0)
			continue;
		body->name = xstrdup(id);
		body->via = xstrdup(route->via ? route->via : no_router(id));
		body->link = xstrdup(link ? link->name : NULL);
		body->metric = route->metric;
	}
	if (seen > 1) /* a second one with another metric is not as wanted */
		body->metric = FIELD_UNSET;
	*found = seen > 0;
	routes_free(&routes);
	return 0;
}

/* All of ours to the network but this one; NULL: all. */
static int remove_others(const char *to, const struct route *keep, struct err *err)
{
	struct routes routes;
	int rc = 0;
	if (routes_get(&routes, err) != 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < routes.count; i++) {
		const struct route *route = &routes.items[i];
		bool kept = keep && route->metric == keep->metric && route->link == keep->link &&
			    text_equal(route->via, keep->via);
		if (text_equal(route->to, to) && !kept)
			rc = route_remove(route, err);
	}
	routes_free(&routes);
	return rc;
}

static int route_apply(struct node *node, const struct step *step, struct err *err)
{
	const struct route_want *want = step->want->body;
	const struct links *links = links_get(node, err);
	const struct link *link = links ? links_find(links, want->link) : NULL;
	if (links == NULL)
		return -1;
	if (link == NULL)
		return err_set(err, "there is no interface %s", want->link);
	bool direct = want->via == NULL || text_equal(want->via, no_router(want->name));
	const struct route route = { want->name, direct ? NULL : want->via, link->index,
				     want->metric };
	/* The new one first: there is always a way. */
	return route_add(&route, err) == 0 ? remove_others(want->name, &route, err) : -1;
}

static int route_remove_all(struct node *node, const char *id, struct err *err)
{
	(void)node;
	return remove_others(id, NULL, err);
}

const struct kind_node route_node = {
	.name = "route",
	.list = route_list,
	.observe = route_observe,
	.apply = route_apply,
	.remove = route_remove_all,
};
