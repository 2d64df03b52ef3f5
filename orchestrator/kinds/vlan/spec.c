/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/vlan/spec.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/refer.h"
#include "model/ip.h"
#include "model/text_check.h"

#define AT(member) offsetof(struct vlan, member)

/* 68 is the least that IPv4 works with (RFC 791); 15 characters are the kernel's limit. */
static const struct field FIELDS[] = {
	{ "name", FIELD_NAME, AT(name), FIELD_REQUIRED, 1, 15, NULL, NULL,
	  "name of the interface, and of the network when it is one of the site's" },
	{ "parent", FIELD_NAME, AT(parent), 0, 1, 15, NULL, "boot0",
	  "the interface that carries the tagged frames" },
	{ "id", FIELD_NUMBER, AT(id), FIELD_REQUIRED, 1, 4094, NULL, NULL, "the VLAN tag" },
	{ "mtu", FIELD_NUMBER, AT(mtu), 0, 68, 65535, NULL, "1500",
	  "largest packet in bytes; at most that of the parent" },
	INTERFACE_FIELDS(struct vlan, own, 0),
	{ "bridge", FIELD_NAME, AT(bridge), FIELD_DERIVED | FIELD_VOLATILE, 1, 15, NULL, NULL,
	  "the bridge on it: an interface that is made anew goes back there" },
	{ "parent_mtu", FIELD_NUMBER, AT(parent_mtu), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL,
	  NULL, "the parent's mtu as the site says it, or as observed" },
	{ "foreign", FIELD_TEXT, AT(foreign), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "what the interface is when Moyai did not make it" },
	FIELD_END
};

static const struct vlan *vlan_named(const struct site_node *node, const char *name)
{
	const struct spec *spec = refer_find(node, "vlan", name);
	return spec ? spec->body : NULL;
}

/* MAX_NEST_DEV of the kernel: it puts no more interfaces on each other. */
enum { NEST_MAX = 8 };

/* A VLAN in a VLAN is fine (QinQ); one that ends in itself is not. How many there are from it
   down, or more than NEST_MAX. */
static unsigned nesting(const struct site_node *node, const struct vlan *vlan, bool *in_itself)
{
	unsigned depth = 0;
	*in_itself = false;
	for (const struct vlan *at = vlan; at != NULL && depth <= NEST_MAX; depth++) {
		*in_itself = *in_itself || text_equal(at->parent, vlan->name);
		at = at->parent ? vlan_named(node, at->parent) : NULL;
	}
	return depth;
}

static bool same_tag(const struct spec *a, const struct spec *b)
{
	const struct vlan *one = a->body;
	const struct vlan *other = b->body;
	return one->id == other->id && text_equal(one->parent, other->parent);
}

/* The same tag twice on one parent is one wire with two names: the kernel refuses it. */
static void check_tag(const struct site *site, const struct site_node *node,
		      const struct spec *want, struct mistakes *mistakes)
{
	const struct vlan *vlan = want->body;
	const struct spec *earlier = refer_earlier(node, want, same_tag);
	if (earlier != NULL)
		mistake_add(mistakes, place_of(want->place, "id"),
			    "vlan %s: id %" PRIu64 " on %s is already that of vlan %s", vlan->name,
			    vlan->id, vlan->parent, earlier->id);
	for (size_t i = 0; i < site->network_count; i++) {
		const struct network *network = &site->networks[i];
		if (text_equal(vlan->parent, refer_uplink(node)) && network->vlan == vlan->id &&
		    !text_equal(network->name, vlan->name) && refer_has_vlan(node, network))
			mistake_add(mistakes, place_of(want->place, "id"),
				    "vlan %s: id %" PRIu64 " on %s is already that of network %s, "
				    "which this node has %s on",
				    vlan->name, vlan->id, vlan->parent, network->name,
				    site_node_address(node, network->name) ? "an address"
									   : "a bridge");
	}
}

static void check_parent(const struct site *site, const struct site_node *node,
			 const struct spec *want, struct mistakes *mistakes)
{
	const struct vlan *vlan = want->body;
	uint64_t most = refer_mtu(site, node, vlan->parent);
	bool in_itself;
	unsigned depth = nesting(node, vlan, &in_itself);
	if (in_itself)
		mistake_add(mistakes, place_of(want->place, "parent"),
			    "vlan %s: its parent %s stands on %s itself; a parent is another "
			    "interface",
			    vlan->name, vlan->parent, vlan->name);
	else if (depth > NEST_MAX)
		mistake_add(mistakes, place_of(want->place, "parent"),
			    "vlan %s: stands on more than %d others; the kernel takes no more",
			    vlan->name, NEST_MAX - 1);
	else if (vlan->mtu > most)
		mistake_add(mistakes, place_of(want->place, "mtu"),
			    "vlan %s: mtu %" PRIu64 " is larger than %" PRIu64
			    ", that of its parent %s",
			    vlan->name, vlan->mtu, most, vlan->parent);
}

static void check_name(const struct site *site, const struct site_node *node,
		       const struct spec *want, struct mistakes *mistakes)
{
	const char *name = want->id;
	const char *why = text_interface_refusal(name);
	const struct network *network = site_find_network(site, name);
	if (why != NULL)
		mistake_add(mistakes, place_of(want->place, "name"), "vlan %s: %s", name, why);
	if (refer_find(node, "bond", name))
		mistake_add(mistakes, place_of(want->place, "name"),
			    "vlan %s: a bond of this node has the same name; interfaces share one "
			    "list of names",
			    name);
	if (refer_find(node, "bridge", name))
		mistake_add(mistakes, place_of(want->place, "name"),
			    "vlan %s: a bridge of this node has the same name; interfaces share "
			    "one list of names",
			    name);
	if (network != NULL && refer_has_vlan(node, network))
		mistake_add(mistakes, place_of(want->place, "name"),
			    "vlan %s: this node has %s on network %s, which makes this interface "
			    "already; leave out one of the two",
			    name, site_node_address(node, name) ? "an address" : "a bridge", name);
}

static void check(const struct site *site, const struct site_node *node, const struct spec *want,
		  struct mistakes *mistakes)
{
	const struct vlan *vlan = want->body;
	if (node == NULL || vlan->name == NULL || vlan->parent == NULL)
		return;
	check_name(site, node, want, mistakes);
	check_parent(site, node, want, mistakes);
	refer_check_carries(site, node, want, mistakes);
	interface_check(site, want, &vlan->own, vlan->mtu, mistakes);
	check_tag(site, node, want, mistakes);
}

/* What tells wires apart is the tag, and in a VLAN in a VLAN all of them from the outside in:
   "30.20". Which cable it is the site does not say, so all are taken for one. */
static void add_wire(const struct site_node *node, const struct vlan *vlan, unsigned depth,
		     struct str *out)
{
	const struct vlan *parent = vlan->parent ? vlan_named(node, vlan->parent) : NULL;
	if (parent != NULL && depth < NEST_MAX) {
		add_wire(node, parent, depth + 1, out);
		str_add(out, ".");
	}
	str_addf(out, "%" PRIu64, vlan->id);
}

static void addresses(const struct site_node *node, const struct spec *want, struct text_list *out)
{
	const struct vlan *vlan = want->body;
	AUTO_STR struct str wire = STR_INIT;
	add_wire(node, vlan, 0, &wire);
	for (size_t i = 0; i < vlan->own.addresses.count; i++) {
		struct ip_subnet own;
		AUTO_FREE char *text = NULL;
		if (ip_parse_subnet(vlan->own.addresses.items[i], &own))
			text = ip_subnet_text(&own);
		text_list_take(out, text ? xasprintf("%s %.*s", str_text(&wire),
						     (int)strcspn(text, "/"), text)
					 : xstrdup(""));
	}
}

/* One that the slice made: the interface of a network of the site. */
static void derive_network(const struct derive *from, const struct network *network,
			   struct vlan *vlan)
{
	vlan->name = xstrdup(network->name);
	vlan->parent = xstrdup(refer_uplink(from->node));
	vlan->id = network->vlan;
	vlan->mtu = network->mtu;
	const struct spec *bridge = refer_bridge(from->node, network->name);
	if (bridge != NULL) {
		vlan->bridge = xstrdup(bridge->id);
		return;
	}
	refer_addresses(from->node, network, &vlan->own.addresses);
	vlan->own.gateway = xstrdup(refer_router(from->site, from->node, network));
	vlan->own.gateway6 = xstrdup(refer_router6(from->site, from->node, network));
}

/* One for each network that the node has an address or a bridge on, in their order. */
static void imply(const struct derive *from, struct spec_list *wants)
{
	for (size_t i = 0; i < from->site->network_count; i++)
		if (refer_has_vlan(from->node, &from->site->networks[i]))
			spec_list_add(wants, &vlan_spec, from->site->networks[i].name);
}

static int derive(const struct derive *from, struct spec *want, struct err *err)
{
	struct vlan *vlan = want->body;
	const struct network *network = site_find_network(from->site, want->id);
	(void)err;
	if (want->place.file == NULL && network != NULL)
		derive_network(from, network, vlan);
	/* boot0's own comes by DHCP: what it has is looked at. */
	if (!text_equal(vlan->parent, "boot0"))
		vlan->parent_mtu = refer_mtu(from->site, from->node, vlan->parent);
	interface_derive(&vlan->own);
	return 0;
}

static int needs(const struct spec *spec, struct refs *out, struct err *err)
{
	const struct vlan *vlan = spec->body;
	(void)err;
	if (vlan->parent == NULL || text_equal(vlan->parent, "boot0"))
		return 0;
	/* Whichever of these it is; one that is no resource of ours is there already. */
	refs_add(out, NULL, "vlan", vlan->parent);
	refs_add(out, NULL, "bond", vlan->parent);
	refs_add(out, NULL, "bridge", vlan->parent);
	refs_add(out, NULL, "port", vlan->parent);
	return 0;
}

static int judge(struct step *step, struct err *err)
{
	const struct vlan *want = step->want ? step->want->body : NULL;
	const struct vlan *have = step->seen ? step->seen->body : NULL; /* for creations too */
	(void)err;
	if (have == NULL)
		return 0;
	interface_judge(step, have->foreign);
	if (have->foreign == NULL && want != NULL && have->parent_mtu != FIELD_UNSET &&
	    want->mtu != FIELD_UNSET && want->mtu > have->parent_mtu) {
		free(step->refused);
		step->refused = xasprintf("mtu %" PRIu64 " is larger than %" PRIu64
					  ", that of its parent %s",
					  want->mtu, have->parent_mtu, want->parent);
	}
	return 0;
}

const struct kind_spec vlan_spec = {
	.name = "vlan",
	.section = "vlans",
	.doc = "a tagged interface and its addresses",
	.example = "{ name = \"lab\"; id = 40; mtu = 1450; addresses = [ \"10.77.40.13/24\" ]; }",
	.size = sizeof(struct vlan),
	.fields = FIELDS,
	.risks_connection = true,
	.check = check,
	.addresses = addresses,
	.imply = imply,
	.derive = derive,
	.needs = needs,
	.judge = judge,
};
