/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/port/spec.h"

#include <inttypes.h>
#include <stdlib.h>

#include "engine/refer.h"
#include "model/text_check.h"

#define AT(member) offsetof(struct port, member)

static const struct field FIELDS[] = {
	{ "name", FIELD_TEXT, AT(name), FIELD_REQUIRED, 1, 15, NULL, NULL,
	  "name of the interface, as `moyai facts` shows it" },
	{ "mtu", FIELD_NUMBER, AT(mtu), 0, 68, 65535, NULL, "1500", "largest packet in bytes" },
	INTERFACE_FIELDS(struct port, own, 0),
	{ "foreign", FIELD_TEXT, AT(foreign), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "why it cannot be a port of ours" },
	FIELD_END
};

static void look_for_link(const struct spec *bond, void *context)
{
	const char **name = context;
	if (*name != NULL && text_list_has(refer_list(bond, "links"), *name))
		*name = NULL;
}

static void check(const struct site *site, const struct site_node *node, const struct spec *want,
		  struct mistakes *mistakes)
{
	const struct port *port = want->body;
	const char *free_of_bonds = port->name;
	if (node == NULL || port->name == NULL)
		return;
	if (text_equal(port->name, "boot0"))
		mistake_add(mistakes, want->place,
			    "port boot0: that is the interface %s boots from and is reached by; it "
			    "has its address on network %s",
			    node->name, site->boot_network);
	else if (!text_is_interface(port->name))
		mistake_add(mistakes, want->place,
			    "port %s: that is no name of an interface; `moyai facts %s` shows them",
			    port->name, node->name);
	else if (refer_find(node, "bond", port->name) || refer_find(node, "vlan", port->name) ||
		 refer_find(node, "bridge", port->name) || site_find_network(site, port->name))
		mistake_add(mistakes, want->place,
			    "port %s: a bond, vlan, bridge or network has the same name; a port is "
			    "an interface of the machine",
			    port->name);
	refer_each(node, "bond", look_for_link, &free_of_bonds);
	if (free_of_bonds == NULL)
		mistake_add(mistakes, want->place,
			    "port %s: it is in a bond, and addresses are for the bond's vlans",
			    port->name);
	refer_check_carries(site, node, want, mistakes);
	interface_check(site, want, &port->own, port->mtu, mistakes);
}

static int derive(const struct derive *from, struct spec *want, struct err *err)
{
	struct port *port = want->body;
	(void)from;
	(void)err;
	interface_derive(&port->own);
	return 0;
}

static int judge(struct step *step, struct err *err)
{
	const struct port *seen = step->seen ? step->seen->body : NULL; /* for creations too */
	(void)err;
	if (step->want != NULL && seen != NULL && seen->foreign != NULL) {
		free(step->refused);
		step->refused = xstrdup(seen->foreign);
	}
	return 0;
}

const struct kind_spec port_spec = {
	.name = "port",
	.section = "ports",
	.doc = "addresses on an untagged network port beside the one the node boots from",
	.example =
		"{ name = \"eth1\"; addresses = [ \"192.0.2.12/24\" ]; gateway = \"192.0.2.1\"; }",
	.size = sizeof(struct port),
	.fields = FIELDS,
	.risks_connection = true,
	.in_status = true,
	.check = check,
	.derive = derive,
	.judge = judge,
};
