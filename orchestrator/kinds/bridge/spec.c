/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/bridge/spec.h"

#include <stdlib.h>
#include <string.h>

#include "engine/refer.h"
#include "model/text_check.h"

enum { MTU_ALONE = 1500 }; /* Ethernet's */

#define AT(member) offsetof(struct bridge, member)

static const struct field FIELDS[] = {
	{ "name", FIELD_NAME, AT(name), FIELD_REQUIRED, 1, 15, NULL, NULL,
	  "name of the bridge interface" },
	{ "network", FIELD_NAME, AT(network), FIELD_VOLATILE, 1, 15, NULL, NULL,
	  "tagged network of the site that it stands on; not given: the node's guests are among "
	  "themselves" },
	{ "port", FIELD_NAME, AT(port), FIELD_DERIVED, 1, 15, NULL, NULL,
	  "the tagged interface below it" },
	{ "mtu", FIELD_NUMBER, AT(mtu), FIELD_DERIVED, 68, 65535, NULL, NULL,
	  "largest packet in bytes: the network's, else 1500" },
	INTERFACE_FIELDS(struct bridge, own, 0),
	{ "filtering", FIELD_CHOICE, AT(filtering), FIELD_DERIVED, 0, 0, "on off", NULL,
	  "whether it filters by VLAN, so that a guest's own tags go nowhere: wanted with a "
	  "network" },
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
		mistake_add(mistakes, place_of(want->place, "network"),
			    "bridge %s: there is no network %s; tagged networks: %s", bridge->name,
			    bridge->network, str_text(&there));
	else if (network->vlan == 0)
		mistake_add(mistakes, place_of(want->place, "network"),
			    "bridge %s: network %s is untagged, and a bridge stands on a tagged "
			    "one; tagged networks: %s",
			    bridge->name, bridge->network, str_text(&there));
}

/* On a network the bridge has what the node has there. */
static void check_own(const struct site *site, const struct spec *want, struct mistakes *mistakes)
{
	const struct bridge *bridge = want->body;
	const struct interface *own = &bridge->own;
	const struct {
		const char *field;
		bool given;
	} fields[] = { { "addresses", own->addresses.count > 0 },
		       { "gateway", own->gateway != NULL },
		       { "gateway6", own->gateway6 != NULL },
		       { "dhcp", own->dhcp == 1 } };
	if (bridge->network == NULL)
		interface_check(site, want, own, FIELD_UNSET, mistakes);
	for (size_t i = 0; bridge->network != NULL && i < COUNT_OF(fields); i++)
		if (fields[i].given)
			mistake_add(mistakes, place_of(want->place, fields[i].field),
				    "bridge %s: %s: it has the node's own on network %s; write "
				    "them there, or leave out the network",
				    bridge->name, fields[i].field, bridge->network);
	if (bridge->network == NULL && own->dhcp == 1)
		mistake_add(mistakes, place_of(want->place, "dhcp"),
			    "bridge %s: dhcp: nobody answers on a bridge without network; write "
			    "addresses",
			    bridge->name);
}

static bool same_network(const struct spec *a, const struct spec *b)
{
	const char *network = refer_text(a, "network");
	return network != NULL && text_equal(network, refer_text(b, "network"));
}

static void check(const struct site *site, const struct site_node *node, const struct spec *want,
		  struct mistakes *mistakes)
{
	const struct bridge *bridge = want->body;
	if (node == NULL || bridge->name == NULL)
		return;
	if (bridge->network != NULL)
		check_network(site, want, mistakes);
	check_own(site, want, mistakes);
	const char *why = text_interface_refusal(bridge->name);
	if (why != NULL)
		mistake_add(mistakes, place_of(want->place, "name"), "bridge %s: %s", bridge->name,
			    why);
	else if (site_find_network(site, bridge->name))
		mistake_add(mistakes, place_of(want->place, "name"),
			    "bridge %s: network %s makes an interface of the same name; choose "
			    "another, like \"br-%.12s\"",
			    bridge->name, bridge->name, bridge->name);
	const struct spec *earlier = refer_earlier(node, want, same_network);
	if (earlier != NULL)
		mistake_add(mistakes, place_of(want->place, "network"),
			    "bridge %s: network %s is already in bridge %s, and an interface is in "
			    "one bridge only",
			    bridge->name, bridge->network, earlier->id);
}

static void derive_network(const struct derive *from, const struct network *network,
			   struct bridge *bridge)
{
	bridge->port = xstrdup(network->name);
	bridge->mtu = network->mtu;
	bridge->filtering = xstrdup("on");
	refer_addresses(from->node, network, &bridge->own.addresses);
	bridge->own.gateway = xstrdup(refer_router(from->site, from->node, network));
	bridge->own.gateway6 = xstrdup(refer_router6(from->site, from->node, network));
}

/* A cluster's stands on a VLAN that is no network of the site: the host has no address there. */
static void derive_alone(const struct site_node *node, struct bridge *bridge)
{
	const struct spec *vlan = bridge->port ? refer_find(node, "vlan", bridge->port) : NULL;
	bridge->mtu = vlan ? refer_number(vlan, "mtu") : MTU_ALONE;
	if (vlan != NULL)
		bridge->filtering = xstrdup("on");
}

static int derive(const struct derive *from, struct spec *want, struct err *err)
{
	struct bridge *bridge = want->body;
	const struct network *network =
		bridge->network ? site_find_network(from->site, bridge->network) : NULL;
	if (bridge->network != NULL && network == NULL)
		return err_set(err, "bridge %s: there is no network %s", want->id, bridge->network);
	if (network != NULL)
		derive_network(from, network, bridge);
	else
		derive_alone(from->node, bridge);
	interface_derive(&bridge->own);
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
	if (have != NULL)
		interface_judge(step, have->foreign);
	return 0;
}

const struct kind_spec bridge_spec = {
	.name = "bridge",
	.section = "bridges",
	.doc = "a bridge for guests, on the tagged interface of a network or among themselves",
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
