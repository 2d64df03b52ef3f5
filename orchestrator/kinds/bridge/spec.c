/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/bridge/spec.h"

#include <stdlib.h>
#include <string.h>

#include "engine/plan.h"

#define AT(member) offsetof(struct bridge, member)

static const struct field FIELDS[] = {
	{ "name", FIELD_NAME, AT(name), FIELD_REQUIRED, 1, 15, NULL, NULL,
	  "name of the bridge interface" },
	{ "network", FIELD_NAME, AT(network), FIELD_REQUIRED | FIELD_VOLATILE, 1, 15, NULL, NULL,
	  "tagged network of the site that it stands on" },
	{ "port", FIELD_NAME, AT(port), FIELD_DERIVED, 1, 15, NULL, NULL,
	  "the tagged interface below it" },
	{ "mtu", FIELD_NUMBER, AT(mtu), FIELD_DERIVED, 68, 65535, NULL, NULL,
	  "largest packet in bytes: the network's" },
	{ "addresses", FIELD_LIST, AT(addresses), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "the node's address on the network" },
	{ "gateway", FIELD_ADDRESS, AT(gateway), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "the network's default router" },
	{ "link", FIELD_CHOICE, AT(link), FIELD_DERIVED, 0, 0, "up down", NULL,
	  "whether it is taken up: always wanted" },
	{ "filtering", FIELD_CHOICE, AT(filtering), FIELD_DERIVED, 0, 0, "on off", NULL,
	  "whether it filters by VLAN, so that a guest's own tags go nowhere: always wanted" },
	{ "undeclared", FIELD_CHOICE, AT(undeclared), FIELD_DERIVED, 0, 0, "none some", NULL,
	  "whether it has addresses or a default route where none is declared" },
	{ "foreign", FIELD_TEXT, AT(foreign), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "what the interface is when Moyai did not make it" },
	FIELD_END
};

static void networks_text(const struct site *site, struct str *out)
{
	for (size_t i = 0; i < site->network_count; i++)
		if (site->networks[i].vlan != 0)
			str_addf(out, "%s%s", out->length ? ", " : "", site->networks[i].name);
	if (out->length == 0)
		str_add(out, "none");
}

static void check_network(const struct site *site, const struct spec *want,
			  struct mistakes *mistakes)
{
	const struct bridge *bridge = want->body;
	const struct network *network = site_find_network(site, bridge->network);
	AUTO_STR struct str there = STR_INIT;
	networks_text(site, &there);
	if (network == NULL)
		mistake_add(mistakes, want->place,
			    "bridge %s: there is no network %s; tagged networks: %s", bridge->name,
			    bridge->network, str_text(&there));
	else if (network->vlan == 0)
		mistake_add(mistakes, want->place,
			    "bridge %s: network %s is untagged, and a bridge stands on a tagged "
			    "one; tagged networks: %s",
			    bridge->name, bridge->network, str_text(&there));
}

static void check(const struct site *site, const struct site_node *node, const struct spec *want,
		  struct mistakes *mistakes)
{
	const struct bridge *bridge = want->body;
	if (node == NULL || bridge->name == NULL || bridge->network == NULL)
		return;
	check_network(site, want, mistakes);
	if (text_equal(bridge->name, "boot0") || text_equal(bridge->name, "lo"))
		mistake_add(mistakes, want->place,
			    "bridge %s: that is the name of an interface every node has; choose "
			    "another",
			    bridge->name);
	else if (site_find_network(site, bridge->name))
		mistake_add(mistakes, want->place,
			    "bridge %s: network %s makes an interface of the same name; choose "
			    "another, like \"br-%.12s\"",
			    bridge->name, bridge->name, bridge->name);
	for (size_t i = 0; i < node->wants.count; i++) {
		const struct spec *other = &node->wants.items[i];
		const struct bridge *body = other->body;
		if (other == want)
			break; /* reported at the later of two */
		if (other->kind == want->kind && text_equal(body->network, bridge->network))
			mistake_add(mistakes, want->place,
				    "bridge %s: network %s is already in bridge %s, and an "
				    "interface is in one bridge only",
				    bridge->name, bridge->network, body->name);
	}
}

static int derive(const struct derive *from, struct spec *want, struct err *err)
{
	struct bridge *bridge = want->body;
	const struct network *network = site_find_network(from->site, bridge->network);
	if (network == NULL)
		return err_set(err, "bridge %s: there is no network %s", want->id, bridge->network);
	free(bridge->port);
	free(bridge->gateway);
	text_list_free(&bridge->addresses);
	bridge->port = xstrdup(network->name);
	bridge->gateway = NULL;
	bridge->mtu = network->mtu;
	if (bridge->link == NULL)
		bridge->link = xstrdup("up");
	if (bridge->filtering == NULL)
		bridge->filtering = xstrdup("on");
	if (bridge->undeclared == NULL)
		bridge->undeclared = xstrdup("none");
	const char *address = site_node_address(from->node, network->name);
	const char *prefix = network->cidr ? strchr(network->cidr, '/') : NULL;
	if (address != NULL && prefix != NULL)
		text_list_take(&bridge->addresses, xasprintf("%s%s", address, prefix));
	const struct site_node *router =
		network->gateway ? site_find_node(from->site, network->gateway) : NULL;
	/* Without an address of its own the node has no way to the router. */
	if (address != NULL && router != NULL && router != from->node)
		bridge->gateway = xstrdup(site_node_address(router, network->name));
	return 0;
}

static int needs(const struct spec *spec, struct refs *out, struct err *err)
{
	const struct bridge *bridge = spec->body;
	(void)err;
	if (bridge->port != NULL)
		refs_add(out, NULL, "vlan", bridge->port);
	return 0;
}

static int judge(struct step *step, struct err *err)
{
	const struct bridge *have = step->seen ? step->seen->body : NULL; /* for creations too */
	(void)err;
	if (have != NULL && have->foreign != NULL) {
		free(step->refused);
		step->refused = xasprintf("interface %s is there already and is not Moyai's: %s",
					  step->id, have->foreign);
	}
	return 0;
}

const struct kind_spec bridge_spec = {
	.name = "bridge",
	.section = "bridges",
	.doc = "a bridge on the tagged interface of a network, for guests",
	.example = "{ name = \"br-guests\"; network = \"guests\"; }",
	.size = sizeof(struct bridge),
	.fields = FIELDS,
	.risks_connection = true,
	.in_status = true,
	.check = check,
	.derive = derive,
	.needs = needs,
	.judge = judge,
};
