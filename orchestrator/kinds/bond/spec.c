/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/bond/spec.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/interface.h"
#include "engine/refer.h"
#include "model/text_check.h"

#define AT(member) offsetof(struct bond, member)

/* 802.3ad: IEEE 802.1AX (LACP); 100 ms is what Linux's documentation of bonding gives. */
static const struct field FIELDS[] = {
	{ "name", FIELD_NAME, AT(name), FIELD_REQUIRED, 1, 15, NULL, NULL,
	  "name of the bond: \"bond0\"" },
	{ "links", FIELD_LIST, AT(links), FIELD_REQUIRED, 0, 0, NULL, NULL,
	  "its interfaces, by name or MAC address: [ \"eth1\", \"52:54:00:00:00:02\" ]" },
	{ "mode", FIELD_CHOICE, AT(mode), 0, 0, 0, "802.3ad active-backup", "active-backup",
	  "802.3ad needs LACP on the switch; active-backup needs nothing" },
	{ "miimon", FIELD_NUMBER, AT(miimon_ms), 0, 10, 10000, NULL, "100",
	  "milliseconds between two looks at the links" },
	{ "lacp_rate", FIELD_CHOICE, AT(lacp_rate), 0, 0, 0, "slow fast", NULL,
	  "802.3ad: a partner that is silent is noticed after 90 s (slow, as by default) or 3 s" },
	{ "mtu", FIELD_NUMBER, AT(mtu), 0, 576, 65535, NULL, "1500",
	  "largest packet in bytes, of the bond and its interfaces" },
	{ "link", FIELD_CHOICE, AT(link), FIELD_DERIVED, 0, 0, "up down", NULL,
	  "whether it is taken up: always wanted" },
	{ "links_up", FIELD_NUMBER, AT(links_up), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "how many of its interfaces have a link" },
	{ "foreign", FIELD_TEXT, AT(foreign), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "what the interface is when Moyai did not make it" },
	FIELD_END
};

bool bond_link_is_mac(const char *text)
{
	return strlen(text) == 17 && text[2] == ':';
}

static void check_link(const struct site_node *node, const struct bond *bond, const char *text,
		       struct place place, struct mistakes *mistakes)
{
	const struct field as = { .name = "links", .type = FIELD_MAC };
	AUTO_FREE char *kept = NULL;
	if (bond_link_is_mac(text) && field_set_text(&as, &kept, text, NULL) != 0)
		mistake_add(mistakes, place,
			    "bond %s: links: \"%s\" is not a MAC address; write it like "
			    "\"52:54:00:00:00:01\"",
			    bond->name, text);
	else if (!bond_link_is_mac(text) && !text_is_interface(text))
		mistake_add(mistakes, place,
			    "bond %s: links: \"%s\" is neither a name of an interface nor a MAC "
			    "address",
			    bond->name, text);
	else if (text_equal(text, "boot0") || (kept != NULL && text_equal(kept, node->mac)))
		mistake_add(mistakes, place,
			    "bond %s: links: %s is the interface %s boots from and is reached by; "
			    "a bond is made of others",
			    bond->name, text, node->name);
}

struct twin {
	const struct bond *self;
	const char *link;
	const char *found; /* the other bond that has the link */
	bool past;	   /* reported at the later of two */
};

static void look_for_twin(const struct spec *spec, void *context)
{
	struct twin *twin = context;
	const struct bond *other = spec->body;
	if (text_equal(other->name, twin->self->name))
		twin->past = true;
	else if (!twin->past && text_list_has(&other->links, twin->link))
		twin->found = other->name;
}

static void check(const struct site *site, const struct site_node *node, const struct spec *want,
		  struct mistakes *mistakes)
{
	const struct bond *bond = want->body;
	if (node == NULL || bond->name == NULL)
		return;
	const char *why = text_interface_refusal(bond->name);
	if (why != NULL)
		mistake_add(mistakes, place_of(want->place, "name"), "bond %s: %s", bond->name,
			    why);
	else if (refer_find(node, "bridge", bond->name) || refer_find(node, "vlan", bond->name) ||
		 site_find_network(site, bond->name))
		mistake_add(mistakes, place_of(want->place, "name"),
			    "bond %s: a vlan, bridge or network has the same name; interfaces "
			    "share one list of names",
			    bond->name);
	if (bond->links.count == 0)
		mistake_add(mistakes, place_of(want->place, "links"),
			    "bond %s: links: is empty; write its interfaces", bond->name);
	refer_check_carries(site, node, want, mistakes);
	if (bond->lacp_rate != NULL && !text_equal(bond->mode, "802.3ad"))
		mistake_add(mistakes, place_of(want->place, "lacp_rate"),
			    "bond %s: lacp_rate is for mode \"802.3ad\" alone; leave it out",
			    bond->name);
	for (size_t i = 0; i < bond->links.count; i++) {
		struct twin twin = { .self = bond, .link = bond->links.items[i] };
		check_link(node, bond, twin.link, place_of_item(want->place, "links", i), mistakes);
		refer_each(node, "bond", look_for_twin, &twin);
		if (twin.found != NULL)
			mistake_add(mistakes, place_of_item(want->place, "links", i),
				    "bond %s: links: %s is in bond %s already", bond->name,
				    twin.link, twin.found);
		for (size_t j = 0; j < i; j++)
			if (text_equal(twin.link, bond->links.items[j]))
				mistake_add(mistakes, place_of_item(want->place, "links", i),
					    "bond %s: links: %s is there twice", bond->name,
					    twin.link);
	}
}

static int derive(const struct derive *from, struct spec *want, struct err *err)
{
	struct bond *bond = want->body;
	(void)from;
	if (bond->link == NULL)
		bond->link = xstrdup("up");
	if (bond->lacp_rate == NULL && text_equal(bond->mode, "802.3ad"))
		bond->lacp_rate = xstrdup("slow");
	for (size_t i = 0; i < bond->links.count; i++) {
		const struct field as = { .name = "links", .type = FIELD_MAC };
		char *mac = NULL;
		if (!bond_link_is_mac(bond->links.items[i]) ||
		    field_set_text(&as, &mac, bond->links.items[i], err) != 0)
			continue;
		free(bond->links.items[i]);
		bond->links.items[i] = mac;
	}
	text_list_sort(&bond->links);
	return 0;
}

static int judge(struct step *step, struct err *err)
{
	const struct bond *have = step->seen ? step->seen->body : NULL; /* for creations too */
	(void)err;
	if (have != NULL)
		interface_judge(step, have->foreign);
	return 0;
}

const struct kind_spec bond_spec = {
	.name = "bond",
	.section = "bonds",
	.doc = "several interfaces as one, for VLANs to stand on",
	.example = "{ name = \"bond0\"; links = [ \"eth1\", \"eth2\" ]; mode = \"802.3ad\"; }",
	.size = sizeof(struct bond),
	.fields = FIELDS,
	.risks_connection = true,
	.in_status = true,
	.check = check,
	.derive = derive,
	.judge = judge,
};
