/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/vlan/spec.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/plan.h"
#include "engine/refer.h"
#include "model/ip.h"
#include "model/ipv4.h"
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
	{ "addresses", FIELD_LIST, AT(addresses), 0, 0, 0, NULL, NULL,
	  "addresses with prefix length: [ \"10.0.20.5/24\", \"fd00:20::5/64\" ]" },
	{ "gateway", FIELD_ADDRESS, AT(gateway), 0, 0, 0, NULL, NULL,
	  "default router reached through this interface" },
	{ "gateway6", FIELD_IP, AT(gateway6), 0, 0, 0, NULL, NULL, "the same of IPv6" },
	{ "dhcp", FIELD_BOOL, AT(dhcp), 0, 0, 0, NULL, NULL,
	  "IPv4 address and default route by DHCP" },
	{ "lease", FIELD_CHOICE, AT(lease), FIELD_DERIVED, 0, 0, "held none", NULL,
	  "whether it has an address by DHCP: wanted with dhcp" },
	{ "bridge", FIELD_NAME, AT(bridge), FIELD_DERIVED | FIELD_VOLATILE, 1, 15, NULL, NULL,
	  "the bridge on it: an interface that is made anew goes back there" },
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

/* An address that a network of the site has, too, would send its packets two ways. */
static void check_overlap(const struct site *site, const struct vlan *vlan, const char *text,
			  struct place place, struct mistakes *mistakes)
{
	struct ip_subnet own;
	struct ip_subnet other;
	for (size_t i = 0; i < site->network_count; i++) {
		const struct network *network = &site->networks[i];
		const char *cidr = ip_is_v6(text) ? network->cidr6 : network->cidr;
		if (cidr == NULL || !ip_parse_subnet(text, &own) ||
		    !ip_parse_subnet(cidr, &other) || !ip_subnets_overlap(&own, &other))
			continue;
		mistake_add(
			mistakes, place,
			"vlan %s: addresses: \"%s\" overlaps %s of network %s; give the node an "
			"address on that, or choose another",
			vlan->name, text, cidr, network->name);
	}
}

/* As for the addresses of a network; a /31 and a /32 have no ends (RFC 3021). */
static void check_ends(const struct vlan *vlan, const char *text, const struct ipv4_network *own,
		       struct place place, struct mistakes *mistakes)
{
	if (own->prefix > 30)
		return;
	if (own->address == ipv4_first(own))
		mistake_add(mistakes, place,
			    "vlan %s: addresses: %s is the network's own address; choose one after "
			    "it",
			    vlan->name, text);
	else if (own->address == ipv4_last(own))
		mistake_add(mistakes, place,
			    "vlan %s: addresses: %s is the broadcast address; choose one before it",
			    vlan->name, text);
}

/* The kernel refuses multicast addresses, and gives each link the others itself: those are not
   looked at on a node. */
static void check_special6(const struct vlan *vlan, const char *text, const struct ip_subnet *own,
			   struct place place, struct mistakes *mistakes)
{
	static const char *const SPECIAL[] = { "fe80::/10", "ff00::/8" };
	struct ip_subnet special;
	for (size_t i = 0; i < COUNT_OF(SPECIAL); i++)
		if (ip_parse_subnet(SPECIAL[i], &special) && ip_in(&special, &own->address))
			mistake_add(mistakes, place,
				    "vlan %s: addresses: %s is in %s, which is for no address of "
				    "ours; choose one of fd00::/8, or your own",
				    vlan->name, text, SPECIAL[i]);
}

/* RFC 8200, 5: below it the kernel has no IPv6 on the link. */
static void check_mtu6(const struct spec *want, struct mistakes *mistakes)
{
	enum { IPV6_MTU_MIN = 1280 };
	const struct vlan *vlan = want->body;
	bool v6 = false;
	for (size_t i = 0; i < vlan->addresses.count; i++)
		v6 = v6 || ip_is_v6(vlan->addresses.items[i]);
	if (v6 && vlan->mtu != FIELD_UNSET && vlan->mtu < IPV6_MTU_MIN)
		mistake_add(mistakes, place_of(want->place, "mtu"),
			    "vlan %s: mtu %" PRIu64 " is too small for its IPv6 addresses, which "
			    "need %d; make it larger, or take them out",
			    vlan->name, vlan->mtu, IPV6_MTU_MIN);
}

static void check_address(const struct site *site, const struct vlan *vlan, size_t index,
			  struct place place, struct mistakes *mistakes)
{
	const char *text = vlan->addresses.items[index];
	struct ip_subnet own;
	struct ipv4_network own4;
	if (strchr(text, '/') == NULL)
		mistake_add(mistakes, place,
			    "vlan %s: addresses: \"%s\" has no prefix length; write it like "
			    "\"10.0.20.5/24\"",
			    vlan->name, text);
	else if (!ip_parse_subnet(text, &own))
		mistake_add(mistakes, place,
			    "vlan %s: addresses: \"%.80s\" is not an IP address with prefix "
			    "length; write it like \"10.0.20.5/24\" or \"fd00:20::5/64\"",
			    vlan->name, text);
	else {
		if (ipv4_parse_network(text, &own4))
			check_ends(vlan, text, &own4, place, mistakes);
		check_special6(vlan, text, &own, place, mistakes);
		check_overlap(site, vlan, text, place, mistakes);
	}
	for (size_t i = 0; i < index; i++)
		if (text_equal(text, vlan->addresses.items[i]))
			mistake_add(mistakes, place, "vlan %s: addresses: \"%s\" is there twice",
				    vlan->name, text);
}

/* The kernel takes no route to a router that it has no way to. */
static void check_gateway(const struct vlan *vlan, const char *field, const char *gateway,
			  struct place place, struct mistakes *mistakes)
{
	struct ip router;
	if (gateway == NULL || !ip_parse(gateway, &router))
		return;
	for (size_t i = 0; i < vlan->addresses.count; i++) {
		struct ip_subnet range;
		if (ip_parse_subnet(vlan->addresses.items[i], &range) && ip_in(&range, &router))
			return;
	}
	mistake_add(mistakes, place,
		    "vlan %s: %s: %s is in the network of none of its addresses; add an address "
		    "beside it",
		    vlan->name, field, gateway);
}

static void check_dhcp(const struct vlan *vlan, struct place place, struct mistakes *mistakes)
{
	bool v4 = vlan->gateway != NULL;
	for (size_t i = 0; i < vlan->addresses.count; i++)
		v4 = v4 || !ip_is_v6(vlan->addresses.items[i]);
	if (vlan->dhcp == 1 && v4)
		mistake_add(mistakes, place,
			    "vlan %s: dhcp gives it an IPv4 address and a router; leave out "
			    "those, or dhcp",
			    vlan->name);
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

/* The parent's, as far as the site says it: FIELD_UNSET when it does not. */
static uint64_t parent_mtu(const struct site *site, const struct site_node *node,
			   const struct vlan *vlan)
{
	const struct vlan *parent = vlan_named(node, vlan->parent);
	bool boots = text_equal(vlan->parent, "boot0");
	const char *name = boots ? site->boot_network : vlan->parent;
	const struct network *network = name ? site_find_network(site, name) : NULL;
	const struct spec *bond = refer_find(node, "bond", vlan->parent);
	if (parent != NULL)
		return parent->mtu;
	if (bond != NULL)
		return refer_number(bond, "mtu");
	return network && (boots || refer_has_vlan(node, network)) ? network->mtu : FIELD_UNSET;
}

static void check_parent(const struct site *site, const struct site_node *node,
			 const struct spec *want, struct mistakes *mistakes)
{
	const struct vlan *vlan = want->body;
	uint64_t most = parent_mtu(site, node, vlan);
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
	for (size_t i = 0; i < vlan->addresses.count; i++)
		check_address(site, vlan, i, place_of_item(want->place, "addresses", i), mistakes);
	check_mtu6(want, mistakes);
	check_dhcp(vlan, place_of(want->place, "dhcp"), mistakes);
	check_gateway(vlan, "gateway", vlan->gateway, place_of(want->place, "gateway"), mistakes);
	check_gateway(vlan, "gateway6", vlan->gateway6, place_of(want->place, "gateway6"),
		      mistakes);
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
	for (size_t i = 0; i < vlan->addresses.count; i++) {
		struct ip_subnet own;
		AUTO_FREE char *text = NULL;
		if (ip_parse_subnet(vlan->addresses.items[i], &own))
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
	refer_addresses(from->node, network, &vlan->addresses);
	vlan->gateway = xstrdup(refer_router(from->site, from->node, network));
	vlan->gateway6 = xstrdup(refer_router6(from->site, from->node, network));
}

static int derive(const struct derive *from, struct spec *want, struct err *err)
{
	struct vlan *vlan = want->body;
	const struct network *network = site_find_network(from->site, want->id);
	(void)err;
	vlan->link = xstrdup("up");
	if (vlan->dhcp == 1)
		vlan->lease = xstrdup("held");
	vlan->undeclared = xstrdup("none");
	if (want->place.file == NULL && network != NULL)
		derive_network(from, network, vlan);
	/* As the kernel writes them. */
	for (size_t i = 0; i < vlan->addresses.count; i++) {
		struct ip_subnet subnet;
		if (!ip_parse_subnet(vlan->addresses.items[i], &subnet))
			continue;
		free(vlan->addresses.items[i]);
		vlan->addresses.items[i] = ip_subnet_text(&subnet);
	}
	text_list_sort(&vlan->addresses);
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
	.addresses = addresses,
	.derive = derive,
	.needs = needs,
	.judge = judge,
};
