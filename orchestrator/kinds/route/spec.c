/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/route/spec.h"

#include <string.h>

#include "engine/plan.h"
#include "engine/refer.h"
#include "model/ip.h"

#define AT(member) offsetof(struct route_want, member)

/* A metric of its own: the kernel's default is 0 for IPv4 and 1024 for IPv6. */
static const struct field FIELDS[] = {
	{ "name", FIELD_SUBNET, AT(name), FIELD_REQUIRED, 0, 0, NULL, NULL,
	  "the network it leads to: \"10.0.0.0/8\", \"fd00:5::/48\"" },
	{ "via", FIELD_IP, AT(via), 0, 0, 0, NULL, NULL,
	  "the router's address; not given: the network is on the link itself" },
	{ "link", FIELD_NAME, AT(link), 0, 1, 15, NULL, NULL,
	  "the interface; not given: the one on whose network the router is" },
	{ "metric", FIELD_NUMBER, AT(metric), 0, 1, 1000000, NULL, "512",
	  "the smallest of all routes to the same network is used" },
	FIELD_END
};

/* The node's network that has the router in it; NULL: none. */
static const struct network *network_of(const struct site_node *node, const char *via)
{
	struct ip ip;
	struct ip_subnet subnet;
	for (size_t i = 0; via != NULL && ip_parse(via, &ip) && i < node->address_count; i++) {
		const struct network *network = node->addresses[i].network;
		if (network && network->cidr && ip_parse_subnet(network->cidr, &subnet) &&
		    ip_in(&subnet, &ip))
			return network;
	}
	return NULL;
}

static void check(const struct site *site, const struct site_node *node, const struct spec *want,
		  struct mistakes *mistakes)
{
	const struct route_want *route = want->body;
	struct ip_subnet to;
	(void)site;
	if (node == NULL || route->name == NULL)
		return;
	if (!ip_parse_subnet(route->name, &to))
		return;
	if (ip_has_host_bits(&to))
		mistake_add(mistakes, place_of(want->place, "name"),
			    "route %s: has bits behind its prefix; write the network's own address",
			    route->name);
	if (route->via != NULL && ip_is_v6(route->via) != ip_is_v6(route->name))
		mistake_add(mistakes, place_of(want->place, "via"),
			    "route %s: via %s is of the other family; a route stays in its own",
			    route->name, route->via);
	else if (route->link == NULL && route->via == NULL)
		mistake_add(mistakes, want->place,
			    "route %s: has neither via nor link; write via = \"ADDRESS\", or link "
			    "= \"INTERFACE\" when the network is on the link itself",
			    route->name);
	else if (route->link == NULL && !node->addresses_broken &&
		 network_of(node, route->via) == NULL)
		mistake_add(mistakes, place_of(want->place, "via"),
			    "route %s: via %s is on no network of %s; add an address there, or say "
			    "which link leads to it",
			    route->name, route->via, node->name);
}

static int derive(const struct derive *from, struct spec *want, struct err *err)
{
	struct route_want *route = want->body;
	const struct network *network = network_of(from->node, route->via);
	/* As routers print it: what is not given would not be compared. */
	if (route->via == NULL)
		route->via = xstrdup(ip_is_v6(route->name) ? "::" : "0.0.0.0");
	if (route->link != NULL)
		return 0;
	if (network == NULL)
		return err_set(err, "route %s: via %s is on no network", want->id, route->via);
	route->link = refer_link(from->site, from->node, network->name);
	if (route->link == NULL)
		route->link = xstrdup("boot0"); /* an untagged network is the one it boots from */
	return 0;
}

static int needs(const struct spec *spec, struct refs *out, struct err *err)
{
	const struct route_want *route = spec->body;
	(void)err;
	if (!text_equal(route->link, "boot0"))
		refer_need_link(out, route->link);
	return 0;
}

const struct kind_spec route_spec = {
	.name = "route",
	.section = "routes",
	.doc = "a static route, IPv4 or IPv6",
	.example = "{ name = \"10.0.0.0/8\"; via = \"10.77.20.1\"; }",
	.size = sizeof(struct route_want),
	.fields = FIELDS,
	.risks_connection = true,
	.check = check,
	.derive = derive,
	.needs = needs,
};
