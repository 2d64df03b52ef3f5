/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/vlan/spec.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/plan.h"
#include "engine/refer.h"

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
	{ "addresses", FIELD_LIST, AT(addresses), 0, 0, 0, NULL, NULL,
	  "addresses with prefix length: [ \"10.0.20.5/24\" ]" },
	{ "gateway", FIELD_ADDRESS, AT(gateway), 0, 0, 0, NULL, NULL,
	  "default router reached through this interface" },
	{ "link", FIELD_CHOICE, AT(link), FIELD_DERIVED, 0, 0, "up down", NULL,
	  "whether it is taken up: always wanted" },
	{ "undeclared", FIELD_CHOICE, AT(undeclared), FIELD_DERIVED, 0, 0, "none some", NULL,
	  "whether it has addresses or a default route where none is declared" },
	{ "parent_mtu", FIELD_NUMBER, AT(parent_mtu), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL,
	  NULL, "the parent's mtu as observed" },
	{ "foreign", FIELD_TEXT, AT(foreign), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "what the interface is when Moyai did not make it" },
	FIELD_END
};

static const struct vlan *vlan_named(const struct site_node *node, const char *name)
{
	const struct spec *spec = refer_find(node, "vlan", name);
	return spec ? spec->body : NULL;
}

/* A VLAN in a VLAN is fine (QinQ); one that ends in itself is not. */
static bool ends_in_itself(const struct site_node *node, const struct vlan *vlan)
{
	const char *at = vlan->parent;
	size_t most = node->wants.count;
	if (node->role != NULL && node->role->wants != NULL)
		most += node->role->wants->count;
	for (size_t i = 0; at != NULL && i <= most; i++) {
		if (text_equal(at, vlan->name))
			return true;
		const struct vlan *next = vlan_named(node, at);
		at = next ? next->parent : NULL;
	}
	return false;
}

static void check_addresses(const struct vlan *vlan, struct place place, struct mistakes *mistakes)
{
	const struct field as = { .name = "addresses", .type = FIELD_CIDR };
	for (size_t i = 0; i < vlan->addresses.count; i++) {
		char *kept = NULL;
		struct err err = ERR_INIT;
		const char *text = vlan->addresses.items[i];
		if (strchr(text, '/') == NULL)
			mistake_add(mistakes, place,
				    "vlan %s: addresses: \"%s\" has no prefix length; write it "
				    "like \"10.0.20.5/24\"",
				    vlan->name, text);
		else if (field_set_text(&as, &kept, text, &err) != 0)
			mistake_add(mistakes, place, "vlan %s: addresses: %s", vlan->name,
				    err.text);
		free(kept);
		for (size_t j = 0; j < i; j++)
			if (text_equal(text, vlan->addresses.items[j]))
				mistake_add(mistakes, place,
					    "vlan %s: addresses: \"%s\" is there twice", vlan->name,
					    text);
	}
}

struct twin {
	const struct vlan *self;
	const struct vlan *found;
	bool past; /* reported at the later of two */
};

static void look_for_twin(const struct spec *spec, void *context)
{
	struct twin *twin = context;
	const struct vlan *other = spec->body;
	if (text_equal(other->name, twin->self->name))
		twin->past = true;
	else if (!twin->past && other->id == twin->self->id &&
		 text_equal(other->parent, twin->self->parent))
		twin->found = other;
}

/* The same tag twice on one parent is one wire with two names: the kernel refuses it. */
static void check_tag(const struct site *site, const struct site_node *node,
		      const struct spec *want, struct mistakes *mistakes)
{
	const struct vlan *vlan = want->body;
	struct twin twin = { .self = vlan };
	refer_each(node, "vlan", look_for_twin, &twin);
	if (twin.found != NULL)
		mistake_add(mistakes, want->place,
			    "vlan %s: id %" PRIu64 " on %s is already that of vlan %s", vlan->name,
			    vlan->id, vlan->parent, twin.found->name);
	if (!text_equal(vlan->parent, "boot0"))
		return;
	for (size_t i = 0; i < node->address_count; i++) {
		const struct network *network = node->addresses[i].network;
		if (network && network->vlan == vlan->id && !text_equal(network->name, vlan->name))
			mistake_add(mistakes, want->place,
				    "vlan %s: id %" PRIu64 " on boot0 is already that of network "
				    "%s, which this node has an address on",
				    vlan->name, vlan->id, network->name);
	}
	(void)site;
}

static void check(const struct site *site, const struct site_node *node, const struct spec *want,
		  struct mistakes *mistakes)
{
	const struct vlan *vlan = want->body;
	if (node == NULL || vlan->name == NULL || vlan->parent == NULL)
		return;
	if (text_equal(vlan->name, "boot0") || text_equal(vlan->name, "lo"))
		mistake_add(mistakes, want->place,
			    "vlan %s: that is the name of an interface every node has; choose "
			    "another",
			    vlan->name);
	if (refer_find(node, "bridge", vlan->name))
		mistake_add(mistakes, want->place,
			    "vlan %s: a bridge of this node has the same name; interfaces share "
			    "one list of names",
			    vlan->name);
	if (site_node_address(node, vlan->name))
		mistake_add(mistakes, want->place,
			    "vlan %s: this node has an address on network %s, which makes this "
			    "interface already; leave out one of the two",
			    vlan->name, vlan->name);
	if (ends_in_itself(node, vlan))
		mistake_add(mistakes, want->place,
			    "vlan %s: its parent %s stands on %s itself; a parent is another "
			    "interface",
			    vlan->name, vlan->parent, vlan->name);
	else if (vlan_named(node, vlan->parent) && vlan_named(node, vlan->parent)->mtu < vlan->mtu)
		mistake_add(mistakes, want->place,
			    "vlan %s: mtu %" PRIu64 " is larger than %" PRIu64
			    ", that of its parent %s",
			    vlan->name, vlan->mtu, vlan_named(node, vlan->parent)->mtu,
			    vlan->parent);
	check_addresses(vlan, want->place, mistakes);
	check_tag(site, node, want, mistakes);
}

struct bridged {
	const char *network;
	bool found;
};

static void look_at_bridge(const struct spec *spec, void *context)
{
	struct bridged *bridged = context;
	if (text_equal(refer_text(spec, "network"), bridged->network))
		bridged->found = true;
}

/* Whether a bridge of the node or its role stands on the network: then the addresses are the
   bridge's. */
static bool is_bridged(const struct site_node *node, const char *network)
{
	struct bridged bridged = { .network = network };
	refer_each(node, "bridge", look_at_bridge, &bridged);
	return bridged.found;
}

/* ADDRESS of the node with the prefix length of the network's cidr. */
static void add_address(struct vlan *vlan, const struct network *network, const char *address)
{
	const char *prefix = network->cidr ? strchr(network->cidr, '/') : NULL;
	if (address == NULL || prefix == NULL)
		return;
	AUTO_FREE char *full = xasprintf("%s%s", address, prefix);
	if (!text_list_has(&vlan->addresses, full))
		text_list_add(&vlan->addresses, full);
}

static int derive(const struct derive *from, struct spec *want, struct err *err)
{
	struct vlan *vlan = want->body;
	const struct network *network = site_find_network(from->site, want->id);
	if (vlan->link == NULL)
		vlan->link = xstrdup("up");
	if (vlan->undeclared == NULL)
		vlan->undeclared = xstrdup("none");
	if (network == NULL || network->vlan == 0) {
		text_list_sort(&vlan->addresses);
		return 0;
	}
	if (vlan->name == NULL)
		vlan->name = xstrdup(want->id);
	if (vlan->parent == NULL)
		vlan->parent = xstrdup("boot0");
	if (vlan->id == FIELD_UNSET)
		vlan->id = network->vlan;
	if (want->place.file == NULL || vlan->mtu == FIELD_UNSET)
		vlan->mtu = network->mtu;
	if (is_bridged(from->node, network->name)) {
		text_list_free(&vlan->addresses);
		free(vlan->gateway);
		vlan->gateway = NULL;
		return 0;
	}
	add_address(vlan, network, site_node_address(from->node, network->name));
	text_list_sort(&vlan->addresses);
	const struct site_node *router =
		network->gateway ? site_find_node(from->site, network->gateway) : NULL;
	if (vlan->gateway == NULL && router != NULL && router != from->node)
		vlan->gateway = xstrdup(site_node_address(router, network->name));
	(void)err;
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
	return 0;
}

static int judge(struct step *step, struct err *err)
{
	const struct vlan *want = step->want ? step->want->body : NULL;
	const struct vlan *have = step->seen ? step->seen->body : NULL; /* for creations too */
	(void)err;
	if (have == NULL)
		return 0;
	if (have->foreign != NULL) {
		free(step->refused);
		step->refused = xasprintf("interface %s is there already and is not Moyai's: %s",
					  step->id, have->foreign);
	} else if (want != NULL && have->parent_mtu != FIELD_UNSET && want->mtu != FIELD_UNSET &&
		   want->mtu > have->parent_mtu) {
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
	.derive = derive,
	.needs = needs,
	.judge = judge,
};
